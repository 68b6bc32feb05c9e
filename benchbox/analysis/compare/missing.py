"""Refuses comparisons that lack what the baseline has: a gate must not pass on them."""

from collections.abc import Iterable, Iterator

from benchbox.analysis.compare.sides import Side, Subject
from benchbox.analysis.compare.verdicts import Comparison
from benchbox.errors import ResultsError

_MOST_NAMED = 5


def require_complete(
    first: Side, second: Side, found: Comparison, *, allow_missing: bool = False
) -> None:
    """Check that a comparison judged every subject of the baseline.

    Args:
        first: The baseline.
        second: The side that was judged.
        found: The comparison of both.
        allow_missing: Whether one judged subject is enough.

    Raises:
        ResultsError: Something was not judged; the message names it.
    """
    judged = {
        Subject(cell.where, cell.who)
        for cell in found.cells
        if cell.effect is not None
        or cell.verdict != "UNSURE"
        or cell.quantity == "trials"
    }
    missing = [subject for subject in first.subjects if subject not in judged]
    if judged and (allow_missing or not missing):
        return
    raise ResultsError(
        f"{second.name} was not judged against {first.name}: "
        f"{'; '.join(_reasons(first, second, missing))}. Compare runs of the same "
        f"models and folds"
        + (
            ", or give --allow-missing to compare what both have."
            if judged and not allow_missing
            else "."
        )
    )


def _reasons(first: Side, second: Side, missing: list[Subject]) -> Iterator[str]:
    """Yield what is missing, in words."""
    for side in (first, second):
        if not side.subjects:
            yield f"{side.name} has no results"
    known = set(second.subjects)
    if second.subjects and (gone := [s for s in missing if s not in known]):
        yield f"{second.name} has no {_named(gone)}"
    if other := [s for s in missing if s in known]:
        yield f"nothing that both measured has the same fold ids for {_named(other)}"
        rules = [side.conditions.get("rules of drawing") for side in (first, second)]
        if rules[0] != rules[1] and all(rules):
            yield f"their folds were drawn by {rules[0]} and by {rules[1]}"


def _named(subjects: Iterable[Subject]) -> str:
    names = [f"{who} on {where}" if where else who for where, who in subjects]
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
