"""Findings: what an audit says, and which of it stops a run."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from benchbox.errors import LeakError
from benchbox.protocols.folds import Fold

Severity = Literal["leak", "warning", "note"]
"""A leak stops the run; a warning may spoil its figures; a note helps to read them."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing an audit found.

    Attributes:
        severity: How bad it is.
        name: What it is, kebab-case.
        text: The same for people, in one line.
        n: How many ratings, users or items it concerns.
    """

    severity: Severity
    name: str
    text: str
    n: int


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a fold before it runs.

    Attributes:
        n_train: Ratings `fit` may see.
        n_history: Ratings `predict` may see.
        n_hidden: Ratings to predict.
        n_cold_users: Hidden ratings of users with nothing visible.
        n_cold_items: Hidden ratings of items with no training rating.
        findings: The worst first.
    """

    n_train: int
    n_history: int
    n_hidden: int
    n_cold_users: int
    n_cold_items: int
    findings: list[Finding]

    @property
    def leaks(self) -> list[Finding]:
        """The findings that stop a run."""
        return [found for found in self.findings if found.severity == "leak"]


def refuse_leaks(folds: Sequence[Fold], audits: Sequence[Audit], data: str) -> None:
    """Refuse to run folds that leak, unless their protocol is a named flawed one.

    Raises:
        LeakError: A hidden rating can reach a model; says which way.
    """
    for fold, audit in zip(folds, audits, strict=True):
        if audit.leaks and not fold.protocol.flaw:
            first, *others = audit.leaks
            more = f" ({len(others)} more: benchbox data audit)" if others else ""
            raise LeakError(
                f"Fold {fold.name!r} of {fold.protocol.name!r} on {data} leaks hidden "
                f"ratings: {first.text}{more}. Its figures would say nothing; mend the "
                f"data or the protocol."
            )
