"""Findings of an audit, and the refusal of folds that leak."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from benchbox.errors import LeakError
from benchbox.protocols.folds import Fold

Severity = Literal["leak", "warning", "note"]
"""A leak stops the run, a warning casts doubt on its figures, a note explains them."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing an audit found.

    Attributes:
        severity: How bad it is.
        name: Kind of finding, kebab-case.
        text: One line that describes it to people.
        n: Number of ratings, users or items it concerns.
    """

    severity: Severity
    name: str
    text: str
    n: int


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a fold before it runs.

    Attributes:
        n_train: Number of ratings `fit` may see.
        n_history: Number of ratings `predict` may see.
        n_hidden: Number of ratings to predict.
        n_cold_users: Number of hidden ratings of users with no visible rating.
        n_cold_items: Number of hidden ratings of items with no training rating.
        findings: The findings, worst first.
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
    """Refuse to run folds that leak, unless their protocol is marked as flawed.

    Raises:
        LeakError: A hidden rating can reach a model; the message says how.
    """
    for fold, audit in zip(folds, audits, strict=True):
        if audit.leaks and not fold.protocol.flaw:
            first, *others = audit.leaks
            more = f" ({len(others)} more: benchbox data audit)" if others else ""
            raise LeakError(
                f"Fold {fold.name!r} of {fold.protocol.name!r} on {data} leaks hidden "
                f"ratings: {first.text}{more}. Its figures would be meaningless; fix "
                f"the data or the protocol."
            )
