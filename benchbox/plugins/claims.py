"""Claims: published figures, with what is needed to reproduce them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from benchbox.errors import PluginError
from benchbox.options import UNDECODABLE

Status = Literal["seen", "second-hand", "computed"]
VARIANT = "rmse:"
"""Before the name of another definition of RMSE, as in ``rmse:known-by-user``."""

Verdict = Literal["agrees", "explained", "differs", "no data", "failed"]


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One or more published figures of one model under one protocol.

    Attributes:
        name: Name of the claim, kebab-case.
        summary: What was claimed, in one line.
        dataset: Data set, as on the command line.
        protocol: Protocol, as on the command line.
        folds: Names of folds; empty for the data set's default folds.
        model: Our model with options, as on the command line.
        seeds: Number of fits per fold.
        clip: Whether predictions were clipped to the rating scale.
        published: Published value by metric, in the metric's unit. RMSE by another
            definition is named ``rmse:`` and one of those that `benchbox stats` lists
            side by side, as in ``rmse:known-by-user``.
        tolerance: Largest difference from our value that counts as agreement.
        definition: How the source measured the figure.
        source: Where it was published.
        status: ``seen`` if we read it in the source, ``second-hand`` if others quote
            it, ``computed`` if it was computed with another program.
        explanation: Why our value differs by more than the tolerance, if it does.
    """

    name: str
    summary: str
    dataset: str
    protocol: str
    model: str
    published: Mapping[str, float]
    tolerance: float
    definition: str
    source: str
    status: Status
    folds: tuple[str, ...] = ()
    seeds: int = 1
    clip: bool = True
    explanation: str = ""

    @property
    def setting(self) -> tuple[str, str, tuple[str, ...], int, bool]:
        """Settings that claims must share to be checked in one run."""
        return self.dataset, self.protocol, self.folds, self.seeds, self.clip


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    claims: tuple[Claim, ...]


def claims_from_toml(path: Path) -> tuple[Claim, ...]:
    """Return the claims in a TOML file, under ``[[claims]]``.

    Raises:
        PluginError: The file is not valid; the message names the wrong field.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=_File).claims
    except UNDECODABLE as error:
        raise PluginError(
            f"{path.name} is not a valid file of claims: {error}."
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A published figure compared with ours.

    Attributes:
        claim: Claim it belongs to.
        metric: Name of the metric.
        published: Published value.
        ours: Our value; `None` if there is none.
        verdict: Whether the two agree.
        reason: Why we have no value; empty if we have.
    """

    claim: Claim
    metric: str
    published: float
    ours: float | None
    verdict: Verdict
    reason: str = ""

    @property
    def difference(self) -> float | None:
        """Our value minus the published one."""
        return None if self.ours is None else self.ours - self.published


def check(claim: Claim, found: Mapping[str, float]) -> list[Checked]:
    """Compare a claim's figures with ours.

    Args:
        claim: The claim.
        found: Our value by metric; a missing one means that the trials failed.
    """
    checked = []
    for metric, published in claim.published.items():
        ours = found.get(metric)
        checked.append(
            Checked(
                claim=claim,
                metric=metric,
                published=published,
                ours=ours,
                verdict=_verdict(claim, published, ours),
                reason="" if ours is not None else "the trials of our model failed",
            )
        )
    return checked


def unchecked(claim: Claim, reason: str) -> list[Checked]:
    """Return the figures of a claim whose data set is not available."""
    return [
        Checked(
            claim=claim,
            metric=metric,
            published=published,
            ours=None,
            verdict="no data",
            reason=reason,
        )
        for metric, published in claim.published.items()
    ]


def _verdict(claim: Claim, published: float, ours: float | None) -> Verdict:
    if ours is None:
        return "failed"
    # Slightly more, to allow for rounding of decimal figures.
    if abs(ours - published) <= claim.tolerance * (1 + 1e-9):
        return "agrees"
    return "explained" if claim.explanation else "differs"
