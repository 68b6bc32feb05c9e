"""Slices: errors by user, item and rating, and calibration by prediction."""

from benchbox.analysis import Analysis
from benchbox.metrics import Dimension, Slice
from benchbox.reports.columns import MISSING
from benchbox.reports.sections.section import Record, Section, score


def by_slice(analysis: Analysis, dimension: Dimension, what: str) -> Section:
    """Return the RMSE of each model in each slice.

    Args:
        analysis: The models.
        dimension: What slices are by.
        what: The same in words, for the heading.
    """
    by_model, shown = _parts(analysis, dimension)
    first = next(iter(by_model.values()))
    return Section(
        name=dimension,
        title=f"RMSE by {what}",
        headings=["model", *(first[place].name for place in shown)],
        cells=[
            ["(hidden ratings)", *(f"{first[place].n:,.0f}" for place in shown)],
            *(
                [label, *(score(parts[place].rmse) for place in shown)]
                for label, parts in by_model.items()
            ),
        ],
        notes=[_ABOUT_SLICES[dimension]],
        records=_slice_records(by_model),
    )


_ABOUT_SLICES = {
    "activity": "New users have none visible; quarters part the other users in four, "
    "the 1st with the fewest.",
    "popularity": "New items have none; quarters part the other items in four, the 1st "
    "with the fewest.",
    "rating": "No model knows what slice it is asked about: one that always predicts "
    "the middle does well in the middle.",
}


def calibration(analysis: Analysis) -> Section:
    """Return how far ratings lie from what each model predicts, by prediction."""
    by_model, shown = _parts(analysis, "prediction")
    names = [part.name for part in next(iter(by_model.values()))]
    return Section(
        name="prediction",
        title="Calibration: mean rating minus mean prediction, by prediction",
        headings=["model", *(names[place] for place in shown)],
        cells=[
            [label, *(_excess(parts[place]) for place in shown)]
            for label, parts in by_model.items()
        ],
        notes=["Above 0, ratings are higher than the model predicts there."],
        records=_slice_records(by_model),
    )


def _parts(
    analysis: Analysis, dimension: Dimension
) -> tuple[dict[str, list[Slice]], list[int]]:
    """Return the slices per model, and the places of those that any model fills."""
    by_model = {m.label: m.breakdown.by(dimension) for m in analysis.models}
    rows = list(by_model.values())
    shown = [k for k in range(len(rows[0])) if any(parts[k].n for parts in rows)]
    return by_model, shown


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
            "slice_rmse": part.rmse,
            "slice_mae": part.mae,
            "slice_mape": part.mape,
            "mean_predicted": part.mean_predicted,
            "mean_actual": part.mean_actual,
        }
        for label, parts in by_model.items()
        for part in parts
        if part.n
    ]
