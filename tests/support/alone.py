"""Alone: the body of a test in a forked child, which has one thread and no children."""

import functools
import multiprocessing
import traceback
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import ParamSpec

import pytest

P = ParamSpec("P")

_FORK = multiprocessing.get_context("fork")


def alone(test: Callable[P, None]) -> Callable[P, None]:
    """Run *test* in a child of its own.

    Neither the threads of pytest-xdist nor processes that other tests have started are
    there.
    """

    @functools.wraps(test)
    def in_a_child(*args: P.args, **kwargs: P.kwargs) -> None:
        ours, theirs = _FORK.Pipe(duplex=False)

        def report() -> None:
            theirs.send(_failure(lambda: test(*args, **kwargs)))

        child = _FORK.Process(target=report)
        with warnings.catch_warnings():
            # Python 3.12 warns of forking with threads; the child uses none of them.
            warnings.simplefilter("ignore", DeprecationWarning)
            child.start()
        theirs.close()
        failure = _heard(ours)
        child.join()
        if failure:
            pytest.fail(failure, pytrace=False)

    return in_a_child


def _failure(work: Callable[[], None]) -> str:
    """Return what went wrong; empty if nothing did."""
    try:
        work()
    except BaseException:  # noqa: BLE001 - whatever went wrong is the answer
        return traceback.format_exc()
    return ""


def _heard(ours: Connection) -> str:
    with ours:
        try:
            answer: str = ours.recv()
        except EOFError:
            return "The child ended before the test did."
    return answer
