"""Figures: each is a valid chart, and shows the numbers of its table."""

import re
from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from benchbox.errors import UsageError
from benchbox.metrics import LEVELS, Reliability
from benchbox.records import RAN_AT_ONCE
from benchbox.reports.figures import (
    FIGURES,
    critical_difference,
    curves,
    figures,
    on_page,
    over_datasets,
)
from benchbox.reports.figures.accuracy_cost import draw as pareto
from benchbox.reports.figures.costs import phases
from benchbox.reports.figures.drawing import chart, check_kind, drawn, save
from benchbox.reports.figures.forest import draw as forest
from tests.support.toy_pages import HOSTILE, toy_curve, toy_study

vl_convert = pytest.importorskip("vl_convert")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return toy_study(tmp_path_factory.mktemp("run"), n_datasets=3)


@pytest.fixture(scope="module")
def drawn_figures(study):
    chapter = study.chapters[0]
    found = figures(chapter.board, chapter.analysis)
    across = over_datasets([c.board for c in study.chapters])
    assert across is not None
    return {figure.name: figure for figure in [*found, across]}


def values(panel) -> list[dict]:
    return panel["data"]["values"]


def test_there_is_a_figure_of_each_kind(drawn_figures) -> None:
    assert {*drawn_figures} == {*FIGURES, "cd"}


def test_every_figure_can_be_drawn_for_a_paper(drawn_figures) -> None:
    for figure in drawn_figures.values():
        text = drawn(figure, ".svg").decode()

        assert text.startswith("<svg")
        assert "NaN" not in text, figure.name


@pytest.mark.slow
def test_every_figure_is_valid_for_altair(drawn_figures) -> None:
    for figure in drawn_figures.values():
        assert chart(figure).to_dict()


def test_a_figure_is_an_altair_chart(drawn_figures) -> None:
    altair = pytest.importorskip("altair")
    found = chart(drawn_figures["memory"])

    assert isinstance(found, altair.Chart)


def test_files_are_what_their_names_say(drawn_figures, tmp_path) -> None:
    figure = drawn_figures["memory"]
    for name, start in (("a.svg", b"<svg"), ("a.png", b"\x89PNG"), ("a.PDF", b"%PDF")):
        save(figure, tmp_path / name)

        assert (tmp_path / name).read_bytes().startswith(start)
    assert len([*tmp_path.iterdir()]) == 3


def test_other_endings_are_refused() -> None:
    from pathlib import Path

    with pytest.raises(UsageError, match=r"'a.gif'. End its name with one of: .svg"):
        check_kind(Path("a.gif"))


def test_on_a_page_lines_take_the_colour_of_its_text(drawn_figures) -> None:
    for figure in drawn_figures.values():
        for panel in figure.panels:
            spec = on_page(panel)
            assert spec["config"]["axis"]["labelColor"] == "currentColor"
            assert spec["width"] == "container"


def test_the_front_joins_the_models_that_no_other_beats(study) -> None:
    board = study.chapters[0].board
    figure = pareto(board)
    assert figure is not None

    front = {r["model"] for r in values(figure.panels[0]) if r["front"][:2] == "on"}
    assert front == {row.label for row in board.rows if row.is_on_front}


def test_costs_are_of_trials_that_ran_alone_or_said_not_to_be(tmp_path) -> None:
    chapter = toy_study(tmp_path).chapters[0]
    board, beside = chapter.board, [f"up to 2 {RAN_AT_ONCE}"]
    shown = pareto(board)
    assert shown is not None
    first, *others = (row["model"] for row in values(shown.panels[0]))
    rows = [
        replace(row, n_together=row.n_ok * (row.label == first)) for row in board.rows
    ]
    trials = [
        structs.replace(t, contended=beside if t.label == first else [])
        for t in board.trials
    ]
    mixed = replace(board, rows=rows, trials=trials)
    all_beside = replace(
        board, rows=[replace(row, n_together=row.n_ok) for row in board.rows]
    )

    figure = pareto(mixed)

    assert figure is not None
    assert {row["model"] for row in values(figure.panels[0])} == set(others)
    assert pareto(all_beside) is None
    for shown, says_so in ((board, False), (mixed, True), (all_beside, True)):
        where_time_goes = phases(shown)
        assert where_time_goes is not None
        assert ("ran at the same time" in where_time_goes.caption) == says_so


def test_labels_that_would_overlap_are_left_out_but_not_the_best(tmp_path) -> None:
    names = tuple(f"a-model-of-the-same-score-{n}" for n in range(0, 40))
    figure = pareto(toy_study(tmp_path, names).chapters[0].board)
    assert figure is not None
    labels = [row["label"] for row in values(figure.panels[0])]

    assert labels[0] == names[0]
    assert 1 < sum(map(bool, labels)) < 10


