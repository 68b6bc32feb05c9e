"""`benchbox data folds` and `audit`, and what a run does with a leak."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchbox.data.cards import DatasetCard
from benchbox.data.raw import IdColumn, RawFeatures, RawRatings
from benchbox.plugins.registry import Offer, Registry, discover
from benchbox.protocols.audit.findings import Finding
from benchbox.ratings import RatingScale
from tests.support.commands import Benchbox


def read_leaky(files, card, options) -> RawRatings:
    """Users with a count of all their ratings as a feature."""
    random = np.random.default_rng(0)
    users, items = np.nonzero(random.random((40, 50)) < 0.5)
    counts = {"n_ratings": np.bincount(users)}
    return RawRatings(
        users=IdColumn.of(users),
        items=IdColumn.of(items),
        values=random.integers(1, 6, len(users)).astype(float),
        user_features=RawFeatures(ids=[str(u) for u in range(40)], columns=counts),
    )


@pytest.fixture
def leaky(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a data set whose features were computed from all ratings."""
    card = DatasetCard(
        name="leaky",
        title="Leaky",
        summary="counts its ratings",
        scale=RatingScale(1, 5, 1),
        reader=f"{__name__}:read_leaky",
    )
    registry = discover()
    origin = registry.find("models", "bias").origin
    datasets = {**registry.offers["datasets"], "leaky": [Offer(card, origin)]}
    offers = {**registry.offers, "datasets": datasets}
    for command in ("run", "folds"):
        monkeypatch.setattr(
            f"benchbox.cli.{command}.installed", lambda: Registry(offers, [])
        )


def test_folds_are_listed_with_sizes_cold_counts_ids_and_pins(
    benchbox: Benchbox,
) -> None:
    done = benchbox("data folds synthetic -p kfold -p new-users:given=5")

    assert done.code == 0
    kfold, new_users = done.out.split("\n\nsynthetic")
    assert kfold.count("40,000") == 5
    assert "k5" in kfold
    assert "this is the standard split" in kfold
    assert "· new-users:given=5" in new_users
    assert "history" in new_users
    assert "does not pin these ids" in new_users


def test_an_audit_tells_severity_and_reason_by_fold(benchbox: Benchbox) -> None:
    done = benchbox("data audit svd-toy -p kfold")

    assert done.code == 0
    assert "k1: 36 training and 9 hidden ratings; no leak" in done.out
    assert "warning: only 9 ratings are hidden" in done.out


def test_a_flawed_protocol_leaks_as_it_says(benchbox: Benchbox) -> None:
    done = benchbox("data audit svd-toy -p reconstruction")

    assert done.code == 0
    assert "LEAK: 45 hidden ratings are also in train." in done.out
    assert "is marked as flawed" in done.out


def test_findings_are_kept_with_the_fold_s_record_and_warnings_said(
    benchbox: Benchbox,
) -> None:
    done = benchbox("run -d svd-toy -p holdout -m bias")

    assert "svd-toy · holdout:fraction=0.1,seed=0, fold holdout: only 4" in done.err

    (fold,) = done.folder.read_run().stages[0].folds
    assert (
        Finding(
            severity="warning",
            name="tiny-test",
            text="only 4 ratings are hidden: sampling alone makes an RMSE over them "
            "uncertain by 35%",
            n=4,
        )
        in fold.findings
    )


def test_warnings_stand_under_the_table_in_every_format(benchbox: Benchbox) -> None:
    done = benchbox("run -d svd-toy -p holdout -m bias -m item-mean")
    said = "only 4 ratings are hidden: sampling alone makes an RMSE over them uncertain"
    forms = {
        name: benchbox(f"report last --format {name}").out
        for name in ("markdown", "latex", "csv", "json")
    }
    files = [done.folder.path / f"table.{end}" for end in ("md", "csv", "tex")]

    texts = [done.out, *forms.values(), *(file.read_text() for file in files)]

    for text in texts:
        assert said in " ".join(text.split())
    assert "bold: best RMSE" in forms["markdown"]
    (table,) = json.loads(forms["json"])["tables"]
    assert any(text.startswith("fold holdout: only 4") for text in table["warnings"])


def test_a_warning_of_several_folds_is_said_once(benchbox: Benchbox) -> None:
    done = benchbox("run -d svd-toy -p kfold:n_folds=3 -m bias")

    for text in (done.out, done.err):
        said = " ".join(text.split())
        assert said.count("ratings are hidden: sampling alone") == 1
        assert "fold k1 (and 2 other folds): only" in said


@pytest.mark.usefixtures("leaky")
def test_a_leak_stops_the_run_in_one_line_before_anything_is_fitted(
    benchbox: Benchbox,
) -> None:
    done = benchbox("run -d leaky -m bias")

    assert done.code == 1
    assert done.err.count("\n") == 1
    text = "the user feature 'n_ratings' equals the count of ratings, hidden ones"
    assert text in done.err
    assert not done.results.exists()


@pytest.mark.usefixtures("leaky")
def test_an_audit_of_a_leak_is_an_exit_code(benchbox: Benchbox) -> None:
    done = benchbox("data audit leaky -p kfold:n_folds=2")

    assert done.code == 1
    assert "k2: " in done.out
    assert done.out.count("LEAK: the user feature 'n_ratings'") == 2


@pytest.mark.usefixtures("leaky")
def test_a_named_flawed_protocol_runs_although_it_leaks(benchbox: Benchbox) -> None:
    done = benchbox("run -d leaky -p reconstruction -m bias")

    assert done.code == 0
    (fold,) = done.folder.read_run().stages[0].folds
    assert "hidden-in-train" in [found.name for found in fold.findings]


def test_one_hidden_rating_is_told_as_one(benchbox: Benchbox) -> None:
    rows = [f"u{n},i{n % 3},{n % 5 + 1}" for n in range(10)]
    Path("r.csv").write_text("\n".join(["user,item,rating", *rows, ""]))

    done = benchbox("data audit r.csv")

    assert "warning: only 1 rating is hidden" in done.out
