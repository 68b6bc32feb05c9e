"""Runs trials in separate processes, as in a run, for checks that need them."""

import atexit
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from benchbox import records
from benchbox.data import write_ratings
from benchbox.ratings import Ratings, Values
from benchbox.records import Access, TrialJob
from benchbox.runs import compiled_folder
from benchbox.targets import source_digest
from benchbox.testing.subject import ModelSubject, Pairs, require, set_aside
from benchbox.testing.surroundings import SEED
from benchbox.trials import Executor, Finished, LocalExecutor, read_predictions

_MEBIBYTE = 1 << 20


def data_folder() -> Path:
    """Return the folder where trials of the contract tests look for data sets."""
    return _here()[1] / "data"


def trial(
    subject: ModelSubject,
    train: Ratings,
    pairs: Pairs,
    *,
    memory_limit_bytes: int | None = None,
) -> tuple[Finished, Values]:
    """Run a trial in a new process; return how it ended and its predictions, if any."""
    executor, root = _here()
    folder = Path(tempfile.mkdtemp(dir=root))
    own, asked = folder / "own", folder / "asked"
    for new in (own, asked):
        new.mkdir()
    fitted, validation = train, None
    if subject.can.uses_validation:
        fitted, validation = set_aside(train)
        write_ratings(folder / "validation", validation)
    write_ratings(folder / "train", fitted)
    write_ratings(folder / "history", train)
    target = subject.spec.target
    compiled = compiled_folder(target, source_digest(target))
    job = TrialJob(
        target=target,
        options_type=subject.options_type,
        options=subject.options,
        train=str(folder / "train"),
        validation=str(folder / "validation") if validation else None,
        validation_history=str(folder / "train") if validation else None,
        history=str(folder / "history"),
        out=str(own),
        asked=str(asked),
        # All ratings here are made up, so compiled code cannot remember true ones. And
        # a check tells whether the model would read the data folder if it could.
        access=Access(read=(str(data_folder()),), compiled=compiled, compiles=True),
        seed=SEED,
    )

    finished = executor.run(
        job,
        log=folder / "log",
        hand_pairs=lambda: records.Pairs.written(asked, *subject.columns(pairs)),
        listen=lambda _: None,
        memory_limit_bytes=memory_limit_bytes,
    )
    if finished.outcome.status != "ok":
        return finished, np.zeros(0, dtype=np.float32)
    return finished, read_predictions(own, len(pairs))


def good_trial(subject: ModelSubject, train: Ratings, pairs: Pairs) -> Values:
    """Run a trial in a new process and return its predictions.

    Raises:
        ContractError: The trial failed.
    """
    finished, predicted = trial(subject, train, pairs)
    outcome = finished.outcome
    require(
        outcome.status == "ok",
        f"A trial in a new process ended as {outcome.status}: {outcome.reason}",
    )
    return predicted


def extra_memory_bytes(
    subject: ModelSubject, train: Ratings, pairs: Pairs, limit_bytes: int
) -> int:
    """Return by how many bytes memory grew in a trial, at its peak.

    Raises:
        ContractError: The trial failed, or memory grew by more than *limit_bytes*.
    """
    idle = 1024 * _MEBIBYTE
    finished, _ = trial(subject, train, pairs, memory_limit_bytes=idle + limit_bytes)
    outcome = finished.outcome
    require(
        outcome.status == "ok",
        f"With {train.n_users:,} users, {train.n_items:,} items and {len(train):,} "
        f"ratings, a trial ended as {outcome.status}: {outcome.reason}",
    )
    return (outcome.peak_memory_bytes or 0) - (outcome.idle_memory_bytes or 0)


def _here() -> tuple[Executor, Path]:
    # Key by the module path: new processes use the one of their start.
    return _laboratory(tuple(sys.path))


@cache
def _laboratory(path: tuple[str, ...]) -> tuple[Executor, Path]:
    """Start the process that forks trials, once, in a new folder."""
    root = Path(tempfile.mkdtemp(prefix="benchbox-kit-"))
    (root / "data").mkdir()
    places = {
        "BENCHBOX_DATA": str(root / "data"),
        "BENCHBOX_CACHE": str(root / "data"),
        "BENCHBOX_OFFLINE": "1",
    }
    log = root / "zygote.log"
    executor = LocalExecutor(1, log, variables=places, folder=root)
    executor.__enter__()
    atexit.register(_close, executor, root)
    return executor, root


def _close(executor: Executor, root: Path) -> None:
    import shutil

    executor.__exit__(None, None, None)
    shutil.rmtree(root, ignore_errors=True)
