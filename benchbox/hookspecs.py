"""Hooks: every point at which an installed package can add something to benchbox."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from benchbox.claims import Claim
    from benchbox.data import DatasetCard
    from benchbox.metrics import Metric
    from benchbox.models import ModelSpec
    from benchbox.protocols import Protocol

hookspec = pluggy.HookspecMarker("benchbox")
hookimpl = pluggy.HookimplMarker("benchbox")


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
