"""Checks of the plugin contract: definition, verdict, and running them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar
from unittest import SkipTest

from benchbox.errors import error_line

Subject = TypeVar("Subject")


class ContractError(AssertionError):
    """A plugin breaks its contract; the text says how, and what to do."""


@dataclass(frozen=True, slots=True)
class Check(Generic[Subject]):
    """One promise of the contract and the function that tests it.

    Attributes:
        name: Name in kebab-case.
        promise: What the plugin promises, in one line.
        function: Raises `ContractError` if the promise is broken, and
            `unittest.SkipTest` if the plugin does not make it.
    """

    name: str
    promise: str
    function: Callable[[Subject], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of a check.

    Attributes:
        check: The check.
        status: Whether the promise is kept, broken or not made.
        reason: Why it is broken or not made; empty if it is kept.
    """

    check: Check[Any]
    status: Literal["kept", "broken", "not made"]
    reason: str = ""


def judge(checks: Sequence[Check[Subject]], subject: Subject) -> Iterator[Verdict]:
    """Run all *checks* on *subject*; a failed check does not stop the others."""
    for check in checks:
        # Plugin code runs here, so any exception is a verdict.
        try:
            carry_out(check, subject)
        except SkipTest as reason:
            yield Verdict(check, "not made", str(reason))
        except ContractError as error:
            yield Verdict(check, "broken", str(error))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001
            yield Verdict(check, "broken", f"It raised {error_line(error)}")
        else:
            yield Verdict(check, "kept")


def carry_out(check: Check[Subject], subject: Subject) -> None:
    """Run a check, unless the subject cannot run here or states that it breaks it.

    Raises:
        ContractError: The promise is broken; or it is kept, although the spec states
            that it is not.
        SkipTest: The promise is not made.
    """
    if reason := getattr(subject, "unavailable", ""):
        raise SkipTest(reason)
    stated = getattr(subject, "known_breaches", {}).get(check.name)
    if stated is None:
        check.function(subject)
        return
    try:
        check.function(subject)
    except SkipTest:
        raise
    # Whatever the plugin's code throws, its spec has announced it.
    except Exception:  # noqa: BLE001
        raise SkipTest(f"its spec states a breach: {stated}") from None
    raise ContractError(
        f"The spec states a breach of {check.name!r}, but keeps the promise. Take it "
        f"out of known_breaches."
    )


def as_check(function: Callable[[Subject], None]) -> Check[Subject]:
    """Return a check with the function's name and the first line of its docstring."""
    promise = (function.__doc__ or "").partition("\n")[0]
    return Check(function.__name__.replace("_", "-"), promise, function)
