"""The functions of ``import benchbox``: what the commands do, called from Python."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchbox.data import Dataset
from benchbox.machine import n_usable_cpus
from benchbox.models import Precision
from benchbox.plugins import discover
from benchbox.records import RunFolder, new_run_id
from benchbox.runs.listener import Listener
from benchbox.runs.on_disk import Run
from benchbox.runs.saved_model import FitSettings, KeptModel
from benchbox.runs.session import Session
from benchbox.runs.settings import make_config
from benchbox.runs.stages import Stages
from benchbox.runs.trust import Trust

_RESULTS = Path("results")


def run(
    models: str | Sequence[str] = (),
    datasets: str | Sequence[str] = ("ml-100k",),
    protocols: str | Sequence[str] = (),
    *,
    out: str | os.PathLike[str] = _RESULTS,
    listener: Listener | None = None,
    **settings: Any,
) -> Run:
    """Fit and compare models on ratings they have not seen, as ``benchbox run`` does.

    Args:
        models: Models as on the command line, such as
            ``"autorec-user:hidden_units=300"`` or ``"my_model.py:MyModel"``; none
            means all that are installed.
        datasets: Data sets by name, or files of ratings.
        protocols: Protocols as on the command line; none means each data set's own.
        out: Folder that holds the runs.
        listener: Is told how the run gets on.
        settings: Other fields of `benchbox.records.RunConfig`, such as ``seeds=4``,
            ``folds=("u1",)`` or ``device="cpu"``.

    Returns:
        The run, whose records are on disk.

    Raises:
        UsageError: A name, an option or a setting is unknown.
        DataError: A data set cannot be had or read.
        ProtocolError: A protocol cannot split a data set.
        LeakError: Hidden ratings can reach a model.
        KeyboardInterrupt: The run was interrupted; what had ended is on disk.
    """
    chosen = {"models": models, "datasets": datasets, "protocols": protocols}
    given = {name: _listed(value) for name, value in chosen.items()} | settings
    config = make_config(given)
    command = f"benchbox.run({', '.join(f'{k}={v!r}' for k, v in given.items())})"
    with Session(discover(), _notify, listener, command) as session:
        plan = session.plan(config)
        folder = RunFolder.create(Path(out), new_run_id())
        record = session.carry_out(plan, folder)
    if record.status != "finished":
        raise KeyboardInterrupt
    return Run(folder.path)


def load_run(
    path: str | os.PathLike[str], *, out: str | os.PathLike[str] = _RESULTS
) -> Run:
    """Return a run on disk.

    Args:
        path: Its folder, its name below *out*, or ``"last"``.
        out: Folder that holds the runs.

    Raises:
        ResultsError: There is no such run.
    """
    return Run(RunFolder.find(os.fspath(path), Path(out)).path)


def load_dataset(text: str | os.PathLike[str], *, columns: str = "") -> Dataset:
    """Return a data set, fetched, read and checked.

    Args:
        text: Its name and options, such as ``"ml-20m:top_users=60000"``; or a file of
            ratings.
        columns: Names of the columns of a file, as ``--columns`` takes them.

    Raises:
        UsageError: There is no such data set or file, or an option is unknown.
        DataError: The data set cannot be had or read.
    """
    return Stages(discover(), _notify, columns).dataset(os.fspath(text))


def fit(
    model: str,
    dataset: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    columns: str = "",
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "float32",
    threads: int = 0,
) -> KeptModel:
    """Fit a model to all ratings of a data set, and keep it, as ``benchbox fit`` does.

    Args:
        model: The model, as on the command line.
        dataset: A data set by name, or a file of ratings.
        out: Folder to keep the model in; it must not exist.
        columns: Names of the columns of a file.
        seed: Seed of the model.
        device: Where to fit it.
        precision: Arithmetic of matrix products in torch.
        threads: Threads to use; 0 means all processors.

    Raises:
        UsageError: A name or an option is unknown, or the folder exists.
        DataError: The data set cannot be had or read.
        ModelError: The fit did not end well, or the model cannot be kept.
    """
    settings = FitSettings(
        seed=seed,
        device=device,
        precision=precision,
        n_threads=threads or n_usable_cpus(),
    )
    registry = discover()
    with Session(registry, _notify) as session:
        session.fit(model, os.fspath(dataset), Path(out), settings, columns)
    return KeptModel.load(Path(out), Trust(registry, everything=True))


def _listed(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(os.fspath, value))


def _notify(line: str) -> None:
    # Downloads and warnings: shown on standard error unless the caller says otherwise.
    logging.getLogger("benchbox").warning(line)
