"""Search: the values of a model's options that tuning may try."""

from collections.abc import Mapping
from math import log10
from typing import Any

import msgspec


class Span(msgspec.Struct, frozen=True):
    """All numbers between two, whole ones if both ends are.

    Attributes:
        low: The lowest.
        high: The highest.
        log: Whether orders of magnitude are equally likely, rather than numbers.
    """

    low: int | float
    high: int | float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"a span must rise, and from above 0 if log: {self}")

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def holds(self, value: Any) -> bool:
        """Return whether *value* is one of them."""
        return isinstance(value, int | float) and self.low <= value <= self.high

    def rounded(self, value: float) -> int | float:
        """Return *value* to three digits, within the span."""
        if self.is_whole:
            return int(value)
        digits = 2 - int(log10(abs(value))) + (abs(value) < 1) if value else 0
        return min(max(round(value, digits), self.low), self.high)


class OneOf(msgspec.Struct, frozen=True):
    """Some values, as JSON has them, in no order.

    Attributes:
        values: Which.
    """

    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Return whether *value* is one of them."""
        return self.place(value) is not None

    def place(self, value: Any) -> int | None:
        """Return where *value* stands among them; a tuple is the list it reads as."""
        written = [msgspec.json.encode(each) for each in self.values]
        asked = msgspec.json.encode(value)
        return written.index(asked) if asked in written else None


SearchSpace = Mapping[str, Span | OneOf]
"""What tuning may try, by option."""
