"""Trial: what happens in the child process, from ratings to predictions."""

import errno
import traceback
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import isfinite
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchbox.data import map_array, map_ratings
from benchbox.distribution import (
    StepDistribution,
    checked_distribution,
    table_of,
)
from benchbox.errors import BenchboxError, ModelError, error_line, message_of
from benchbox.machine import (
    LapClock,
    PhaseClock,
    StepClock,
    adopt_orphans,
    await_afterwork,
    cache_flusher,
    device_named,
    measure_latency,
    peak_memory_bytes,
    prepare_process,
    reset_peak_memory,
    settings_in_force,
    step_clock,
    summarise,
)
from benchbox.models import (
    EpochReport,
    FitContext,
    RatingModel,
    State,
    as_count,
    options_of,
    prepare_model,
    write_state,
)
from benchbox.options import Options, decode
from benchbox.ratings import Ratings, Values
from benchbox.records import (
    MOST_EPOCHS,
    MOST_NOTES,
    EpochEnded,
    Fitted,
    Pairs,
    PhaseBegan,
    Status,
    TrialJob,
    TrialMessage,
    TrialOutcome,
    within_bounds,
)
from benchbox.targets import (
    file_of,
    keep_importable,
    keep_on_path,
    resolve,
    source_files,
)
from benchbox.trials.confinement.state import is_confined
from benchbox.trials.predictions import write_distribution, write_predictions

if TYPE_CHECKING:
    from torch.nn import Parameter


_TO_BE_READY = ("load", "fit", "predict")
"""Phases from the data to the first predictions; what readies the device is none."""

_REFUSALS = (errno.EPERM, errno.EACCES, errno.EROFS)
_WHAT_IT_MAY = (
    "A trial may use its own files only, and no network or shared memory; see "
    "docs/trust.md"
)


class Channel(Protocol):
    """The child's line to its parent."""

    def send(self, message: TrialMessage) -> None:
        """Tell the parent how the trial gets on."""

    def receive(self) -> Pairs:
        """Wait for the pairs to predict, the parent's answer to `Fitted`."""


def run_trial(job: TrialJob, channel: Channel) -> TrialOutcome:
    """Fit and predict as *job* says, and write the predictions to its folder.

    Whatever goes wrong in the model becomes the outcome's status and reason.

    Args:
        job: The trial.
        channel: Tells the parent of phases and epochs. Only when the fit is over
            does the parent answer with the pairs to predict.
    """
    outcome = TrialOutcome(idle_memory_bytes=_resident_bytes())
    device = device_named(job.device)
    clock = PhaseClock(device.synchronize, await_afterwork)
    # The boundary of the trial: what a model throws, whatever it is, is a row.
    try:
        _prepare(job, clock, outcome)
        _run(job, channel, clock, outcome)
    except BaseException as error:  # noqa: BLE001
        outcome.status, outcome.reason = _classify(error, job.target)
        with suppress(Exception):
            traceback.print_exc()
    outcome.wall_seconds = clock.wall_seconds
    outcome.cpu_seconds = clock.cpu_seconds
    peaks = device.memory_peaks()
    if peaks is not None:
        outcome.peak_accelerator_bytes = peaks.allocated_bytes
        outcome.reserved_accelerator_bytes = peaks.reserved_bytes
    return within_bounds(outcome)


def build_model(target: str, options_type: str, options: dict[str, Any]) -> RatingModel:
    """Import and build a model with its options.

    A class without an options record is called with its options as keywords.
    """
    if (file := file_of(target)) is not None:
        keep_on_path(file)
    factory: Callable[..., RatingModel] = resolve(target)
    if not options_type:
        return factory(**options_of(factory).arguments(options, target))
    kind: type[Options] = resolve(options_type)
    return factory(decode(kind, options, target))


def state_of(model: RatingModel) -> State:
    """Return what *model* has learned.

    Raises:
        ModelError: It does not offer that.
    """
    for method in ("state", "restore"):
        if not callable(getattr(model, method, None)):
            raise ModelError(
                f"{type(model).__name__} cannot be saved: it has no method {method!r}. "
                f"See benchbox.RatingModel."
            )
    state: State = model.state()  # type: ignore[attr-defined]
    return state


def count_parameters(model: RatingModel) -> int | None:
    """Return how many numbers *model* has learned; `None` if it cannot be told.

    Raises:
        ModelError: What it states is not a count.
    """
    stated = getattr(model, "n_parameters", None)
    # A method of that name is none of ours.
    if stated is not None and not callable(stated):
        return as_count(stated, "n_parameters")
    counts = [parameter.numel() for parameter in _parameters(model)]
    return sum(counts) if counts else None


def host_array(predicted: Any) -> NDArray[Any]:
    """Return a model's answer as an array in the host's memory.

    Raises:
        ModelError: It is none.
    """
    if isinstance(predicted, np.ma.MaskedArray) and np.any(predicted.mask):
        n_masked = np.count_nonzero(predicted.mask)
        raise ModelError(
            f"predict declined {n_masked} of {predicted.size} pairs with a mask; there "
            f"is no way to decline a pair."
        )
    # numpy understands CPU tensors and lists alike; for the rest the model is told.
    try:
        return np.asarray(predicted)
    except Exception as error:
        raise ModelError(
            f"predict returned a {type(predicted).__name__} that is not an array: "
            f"{error}"
        ) from error


