"""What the package offers, which needs none of the libraries."""

import subprocess
import sys

import benchbox_rivals
import numpy as np
import pytest
from benchbox_rivals.adapting import FirstSeen, RowOrder, UserPairs, ordered
from benchbox_rivals.splits import (
    KFoldOptions,
    RatioOptions,
    UsersOptions,
    carve_users,
    split_kfold,
    split_ratio,
    split_users,
)
from msgspec.json import encode

from benchbox.errors import ProtocolError
from benchbox.models import OneOf
from benchbox.options import decode, to_json
from benchbox.plugins.faults import model_fault
from benchbox.ratings import Ratings, RatingScale
from benchbox.testing.contracts import MODEL_CHECKS

SPECS = benchbox_rivals.benchbox_models()


@pytest.mark.parametrize("spec", SPECS, ids=[spec.name for spec in SPECS])
def test_a_spec_is_sound(spec) -> None:
    assert model_fault(spec) == ""
    library = spec.name.partition("-")[0]
    assert spec.install == f"pip install 'benchbox-rivals[{library}]'"
    assert not spec.by_default
    checks = {check.name for check in MODEL_CHECKS}
    assert set(spec.known_breaches) <= checks


@pytest.mark.parametrize("spec", SPECS, ids=[spec.name for spec in SPECS])
def test_every_value_of_a_search_is_an_option(spec) -> None:
    defaults = to_json(spec.options())
    for name, values in spec.search.items():
        ends = values.values if isinstance(values, OneOf) else (values.low, values.high)
        for value in ends:
            decoded = to_json(decode(spec.options, {name: value}, spec.name))
            assert encode(decoded[name]) == encode(value)
        # Options whose default is outside their range are not searched at all.
        assert values.holds(defaults[name]), name


def test_names_are_of_their_library_and_unique() -> None:
    names = [spec.name for spec in SPECS]

    assert len(names) == len(set(names)) == 32
    assert sum(name.startswith("surprise-") for name in names) == 11


