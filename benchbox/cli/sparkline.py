"""A line of block characters that shows how numbers go up and down."""

from collections.abc import Sequence
from math import isfinite

_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int) -> str:
    """Return the latest *values*, one character each, the largest as a full block.

    Args:
        values: The numbers, in order; those that are not finite are left out.
        width: Number of characters at most.
    """
    known = [value for value in values if isfinite(value)][-width:]
    if len(known) < 2:
        return ""
    low, span = min(known), max(known) - min(known)
    last = len(_BLOCKS) - 1
    heights = (round((v - low) / span * last) if span else 0 for v in known)
    return "".join(_BLOCKS[height] for height in heights)
