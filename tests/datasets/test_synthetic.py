"""Synthetic data: the truth is known, and only luck beats the noise floor."""

from math import sqrt

import numpy as np
import pytest
from benchbox_datasets.synthetic import Planted, SyntheticOptions, plant, read_synthetic
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbox.errors import UsageError

SMALL = SyntheticOptions(n_users=120, n_items=90, n_ratings=2000)


def rmse(predicted, actual) -> float:
    return sqrt(np.mean((predicted - actual) ** 2))


def small(**changes) -> Planted:
    return plant(SyntheticOptions(n_users=120, n_items=90, n_ratings=2000, **changes))


sizes = st.tuples(st.integers(2, 60), st.integers(2, 60), st.floats(0, 1)).filter(
    lambda size: max(size[:2]) <= size[0] * size[1] // 2
)


@given(size=sizes, seed=st.integers(0, 2**53 - 1))
def test_there_are_as_many_distinct_pairs_as_asked_for(size, seed) -> None:
    n_users, n_items, share = size
    fewest, most = max(n_users, n_items), n_users * n_items // 2
    n = round(fewest + share * (most - fewest))

    planted = plant(
        SyntheticOptions(n_users=n_users, n_items=n_items, n_ratings=n, seed=seed)
    )

    pairs = set(zip(planted.users.tolist(), planted.items.tolist(), strict=True))
    assert len(pairs) == len(planted.values) == n
    assert set(planted.users.tolist()) == set(range(n_users))
    assert set(planted.items.tolist()) == set(range(n_items))


@pytest.mark.parametrize("step", [0, 0.5, 1])
@pytest.mark.parametrize("scale", ["1-5", "-10-10"])
def test_ratings_lie_on_their_scale(scale, step) -> None:
    planted = small(scale=scale, step=step, noise=3)

    values, found = planted.values, planted.scale
    assert values.min() == found.low
    assert values.max() == found.high
    if step:
        assert ((values - found.low) % step == 0).all()


def test_equal_options_give_equal_bytes_and_other_seeds_do_not() -> None:
    one, same, other = (
        read_synthetic({}, None, SyntheticOptions(seed=seed)) for seed in (1, 1, 2)
    )

    assert one.values.tobytes() == same.values.tobytes()
    assert one.timestamps.tobytes() == same.timestamps.tobytes()
    assert one.values.tobytes() != other.values.tobytes()


def test_the_noise_changes_neither_the_pairs_nor_the_truth() -> None:
    quiet, loud = small(noise=0.1), small(noise=1)

    assert (quiet.users == loud.users).all()
    assert (quiet.truth == loud.truth).all()


def test_the_expected_rating_attains_the_floor() -> None:
    planted = small()

    assert rmse(planted.expected, planted.values) == planted.noise_floor
    assert read_synthetic({}, None, SMALL).noise_floor == planted.noise_floor


@pytest.mark.parametrize("step", [0, 1])
def test_the_expected_rating_is_the_mean_over_noise_never_seen(step) -> None:
    """Draw the noise around the same truth many times, independently of the module."""
    from benchbox_datasets.synthetic import _observed

    planted = small(step=step, noise=0.9)
    draws = np.random.default_rng(0).normal(0, 0.9, (2000, len(planted.truth)))

    observed = _observed(planted.truth + draws, planted.scale)

    error = observed.mean(axis=0) - planted.expected
    standard = error / (observed.std(axis=0) / sqrt(2000) + 1e-9)
    assert np.abs(error).max() < 0.1
    assert abs(standard.mean()) < 4 / sqrt(len(error))
    assert 0.9 < np.sqrt(np.mean(standard**2)) < 1.1


