"""Hooks: the functions by which plugins add to benchbox.

A plugin is a module, or an object, that the entry-point group ``benchbox`` names. It
implements the hooks it needs, each marked with `hookimpl`::

    from benchbox import ModelSpec, hookimpl

    @hookimpl
    def benchbox_models() -> list[ModelSpec]:
        return [ModelSpec(name="damped-mean", target="my_package:DampedMean", ...)]
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from benchbox.data import DatasetCard, SourceKind
    from benchbox.machine import AcceleratorSpec
    from benchbox.metrics import Metric
    from benchbox.models import ModelSpec
    from benchbox.plugins.claims import Claim
    from benchbox.plugins.columns import ColumnSpec
    from benchbox.plugins.executors import ExecutorSpec
    from benchbox.plugins.formats import ReportFormat
    from benchbox.plugins.suites import Suite
    from benchbox.protocols import Protocol
    from benchbox.records import RunRecord, TrialRecord, TrialStart

PLUGIN_API = 1
"""Version of the hooks. It grows when plugins must change. A plugin states the version
it was written for in a module attribute ``benchbox_api``; the default is 1."""

hookspec = pluggy.HookspecMarker("benchbox")
hookimpl = pluggy.HookimplMarker("benchbox")
"""Decorator of a plugin's functions that answer hooks, such as ``benchbox_models``."""

# Hooks that offer something. Each is called once per command. What they return names
# classes and functions as text, so that listing imports nothing heavy.


@hookspec
def benchbox_models() -> Iterable["ModelSpec"]:  # type: ignore[empty-body]
    """Return the models this plugin offers."""


@hookspec
def benchbox_datasets() -> Iterable["DatasetCard"]:  # type: ignore[empty-body]
    """Return the data sets this plugin offers, as cards."""


@hookspec
def benchbox_protocols() -> Iterable["Protocol"]:  # type: ignore[empty-body]
    """Return the evaluation protocols this plugin offers."""


@hookspec
def benchbox_metrics() -> Iterable["Metric"]:  # type: ignore[empty-body]
    """Return the metrics this plugin offers."""


@hookspec
def benchbox_claims() -> Iterable["Claim"]:  # type: ignore[empty-body]
    """Return published figures that `benchbox verify` can reproduce."""


@hookspec
def benchbox_suites() -> Iterable["Suite"]:  # type: ignore[empty-body]
    """Return stored settings of runs, for ``benchbox run --suite NAME``."""


@hookspec
def benchbox_formats() -> Iterable["ReportFormat"]:  # type: ignore[empty-body]
    """Return output formats, for ``benchbox report --format NAME``."""


@hookspec
def benchbox_columns() -> Iterable["ColumnSpec"]:  # type: ignore[empty-body]
    """Return columns to add to the tables of runs."""


@hookspec
def benchbox_executors() -> Iterable["ExecutorSpec"]:  # type: ignore[empty-body]
    """Return executors, which run trials, for ``benchbox run --executor NAME``."""


@hookspec
def benchbox_accelerators() -> Iterable["AcceleratorSpec"]:  # type: ignore[empty-body]
    """Return kinds of accelerator, for ``--device NAME``."""


@hookspec
def benchbox_sources() -> Iterable["SourceKind"]:  # type: ignore[empty-body]
    """Return kinds of source, for ``type = NAME`` in the card of a data set."""


# Hooks that are called during a run. They get copies of the records. If one raises an
# error, it is reported once and the run continues.


@hookspec
def benchbox_run_started(run: "RunRecord", folder: Path) -> None:
    """Called when a run has started; its files are in *folder*."""


@hookspec
def benchbox_trial_started(run: "RunRecord", trial: "TrialStart") -> None:
    """Called when a trial is about to start."""


@hookspec
def benchbox_trial_ended(run: "RunRecord", trial: "TrialRecord") -> None:
    """Called when a trial has ended; its record is already on disk."""


@hookspec
def benchbox_run_ended(run: "RunRecord", folder: Path) -> None:
    """Called when a run has finished or was interrupted; see ``run.status``."""
