"""Formats numbers as text, for tables that people read."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Protocol

MISSING = "–"


class Measured(Protocol):
    """The properties that decide how a metric is formatted: a metric or its record."""

    @property
    def title(self) -> str:
        """Column heading."""

    @property
    def unit(self) -> str:
        """Unit of its values."""

    @property
    def flaw(self) -> str:
        """Why it does not measure prediction quality; empty if it does."""


@dataclass(frozen=True, slots=True)
class _Style:
    """How to format values of a unit."""

    factor: int
    digits: int
    sign: str


_DECIMALS = 4
"""Of a score in units of the rating."""

_STYLES = {"rating": _Style(1, _DECIMALS, ""), "fraction": _Style(100, 2, "%")}


def heading(metric: Measured) -> str:
    """Return the heading of a metric's column, with a warning over a flawed one."""
    text = f"{metric.title} {_style(metric).sign}".rstrip()
    return f"⚠ {text}" if metric.flaw else text


def number(metric: Measured, value: float | None, decimals: int | None = None) -> str:
    """Return a score with its significant digits, without its unit.

    Args:
        metric: The metric.
        value: The score, if any.
        decimals: Decimals of a score in units of the rating, instead of four; a
            percentage has two fewer.
    """
    if value is None:
        return MISSING
    style = _style(metric)
    digits = style.digits + (0 if decimals is None else decimals - _DECIMALS)
    return f"{value * style.factor:.{max(digits, 0)}f}"


def signed(metric: Measured, value: float) -> str:
    """Return a difference of scores, always with its sign, without its unit."""
    style = _style(metric)
    return f"{value * style.factor:+.{style.digits}f}"


def score(metric: Measured, value: float) -> str:
    """Return a score with its significant digits and its unit."""
    return f"{number(metric, value)} {_style(metric).sign}".rstrip()


def _style(metric: Measured) -> _Style:
    # Units from plugins are written after the number.
    return _STYLES.get(metric.unit) or _Style(1, _DECIMALS, metric.unit)


def common_decimals(values: Iterable[float]) -> int:
    """Return how many decimals to print of all *values*, for four digits of each.

    With fewer decimals for some, as in 0.1 beside 0.96, a digit would seem to be lost.
    """
    texts = [f"{value:.4g}" for value in values if isfinite(value)]
    return max((len(t.partition(".")[2]) for t in texts if "e" not in t), default=0)


def plain(value: float, decimals: int) -> str:
    """Return a number with *decimals*, or by its digits if it is huge or tiny."""
    text = f"{value:.4g}"
    return text if "e" in text else f"{value:.{decimals}f}"


def percent(share: float | None) -> str:
    """Return a share as a percentage, rounded down so that only 1.0 gives 100 %."""
    if share is None:
        return MISSING
    return f"{int(share * 1000) / 10:g} %"


def seconds(value: float | None) -> str:
    """Return seconds with two or three digits that matter."""
    if value is None:
        return MISSING
    if value >= 100:
        return f"{value:.0f}"
    # Two digits, also where the second is a 0.
    return f"{value:.1f}" if value >= 1 else f"{value:#.2g}"


def milliseconds(value: float | None) -> str:
    """Return seconds as milliseconds."""
    return MISSING if value is None else seconds(value * 1000)


def mebibytes(value: int | None) -> str:
    """Return bytes as MiB."""
    return MISSING if value is None else f"{value / 2**20:.0f}"


def count(value: float | None) -> str:
    """Return a count in thousands or millions."""
    if value is None:
        return MISSING
    if value < 10_000:
        return f"{value:.0f}"
    if value >= 100_000_000:
        return f"{value / 1e6:.0f} M"
    return f"{value / 1e6:.2f} M" if value >= 1_000_000 else f"{value / 1000:.0f} k"
