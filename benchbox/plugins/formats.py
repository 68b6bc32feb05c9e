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
        shows_view: Whether it shows the columns, the order and the decimals that the
            user chose; other formats have everything, and refuse a choice.
    """

    name: str
    summary: str
    target: str
    file: str = ""
    shows_view: bool = False


_TAKEN = {
    "run.json",
    "study.json",
    "report.html",
    "trials",
    "logs",
    "predictions",
    "references",
    "tuning",
}
"""What a run itself has in its folder."""


def is_file_of_a_run(name: str) -> bool:
    """Return whether a format may give its file this name; it may have none."""
    plain = isinstance(name, str) and name.isprintable() and "/" not in name
    return name == "" or (
        plain and not name.startswith(".") and name.lower() not in _TAKEN
    )


OWN_FORMATS = (
    ReportFormat(
        name="table",
        summary="tables for the terminal",
        target="benchbox.reports.terminal:render",
        shows_view=True,
    ),
    ReportFormat(
        name="markdown",
        summary="tables for a README, an issue or a pull request",
        target="benchbox.reports.markdown:render",
        file="table.md",
        shows_view=True,
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
        shows_view=True,
    ),
    ReportFormat(
        name="bibtex",
        summary="entries of the publications that a paper has to cite",
        target="benchbox.reports.bibtex:render",
        file="table.bib",
    ),
    ReportFormat(
        name="json",
        summary="all figures, to read in a program",
        target="benchbox.reports.structured:render",
    ),
)
"""The formats that benchbox offers; a run prints the first."""
