"""Asks a fitted model for predictions, and checks what it returns."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.data import map_array
from benchbox.errors import ModelError
from benchbox.metrics import (
    StepDistribution,
    checked_distribution,
    table_of,
)
from benchbox.models import RatingModel
from benchbox.ratings import Ratings, Values
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
    found = [np.empty(0, dtype=np.float32)]
    # Reading the pairs from disk and checking the answer is not the model's work.
    for asked in _chunks(pairs, pairs.chunk_size or chunk_size):
        answered = make(partial(predicted, model, history, *asked))
        found.append(check_predictions(answered, len(asked[0])))
    return np.concatenate(found)


def predicted(
    model: RatingModel, history: Ratings, *asked: NDArray[Any]
) -> NDArray[Any]:
    """Return what a model predicts, once it has reached the host; unchecked.

    Args:
        model: A fitted model.
        history: Everything visible of the asked users.
        asked: User index, item index and, if the model is told, time of each pair.

    Raises:
        ModelError: It is no array.
    """
    return host_array(model.predict(history, *asked))


def distributions(
    model: RatingModel,
    history: Ratings,
    pairs: Pairs,
    chunk_size: int,
    clock: Callable[[], AbstractContextManager[None]],
) -> NDArray[np.float32]:
    """Return the distributions that a model predicts, as a table; see `table_of`.

    Args:
        model: A fitted model.
        history: Everything visible of the asked users.
        pairs: The pairs to predict.
        chunk_size: Pairs per call.
        clock: Returns a context manager that times one call.

    Raises:
        ModelError: An answer breaks the contract.
    """
    tables: list[NDArray[np.float32]] = []
    kinds = set()
    for asked in _chunks(pairs, chunk_size):
        with clock():
            answered = ask_distribution(model, history, *asked)
        found = checked_distribution(answered, len(asked[0]))
        steps = found.steps.tolist() if isinstance(found, StepDistribution) else []
        kinds.add(tuple(steps))
        if len(kinds) > 1:
            raise ModelError(
                "predict_distribution returned other steps, or another kind of "
                "distribution, for some pairs than for others."
            )
        table = table_of(found)
        # The first row of a table holds its steps.
        tables.append(table[1:] if steps and tables else table)
    return np.concatenate(tables) if tables else np.zeros((0, 2), dtype=np.float32)


def ask_distribution(
    model: RatingModel, history: Ratings, *asked: NDArray[Any]
) -> object:
    """Return a model's answer to ``predict_distribution``, unchecked; see `predicted`.

    Raises:
        ModelError: It has no such method.
    """
    method = getattr(model, "predict_distribution", None)
    if not callable(method):
        raise ModelError(
            f"{type(model).__name__} says predicts_distribution, but has no method "
            f"'predict_distribution'."
        )
    return method(history, *asked)


def _chunks(pairs: Pairs, size: int) -> Iterator[list[NDArray[Any]]]:
    """Yield copies of the columns of so many pairs at a time."""
    columns = [map_array(file) for file in pairs.files]
    for start in range(0, len(columns[0]), size):
        yield [np.array(column[start : start + size]) for column in columns]


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
