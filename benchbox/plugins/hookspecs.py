"""Hooks: every point at which an installed package can add something to benchbox."""

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
"""Grows when a plugin would have to change. A plugin built for another number says so
with a module attribute ``benchbox_api``; without one it is taken to be built for 1."""

hookspec = pluggy.HookspecMarker("benchbox")
hookimpl = pluggy.HookimplMarker("benchbox")

# What a plugin offers. Each hook is called once per command; what it returns names
# classes and functions as text, so that listing imports nothing heavy.


@hookspec
def benchbox_models() -> Iterable["ModelSpec"]:  # type: ignore[empty-body]
    """Return the models this plugin offers."""


@hookspec
def benchbox_datasets() -> Iterable["DatasetCard"]:  # type: ignore[empty-body]
    """Return the cards of the data sets this plugin offers."""


@hookspec
def benchbox_protocols() -> Iterable["Protocol"]:  # type: ignore[empty-body]
    """Return the evaluation protocols this plugin offers."""


@hookspec
def benchbox_metrics() -> Iterable["Metric"]:  # type: ignore[empty-body]
    """Return the metrics this plugin offers."""


@hookspec
def benchbox_claims() -> Iterable["Claim"]:  # type: ignore[empty-body]
    """Return published figures that `benchbox verify` can compute again."""


@hookspec
def benchbox_suites() -> Iterable["Suite"]:  # type: ignore[empty-body]
    """Return settings that `benchbox run --suite` knows by name."""


@hookspec
def benchbox_formats() -> Iterable["ReportFormat"]:  # type: ignore[empty-body]
    """Return formats in which `benchbox report` can write tables."""


@hookspec
def benchbox_columns() -> Iterable["ColumnSpec"]:  # type: ignore[empty-body]
    """Return further columns of a run's tables."""


@hookspec
def benchbox_executors() -> Iterable["ExecutorSpec"]:  # type: ignore[empty-body]
    """Return ways to run trials, which `benchbox run --executor` knows by name."""


@hookspec
def benchbox_accelerators() -> Iterable["AcceleratorSpec"]:  # type: ignore[empty-body]
    """Return kinds of accelerator, which ``--device`` knows by name."""


@hookspec
def benchbox_sources() -> Iterable["SourceKind"]:  # type: ignore[empty-body]
    """Return kinds of source, from which the cards of data sets can have files."""


# What a plugin is told while a run goes on. It gets copies, and may fail: the run
# says so once, and goes on.


@hookspec
def benchbox_run_started(run: "RunRecord", folder: Path) -> None:
    """Take note that *run* begins, and writes into *folder*."""


@hookspec
def benchbox_trial_started(run: "RunRecord", trial: "TrialStart") -> None:
    """Take note that a trial begins."""


@hookspec
def benchbox_trial_ended(run: "RunRecord", trial: "TrialRecord") -> None:
    """Take note of how a trial ended; its record is on disk already."""


@hookspec
def benchbox_run_ended(run: "RunRecord", folder: Path) -> None:
    """Take note that *run* has ended, and how."""
