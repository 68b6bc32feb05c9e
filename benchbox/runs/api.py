"""The functions of ``import benchbox``: what the commands do, called from Python."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchbox.data import Dataset, cache_folder, named
from benchbox.machine import n_usable_cpus
from benchbox.models import Precision
from benchbox.options import spell
from benchbox.plugins import discover
from benchbox.records import RunFolder, new_run_id
from benchbox.runs.execution import Execution
from benchbox.runs.listener import Listener
from benchbox.runs.notebook import notebook_progress
from benchbox.runs.on_disk import Run
from benchbox.runs.saved.fitting import FitSettings
from benchbox.runs.saved.model import SavedModel
from benchbox.runs.session import Session
from benchbox.runs.settings import make_config
from benchbox.runs.stages import Stages
from benchbox.runs.trust import Trust
from benchbox.targets import target_of_class

_RESULTS = Path("results")

Model = str | type[Any] | tuple[type[Any], Mapping[str, Any]]
"""A model: a name or file with options, a class, or a class and its options."""


def run(
    models: Model | Sequence[Model] = (),
    datasets: Any = ("ml-100k",),
    protocols: str | Sequence[str] = (),
    *,
    out: str | os.PathLike[str] = _RESULTS,
    listener: Listener | None = None,
    jobs: int = 1,
    executor: str = "local",
    ray_address: str = "",
    **settings: Any,
) -> Run:
    """Fit and compare models on hidden ratings, like ``benchbox run``.

    Args:
        models: Models as on the command line, such as
            ``"autorec-user:hidden_units=300"`` or ``"my_model.py:MyModel"``; classes,
            also such as are defined in a notebook; or pairs of a class and its options,
            such as ``(MyModel, {"weight": 0.8})``. Empty for the models of a default
            run, ``all`` for every installed one.
        datasets: Names of data sets, files of ratings, or data frames of pandas or
            Polars with a rating per row; one of them, or a list.
        protocols: Protocols as on the command line; empty for each data set's own.
        out: Folder of the runs.
        listener: Its methods are called as the run progresses. By default, a notebook
            shows a progress bar.
        jobs: Trials to run at once; unless the setting ``threads`` says otherwise,
            they share the processors. Their times are marked as contended.
        executor: Name of the executor that runs the trials.
        ray_address: The Ray cluster of the executor ``ray``, as for ``--ray-address``.
        settings: Other fields of `benchbox.records.RunConfig`, such as ``seeds=4``,
            ``folds=("u1",)`` or ``device="cpu"``.

    Returns:
        The finished run.

    Raises:
        UsageError: A name, an option or a setting is unknown.
        PluginError: A class is no model, or needs values that no trial gets.
        DataError: A data set cannot be found, downloaded or read.
        ProtocolError: A protocol cannot split a data set.
        LeakError: A split leaks hidden ratings to the models.
        KeyboardInterrupt: The run was interrupted; its finished trials are on disk.
    """
    listed = [models] if isinstance(models, str | type) else models
    given = {
        "models": tuple(map(_spelt, listed)),
        "datasets": _named(datasets),
        "protocols": _listed(protocols),
    } | settings
    config = make_config(given)
    command = f"benchbox.run({', '.join(f'{k}={v!r}' for k, v in given.items())})"
    follower = listener or notebook_progress()
    execution = Execution(executor, jobs, ray_address)
    with Session(discover(), _notify, follower, command, execution) as session:
        plan = session.plan(config)
        folder = RunFolder.create(Path(out), new_run_id())
        record = session.carry_out(plan, folder)
    if record.status != "finished":
        raise KeyboardInterrupt
    return Run(folder.path)


def load_run(
    path: str | os.PathLike[str], *, out: str | os.PathLike[str] = _RESULTS
) -> Run:
    """Return a stored run.

    Args:
        path: Folder of the run, its name within *out*, or ``"last"``.
        out: Folder of the runs.

    Raises:
        ResultsError: There is no such run.
    """
    return Run(RunFolder.find(os.fspath(path), Path(out)).path)


def load_dataset(text: Any, *, columns: str = "") -> Dataset:
    """Load a data set; it is downloaded if necessary.

    Args:
        text: Name with options, such as ``"ml-20m:top_users=60000"``; a file of
            ratings; or a data frame of pandas or Polars with a rating per row.
        columns: Names of the columns of a file, as for ``--columns``.

    Raises:
        UsageError: There is no such data set or file, or an option is unknown.
        DataError: The data set cannot be found, downloaded or read.
    """
    return Stages(discover(), _notify, columns).dataset(named(text))


def fit(
    model: Model,
    dataset: Any,
    out: str | os.PathLike[str],
    *,
    columns: str = "",
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "float32",
    threads: int = 0,
    **allowed: Any,
) -> SavedModel:
    """Fit a model to all ratings of a data set and save it, like ``benchbox fit``.

    Args:
        model: Model with options, as on the command line, or a class, as for `run`.
        dataset: Name of a data set, a file of ratings, or a data frame.
        out: Folder to save the model in; it must not exist.
        columns: Names of the columns of a file.
        seed: Seed of the model.
        device: Device to fit on.
        precision: Precision of torch's matrix products.
        threads: Number of threads; 0 for one per processor.
        allowed: ``allow_read``, a tuple of files and folders that the model may read
            beside its own; and ``allow_network``, whether it may use the network.

    Raises:
        UsageError: A name or an option is unknown, or the folder exists.
        DataError: The data set cannot be found, downloaded or read.
        ModelError: The fit failed, or the model cannot be saved.
    """
    settings = FitSettings(
        seed=seed,
        device=device,
        precision=precision,
        n_threads=threads or n_usable_cpus(),
        **allowed,
    )
    registry = discover()
    with Session(registry, _notify) as session:
        session.fit(_spelt(model), named(dataset), Path(out), settings, columns)
    return SavedModel.load(Path(out), Trust(registry, everything=True))


def _spelt(model: Any) -> str:
    """Return a model as on the command line."""
    kind, options = model if isinstance(model, tuple) else (model, {})
    if not isinstance(kind, type):
        return os.fspath(kind)
    return spell(target_of_class(kind, cache_folder() / "cells"), dict(options))


def _listed(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(os.fspath, value))


def _named(datasets: Any) -> tuple[str, ...]:
    # A data frame is iterable, too: over its columns.
    many = datasets if isinstance(datasets, list | tuple) else (datasets,)
    return tuple(map(named, many))


def _notify(line: str) -> None:
    # Downloads and warnings. Python prints them to standard error unless the caller
    # configures logging.
    logging.getLogger("benchbox").warning(line)