def check_predictions(predicted: Any, n_pairs: int) -> Values:
    """Return a model's answer as float32, or say how it breaks the contract.

    Raises:
        ModelError: Not one finite number per pair.
    """
    values = host_array(predicted)
    if values.shape != (n_pairs,):
        raise ModelError(
            f"predict returned shape {values.shape} for {n_pairs} pairs; "
            f"it must be ({n_pairs},)."
        )
    if values.dtype.kind not in "fiu":
        raise ModelError(
            f"predict returned {values.dtype} values; they must be numbers."
        )
    values = values.astype(np.float32)
    n_bad = n_pairs - int(np.isfinite(values).sum())
    if n_bad:
        raise ModelError(
            f"predict returned NaN or infinity for {n_bad} of {n_pairs} pairs; "
            f"there is no way to decline a pair."
        )
    return values


def _prepare(job: TrialJob, clock: PhaseClock, outcome: TrialOutcome) -> None:
    device = device_named(job.device)
    prepare_process(
        device=device,
        precision=job.precision,
        n_threads=job.n_threads,
        seed=job.seed,
    )
    if device.is_accelerator:
        with clock.phase("start"):
            device.warm_up()
        outcome.missing = device.missing()
    outcome.settings = settings_in_force(device)
    adopt_orphans()
    reset_peak_memory()


def _run(
    job: TrialJob, channel: Channel, clock: PhaseClock, outcome: TrialOutcome
) -> None:
    channel.send(PhaseBegan(phase="load"))
    with clock.phase("load"):
        if (file := file_of(job.target)) is not None:
            keep_importable(file, Path(job.out))
        model = build_model(job.target, job.options_type, job.options)
        prepare_model(model, job.device)
        # Only now: what gets ready before the fit must not learn.
        train = map_ratings(Path(job.train))
    channel.send(PhaseBegan(phase="fit"))
    steps = step_clock(device_named(job.device))
    with clock.phase("fit"):
        _fit(job, model, train, channel, outcome, steps)
    if steps.n_steps:
        outcome.n_steps, outcome.steps = steps.n_steps, summarise(steps.seconds())
    outcome.n_parameters = count_parameters(model)
    outcome.parameter_bytes = _parameter_bytes(model)
    if job.keep is not None:
        write_state(Path(job.keep), state_of(model))
        return
    # Only now may this process learn which pairs it will be asked for.
    channel.send(Fitted())
    pairs = channel.receive()
    history = map_ratings(Path(job.history))
    channel.send(PhaseBegan(phase="predict"))
    columns = [map_array(file) for file in pairs.files]
    n_pairs = len(columns[0])
    predictions = np.empty(n_pairs, dtype=np.float32)
    for start in range(0, n_pairs, job.chunk_size):
        chunk = slice(start, start + job.chunk_size)
        # Reading the pairs from disk and checking the answer is not the model's work.
        asked = [np.array(column[chunk]) for column in columns]
        with clock.phase("predict"):
            # Inside the clock: the numbers must have reached the host.
            answered = host_array(model.predict(history, *asked))
        if outcome.ready_seconds is None:
            outcome.ready_seconds = sum(
                map(clock.wall_seconds.__getitem__, _TO_BE_READY)
            )
        predictions[chunk] = check_predictions(answered, len(asked[0]))
    distribution = None
    if job.distribution:
        channel.send(PhaseBegan(phase="distribution"))
        distribution = _distribution(job, model, history, columns, clock)
    channel.send(PhaseBegan(phase="end"))
    if job.latency and n_pairs:
        # What empties the caches is as large as they are, and no memory of the model.
        outcome.peak_memory_bytes = peak_memory_bytes(getrusage(RUSAGE_SELF))
        with clock.phase("latency"):
            outcome.latency = measure_latency(
                lambda *asked: host_array(model.predict(history, *asked)),
                columns,
                n_items=train.n_items,
                flush=cache_flusher(device_named(job.device)),
            )
    write_predictions(Path(job.out), predictions)
    if distribution is not None:
        write_distribution(Path(job.out), distribution)


def _distribution(
    job: TrialJob,
    model: RatingModel,
    history: Ratings,
    columns: list[NDArray[Any]],
    clock: PhaseClock,
) -> NDArray[np.float32]:
    """Return the distributions of all pairs as a table; see `table_of`."""
    tables: list[NDArray[np.float32]] = []
    kinds = set()
    for start in range(0, len(columns[0]), job.chunk_size):
        chunk = slice(start, start + job.chunk_size)
        asked = [np.array(column[chunk]) for column in columns]
        with clock.phase("distribution"):
            answered = ask_distribution(model, history, *asked)
        found = checked_distribution(answered, len(asked[0]))
        steps = found.steps.tolist() if isinstance(found, StepDistribution) else []
        kinds.add(tuple(steps))
        if len(kinds) > 1:
            raise ModelError(
                "predict_distribution returned other steps, or another kind of "
                "distribution, for some pairs than for others."
            )
        table = table_of(found)
        # The first row of a table holds its steps.
        tables.append(table[1:] if steps and tables else table)
    return np.concatenate(tables) if tables else np.zeros((0, 2), dtype=np.float32)


