"""Checks: what a check is, how one ends, and running many of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar
from unittest import SkipTest

from benchbox.text import error_line

Subject = TypeVar("Subject")


class ContractError(AssertionError):
    """A plugin breaks its contract; says how, and what its author can do."""


@dataclass(frozen=True, slots=True)
class Check(Generic[Subject]):
    """One promise of the contract, and how it is put to the test.

    Attributes:
        name: Name, kebab-case.
        promise: What a plugin promises, in one line.
        function: Raises `ContractError` if it is broken, and `unittest.SkipTest` if
            it was not made.
    """

    name: str
    promise: str
    function: Callable[[Subject], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a check ended.

    Attributes:
        check: Which.
        status: Whether the promise was kept, or not made.
        reason: Why, unless it was kept.
    """

    check: Check[Any]
    status: Literal["kept", "broken", "not made"]
    reason: str = ""


def judge(checks: Sequence[Check[Subject]], subject: Subject) -> Iterator[Verdict]:
    """Run *checks* on *subject*, one after the other, whatever becomes of them."""
    for check in checks:
        # Here a plugin's code runs: what it throws, whatever it is, is a verdict.
        try:
            check.function(subject)
        except SkipTest as reason:
            yield Verdict(check, "not made", str(reason))
        except ContractError as error:
            yield Verdict(check, "broken", str(error))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            yield Verdict(check, "broken", f"It raised {error_line(error)}")
        else:
            yield Verdict(check, "kept")


def as_check(function: Callable[[Subject], None]) -> Check[Subject]:
    """Make a check of a function: its name and the first line of its docstring."""
    promise = (function.__doc__ or "").partition("\n")[0]
    return Check(function.__name__.replace("_", "-"), promise, function)
