"""Fits a model to all ratings of a data set, and saves it in a folder."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchbox.data import Dataset, data_id, take, write_ratings
from benchbox.errors import ModelError, UsageError, writing
from benchbox.machine import describe_environment
from benchbox.models import Precision, read_state, write_state
from benchbox.options import NoOptions, spell
from benchbox.protocols import carve_random
from benchbox.ratings import Ratings
from benchbox.records import Access, PlannedModel, TrialJob, now, scratch_folder
from benchbox.runs.access import compiled_folder
from benchbox.runs.plan import without_needed_times
from benchbox.runs.saved.files import RATINGS, STATE, SavedRecord, write_record
from benchbox.seeding import derive_seed
from benchbox.trials import Executor, Listen


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """Settings of a fit whose model is saved.

    Attributes:
        seed: Seed of the model, and of the choice of validation ratings.
        device: Device to fit on.
        precision: Precision of torch's matrix products.
        n_threads: Number of threads.
        allow_read: Files and folders that the model may read, beside its own.
        allow_network: Whether it may use the network.
    """

    seed: int = 0
    device: str = "cpu"
    precision: Precision = "float32"
    n_threads: int = 1
    allow_read: tuple[str, ...] = ()
    allow_network: bool = False


def fit(
    model: PlannedModel,
    dataset: Dataset,
    settings: FitSettings,
    access: Access,
    executor: Executor,
    listen: Listen,
    folder: Path,
) -> SavedRecord:
    """Fit *model* to all ratings of *dataset* in a child process and save it.

    A model that uses validation chooses its epochs on a random tenth of the ratings,
    and is then fitted to all of them, as in a run.

    Args:
        model: The model and its options.
        dataset: Data set to fit it to.
        settings: Settings of the fit.
        access: What the model may read and reach.
        executor: Executor that runs the child process.
        listen: Called with each message of the child process.
        folder: Folder to save the model in; it must not exist.

    Raises:
        UsageError: The folder exists, a library that the model needs is missing, or it
            needs timestamps and there are none.
        ModelError: The fit failed, or the model cannot be saved.
    """
    if folder.exists():
        raise UsageError(f"{str(folder)!r} exists. Choose another --out, or remove it.")
    if model.unavailable:
        raise UsageError(model.unavailable)
    if without_needed_times(model.capabilities, dataset.ratings):
        raise UsageError(
            f"{model.label} needs timestamps, and {dataset.name} has none. Choose "
            f"another model, or ratings with timestamps."
        )
    with scratch_folder() as scratch:
        finished = executor.run(
            _job(model, dataset.ratings, settings, access, scratch),
            log=scratch / "log",
            listen=listen,
        )
        outcome = finished.outcome
        if outcome.status != "ok":
            raise ModelError(
                f"Fitting {model.label} ended as {outcome.status}: {outcome.reason}."
            )
        record = SavedRecord(
            model=model,
            dataset=spell(dataset.name, dataset.options_changed),
            origin=dataset.origin,
            data_id=data_id(dataset.ratings),
            n_ratings=len(dataset.ratings),
            seed=settings.seed,
            device=settings.device,
            precision=settings.precision,
            chosen_epoch=outcome.chosen_epoch,
            fit_seconds=outcome.wall_seconds.get("fit", 0.0),
            created=now(),
            environment=describe_environment(),
        )
        save(record, scratch / STATE, dataset.ratings, folder)
    return record


def _job(
    model: PlannedModel,
    ratings: Ratings,
    settings: FitSettings,
    access: Access,
    scratch: Path,
) -> TrialJob:
    train = str(scratch / "train")
    write_ratings(Path(train), ratings)
    can, carved = model.capabilities, {}
    if can.uses_validation:
        seed = derive_seed(settings.seed, "validation", data_id(ratings))
        parts = carve_random(ratings, NoOptions(), seed)
        for name, positions in (("train", parts.train), ("validation", parts.hidden)):
            carved[name] = str(scratch / "carved" / name)
            write_ratings(Path(carved[name]), take(ratings, positions))
    for name in (STATE, "own"):
        (scratch / name).mkdir()
    compiled = compiled_folder(model.target, model.source_digest)
    return TrialJob(
        target=model.target,
        options_type=model.options_type,
        options=model.options,
        train=carved.get("train", train),
        history=train,
        validation=carved.get("validation"),
        validation_history=carved.get("train"),
        refit=train if carved and can.refits else None,
        out=str(scratch / "own"),
        access=msgspec.structs.replace(access, compiled=compiled),
        device=settings.device,
        precision=settings.precision,
        seed=settings.seed,
        n_threads=settings.n_threads,
        keep=str(scratch / STATE),
    )


def save(record: SavedRecord, state: Path, ratings: Ratings, folder: Path) -> None:
    """Save a fitted model in the new *folder*, completely or not at all.

    Args:
        record: Description of the model.
        state: Folder with the model's state, as the process of the fit left it.
        ratings: Ratings it was fitted to; they are the histories of known users.
        folder: New folder.

    Raises:
        ModelError: There is no state, or it is damaged.
    """
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name[:80]}-", dir=folder.parent))
        try:
            _take_state(state, made / STATE)
            write_ratings(made / RATINGS, ratings, with_names=True)
            write_record(made, record)
            made.chmod(0o755)
            made.rename(folder)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise


def _take_state(left: Path, target: Path) -> None:
    """Write the state that a process has left anew, so that nothing else comes with it.

    Raises:
        ModelError: There is none, or it is damaged.
    """
    state = read_state(left)
    target.mkdir()
    write_state(target, state)