def test_listing_imports_no_library() -> None:
    code = (
        "import sys, benchbox_rivals as b; b.benchbox_models(); b.benchbox_claims();"
        "b.benchbox_suites(); b.benchbox_protocols();"
        "heavy = ('surprise', 'cornac', 'lenskit', 'myfm', 'smurff', 'river', 'torch',"
        " 'scipy', 'pandas'); print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_the_suite_names_every_model() -> None:
    (suite,) = benchbox_rivals.benchbox_suites()

    assert suite.settings["models"] == ["bias", *(spec.name for spec in SPECS)]


def test_claims_are_about_models_and_protocols_of_the_package() -> None:
    names = {spec.name: spec for spec in SPECS}
    protocols = {one.name: one for one in benchbox_rivals.benchbox_protocols()}
    for claim in benchbox_rivals.benchbox_claims():
        model, _, settings = claim.model.partition(":")
        pairs = dict(part.split("=") for part in settings.split(",") if part)
        decode(names[model].options, pairs, model)
        assert claim.protocol.partition(":")[0] in protocols


def small(n: int = 1003) -> Ratings:
    number = np.arange(n)
    rows = np.random.Generator(np.random.PCG64(1)).permutation(n)
    return Ratings(
        users=(number // 20).astype(np.int32),
        items=(number % 20).astype(np.int32),
        values=(1 + number % 5).astype(np.float32),
        n_users=n // 20 + 1,
        n_items=20,
        scale=RatingScale(1, 5, 1),
        rows=rows,
    )


def test_the_folds_of_surprise_are_drawn_to_the_last_rating() -> None:
    surprise = pytest.importorskip("surprise")
    pd = pytest.importorskip("pandas")
    found = small()
    in_file = np.argsort(found.rows)
    frame = pd.DataFrame(
        {
            "u": found.users[in_file],
            "i": found.items[in_file],
            "r": found.values[in_file],
        }
    )
    data = surprise.Dataset.load_from_df(frame, surprise.Reader(rating_scale=(1, 5)))
    theirs = [
        {(u, i) for u, i, _ in hidden}
        for _, hidden in surprise.model_selection.KFold(5, random_state=0).split(data)
    ]

    ours = [
        {*zip(found.users[p.hidden], found.items[p.hidden], strict=True)}
        for p in split_kfold(found, {}, KFoldOptions())
    ]

    assert ours == theirs


@pytest.mark.filterwarnings("ignore")
def test_the_split_of_cornac_is_drawn_to_the_last_rating() -> None:
    pytest.importorskip("cornac")
    from cornac.eval_methods import RatioSplit

    found = small()
    in_file = np.argsort(found.rows)
    rows = list(
        zip(
            found.users[in_file].tolist(),
            found.items[in_file].tolist(),
            found.values[in_file].tolist(),
            strict=True,
        )
    )
    split = RatioSplit(rows, test_size=0.2, seed=123, exclude_unknowns=False)
    users = {number: user for user, number in split.global_uid_map.items()}
    items = {number: item for item, number in split.global_iid_map.items()}
    theirs = {
        (users[u], items[i]) for u, i in zip(*split.test_set.uir_tuple[:2], strict=True)
    }

    (part,) = split_ratio(found, {}, RatioOptions())

    ours = {
        *zip(
            found.users[part.hidden].tolist(),
            found.items[part.hidden].tolist(),
            strict=True,
        )
    }
    assert ours == theirs
    assert len(part.hidden) == 201


@pytest.mark.filterwarnings("ignore")
def test_the_folds_of_lenskit_are_drawn_to_the_last_rating() -> None:
    pytest.importorskip("lenskit")
    import pandas as pd
    from lenskit.data import from_interactions_df
    from lenskit.splitting import SampleFrac, crossfold_users

    found = small()
    # Users with different numbers of ratings, and none of user 7.
    is_kept = np.random.default_rng(2).random(len(found)) < 0.6
    found = found.take(np.flatnonzero(is_kept & (found.users != 7)))
    frame = pd.DataFrame(
        {"user_id": found.users, "item_id": found.items, "rating": found.values}
    )
    data = from_interactions_df(frame.sample(frac=1, random_state=1))
    theirs = [
        {(key.user_id, item) for key, asked in split.test for item in asked.ids()}
        for split in crossfold_users(data, 4, SampleFrac(0.3, rng=5), rng=5)
    ]

    options = UsersOptions(partitions=4, fraction=0.3, rng=5)
    ours = [
        {*zip(found.users[p.hidden], found.items[p.hidden], strict=True)}
        for p in split_users(found, {}, options)
    ]

    assert ours == theirs


def test_validation_ratings_of_some_users_follow_the_same_rule() -> None:
    found = small()

    part = carve_users(found, UsersOptions(partitions=10, fraction=0.5), seed=2**63)

    tested, counts = np.unique(found.users[part.hidden], return_counts=True)
    assert len(tested) == 6
    assert set(counts.tolist()) <= {10, 2}
    assert len(part.train) + len(part.hidden) == len(found)


def test_more_folds_than_users_are_refused() -> None:
    with pytest.raises(ProtocolError, match="100 folds of 51 users"):
        next(split_users(small(), {}, UsersOptions(partitions=100)))


def test_users_are_numbered_as_the_training_shows_them() -> None:
    seen = FirstSeen.of(np.array([4, 2, 4, 0], np.int32), 6)

    assert seen.numbers.tolist() == [2, 3, 1, 3, 0, 3]
    assert seen.n_known == 3


def test_pairs_are_grouped_by_user_and_find_back() -> None:
    users = np.array([3, 1, 3, 0], np.int32)

    assert [(user, places.tolist()) for user, places in UserPairs.of(users)] == [
        (0, [3]),
        (1, [1]),
        (3, [0, 2]),
    ]


def test_rows_are_shuffled_by_the_seed_if_asked() -> None:
    train = small()

    assert ordered(train, RowOrder(), 1) is train
    one, same, other = (ordered(train, RowOrder(shuffled=True), s) for s in (1, 1, 2))
    assert one.users.tolist() == same.users.tolist() != other.users.tolist()
    assert sorted(one.rows.tolist()) == sorted(train.rows.tolist())
