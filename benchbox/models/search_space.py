"""Search spaces: the values of a model's options that tuning may try."""

from collections.abc import Mapping
from math import log10
from typing import Any

import msgspec


class Span(msgspec.Struct, frozen=True):
    """A range of numbers; whole numbers if both ends are whole.

    Attributes:
        low: Lowest value.
        high: Highest value.
        log: Whether to sample on a logarithmic scale.
    """

    low: int | float
    high: int | float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(
                f"a span needs low < high, and low > 0 if log is set, not {self}"
            )

    @property
    def is_whole(self) -> bool:
        """Whether the range holds only whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def holds(self, value: Any) -> bool:
        """Return whether *value* is in the search space."""
        return isinstance(value, int | float) and self.low <= value <= self.high

    def rounded(self, value: float) -> int | float:
        """Return *value* rounded to three digits, within the range."""
        if self.is_whole:
            return int(value)
        digits = 2 - int(log10(abs(value))) + (abs(value) < 1) if value else 0
        return min(max(round(value, digits), self.low), self.high)


class OneOf(msgspec.Struct, frozen=True):
    """An unordered choice of values.

    Attributes:
        values: The values, of types that JSON has.
    """

    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Return whether *value* is in the search space."""
        return self.place(value) is not None

    def place(self, value: Any) -> int | None:
        """Return the position of *value* in ``values``; tuples and lists are equal."""
        written = [msgspec.json.encode(each) for each in self.values]
        asked = msgspec.json.encode(value)
        return written.index(asked) if asked in written else None


def read_space(written: Mapping[str, Any]) -> "SearchSpace":
    """Return a search space from the plain values that msgspec wrote of it."""
    return {
        name: msgspec.convert(values, Span)
        if "low" in values
        else msgspec.convert(values, OneOf)
        for name, values in written.items()
    }


SearchSpace = Mapping[str, Span | OneOf]
"""Values that tuning may try, by option name."""
