"""Formats: the ways in which a run's tables can be written, as plugins offer them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFormat:
    """A way to write the tables of a run; making or listing one imports nothing.

    Attributes:
        name: Name on the command line, kebab-case.
        summary: One line for people.
        target: What renders, as ``"package.module:function"``; it is called with the
            `benchbox.records.run.RunRecord` and the list of
            `benchbox.reports.leaderboard.Leaderboard`, and returns the text.
        file: Name of the file every run writes in this format; none if it is empty.
    """

    name: str
    summary: str
    target: str
    file: str = ""


_TAKEN = frozenset(
    ["run.json", "study.json", "trials", "logs", "predictions", "references", "tuning"]
)
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
        summary="figures for programs",
        target="benchbox.reports.structured:render",
    ),
)
"""The formats of benchbox itself; the first is what a run prints."""
