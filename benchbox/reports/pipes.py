"""Markdown tables."""

from collections.abc import Sequence

from tabulate import tabulate


def pipe_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, n_words: int = 1
) -> str:
    """Return a table as Markdown.

    Args:
        headings: Heading of each column.
        rows: Cells of each row.
        n_words: Number of columns, from the first, that hold words and not numbers.
    """
    n_numbers = len(headings) - n_words
    cells = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    text: str = tabulate(
        cells,
        headers=headings,
        tablefmt="pipe",
        disable_numparse=True,
        colalign=[*["left"] * n_words, *["right"] * n_numbers],
    )
    return text
