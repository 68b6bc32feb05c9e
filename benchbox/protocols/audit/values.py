"""Audit of values: whether the rating values allow a meaningful comparison."""

from dataclasses import dataclass

import numpy as np

from benchbox.arrays.parallel import each, slices
from benchbox.errors import counted
from benchbox.protocols.audit.findings import Finding
from benchbox.protocols.audit.membership import Roles, n_in
from benchbox.protocols.folds import Fold
from benchbox.protocols.partition import HIDDEN, HISTORY, TRAIN
from benchbox.ratings import Ratings, Values

FEW = 100
"""With fewer hidden ratings a fold says little: at 100, an RMSE is uncertain by 7 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    low: float
    high: float
    n_odd: int
    n_off: int


def _are(n: int, what: str) -> str:
    """Return a number with what it counts and a verb, as in ``"1 rating is"``."""
    return f"{counted(n, what)} {'is' if n == 1 else 'are'}"


def value_findings(fold: Fold, roles: Roles) -> list[Finding]:
    """Return findings about the values of visible and hidden ratings."""
    ratings = fold.ratings
    hidden = _range(ratings, roles, HIDDEN)
    shown = _range(ratings, roles, TRAIN | HISTORY)
    n = n_in(roles, HIDDEN)
    findings = []
    if n < FEW:
        text = (
            f"only {_are(n, 'rating')} hidden: sampling alone makes an RMSE over "
            + (f"them uncertain by {(2 * n) ** -0.5:.0%}")
        )
        findings.append(_warning("tiny-test", text, n))
    for part, found in (("hidden", hidden), ("visible", shown)):
        if found.n_odd:
            text = f"{_are(found.n_odd, f'{part} rating')} NaN or infinite"
            findings.append(_warning(f"not-finite-{part}", text, found.n_odd))
        if found.n_off:
            text = (
                f"{_are(found.n_off, f'{part} rating')} off the scale {ratings.scale}"
            )
            findings.append(_warning(f"off-scale-{part}", text, found.n_off))
        if found.low == found.high:
            text = f"all {part} ratings are {found.low:g}"
            findings.append(_warning(f"constant-{part}", text, 1))
    scale = ratings.scale
    beyond = hidden.low < shown.low or hidden.high > shown.high
    at_ends = hidden.low == np.float32(scale.low) or hidden.high == np.float32(
        scale.high
    )
    if beyond and at_ends:
        text = (
            f"the scale {scale} ends at a value that only hidden ratings have; if the "
            f"scale was derived from the data, it reveals this value"
        )
        findings.append(
            Finding(severity="note", name="scale-from-hidden", text=text, n=1)
        )
    return findings


def _warning(name: str, text: str, n: int) -> Finding:
    return Finding(severity="warning", name=name, text=text, n=n)


def _range(ratings: Ratings, roles: Roles, bits: int) -> _Range:
    def of(at: slice) -> _Range:
        values = ratings.values[at][roles[at] & bits > 0]
        is_finite = np.isfinite(values)
        finite = values if is_finite.all() else values[is_finite]
        return _Range(
            low=float(finite.min(initial=np.inf)),
            high=float(finite.max(initial=-np.inf)),
            n_odd=len(values) - len(finite),
            n_off=_n_off(ratings, finite),
        )

    found = each(of, slices(len(roles)))
    return _Range(
        low=min(part.low for part in found),
        high=max(part.high for part in found),
        n_odd=sum(part.n_odd for part in found),
        n_off=sum(part.n_off for part in found),
    )


def _n_off(ratings: Ratings, values: Values) -> int:
    scale = ratings.scale
    if not len(values):
        return 0
    is_off = values != scale.clip(values)
    if scale.step is not None:
        steps = (values - np.float32(scale.low)) / np.float32(scale.step)
        is_off |= abs(steps - np.round(steps)) > 1e-3
    return int(np.count_nonzero(is_off))
