"""Learned parameters of a model as named arrays, in memory and in a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.errors import ModelError

State = Mapping[str, Any]
"""Arrays and numbers by name; a dot separates the name of a part, as in "part.name"."""

FILE = "state.safetensors"


def nested(name: str, state: State) -> dict[str, Any]:
    """Return *state* with its names prefixed, as the part *name* of a larger state."""
    return {f"{name}.{key}": value for key, value in state.items()}


def part(state: State, name: str) -> dict[str, Any]:
    """Return the part of *state* called *name*: the reverse of `nested`."""
    start = f"{name}."
    return {
        key.removeprefix(start): value
        for key, value in state.items()
        if key.startswith(start)
    }


def write_state(folder: Path, state: State) -> None:
    """Write *state* into *folder* as one file, which contains numbers but no code.

    Raises:
        ModelError: A value is neither a number nor an array of numbers.
    """
    from safetensors.numpy import save_file

    arrays = {name: _array(name, value) for name, value in state.items()}
    save_file(arrays, folder / FILE)


def read_state(folder: Path) -> dict[str, NDArray[Any]]:
    """Return the state in *folder*; numbers come back as arrays of shape ``()``.

    Raises:
        ModelError: The file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(folder / FILE)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"The model's state in {folder / FILE} cannot be read: {error}. "
            f"Fit and save the model again."
        ) from error


def _array(name: str, value: Any) -> NDArray[Any]:
    array = np.ascontiguousarray(value).reshape(np.shape(value))
    if array.dtype.kind not in "fiub":
        raise ModelError(
            f"state() returned {array.dtype} for {name!r}; it must be a number or an "
            f"array of numbers."
        )
    return array
