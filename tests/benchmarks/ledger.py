"""Ledger: the figures that benchmarks note, as tables at the end of a session."""

from collections.abc import Mapping
from typing import Any

from tabulate import tabulate

Figure = str | int | float | None


class Ledger:
    """Figures in tables, each named by its caption."""

    def __init__(self) -> None:
        self._tables: dict[str, list[Mapping[str, Figure]]] = {}

    def note(self, table: str, figures: Mapping[str, Figure]) -> None:
        """Add *figures*, by column, as the next row of *table*."""
        self._tables.setdefault(table, []).append(figures)

    def render(self) -> str:
        """Return all tables as text."""
        return "\n\n".join(
            f"{caption}\n\n{_table(rows)}" for caption, rows in self._tables.items()
        )


def median_seconds(benchmark: Any) -> float | None:
    """Return what *benchmark* has measured, unless it was told not to."""
    return benchmark.stats.stats.median if benchmark.stats else None


def _table(rows: list[Mapping[str, Figure]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[shown(row.get(name)) for name in columns] for row in rows]
    is_number = [
        any(isinstance(row.get(name), int | float) for row in rows) for name in columns
    ]
    align = ["right" if number else "left" for number in is_number]
    return tabulate(cells, columns, colalign=align, disable_numparse=True)


def shown(figure: Figure) -> str:
    """Return *figure* with three digits that count, or as it is."""
    if isinstance(figure, float):
        return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"
    if isinstance(figure, int):
        return f"{figure:,}"
    return figure or ""
