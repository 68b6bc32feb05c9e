"""Writes the tables of a run in several formats, from its records only."""

from typing import TYPE_CHECKING

from benchbox.targets import lazy_names

if TYPE_CHECKING:
    from benchbox.reports.citations import Citations as Citations
    from benchbox.reports.figures import FIGURES as FIGURES
    from benchbox.reports.figures import NEED_STATISTICS as NEED_STATISTICS
    from benchbox.reports.figures import OVER_DATASETS as OVER_DATASETS
    from benchbox.reports.figures import Figure as Figure
    from benchbox.reports.figures import over_datasets as over_datasets
    from benchbox.reports.figures.drawing import chart as chart
    from benchbox.reports.figures.drawing import check_kind as check_kind
    from benchbox.reports.figures.drawing import save as save
    from benchbox.reports.fitting import TextTable as TextTable
    from benchbox.reports.fitting import fitted as fitted
    from benchbox.reports.fitting import paragraph as paragraph
    from benchbox.reports.fitting import remark as remark
    from benchbox.reports.fitting import terminal_width as terminal_width
    from benchbox.reports.leaderboard import leaderboards as leaderboards
    from benchbox.reports.library import REPORT_EXTRA as REPORT_EXTRA
    from benchbox.reports.library import can_draw as can_draw
    from benchbox.reports.merge import Joined as Joined
    from benchbox.reports.merge import join as join
    from benchbox.reports.notebook import run_html as run_html
    from benchbox.reports.pages import page as page
    from benchbox.reports.pages import study_of as study_of
    from benchbox.reports.paper import PAPER_FORMATS as PAPER_FORMATS
    from benchbox.reports.paper import Part as Part
    from benchbox.reports.paper import appendix as appendix
    from benchbox.reports.paper import checklist as checklist
    from benchbox.reports.stats import STATS_FORMATS as STATS_FORMATS
    from benchbox.reports.structured import row_values as row_values
    from benchbox.reports.tables import render as render
    from benchbox.reports.tables import rendered as rendered
    from benchbox.reports.tables import write_tables as write_tables
    from benchbox.reports.view import View as View
    from benchbox.reports.warnings import audit_warnings as audit_warnings
    from benchbox.reports.warnings import time_warnings as time_warnings
else:
    # `benchbox list` only fits tables, so it must not load records and analyses.
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            "Citations": "citations",
            "FIGURES": "figures",
            "Figure": "figures",
            "Joined": "merge",
            "NEED_STATISTICS": "figures",
            "OVER_DATASETS": "figures",
            "PAPER_FORMATS": "paper",
            "Part": "paper",
            "REPORT_EXTRA": "library",
            "STATS_FORMATS": "stats",
            "TextTable": "fitting",
            "View": "view",
            "appendix": "paper",
            "audit_warnings": "warnings",
            "can_draw": "library",
            "chart": "figures.drawing",
            "check_kind": "figures.drawing",
            "checklist": "paper",
            "fitted": "fitting",
            "join": "merge",
            "leaderboards": "leaderboard",
            "over_datasets": "figures",
            "page": "pages",
            "paragraph": "fitting",
            "remark": "fitting",
            "render": "tables",
            "rendered": "tables",
            "row_values": "structured",
            "run_html": "notebook",
            "save": "figures.drawing",
            "study_of": "pages",
            "terminal_width": "fitting",
            "time_warnings": "warnings",
            "write_tables": "tables",
        },
    )
