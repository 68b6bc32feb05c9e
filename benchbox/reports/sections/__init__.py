"""Sections: what an analysis shows, as records for programs and cells for people."""

from benchbox.analysis import Analysis
from benchbox.reports.sections.figures import definitions, intervals
from benchbox.reports.sections.pairs import pairs, settling
from benchbox.reports.sections.ranking import ranks as ranks
from benchbox.reports.sections.section import Section as Section
from benchbox.reports.sections.slices import by_slice, calibration


def sections(analysis: Analysis) -> list[Section]:
    """Return the sections of an analysis that have anything to show."""
    if not analysis.models:
        return []
    return [
        definitions(analysis),
        intervals(analysis),
        *([pairs(analysis)] if analysis.pairs else []),
        by_slice(analysis, "activity", "user, by ratings of theirs the model may see"),
        by_slice(analysis, "popularity", "item, by its training ratings"),
        by_slice(analysis, "rating", "hidden rating"),
        calibration(analysis),
        *settling(analysis),
    ]
