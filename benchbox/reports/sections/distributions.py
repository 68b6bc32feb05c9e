"""Sections on predicted distributions: whether they are calibrated."""

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
        Section(
            name="reliability",
            title="Calibration of distributions: share of the hidden ratings in each "
            "central interval, in %",
            headings=["model", *(f"{level * 100:g} % interval" for level in LEVELS)],
            cells=[
                [label, *(_percent(share) for share in one.coverage)]
                for label, one in found.items()
            ],
            notes=[
                "Below its nominal share, an interval is too narrow: the model is too "
                "sure. A step of the scale that an end of an interval cuts counts in "
                "part. Models without distributions are not shown."
            ],
            records=[
                {"model": label}
                | {
                    f"covered_{level * 100:g}": share
                    for level, share in zip(LEVELS, one.coverage, strict=True)
                }
                for label, one in found.items()
            ],
        ),
        Section(
            name="places",
            title="Place of the hidden ratings in their predicted distributions, in %",
            headings=["model", *tenths],
            cells=[
                [label, *(_percent(share) for share in one.histogram)]
                for label, one in found.items()
            ],
            notes=[
                "The histogram of the probability integral transform: 10 % in each "
                "tenth if the distributions are right. More at both ends: too narrow; "
                "more in the middle: too wide; more at one end: biased."
            ],
            records=[
                {"model": label}
                | {
                    f"place_{name}": share
                    for name, share in zip(tenths, one.histogram, strict=True)
                }
                for label, one in found.items()
            ],
            gives_way=[6, 5, 7, 4, 8, 3, 9, 2],
        ),
    ]


def _percent(share: float) -> str:
    return f"{share * 100:.1f}"