@settings(max_examples=30)
@given(
    shift=st.floats(-1, 1),
    stretch=st.floats(0, 2),
    wobble=st.floats(0, 1),
    seed=st.integers(0, 10),
)
def test_a_predictor_that_does_not_see_the_noise_beats_the_floor_only_by_luck(
    shift, stretch, wobble, seed
) -> None:
    planted = small(seed=seed)
    centre = planted.expected.mean()
    random = np.random.default_rng(seed).normal(size=len(planted.values))

    guess = centre + stretch * (planted.expected - centre) + shift + wobble * random

    # The gap is the mean squared distance, up to random variation.
    distance = rmse(guess, planted.expected)
    luck = 5 * 2 * planted.noise_floor * distance / sqrt(len(planted.values))
    gap = rmse(guess, planted.values) ** 2 - planted.noise_floor**2
    assert gap == pytest.approx(distance**2, abs=luck + 1e-9)


@pytest.mark.parametrize("noise", [0.001, 0.1])
def test_an_unrounded_rating_far_from_the_ends_is_truth_plus_noise(noise) -> None:
    planted = plant(SyntheticOptions(step=0, noise=noise))
    inner = np.abs(planted.truth - 3) < 1.5

    error = planted.values[inner] - planted.truth[inner]

    assert planted.expected[inner] == pytest.approx(planted.truth[inner], abs=1e-6)
    assert rmse(error, 0) == pytest.approx(noise, rel=0.02)
    assert abs(error.mean()) < 5 * noise / sqrt(inner.sum())


@pytest.mark.parametrize("step", [0.0, 0.5])
@pytest.mark.parametrize("noise", [0.01, 0.7])
def test_the_table_of_expected_ratings_is_exact_enough(step, noise) -> None:
    from benchbox_datasets.synthetic import _clipped_mean, _rounded_mean

    planted = small(step=step, noise=noise)
    mean = _rounded_mean if step else _clipped_mean

    exact = mean(planted.truth, noise, planted.scale)

    assert np.abs(planted.expected - exact).max() < 1e-4


def test_the_truth_beats_the_best_biases_if_there_is_an_interaction() -> None:
    planted = small(rank=3)
    truth = planted.truth - planted.truth.mean()
    columns = np.zeros((len(truth), 210))
    columns[np.arange(len(truth)), planted.users] = 1
    columns[np.arange(len(truth)), 120 + planted.items] = 1

    residual = truth - columns @ np.linalg.lstsq(columns, truth, rcond=None)[0]

    # 0.12 times a scale of width 4, less what 210 biases fit by chance.
    assert 0.35 < residual.std() < 0.55


def test_rank_0_is_biases_alone() -> None:
    planted = small(rank=0)
    table = {}
    for user, item, truth in zip(
        planted.users, planted.items, planted.truth, strict=True
    ):
        table.setdefault(user, {})[item] = truth
    one, two = sorted(table, key=lambda user: -len(table[user]))[:2]
    both = sorted(set(table[one]) & set(table[two]))

    gaps = [table[one][item] - table[two][item] for item in both]

    assert len(both) > 2
    assert gaps == pytest.approx([gaps[0]] * len(gaps))


def test_items_differ_in_popularity_and_users_in_activity() -> None:
    planted = plant(SyntheticOptions())

    for indexes in (planted.users, planted.items):
        counts = np.sort(np.bincount(indexes))[::-1]
        top = counts[: len(counts) // 10].sum() / counts.sum()
        assert 0.2 < top < 0.6


def test_density_replaces_the_number_of_ratings() -> None:
    planted = plant(SyntheticOptions(n_users=50, n_items=40, density=0.5))

    assert len(planted.values) == 1000


def test_times_are_within_a_year_of_the_user_s_first() -> None:
    planted = small()

    for user in range(120):
        times = planted.timestamps[planted.users == user]
        assert times.max() - times.min() < 365 * 86_400


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_ratings": 5401}, "Choose from 120 to 5,400"),
        ({"n_ratings": 119}, "Choose from 120 to 5,400"),
        ({"n_ratings": 2000, "step": 0.3}, "does not divide the scale"),
        ({"n_ratings": 2000, "step": 0.001}, "1 to 1000 equal steps"),
        ({"n_ratings": 2000, "scale": "five"}, "is not a rating scale"),
    ],
)
def test_impossible_options_are_a_usage_error(settings, message) -> None:
    with pytest.raises(UsageError, match=message):
        plant(SyntheticOptions(n_users=120, n_items=90, **settings))
