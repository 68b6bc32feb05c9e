"""Ranks and components: as worked out by hand, or in the papers they are from."""

import numpy as np
import pytest

from benchbox.analysis.statistics.components import components
from benchbox.analysis.statistics.ranks import rank
from benchbox.errors import UsageError


def test_the_critical_difference_is_that_of_the_textbook() -> None:
    # Demšar (2006), section 3.2.2: four models on 14 data sets, q = 2.569.
    scores = np.tile([1.0, 2.0, 3.0, 4.0], (14, 1))

    ranking = rank(scores)

    assert ranking.critical_difference == pytest.approx(1.25, abs=0.005)
    assert ranking.mean_ranks == (1, 2, 3, 4)
    assert ranking.different == {(0, 2), (0, 3), (1, 3)}


def test_ties_share_the_mean_of_their_ranks() -> None:
    ranking = rank(np.array([[1.0, 1.0, 2.0], [3.0, 2.0, 2.0]]))

    assert ranking.mean_ranks == (2.25, 1.5, 2.25)
    assert ranking.different == set()


def test_models_that_always_tie_are_not_told_apart() -> None:
    assert rank(np.ones((5, 3))).p_value == 1.0


@pytest.mark.parametrize("shape", [(1, 4), (4, 2)])
def test_too_little_to_rank_is_refused(shape) -> None:
    with pytest.raises(UsageError, match="two data sets and three models"):
        rank(np.ones(shape))


def test_seeds_and_folds_are_kept_apart() -> None:
    # Within folds the variance is 2 and 2; means 1 and 5 have variance 8.
    found = components([[0.0, 2.0], [4.0, 6.0]])

    assert found.mean == 3
    assert found.seed_deviation == pytest.approx(2**0.5)
    assert found.fold_deviation == pytest.approx((8 - 2 / 2) ** 0.5)


def test_a_deterministic_model_has_folds_alone_and_one_fold_seeds_alone() -> None:
    folds, seeds = components([[1.0], [3.0]]), components([[1.0, 3.0]])

    assert (folds.seed_deviation, folds.fold_deviation) == (None, 2**0.5)
    assert (seeds.seed_deviation, seeds.fold_deviation) == (2**0.5, None)


def test_seeds_that_explain_all_leave_no_spread_to_the_folds() -> None:
    assert components([[0.0, 10.0], [1.0, 9.0]]).fold_deviation == 0
