"""Sections on predicted distributions: whether they are calibrated."""

from collections.abc import Mapping, Sequence

from benchbox.analysis import Analysis
from benchbox.metrics import LEVELS
from benchbox.reports.sections.section import Section


def distributions(analysis: Analysis) -> list[Section]:
    """Return how calibrated the predicted distributions are, if any model has some."""
    found = {m.label: m.reliability for m in analysis.models if m.reliability}
    if not found:
        return []
    tenths = [f"{n / 10:g}–{(n + 1) / 10:g}" for n in range(10)]
    return [
        _shares(
            "reliability",
            "Calibration of distributions: share of the hidden ratings in each "
            "central interval, in %",
            "Below its nominal share, an interval is too narrow: the model is too "
            "sure. A step of the scale that an end of an interval cuts counts in "
            "part. Models without distributions are not shown.",
            headings=[f"{level * 100:g} % interval" for level in LEVELS],
            keys=[f"covered_{level * 100:g}" for level in LEVELS],
            shares={label: one.coverage for label, one in found.items()},
        ),
        _shares(
            "places",
            "Place of the hidden ratings in their predicted distributions, in %",
            "The histogram of the probability integral transform: 10 % in each "
            "tenth if the distributions are right. More at both ends: too narrow; "
            "more in the middle: too wide; more at one end: biased.",
            headings=tenths,
            keys=[f"place_{name}" for name in tenths],
            shares={label: one.histogram for label, one in found.items()},
            gives_way=[6, 5, 7, 4, 8, 3, 9, 2],
        ),
    ]


def _shares(
    name: str,
    title: str,
    note: str,
    *,
    headings: Sequence[str],
    keys: Sequence[str],
    shares: Mapping[str, Sequence[float]],
    gives_way: Sequence[int] = (),
) -> Section:
    """Return a section with some shares per model, whose records have these keys."""
    return Section(
        name=name,
        title=title,
        headings=["model", *headings],
        cells=[
            [label, *(f"{share * 100:.1f}" for share in own)]
            for label, own in shares.items()
        ],
        notes=[note],
        records=[
            {"model": label, **dict(zip(keys, own, strict=True))}
            for label, own in shares.items()
        ],
        gives_way=[*gives_way],
    )
