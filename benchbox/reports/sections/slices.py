"""Sections with metrics by user, item and rating, and calibration by prediction."""

from benchbox.analysis import Analysis
from benchbox.metrics import Dimension, Slice
from benchbox.reports.numbers import MISSING, heading, number
from benchbox.reports.sections.section import Record, Section


def by_slice(analysis: Analysis, dimension: Dimension, what: str) -> Section:
    """Return the headline of each model in each slice.

    Args:
        analysis: The analysis.
        dimension: Dimension of the slices.
        what: Description of the dimension, for the heading.
    """
    by_model, shown = _slices(analysis, dimension)
    metric = analysis.headline
    first = next(iter(by_model.values()))
    return Section(
        name=dimension,
        title=f"{heading(metric)} by {what}",
        headings=["model", *(first[place].name for place in shown)],
        cells=[
            ["(hidden ratings)", *(f"{first[place].n:,.0f}" for place in shown)],
            *(
                [label, *(number(metric, own[k].values[metric.name]) for k in shown)]
                for label, own in by_model.items()
            ),
        ],
        notes=[_ABOUT_SLICES[dimension]],
        records=_slice_records(by_model),
        gives_way=_fewest_first(by_model, shown),
    )


_ABOUT_SLICES = {
    "activity": "New users have no visible ratings; the quarters split the other users "
    "into four groups, the 1st with the fewest ratings.",
    "popularity": "New items have no training ratings; the quarters split the other "
    "items into four groups, the 1st with the fewest ratings.",
    "rating": "Models do not know the slice of a rating: one that always predicts the "
    "middle of the scale does well there.",
}


def calibration(analysis: Analysis) -> Section:
    """Return the mean rating minus the mean prediction of each model, by prediction."""
    by_model, shown = _slices(analysis, "prediction")
    first = next(iter(by_model.values()))
    return Section(
        name="prediction",
        title="Calibration: mean rating minus mean prediction, by prediction",
        headings=["model", *(first[place].name for place in shown)],
        cells=[
            [label, *(_excess(own[place]) for place in shown)]
            for label, own in by_model.items()
        ],
        notes=["Above 0, ratings are higher than the model predicts there."],
        records=_slice_records(by_model),
        gives_way=_fewest_first(by_model, shown),
    )


def _slices(
    analysis: Analysis, dimension: Dimension
) -> tuple[dict[str, list[Slice]], list[int]]:
    """Return slices by model, and positions of those not empty for some model."""
    by_model = {m.label: m.breakdown.by(dimension) for m in analysis.models}
    rows = list(by_model.values())
    shown = [k for k in range(len(rows[0])) if any(own[k].n for own in rows)]
    return by_model, shown


def _fewest_first(by_model: dict[str, list[Slice]], shown: list[int]) -> list[int]:
    """Return the columns of slices, those with the fewest ratings first."""
    n_ratings = [sum(own[place].n for own in by_model.values()) for place in shown]
    return sorted(range(1, len(shown) + 1), key=lambda place: n_ratings[place - 1])


def _excess(part: Slice) -> str:
    if part.mean_actual is None or part.mean_predicted is None:
        return MISSING
    # Adding 0 turns a rounded -0.0 into 0.0.
    return f"{round(part.mean_actual - part.mean_predicted, 2) + 0.0:+.2f}"


def _slice_records(by_model: dict[str, list[Slice]]) -> list[Record]:
    return [
        {
            "model": label,
            "slice": part.name,
            "slice_n": part.n,
            **{f"slice_{name}": value for name, value in part.values.items()},
            "mean_predicted": part.mean_predicted,
            "mean_actual": part.mean_actual,
        }
        for label, own in by_model.items()
        for part in own
        if part.n
    ]
