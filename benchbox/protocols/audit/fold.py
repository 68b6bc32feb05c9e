"""Audit of one fold: runs all checks, in a few passes and without copying columns."""

from benchbox.protocols.audit.dataset import data_findings
from benchbox.protocols.audit.features import feature_findings
from benchbox.protocols.audit.findings import Audit, Finding, Severity
from benchbox.protocols.audit.membership import Census, part_findings, take_census
from benchbox.protocols.audit.question_times import question_time_findings
from benchbox.protocols.audit.times import time_findings
from benchbox.protocols.audit.values import value_findings
from benchbox.protocols.folds import Fold

_ORDER: list[Severity] = ["leak", "warning", "note"]


def audit_fold(fold: Fold) -> Audit:
    """Check *fold* before any model sees it.

    Takes time linear in the number of ratings, and one more byte of memory per rating.
    """
    census = take_census(fold)
    findings = [
        *part_findings(fold, census),
        *data_findings(fold.ratings),
        *time_findings(fold, census.roles),
        *question_time_findings(fold, census.roles),
        *value_findings(fold, census.roles),
        *feature_findings(fold.ratings, census.roles),
        *_cold_findings(fold, census),
    ]
    return Audit(
        n_train=census.n_train,
        n_history=census.n_history,
        n_hidden=census.n_hidden,
        n_cold_users=census.n_cold_users,
        n_cold_items=census.n_cold_items,
        findings=sorted(findings, key=lambda found: _ORDER.index(found.severity)),
    )


def _cold_findings(fold: Fold, census: Census) -> list[Finding]:
    cold = {
        "user": (census.n_cold_users, False),
        "item": (census.n_cold_items, fold.protocol.new_items),
    }
    return [
        Finding(
            severity="warning" if 2 * n > census.n_hidden and not meant else "note",
            name=f"cold-{side}s",
            text=f"{n:,} of {census.n_hidden:,} hidden ratings "
            f"({n / census.n_hidden:.1%}) are of {side}s with no visible rating",
            n=n,
        )
        for side, (n, meant) in cold.items()
        if n
    ]
