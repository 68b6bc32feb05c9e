"""Jester: matrices in Excel files, a row per user and a column per joke."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.data import DatasetCard, RawRatings, ratings_in, read_member
from benchbox.errors import DataError, UsageError, error_line
from benchbox.options import Options

NOT_RATED = 99.0

_MOST_BYTES = 512 << 20
_SHEETS = (".xls", ".xlsx")


def read_jester(
    files: Mapping[str, Path], card: DatasetCard, options: Options
) -> RawRatings:
    """Read matrices in zip archives, one below the other; 99 means "not rated".

    The first column of a matrix is the number of ratings of its row, and is left out.
    Users are numbered from 1 in the order of the rows, jokes in that of the columns.

    Raises:
        UsageError: The library that reads Excel files is not installed.
        DataError: A file is damaged, or a matrix is not as described.
    """
    blocks = [_cells(path) for path in files.values()]
    widths = {block.shape[1] for block in blocks}
    if len(widths) > 1:
        raise DataError(
            f"The files of {card.name!r} have matrices of {min(widths)} and of "
            f"{max(widths)} columns. Get the files again."
        )
    cells = np.concatenate(blocks)
    ends = np.cumsum([len(block) for block in blocks])
    names = [path.name for path in files.values()]

    def where(row: int, column: int) -> str:
        block = int(np.searchsorted(ends, row, side="right"))
        start = int(ends[block - 1]) if block else 0
        return f"{names[block]}, row {row - start + 1}, joke {column + 1}"

    return ratings_in(
        cells,
        [str(n + 1) for n in range(cells.shape[0])],
        [str(n + 1) for n in range(cells.shape[1])],
        where,
        missing=(NOT_RATED,),
    )


def _cells(path: Path) -> NDArray[np.float64]:
    """Return the ratings in an archive, without the column of counts; NaN for none."""
    rows = _rows(path)
    # A first row of names has texts where ratings would be.
    if rows and any(isinstance(cell, str) and cell.strip() for cell in rows[0][1:]):
        rows = rows[1:]
    width = max(map(len, rows), default=0)
    if width < 2:
        raise DataError(f"{path.name} has no matrix of ratings. Get the file again.")
    cells = np.full((len(rows), width - 1), np.nan)
    for number, row in enumerate(rows):
        for place, cell in enumerate(row[1:]):
            if isinstance(cell, int | float) and not isinstance(cell, bool):
                cells[number, place] = cell
            elif cell is not None and str(cell).strip():
                raise DataError(
                    f"{path.name}, row {number + 1}, joke {place + 1}: {cell!r} is not "
                    f"a rating. Get the file again."
                )
    return cells


def _rows(path: Path) -> list[list[Any]]:
    try:
        from python_calamine import CalamineWorkbook
    except ImportError:
        raise UsageError(
            "Jester comes in Excel files, which need python-calamine: "
            "pip install 'benchbox-recsys[excel]'."
        ) from None
    content = read_member(path, _SHEETS, _MOST_BYTES)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        rows: list[list[Any]] = workbook.get_sheet_by_index(0).to_python()
    except Exception as error:  # noqa: BLE001 - damage shows in many ways
        raise DataError(
            f"{path.name} holds a damaged Excel file: {error_line(error)}. Get it "
            f"again."
        ) from None
    return [row for row in rows if any(cell not in ("", None) for cell in row)]
