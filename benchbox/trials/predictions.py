"""Writes the files of a trial's predictions, and reads them without trusting them."""

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchbox.errors import ModelError
from benchbox.metrics import MOST_STEPS, Distribution, from_table
from benchbox.ratings import Values
from benchbox.records import read_regular

PREDICTIONS = "predictions.npy"
"""File in a job's folder that holds one float32 per pair asked for."""

DISTRIBUTION = "distribution.npy"
"""File in a job's folder that holds the table of `benchbox.metrics.table_of`."""


_HEADER_BYTES = 128
"""Of a ``.npy`` file with any of these shapes."""


def write_predictions(folder: Path, predictions: Values) -> None:
    """Write *predictions*, shape ``(n,)``, for `read_predictions`."""
    _write(folder / PREDICTIONS, predictions)


def write_distribution(folder: Path, table: NDArray[np.float32]) -> None:
    """Write the *table* of distributions for `read_distribution`."""
    _write(folder / DISTRIBUTION, table)


def _write(file: Path, numbers: NDArray[np.float32]) -> None:
    file.write_bytes(_header(*numbers.shape) + numbers.astype("<f4").tobytes())


def read_predictions(folder: Path, n_pairs: int) -> Values:
    """Return the predictions of a trial, shape ``(n_pairs,)``, float32 and finite.

    Its process could write anything there. Nothing is unpickled, no link is followed,
    and no more is read than so many numbers take.

    Args:
        folder: Folder of the job.
        n_pairs: Pairs it was asked for.

    Raises:
        ModelError: There is no such file, or it holds anything else.
    """
    header = _header(n_pairs)
    try:
        content = read_regular(folder / PREDICTIONS, len(header) + 4 * n_pairs)
    except FileNotFoundError:
        raise ModelError("the trial left no predictions") from None
    except OSError as error:
        raise ModelError(f"the trial's predictions cannot be read: {error}") from None
    if content[: len(header)] != header or len(content) != len(header) + 4 * n_pairs:
        raise ModelError(
            f"the trial's file of predictions is not what benchbox writes for "
            f"{n_pairs} pairs: it was changed"
        )
    stored = np.frombuffer(content, "<f4", offset=len(header))
    predictions: Values = stored.astype(np.float32, copy=False)
    n_bad = n_pairs - int(np.isfinite(predictions).sum())
    if n_bad:
        raise ModelError(
            f"the trial's file of predictions holds NaN or infinity for {n_bad} of "
            f"{n_pairs} pairs"
        )
    return predictions


def read_distribution(folder: Path, n_pairs: int) -> Distribution:
    """Return the distributions that a trial predicted, checked as `read_predictions`.

    Args:
        folder: Folder of the job.
        n_pairs: Pairs it was asked for.

    Raises:
        ModelError: There is no such file, or it holds anything else.
    """
    most = _HEADER_BYTES + 4 * (n_pairs + 1) * MOST_STEPS
    try:
        content = read_regular(folder / DISTRIBUTION, most)
    except FileNotFoundError:
        raise ModelError("the trial left no distributions") from None
    except OSError as error:
        raise ModelError(f"the trial's distributions cannot be read: {error}") from None
    n_numbers = (len(content) - _HEADER_BYTES) // 4
    shapes = [(n_pairs, 2)]
    if n_numbers >= n_pairs + 1:
        shapes.append((n_pairs + 1, n_numbers // (n_pairs + 1)))
    for shape in shapes:
        header = _header(*shape)
        if content.startswith(header) and len(content) == len(header) + 4 * np.prod(
            shape
        ):
            stored = np.frombuffer(content, "<f4", offset=len(header)).reshape(shape)
            return from_table(stored.astype(np.float32, copy=False), n_pairs)
    raise ModelError(
        f"the trial's file of distributions is not what benchbox writes for {n_pairs} "
        f"pairs: it was changed"
    )


def _header(*shape: int) -> bytes:
    """Return the header of a ``.npy`` file of float32."""
    made = BytesIO()
    facts = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(made, facts)
    return made.getvalue()
