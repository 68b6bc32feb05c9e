"""Parsing of Python, from any thread."""

import ast
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import TypeVar

T = TypeVar("T")

_ONE_AT_A_TIME = Lock()
"""Long sources wait for their turn, or they would interrupt each other for ever."""

_MOST_TIMES = 100


def parsed(source: str | bytes) -> ast.Module:
    """Return the tree of *source*; see `ast.parse`."""
    with _ONE_AT_A_TIME:
        return undisturbed(lambda: ast.parse(source))


def undisturbed(parse: Callable[[], T]) -> T:
    """Return the result of *parse*, which parses Python, whatever other threads parse.

    Python 3.11 counts the depth of all parsers of a process in one place. So one that
    another thread interrupts, to parse something itself, ends with a SystemError, which
    says nothing about the source. NumPy is a parser, too: the header of each array in a
    file is a literal.

    Args:
        parse: Is called again after each such error.
    """
    for _ in range(_MOST_TIMES - 1):
        with suppress(SystemError):
            return parse()
    return parse()
