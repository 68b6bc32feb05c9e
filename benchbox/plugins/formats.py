"""Output formats that plugins offer, and benchbox's own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFormat:
    """An output format for the tables of runs. Creating it imports no code.

    Attributes:
        name: Name on the command line, kebab-case.
        summary: Description in one line.
        target: Function that renders, as ``"package.module:function"``. It takes a
            `benchbox.records.RunRecord` and a list of
            `benchbox.reports.leaderboard.Leaderboard`, and returns the text.
        file: Name of a file that every run writes in this format; empty for none.
    """

    name: str
    summary: str
    target: str
    file: str = ""


OWN_FORMATS = (
    ReportFormat(
        name="table",
        summary="tables for the terminal",
        target="benchbox.reports.terminal:render",
    ),
    ReportFormat(
        name="markdown",
        summary="tables for a README, an issue or a pull request",
        target="benchbox.reports.markdown:render",
        file="table.md",
    ),
    ReportFormat(
        name="csv",
        summary="one line per model, for a spreadsheet",
        target="benchbox.reports.delimited:render",
        file="table.csv",
    ),
    ReportFormat(
        name="latex",
        summary="tables for a paper",
        target="benchbox.reports.latex:render",
        file="table.tex",
    ),
    ReportFormat(
        name="json",
        summary="all figures, to read in a program",
        target="benchbox.reports.structured:render",
    ),
)
"""The formats that benchbox offers; a run prints the first."""
