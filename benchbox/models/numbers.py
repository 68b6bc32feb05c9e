"""Converts NumPy, torch and similar scalars, as models report them, to plain Python."""

from typing import Any

from benchbox.errors import ModelError, one_line, shown
from benchbox.options import LARGEST_COUNT as LARGEST_COUNT


def as_number(value: Any, what: str) -> float:
    """Return a number of any kind as a float; NaN and infinity are numbers.

    Numbers of NumPy, arrays and tensors of shape ``()`` are accepted, True is not.

    Args:
        value: What a model said.
        what: What it is, for the message.

    Raises:
        ModelError: It is not a number.
    """
    plain = _plain(value)
    if not isinstance(plain, int | float) or isinstance(plain, bool):
        raise ModelError(f"{what} is {shown(value)}; it must be a number.")
    try:
        return float(plain)
    except OverflowError:
        raise ModelError(f"{what} is larger than any float.") from None


def as_count(value: Any, what: str, least: int = 0) -> int:
    """Return a whole number of any kind as an int.

    Args:
        value: What a model said, as for `as_number`.
        what: What it is, for the message.
        least: The smallest number it may be.

    Raises:
        ModelError: It is not a whole number, or too small or large for records.
    """
    plain = _plain(value)
    is_whole = isinstance(plain, int) or (
        isinstance(plain, float) and plain.is_integer()
    )
    if not is_whole or isinstance(plain, bool):
        raise ModelError(f"{what} is {shown(value)}; it must be a whole number.")
    if not least <= plain <= LARGEST_COUNT:
        raise ModelError(
            f"{what} is {shown(value)}; it must lie between {least} and 2^63 - 1."
        )
    return int(plain)


def as_text(value: Any, what: str) -> str:
    """Return a text, or a number of any kind as text.

    Raises:
        ModelError: It is neither.
    """
    if isinstance(value, str):
        return one_line(value)
    plain = _plain(value)
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return shown(plain)
    raise ModelError(f"{what} is {shown(value)}; it must be a text or a number.")


def _plain(value: Any) -> Any:
    """Return the number within a scalar of NumPy, torch and the like."""
    if isinstance(value, int | float | str):
        return value
    # Tensors are asked for their shape too, without importing torch.
    is_scalar = getattr(value, "shape", None) == () and hasattr(value, "item")
    return value.item() if is_scalar else value
