"""Bundled cards: everything a card claims is so."""

import os
from pathlib import Path

import numpy as np
import pytest
from benchbox_datasets import benchbox_datasets

from benchbox.data import DatasetCard, fold_ids, load_dataset
from benchbox.protocols import PROTOCOLS, data_id, make_folds
from benchbox.sources import WheelSource

CARDS = {card.name: card for card in benchbox_datasets()}
PUBLISHED = ("ml-100k", "ml-latest-small")


@pytest.fixture(params=CARDS)
def card(request: pytest.FixtureRequest) -> DatasetCard:
    folder = Path(os.environ.get("BENCHBOX_DATA", "/nonexistent")) / request.param
    if request.param in PUBLISHED and not folder.is_dir():
        pytest.skip(f"BENCHBOX_DATA has no {request.param}")
    return CARDS[request.param]


def load(card: DatasetCard, **settings: str):
    return load_dataset(card, settings, notify=pytest.fail)


def test_every_bundled_data_set_has_a_card() -> None:
    assert set(CARDS) == {"ml-100k", "ml-latest-small", "svd-toy", "synthetic"}


@pytest.mark.parametrize("name", CARDS)
def test_a_card_says_in_a_line_what_it_is_and_on_what_terms(name) -> None:
    card = CARDS[name]

    assert "\n" not in card.summary + card.licence.text
    assert card.licence.text.endswith(".")
    assert len(card.data_id) == 32
    assert set(card.expected_folds) <= {protocol.name for protocol in PROTOCOLS}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_data_name_their_terms_and_what_to_cite(name) -> None:
    assert CARDS[name].licence.url.startswith("https://")
    assert "doi:" in CARDS[name].citation


def test_the_publisher_comes_before_a_copy() -> None:
    sources = CARDS["ml-100k"].sources

    assert isinstance(sources[-1], WheelSource)


def test_the_folds_are_the_expected_ones(card) -> None:
    """Where this fails, the data or a split changed; see `benchbox.data.fold_ids`."""
    dataset = load(card)

    assert data_id(dataset.ratings) == card.data_id
    assert fold_ids(dataset, PROTOCOLS) == card.expected_folds


def test_the_default_protocol_splits_the_data(card) -> None:
    dataset = load(card)
    protocol = next(p for p in PROTOCOLS if p.name == card.default_protocol)

    folds = make_folds(dataset.ratings, protocol, protocol.options(), dataset.folds)

    assert set(card.default_folds) <= {fold.name for fold in folds}


def test_features_belong_to_the_ratings(card) -> None:
    ratings = load(card).ratings

    for features in (ratings.user_features, ratings.item_features):
        for column in (features or {}).values():
            assert column.dtype.kind in "iU"


def test_synthetic_ratings_of_other_options_are_not_as_published() -> None:
    card = CARDS["synthetic"]

    assert load(card, seed="0").as_published
    assert not load(card, seed="1").as_published


def test_the_toy_matrix_is_the_printed_one() -> None:
    ratings = load(CARDS["svd-toy"]).ratings
    matrix = np.zeros((18, 10))
    matrix[ratings.users, ratings.items] = ratings.values

    assert matrix[1].tolist() == [4, 0, 0, 0, 3, 0, 0, 0, 5, 0]
    assert matrix[17].tolist() == [3, 3, 0, 0, 0, 0, 0, 0, 0, 5]
    assert matrix.sum(axis=0).tolist() == [18, 28, 8, 19, 20, 11, 11, 9, 16, 12]
    assert ratings.user_ids.tolist() == [str(n) for n in range(1, 19)]
