"""`run.plot`: each method draws its figure, of the stage that was asked for."""

from typing import Any

import pytest

from benchbox.runs import plots

PER_STAGE = ("pareto", "curves", "slices", "forest", "calibration", "phases", "memory")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Return a list of what was drawn: the folder, the figure's name and the stage."""
    calls: list[tuple[Any, ...]] = []

    def figure_of(
        folder: Any, name: str, registry: Any, notify: Any, stage: int
    ) -> str:
        calls.append((folder, name, stage))
        return f"figure {name}"

    monkeypatch.setattr(plots, "figure_of", figure_of)
    monkeypatch.setattr(plots, "chart", lambda figure: f"chart of {figure}")
    return calls


@pytest.mark.parametrize("name", PER_STAGE)
def test_a_method_draws_the_figure_of_its_name(
    name: str, drawn: list[tuple[Any, ...]]
) -> None:
    plot = plots.Plots("folder")

    assert getattr(plot, name)() == f"chart of figure {name}"
    getattr(plot, name)(stage=2)

    assert drawn == [("folder", name, 0), ("folder", name, 2)]


def test_ranks_are_drawn_over_all_stages(drawn: list[tuple[Any, ...]]) -> None:
    assert plots.Plots("folder").cd() == f"chart of figure {plots.OVER_DATASETS}"
    assert drawn == [("folder", plots.OVER_DATASETS, 0)]
