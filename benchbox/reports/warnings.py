"""What the audit of the folds warns of, in words that stand under every table."""

from collections import Counter
from collections.abc import Callable

from benchbox.protocols import TIME_FINDINGS, Finding
from benchbox.records import StageRecord


def audit_warnings(stage: StageRecord) -> list[str]:
    """Return what casts doubt on the figures of a stage, each kind once for all folds.

    Returns:
        A line for each kind, such as ``"fold k1 (and 4 other folds): …"``, without a
        full stop.
    """
    return _by_kind(stage, lambda found: found.severity == "warning")


def time_warnings(stage: StageRecord) -> list[str]:
    """Return what the times of the questions betray, in the same form.

    It concerns only models that are told these times.
    """
    return _by_kind(stage, lambda found: found.name in TIME_FINDINGS)


def _by_kind(stage: StageRecord, counts: Callable[[Finding], bool]) -> list[str]:
    first: dict[str, tuple[str, str]] = {}
    n_folds: Counter[str] = Counter()
    for fold in stage.folds:
        for found in fold.findings:
            if counts(found):
                first.setdefault(found.name, (fold.name, found.text))
                n_folds[found.name] += 1
    return [
        f"fold {fold}{_others(n_folds[name] - 1)}: {text}"
        for name, (fold, text) in first.items()
    ]


def _others(n: int) -> str:
    return f" (and {n} other fold{'s' if n != 1 else ''})" if n else ""