def ask_distribution(
    model: RatingModel, history: Ratings, *asked: NDArray[Any]
) -> object:
    """Return a model's answer to ``predict_distribution``, unchecked.

    Raises:
        ModelError: It has no such method.
    """
    method = getattr(model, "predict_distribution", None)
    if not callable(method):
        raise ModelError(
            f"{type(model).__name__} says predicts_distribution, but has no method "
            f"'predict_distribution'."
        )
    return method(history, *asked)


def _fit(
    job: TrialJob,
    model: RatingModel,
    train: Ratings,
    channel: Channel,
    outcome: TrialOutcome,
    steps: StepClock,
) -> None:
    laps = LapClock(device_named(job.device).synchronize)

    def note(curve: list[EpochReport], report: EpochReport) -> None:
        if len(curve) == MOST_EPOCHS:
            raise ModelError(f"it reported more than {MOST_EPOCHS:,} epochs.")
        wall, cpu = laps.lap()
        curve.append(replace(report, wall_seconds=wall, cpu_seconds=cpu))
        channel.send(EpochEnded(epoch=report.epoch, of=report.n_epochs))

    context = FitContext(
        seed=job.seed,
        device=job.device,
        n_threads=job.n_threads,
        precision=job.precision,
        time_limit_seconds=job.time_limit_seconds,
        on_report=partial(note, outcome.curve),
        on_note=partial(_note, outcome.notes),
        time_step=steps.step,
    )
    if not job.validation or not job.validation_history:
        _call_fit(model, train, context)
        return
    choosing = replace(
        context,
        validation=map_ratings(Path(job.validation)),
        validation_history=map_ratings(Path(job.validation_history)),
    )
    _call_fit(model, train, choosing)
    outcome.chosen_epoch = _best_epoch(outcome.curve)
    if job.refit and outcome.chosen_epoch:
        again = replace(
            context,
            epochs=outcome.chosen_epoch,
            on_report=partial(note, outcome.refit_curve),
        )
        ratings = map_ratings(Path(job.refit))
        laps.lap()
        _call_fit(model, ratings, again)


def _call_fit(model: RatingModel, train: Ratings, context: FitContext) -> None:
    """Fit the model.

    Raises:
        ModelError: Its `fit` is a generator or a coroutine, of which nothing has run.
    """
    returned: object = model.fit(train, context)  # type: ignore[func-returns-value]
    if isinstance(returned, Generator | Coroutine):
        # Otherwise Python would complain of it in the log.
        returned.close()
        raise ModelError(
            f"fit returned a {type(returned).__name__}, so it did not run. Write it "
            f"without yield and async."
        )


def _note(notes: dict[str, str], name: str, text: str) -> None:
    if name not in notes and len(notes) == MOST_NOTES:
        raise ModelError(f"it made more than {MOST_NOTES} notes.")
    notes[name] = text


def _best_epoch(curve: list[EpochReport]) -> int | None:
    judged = {
        report.epoch: report.validation_rmse
        for report in curve
        if report.validation_rmse is not None and isfinite(report.validation_rmse)
    }
    return min(judged, key=lambda epoch: (judged[epoch], epoch)) if judged else None


def _classify(error: BaseException, target: str) -> tuple[Status, str]:
    text, place = message_of(error), _place(error, target)
    reason = text if isinstance(error, BenchboxError) else error_line(error)
    reason = f"{reason.removesuffix('.')} {place}" if place else reason
    # torch reports a failed allocation as a plain RuntimeError on the CPU.
    short = isinstance(error, MemoryError) or "can't allocate memory" in text
    if short or type(error).__name__ == "OutOfMemoryError":
        return "out-of-memory", reason
    if is_confined() and getattr(error, "errno", None) in _REFUSALS:
        return "failed", f"{reason}. {_WHAT_IT_MAY}"
    return "failed", reason


def _place(error: BaseException, target: str) -> str:
    """Return the line of the model's own code an error came from, if it did."""
    with suppress(Exception):
        own = {file.resolve() for file in source_files(target)}
        for step in reversed(traceback.extract_tb(error.__traceback__)):
            file = Path(step.filename)
            if file.resolve() in own:
                return f"({file.name}, line {step.lineno})"
    return ""


def _parameter_bytes(model: RatingModel) -> int | None:
    sizes = [p.numel() * p.element_size() for p in _parameters(model)]
    return sum(sizes) if sizes else None


def _parameters(model: RatingModel) -> "list[Parameter]":
    from torch.nn import Module

    modules = [part for part in vars(model).values() if isinstance(part, Module)]
    return [parameter for module in modules for parameter in module.parameters()]


def _resident_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)
