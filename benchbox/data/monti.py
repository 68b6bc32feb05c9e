"""Reads the rating matrices of Monti et al. (2017): MATLAB 7.3 files with a split.

Source: F. Monti, M. M. Bronstein, X. Bresson: Geometric Matrix Completion with
Recurrent Multi-Graph Neural Networks. NeurIPS 2017, arXiv:1704.06803.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.data.matrices import ratings_in
from benchbox.data.raw import RawRatings
from benchbox.errors import DataError, UsageError, error_line

MARK = b"MATLAB 7.3 MAT-file"
"""First bytes of a MATLAB 7.3 file, which is HDF5 below a header."""

_MOST_CELLS = 1 << 27
_RATINGS, _TRAIN, _TEST = "M", "Otraining", "Otest"


def read_monti(path: Path) -> RawRatings:
    """Read a file of Monti et al. with its split, the fold ``monti``.

    ``M`` holds the ratings, ``Otraining`` and ``Otest`` a one where a rating is visible
    or hidden. Users and items are numbered from 1, as MATLAB numbers rows and columns.

    Raises:
        UsageError: h5py is not installed.
        DataError: The file is damaged, or holds no such matrices.
    """
    ratings, train, test = _matrices(path)
    known = (train != 0) | (test != 0)
    if ((train != 0) & (test != 0)).any():
        raise DataError(
            f"{path.name} has ratings that are visible and hidden. Get the file again."
        )
    if not np.array_equal(known, ratings != 0):
        raise DataError(
            f"{path.name} has ratings (M) that are neither visible (Otraining) nor "
            f"hidden (Otest), or such places without ratings. Get the file again."
        )
    raw = ratings_in(
        np.where(known, ratings, np.nan),
        [str(n + 1) for n in range(ratings.shape[0])],
        [str(n + 1) for n in range(ratings.shape[1])],
        lambda row, column: f"{path.name}, row {row + 1}, column {column + 1}",
    )
    hidden = np.flatnonzero(test[known] != 0)
    if not 0 < len(hidden) < len(raw.values):
        raise DataError(
            f"{path.name} hides {len(hidden):,} of {len(raw.values):,} ratings. Get "
            f"the file again."
        )
    return RawRatings(
        users=raw.users,
        items=raw.items,
        values=raw.values,
        where=raw.where,
        folds={"monti": hidden},
        described={"form": "matrices M, Otraining and Otest of a MATLAB 7.3 file"},
    )


def _matrices(path: Path) -> list[NDArray[np.float64]]:
    """Return the ratings, and what is visible and hidden, a row per user each."""
    try:
        import h5py
    except ImportError:
        raise UsageError(
            f"{path.name} is a MATLAB 7.3 file, which needs h5py: "
            f"pip install 'benchbox-recsys[h5]'."
        ) from None
    try:
        with h5py.File(path, "r") as file:
            found = [_matrix(path, file, name) for name in (_RATINGS, _TRAIN, _TEST)]
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - damage shows in many ways
        raise DataError(
            f"{path.name} is damaged, or no MATLAB 7.3 file: {error_line(error)}."
        ) from None
    if len({matrix.shape for matrix in found}) > 1:
        raise DataError(
            f"{path.name} has matrices of different shapes. Get the file again."
        )
    return found


def _matrix(path: Path, file: Any, name: str) -> NDArray[np.float64]:
    import h5py

    # Links may lead to other files, and so may the data of a matrix.
    is_here = isinstance(file.get(name, getlink=True), h5py.HardLink)
    held = file[name] if is_here else None
    if not isinstance(held, h5py.Dataset):
        raise DataError(
            f"{path.name} has no matrix {name!r}, so it is no rating file of Monti et "
            f"al. (M, Otraining, Otest). Save the ratings as CSV, one per line."
        )
    if (
        held.is_virtual
        or held.external
        or held.ndim != 2
        or held.dtype.kind not in "fiu"
    ):
        raise DataError(
            f"{path.name}: {name!r} is no plain matrix of numbers. Get the file again."
        )
    if held.size > _MOST_CELLS:
        raise DataError(
            f"{path.name}: {name!r} has {held.size:,} cells, more than "
            f"{_MOST_CELLS:,}. Save the ratings as CSV, one per line."
        )
    # MATLAB stores columns one after the other, so HDF5 shows it transposed.
    return np.ascontiguousarray(held[()].T, dtype=np.float64)
