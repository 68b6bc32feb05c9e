"""Brings records of older formats up to the present one."""

from collections.abc import Callable, Mapping
from typing import Any

from benchbox.records.run import RESULT_FORMAT

Content = dict[str, Any]
"""A record as its file has it."""

OLDEST_FORMAT = 1


def _from_1(content: Content) -> Content:
    """Return a record of format 1 as one of format 2.

    The fields are the same. What is new is that the run lists its trials in a manifest,
    and that every record has a digest.
    """
    return content


_UPGRADES: Mapping[int, Callable[[Content], Content]] = {1: _from_1}
"""For each older format, what makes a record one of the next."""


def upgraded(content: Content, from_format: int) -> Content:
    """Return *content* with the fields of the present format.

    Its field ``format`` stays what it was, since a reader may have to know that.
    """
    for number in range(from_format, RESULT_FORMAT):
        content = _UPGRADES[number](content)
    return content
