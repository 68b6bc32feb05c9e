"""Real MovieLens ratings: published figures, and one data set read in three ways.

These need the files in ``BENCHBOX_DATA``, since their licence forbids to ship them.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from benchbox.data.dataset import Dataset, load_dataset
from benchbox.data.own_files import card_for_files
from benchbox.data.ratings_files import map_ratings, write_ratings
from benchbox.metrics.metric import mae, rmse
from benchbox.metrics.scored import Scored
from benchbox.models.contract import FitContext
from benchbox.options import Options, decode
from benchbox.plugins.registry import discover
from benchbox.protocols.bundled import PROTOCOLS
from benchbox.protocols.folds import Fold, carve_validation, make_folds
from benchbox.protocols.pins import fold_ids
from benchbox.targets import resolve
from tests.support.source_kinds import kind_of

FOLDER = Path(os.environ.get("BENCHBOX_DATA", "")) / "ml-100k"

pytestmark = pytest.mark.skipif(
    not (FOLDER / "u.data").is_file(), reason="BENCHBOX_DATA has no ml-100k"
)


@pytest.fixture(scope="module")
def movielens() -> Dataset:
    card = discover().find("datasets", "ml-100k").value
    return load_dataset(card, kind_of=kind_of, notify=lambda text: None)


@pytest.fixture(scope="module")
def folds(movielens: Dataset) -> list[Fold]:
    official = PROTOCOLS[0]
    made = make_folds(movielens.ratings, official, official.options(), movielens.folds)
    return [fold for fold in made if fold.name in movielens.card.default_folds]


def scored(name: str, fold: Fold, seed: int = 0, **settings: object) -> Scored:
    """Fit and predict as the runner does, but in this process."""
    spec = discover().find("models", name).value
    options: Options = decode(spec.options, settings, name)
    model = resolve(spec.target)(options)
    if spec.capabilities.uses_validation:
        visible = carve_validation(fold, seed)
        reports = []
        context = FitContext(
            seed=seed,
            validation=visible.validation,
            validation_history=visible.validation_history,
            on_report=reports.append,
        )
        model.fit(visible.train, context)
        judged = [report for report in reports if report.validation_rmse is not None]
        best = min(judged, key=lambda report: report.validation_rmse)
        model.fit(fold.train, FitContext(seed=seed, epochs=best.epoch))
    else:
        model.fit(fold.train, FitContext(seed=seed))
    hidden = fold.hidden
    predicted = model.predict(fold.history, hidden.users, hidden.items)
    return Scored(
        predicted=hidden.scale.clip(predicted),
        actual=hidden.values,
        users=hidden.users,
        items=hidden.items,
    )


def test_user_mean_on_u1_is_the_published_figure(folds: list[Fold]) -> None:
    result = scored("user-mean", folds[0])

    assert rmse(result).value == pytest.approx(1.0630, abs=5e-5)
    assert mae(result).value == pytest.approx(0.8502, abs=5e-5)


def test_the_bias_model_on_u1_is_as_good_as_it_should_be(folds: list[Fold]) -> None:
    assert rmse(scored("bias", folds[0])).value <= 0.960


def test_biased_mf_over_the_five_folds_is_well_set_up(folds: list[Fold]) -> None:
    errors = [rmse(scored("biased-mf", fold)).value for fold in folds]

    assert np.mean(errors) <= 0.920


@pytest.mark.parametrize(
    "name", ["autorec-user", "autorec-item", "svd", "biased-mf-sgd", "neural-cf"]
)
def test_a_model_beats_the_bias_model_on_u1(folds: list[Fold], name: str) -> None:
    bias = rmse(scored("bias", folds[0])).value
    own = rmse(scored(name, folds[0])).value

    assert own < bias - 0.01


def test_the_publishers_file_the_copy_and_a_plain_csv_give_the_same_folds(
    movielens: Dataset, tmp_path: Path
) -> None:
    lines = (FOLDER / "u.data").read_text().splitlines()
    rows = [line.split("\t") for line in lines]
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    heading = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    (tmp_path / "copy.inter").write_text(heading + "\n".join(lines) + "\n")
    (tmp_path / "plain.csv").write_text(
        "item,user,when,stars\n"
        + "".join(f"{item},{user},{when},{r}\n" for user, item, r, when in shuffled)
    )
    columns = "user=user,item=item,rating=stars,timestamp=when"
    cards = [
        card_for_files(str(tmp_path / "copy.inter")),
        card_for_files(str(tmp_path / "plain.csv"), columns),
    ]

    ids = [
        fold_ids(
            load_dataset(card, kind_of=kind_of, notify=lambda text: None), PROTOCOLS[1:]
        )
        for card in cards
    ]

    expected = fold_ids(movielens, PROTOCOLS[1:])
    assert len(expected) == len(PROTOCOLS) - 1
    assert ids == [expected, expected]


def test_features_reach_the_trial_and_raw_ids_do_not(
    movielens: Dataset, tmp_path: Path
) -> None:
    write_ratings(tmp_path / "train", movielens.ratings)

    seen = map_ratings(tmp_path / "train")

    assert seen.user_ids is None
    assert seen.item_features is not None
    assert seen.item_features["title"][0] == "Toy Story"
