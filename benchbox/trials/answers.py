"""Asks a fitted model for predictions, and checks what it returns."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.data import map_array
from benchbox.errors import ModelError
from benchbox.models import RatingModel
from benchbox.ratings import IndexArray, Ratings, Values
from benchbox.records import Pairs

Call = Callable[[], NDArray[Any]]
"""One call of a model's `predict`."""


def answers(
    model: RatingModel,
    history: Ratings,
    pairs: Pairs,
    chunk_size: int,
    make: Callable[[Call], NDArray[Any]] = lambda call: call(),
) -> Values:
    """Return a model's predictions, asked for in chunks, shape ``(n,)``.

    Args:
        model: A fitted model.
        history: Everything visible of the asked users.
        pairs: The pairs to predict.
        chunk_size: Pairs per call, unless *pairs* says otherwise.
        make: Makes a call of `predict`, and may time it.

    Raises:
        ModelError: An answer breaks the contract.
    """
    users, items = (map_array(Path(file)) for file in (pairs.users, pairs.items))
    size = pairs.chunk_size or chunk_size
    predictions = np.empty(len(users), dtype=np.float32)
    for start in range(0, len(users), size):
        chunk = slice(start, start + size)
        # Reading the pairs from disk and checking the answer is not the model's work.
        asked = np.array(users[chunk]), np.array(items[chunk])
        answered = make(partial(predicted, model, history, *asked))
        predictions[chunk] = check_predictions(answered, len(asked[0]))
    return predictions


def predicted(
    model: RatingModel, history: Ratings, users: IndexArray, items: IndexArray
) -> NDArray[Any]:
    """Return what a model predicts, once it has reached the host; unchecked.

    Raises:
        ModelError: It is no array.
    """
    return host_array(model.predict(history, users, items))


def host_array(predicted: Any) -> NDArray[Any]:
    """Return a model's answer as an array in the host's memory.

    Raises:
        ModelError: It is none.
    """
    if isinstance(predicted, np.ma.MaskedArray) and np.any(predicted.mask):
        n_masked = np.count_nonzero(predicted.mask)
        raise ModelError(
            f"predict declined {n_masked} of {predicted.size} pairs with a mask; there "
            f"is no way to decline a pair."
        )
    # numpy understands CPU tensors and lists alike; for the rest the model is told.
    try:
        return np.asarray(predicted)
    except Exception as error:
        raise ModelError(
            f"predict returned a {type(predicted).__name__} that is not an array: "
            f"{error}"
        ) from error


def check_predictions(predicted: Any, n_pairs: int) -> Values:
    """Return a model's answer as float32, or say how it breaks the contract.

    Raises:
        ModelError: Not one finite number per pair.
    """
    values = host_array(predicted)
    if values.shape != (n_pairs,):
        raise ModelError(
            f"predict returned shape {values.shape} for {n_pairs} pairs; "
            f"it must be ({n_pairs},)."
        )
    if values.dtype.kind not in "fiu":
        raise ModelError(
            f"predict returned {values.dtype} values; they must be numbers."
        )
    values = values.astype(np.float32)
    n_bad = n_pairs - int(np.isfinite(values).sum())
    if n_bad:
        raise ModelError(
            f"predict returned NaN or infinity for {n_bad} of {n_pairs} pairs; "
            f"there is no way to decline a pair."
        )
    return values
