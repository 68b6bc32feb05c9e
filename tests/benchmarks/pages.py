"""Pages: figures as files of commas, and as tables within a page of Markdown."""

import csv
import json
from pathlib import Path

from tabulate import tabulate

from tests.benchmarks.ledger import shown

Row = dict[str, float]
"""One point of a question: figures by column, whole numbers as such."""


def write_csv(rows: list[Row], path: Path) -> None:
    """Write *rows*, which have the same columns, with four digits that count."""
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: _rounded(value) for k, value in row.items()})


def read_csv(path: Path) -> list[Row]:
    """Return the rows written to *path*."""
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [{k: json.loads(value) for k, value in row.items()} for row in rows]


def fill_in(page: Path, name: str, rows: list[Row]) -> None:
    """Put *rows* as a table between the marks for *name*, if there are such marks."""
    if not page.exists():
        return
    headers = [column.replace("_", " ") for column in rows[0]]
    cells = [[shown(value) for value in row.values()] for row in rows]
    align = ["right"] * len(headers)
    table = tabulate(cells, headers, "pipe", colalign=align, disable_numparse=True)
    before, begin, rest = page.read_text().partition(f"<!-- table {name} -->\n")
    _, end, after = rest.partition("<!-- end of table -->")
    if end:
        page.write_text(f"{before}{begin}\n{table}\n\n{end}{after}")


def _rounded(value: float) -> float:
    return float(f"{value:.4g}") if isinstance(value, float) else value
