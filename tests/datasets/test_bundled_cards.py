"""Bundled cards: everything that a card states is true."""

import os
from pathlib import Path

import numpy as np
import pytest
from benchbox_datasets import benchbox_datasets

from benchbox.data.cards import DatasetCard
from benchbox.data.dataset import load_dataset
from benchbox.data.identity import data_id
from benchbox.data.sources.downloads import folder_of
from benchbox.data.sources.local_kinds import FolderSource
from benchbox.data.sources.remote_kinds import UrlSource, WheelSource
from benchbox.data.subsets import SliceOptions
from benchbox.protocols.bundled import PROTOCOLS
from benchbox.protocols.folds import make_folds
from benchbox.protocols.pins import fold_ids
from tests.support.source_kinds import kind_of, sources_of

CARDS = {card.name: card for card in benchbox_datasets()}
MADE_HERE = ("svd-toy", "synthetic")
PUBLISHED = sorted(set(CARDS) - set(MADE_HERE))
# The others' ids have not been computed yet, because their files were not available.
PINNED = ("flixster", "ml-100k", "ml-latest-small", *MADE_HERE)
COUNTED = [name for name in PUBLISHED if CARDS[name].n_ratings]
# Whoever publishes these allows no download, or asks for an account.
FROM_A_FOLDER = ("myanimelist", "netflix-prize")


@pytest.fixture(params=CARDS)
def card(request: pytest.FixtureRequest) -> DatasetCard:
    data = Path(os.environ.get("BENCHBOX_DATA", "/nonexistent"))
    places = (data / request.param, data / "monti" / f"{request.param}.mat")
    if request.param in PUBLISHED and not any(place.exists() for place in places):
        pytest.skip(f"BENCHBOX_DATA has no {request.param}")
    return CARDS[request.param]


def load(card: DatasetCard, **settings: str):
    notify = pytest.fail if card.name in PINNED else print
    return load_dataset(card, settings, kind_of=kind_of, notify=notify)


def test_every_bundled_data_set_has_a_card() -> None:
    movielens = {f"ml-{size}" for size in ("100k", "1m", "10m", "20m", "25m", "32m")}
    jester = {f"jester-{number}" for number in (1, 2, 3, 4)}
    monti = {"douban", "flixster", "yahoo-music"}
    others = {"ml-latest-small", "goodbooks-10k", "svd-toy", "synthetic", "filmtrust"}
    others |= {"ciaodvd", "book-crossing", "amazon-2023", "goodreads", "beeradvocate"}
    others |= {"ratebeer", "libimseti", "myanimelist", "netflix-prize"}

    assert set(CARDS) == movielens | jester | monti | others


@pytest.mark.parametrize("name", CARDS)
def test_a_card_has_a_summary_and_a_licence_of_one_line_each(name) -> None:
    card = CARDS[name]

    assert "\n" not in card.summary + card.licence.text
    assert card.licence.text.endswith(".")
    assert len(card.data_id) == (32 if name in PINNED else 0)
    assert set(card.expected_folds) <= {protocol.name for protocol in PROTOCOLS}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_data_name_their_licence_and_citation(name) -> None:
    assert CARDS[name].licence.url.startswith("https://")
    assert "https://" in CARDS[name].citation or "doi:" in CARDS[name].citation


@pytest.mark.parametrize("name", COUNTED)
def test_known_counts_are_in_the_summary(name) -> None:
    card = CARDS[name]

    assert f"{card.n_ratings:,}" in card.summary
    assert card.n_users is None or f"{card.n_users:,}" in card.summary


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_data_have_options_for_subsets(name) -> None:
    assert issubclass(CARDS[name].options_type(), SliceOptions)


@pytest.mark.parametrize("name", sorted({*PUBLISHED} - {*FROM_A_FOLDER}))
def test_a_users_own_folder_comes_before_the_publisher(name) -> None:
    folder, *_ = sources = sources_of(CARDS[name])
    url = next(source for source in sources if not source.is_local)

    assert isinstance(folder, FolderSource)
    assert isinstance(url, UrlSource)
    assert folder.files == url.files


def test_the_publisher_comes_before_a_copy() -> None:
    sources = sources_of(CARDS["ml-100k"])

    assert isinstance(sources[-1], WheelSource)


CACHE_FOLDERS = {
    ("ml-100k", "wheel"): "e18d1722f360",
    ("ml-10m", "url"): "0af291acc09c",
    ("ml-1m", "url"): "1b7a2e00e7ee",
    ("ml-20m", "url"): "e5391042b99f",
    ("ml-25m", "url"): "82a49618eb03",
    ("ml-32m", "url"): "8114aae2f014",
}
"""Names under which downloads are in people's caches since release 0.1.0.

Those of three others are downloaded again, since more of their hashes are known now.
"""


def test_downloads_of_earlier_releases_are_still_found() -> None:
    found = {
        (card.name, declared["type"]): folder_of(card.name, source).name
        for card in CARDS.values()
        for declared, source in zip(card.sources, sources_of(card), strict=True)
        if not source.is_local
    }

    assert CACHE_FOLDERS.items() <= found.items()


def test_the_folds_are_the_expected_ones(card) -> None:
    """If this fails, the data or a split changed; see `fold_ids`."""
    if card.name not in PINNED:
        pytest.skip(f"the folds of {card.name} are not known")
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
            assert column.dtype.kind in "iUO"


def test_synthetic_ratings_with_other_options_are_not_as_published() -> None:
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


@pytest.mark.parametrize(
    ("settings", "n_users", "n_items", "n_ratings"),
    [
        ({"users_below": "100", "items_below": "1000"}, 99, 587, 3854),
        ({"min_user_ratings": "50", "min_item_ratings": "20"}, 332, 1203, 58010),
    ],
)
def test_a_slice_of_real_ratings(settings, n_users, n_items, n_ratings) -> None:
    folder = Path(os.environ.get("BENCHBOX_DATA", "/nonexistent"))
    if not (folder / "ml-latest-small").is_dir():
        pytest.skip("BENCHBOX_DATA has no ml-latest-small")

    ratings = load(CARDS["ml-latest-small"], **settings).ratings

    found = (ratings.n_users, ratings.n_items, len(ratings))
    assert found == (n_users, n_items, n_ratings)