@pytest.mark.parametrize(
    ("seconds", "sides"),
    [
        ([10, 30, 1000, 1], {"b": "right", "x": "left", "y": "right", "a": "left"}),
        ([12, 10, 1000, 1], {"b": "right", "x": "left", "y": "right"}),
    ],
    ids=["there is room on the left", "there is none"],
)
def test_a_label_moves_to_the_free_side_of_its_point(tmp_path, seconds, sides) -> None:
    names = ("a" * 14, "b" * 14, "x", "y")
    board = toy_study(tmp_path, names).chapters[0].board
    scores = dict(zip(names, (0.9, 0.9, 1.0, 1.1), strict=True))
    costs = dict(zip(names, seconds, strict=True))
    summary = board.rows[0].summaries["rmse"]
    figure = pareto(
        replace(
            board,
            rows=[
                replace(
                    row,
                    total_seconds=costs[row.label],
                    is_on_front=row.label[0] == "b",
                    summaries={"rmse": replace(summary, mean=scores[row.label])},
                )
                for row in board.rows
            ],
        )
    )
    assert figure is not None

    rows = values(figure.panels[0])
    assert {r["label"][0]: r["side"] for r in rows if r["label"]} == sides


def test_no_label_covers_the_name_of_a_line(tmp_path) -> None:
    names = ("slow", "quick")
    board = toy_study(tmp_path, names).chapters[0].board
    known = board.rows[0].summaries["rmse"].mean
    rows = [
        replace(row, total_seconds=100.0 if row.label == "slow" else 1.0)
        for row in board.rows
    ]

    def labels(level: float | None) -> set[str]:
        reference = {} if level is None else {"rmse": level}
        figure = pareto(replace(board, rows=rows, reference=reference))
        assert figure is not None
        return {row["label"] for row in values(figure.panels[0])}

    # The name of a line is at its right end, where the slowest model is.
    assert "slow" in labels(None)
    assert "slow" not in labels(known)


def test_a_model_fitted_in_one_go_has_no_curve(study) -> None:
    board = study.chapters[0].board
    for trial in board.trials:
        if trial.model == 0:
            trial.curve = toy_curve(1)
    figure = curves.draw(board)
    for trial in board.trials:
        trial.curve = toy_curve(30)

    assert figure is not None
    assert len(figure.panels) == len(board.rows) - 1


def test_the_forest_shows_the_intervals_of_the_table(study) -> None:
    board = study.chapters[0].board
    figure = forest(board)
    assert figure is not None

    found = {r["model"]: (r["low"], r["high"]) for r in values(figure.panels[0])}
    assert found == {
        row.label: (row.behind.low, row.behind.high) for row in board.rows if row.behind
    }


def test_long_curves_are_thinned_but_keep_their_ends(study) -> None:
    board = study.chapters[0].board
    for trial in board.trials:
        trial.curve = toy_curve(5000)
    figure = curves.draw(board)
    for trial in board.trials:
        trial.curve = toy_curve(30)
    assert figure is not None
    rows = [r for r in values(figure.panels[0]) if r["series"] == "training loss"]

    assert len(rows) == 120
    assert (rows[0]["epoch"], rows[-1]["epoch"]) == (1, 5000)


def test_a_bar_joins_models_that_do_not_differ() -> None:
    from benchbox.analysis import Ranking

    ranking = Ranking(
        mean_ranks=(1.0, 1.5, 3.5, 4.0),
        p_value=0.001,
        critical_difference=1.0,
        n_datasets=20,
    )
    ranks = list(ranking.mean_ranks)

    assert critical_difference._cliques(ranking, [0, 1, 2, 3], ranks) == [
        (1.0, 1.5),
        (3.5, 4.0),
    ]


def test_distributions_have_a_panel_of_their_own(study) -> None:
    chapter = study.chapters[0]
    assert chapter.analysis is not None
    found = Reliability(n=10.0, hits=np.array(LEVELS) * 10, places=np.ones(10))
    models = [replace(chapter.analysis.models[0], reliability=found)]
    figure = FIGURES["calibration"](
        chapter.board, replace(chapter.analysis, models=models)
    )
    assert figure is not None

    assert len(figure.panels) == 2
    assert [row["share"] for row in values(figure.panels[1])] == pytest.approx(LEVELS)
    assert drawn(figure, ".svg").startswith(b"<svg")


def test_hostile_names_are_text_in_a_drawing(tmp_path) -> None:
    study = toy_study(tmp_path, HOSTILE)
    for figure in figures(study.chapters[0].board, study.chapters[0].analysis):
        text = drawn(figure, ".svg").decode()

        assert not re.search(r"<(script|img)", text)
