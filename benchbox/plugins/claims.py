"""Claims: published figures, with all that is needed to compute them again."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from benchbox.errors import PluginError

Status = Literal["seen", "second-hand", "computed"]
Verdict = Literal["agrees", "explained", "differs", "no data", "failed"]


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A published figure, or several of one model under one protocol.

    Attributes:
        name: Its name, kebab-case.
        summary: What was claimed, in a line.
        dataset: Data set, as on the command line.
        protocol: Protocol, as on the command line.
        folds: Folds; none means the data set's default ones.
        model: Our model and options, as on the command line.
        seeds: Fits per fold.
        clip: Whether predictions were clipped to the scale.
        published: Value by metric, in the metric's unit.
        tolerance: Difference up to which ours agrees with it.
        definition: What the source says, or shows, that it measured.
        source: Where it stands.
        status: Whether the source was read, or quoted by another, or is a computation
            with somebody else's program.
        explanation: Why ours differs by more, where it must.
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
        """What claims must share to be checked in one run."""
        return self.dataset, self.protocol, self.folds, self.seeds, self.clip


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    claims: tuple[Claim, ...]


def claims_from_toml(path: Path) -> tuple[Claim, ...]:
    """Return the claims in a TOML file, under ``[[claims]]``.

    Raises:
        PluginError: The file holds no claims; says which field is wrong.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=_File).claims
    except msgspec.DecodeError as error:
        raise PluginError(f"{path.name} holds no claims: {error}.") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One published figure beside ours.

    Attributes:
        claim: Where it comes from.
        metric: Which metric.
        published: The figure.
        ours: What we found; `None` if nothing.
        verdict: Whether they agree.
        reason: Why there is nothing, if so.
    """

    claim: Claim
    metric: str
    published: float
    ours: float | None
    verdict: Verdict
    reason: str = ""

    @property
    def difference(self) -> float | None:
        """Ours less the published figure."""
        return None if self.ours is None else self.ours - self.published


def check(claim: Claim, found: Mapping[str, float]) -> list[Checked]:
    """Compare a claim's figures with ours.

    Args:
        claim: The claim.
        found: Our value by metric; one that is missing failed.
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
                reason="" if ours is not None else "the model did not end well",
            )
        )
    return checked


def unchecked(claim: Claim, reason: str) -> list[Checked]:
    """Return the figures of a claim whose data are not at hand."""
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
    # A hair more, since figures are printed in decimals.
    if abs(ours - published) <= claim.tolerance * (1 + 1e-9):
        return "agrees"
    return "explained" if claim.explanation else "differs"
