"""The sections of an analysis, as records for programs and cells for people."""

from benchbox.analysis import Analysis
from benchbox.reports.sections.distributions import distributions
from benchbox.reports.sections.figures import definitions, intervals
from benchbox.reports.sections.pairs import pairs, settling
from benchbox.reports.sections.ranking import ranks as ranks
from benchbox.reports.sections.section import Section as Section
from benchbox.reports.sections.slices import by_slice, calibration


def sections(analysis: Analysis) -> list[Section]:
    """Return the sections of an analysis that have content."""
    if not analysis.models:
        return []
    return [
        definitions(analysis),
        intervals(analysis),
        *([pairs(analysis)] if analysis.pairs else []),
        by_slice(analysis, "activity", "the user's number of visible ratings"),
        by_slice(analysis, "popularity", "the item's number of training ratings"),
        by_slice(analysis, "rating", "hidden rating"),
        calibration(analysis),
        *distributions(analysis),
        *settling(analysis),
    ]
