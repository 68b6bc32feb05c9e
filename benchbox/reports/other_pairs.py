"""Says of which models predictions depend on the other pairs that are asked for."""

from collections.abc import Mapping

from benchbox.records import AskedAgain

DEPENDS = "⚠"
"""Sign of a model whose predictions depend on the other pairs."""


def depends(found: AskedAgain | None) -> bool:
    """Return whether predictions depend on the other pairs."""
    return found is not None and found.verdict == "depends"


def marked(label: str, found: AskedAgain | None) -> str:
    """Return a model's label, with the sign if it is due."""
    return f"{label} {DEPENDS}" if depends(found) else label


def verdict(found: AskedAgain | None) -> str | None:
    """Return the finding in a word, for programs."""
    return None if found is None else found.verdict


def about_other_pairs(found: Mapping[str, AskedAgain | None]) -> list[str]:
    """Return what to say beneath a table; nothing if all is well.

    Args:
        found: What became of each model's predictions when asked for again, by label.
    """
    known = {label: one for label, one in found.items() if one is not None}
    dependent = {n: one for n, one in known.items() if one.verdict == "depends"}
    varying = [label for label, one in known.items() if one.verdict == "varies"]
    said = []
    if dependent:
        most = max(one.largest_change or 0.0 for one in dependent.values())
        said.append(
            f"{DEPENDS} Predictions depend on which other pairs are asked for: "
            f"{', '.join(dependent)}. Asked for again among other pairs, they changed "
            f"by up to {most:.2g}. Such a model learns from the hidden pairs, which "
            f"nobody knows when a prediction is needed."
        )
    if varying:
        said.append(
            f"Predictions change from call to call, so whether they depend on which "
            f"other pairs are asked for could not be tested: {', '.join(varying)}."
        )
    untested = [
        f"{label} ({one.reason.removesuffix('.')})"
        for label, one in known.items()
        if one.verdict == "untested"
    ]
    if untested:
        said.append(
            f"Not tested whether predictions depend on which other pairs are asked "
            f"for: {', '.join(untested)}."
        )
    return said
