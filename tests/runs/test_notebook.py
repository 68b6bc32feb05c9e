"""Notebooks: classes of a cell are models, and a bar shows how a run goes."""

import numpy as np

import benchbox as package
from benchbox.ratings import Ratings, RatingScale
from benchbox.runs.notebook import NotebookProgress, notebook_progress
from tests.targets.test_cells import Notebook, notebook  # noqa: F401

CELL = """
import numpy as np

class Halfway:
    stochastic = False

    def __init__(self, weight: float = 0.5):
        self.weight = weight

    def fit(self, train, context):
        self.mean = train.values.mean() * self.weight

    def predict(self, history, users, items):
        return np.full(len(users), self.mean, dtype=np.float32)
"""


def test_a_class_of_a_cell_runs_beside_others_and_the_bar_says_so(
    notebook: Notebook,  # noqa: F811
    benchbox,
    tmp_path,
    monkeypatch,
) -> None:
    # The fixture `benchbox` prepares the folders; its zygote serves this run too.
    notebook.run(CELL)
    shown: list[str] = []

    run = package.run(
        [notebook["Halfway"], (notebook["Halfway"], {"weight": 0.25}), "global-mean"],
        "svd-toy",
        "kfold:n_folds=2",
        out=tmp_path / "runs",
        threads=1,
        listener=NotebookProgress(shown.append),
    )

    assert sorted(run.table["model"]) == [
        "Halfway",
        "Halfway:weight=0.25",
        "global-mean",
    ]
    assert set(run.trials["status"]) == {"ok"}
    assert f"run {run.record.id}: 6 trials in " in shown[-1]
    assert '<progress max="6" value="6">' in shown[-1]


def test_outside_of_a_notebook_nothing_is_shown() -> None:
    assert notebook_progress() is None


def test_ratings_show_a_summary_and_the_first_rows_as_text() -> None:
    ratings = Ratings(
        users=np.zeros(9, dtype=np.int32),
        items=np.arange(9, dtype=np.int32),
        values=np.full(9, 3.5, dtype=np.float32),
        n_users=1,
        n_items=9,
        scale=RatingScale(1, 5),
        user_ids=np.array(["<script>"], dtype=object),
    )

    html = ratings._repr_html_()

    assert "9 by 1 user of 9 items" in html
    assert html.count("<td>3.5</td>") == 5
    assert "…" in html
    assert "<script>" not in html
