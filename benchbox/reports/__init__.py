"""Writes the tables of a run in several formats, from its records only."""

from typing import TYPE_CHECKING

from benchbox.targets import lazy_names

if TYPE_CHECKING:
    from benchbox.reports.fitting import TextTable as TextTable
    from benchbox.reports.fitting import fitted as fitted
    from benchbox.reports.fitting import paragraph as paragraph
    from benchbox.reports.fitting import remark as remark
    from benchbox.reports.fitting import terminal_width as terminal_width
    from benchbox.reports.leaderboard import leaderboards as leaderboards
    from benchbox.reports.stats import STATS_FORMATS as STATS_FORMATS
    from benchbox.reports.structured import row_values as row_values
    from benchbox.reports.tables import render as render
    from benchbox.reports.tables import write_tables as write_tables
    from benchbox.reports.warnings import audit_warnings as audit_warnings
    from benchbox.reports.warnings import time_warnings as time_warnings
else:
    # `benchbox list` only fits tables, so it must not load records and analyses.
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            "STATS_FORMATS": "stats",
            "TextTable": "fitting",
            "audit_warnings": "warnings",
            "fitted": "fitting",
            "leaderboards": "leaderboard",
            "paragraph": "fitting",
            "remark": "fitting",
            "render": "tables",
            "row_values": "structured",
            "terminal_width": "fitting",
            "time_warnings": "warnings",
            "write_tables": "tables",
        },
    )
