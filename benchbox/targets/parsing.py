"""Parsing of Python, from any thread."""

import ast
from threading import Lock

_ONE_AT_A_TIME = Lock()
"""Python 3.11 counts the depth of all parsers of a process in one place, so that two at
once can end with a SystemError."""


def parsed(source: str | bytes) -> ast.Module:
    """Return the tree of *source*; see `ast.parse`."""
    with _ONE_AT_A_TIME:
        return ast.parse(source)
