"""Writes the file of a trial's predictions, and reads it without trusting it."""

from io import BytesIO
from pathlib import Path

import numpy as np

from benchbox.errors import ModelError
from benchbox.ratings import Values
from benchbox.records import read_regular

PREDICTIONS = "predictions.npy"
"""File in a job's folder that holds one float32 per pair asked for."""


def write_predictions(folder: Path, predictions: Values) -> None:
    """Write *predictions*, shape ``(n,)``, for `read_predictions`."""
    content = _header(len(predictions)) + predictions.astype("<f4").tobytes()
    (folder / PREDICTIONS).write_bytes(content)


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


def _header(n: int) -> bytes:
    """Return the header of a ``.npy`` file of *n* float32."""
    made = BytesIO()
    facts = {"descr": "<f4", "fortran_order": False, "shape": (n,)}
    np.lib.format.write_array_header_1_0(made, facts)
    return made.getvalue()
