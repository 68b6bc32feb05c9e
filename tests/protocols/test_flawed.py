"""Flawed protocols: what they show and what they ask for."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.errors import ProtocolError, UsageError
from benchbox.metrics.flawed import FLAWED_METRICS, mape_over_cells
from benchbox.metrics.metric import METRICS
from benchbox.metrics.scored import Scored
from benchbox.options import decode
from benchbox.protocols.bundled import PROTOCOLS
from benchbox.protocols.flawed import FLAWED, ReconstructionOptions
from benchbox.protocols.folds import Fold, carve_validation, make_folds
from benchbox.ratings import Ratings
from tests.support.source_kinds import kind_of
from tests.support.toys import tiny_ratings

BY_NAME = {protocol.name: protocol for protocol in FLAWED}


def only(data: Ratings, name: str, **settings) -> Fold:
    protocol = BY_NAME[name]
    options = decode(protocol.options, settings, name)
    (fold,) = make_folds(data, protocol, options, {})
    return fold


def rows(ratings: Ratings) -> set[int]:
    return set(ratings.rows.tolist())


def test_sound_protocols_have_no_flaw_and_flawed_ones_state_theirs() -> None:
    assert not any(protocol.flaw for protocol in PROTOCOLS)
    for protocol in FLAWED:
        assert protocol.flaw
        assert protocol.summary.startswith("flawed: ")


def test_reconstruction_asks_for_all_it_shows() -> None:
    data = tiny_ratings(40)

    fold = only(data, "reconstruction")

    assert rows(fold.train) == rows(fold.history) == rows(fold.hidden) == rows(data)


@given(quantile=st.floats(0.2, 0.99))
def test_later_ratings_of_known_users_and_items_leak(quantile: float) -> None:
    data = tiny_ratings(60)
    moment = np.quantile(data.timestamps, quantile)
    early = data.timestamps <= moment
    users, items = set(data.users[early]), set(data.items[early])

    fold = only(data, "reconstruction", quantile=quantile)

    leaked = {
        int(row)
        for row, user, item in zip(data.rows, data.users, data.items, strict=True)
        if user in users and item in items
    }
    assert rows(fold.train) == set(data.rows[early].tolist())
    assert rows(fold.hidden) == rows(fold.history) == rows(fold.train) | leaked


@pytest.mark.parametrize("by_id", [False, True])
def test_new_users_are_asked_for_what_they_show(by_id: bool) -> None:
    data = tiny_ratings(100)

    fold = only(data, "reconstruction-new-users", fraction=0.2, by_id=by_id)

    assert rows(fold.history) == rows(fold.hidden)
    assert rows(fold.train) | rows(fold.hidden) == rows(data)
    assert not set(fold.train.users) & set(fold.hidden.users)
    if by_id:
        assert fold.train.users.max() < fold.hidden.users.min()


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_validation_comes_from_training_ratings_alone(name: str) -> None:
    fold = only(tiny_ratings(100), name)

    visible = carve_validation(fold, seed=1)

    assert rows(visible.train) | rows(visible.validation) == rows(fold.train)
    assert not rows(visible.train) & rows(visible.validation)


@pytest.mark.parametrize("quantile", [0.0, -1.0, 1.5])
def test_a_quantile_out_of_range_is_refused(quantile: float) -> None:
    with pytest.raises(UsageError, match="quantile must be above 0"):
        decode(ReconstructionOptions, {"quantile": quantile}, "reconstruction")


def test_reconstruction_by_time_needs_timestamps() -> None:
    from dataclasses import replace

    with pytest.raises(ProtocolError, match="needs timestamps"):
        only(replace(tiny_ratings(40), timestamps=None), "reconstruction", quantile=0.5)


def test_the_leaking_validation_of_seed_2_is_what_its_document_says() -> None:
    import os

    from benchbox.data.dataset import load_dataset
    from benchbox.plugins.registry import discover

    folder = os.environ.get("BENCHBOX_DATA")
    if not folder or not (Path(folder) / "ml-latest-small").exists():
        pytest.skip("needs MovieLens files in BENCHBOX_DATA")
    card = discover().find("datasets", "ml-latest-small").value
    data = load_dataset(card, kind_of=kind_of, notify=print).ratings

    fold = only(data, "reconstruction", quantile=0.98)

    assert len(fold.train) == 98_819
    assert len(np.unique(fold.train.users)) == 595
    assert len(np.unique(fold.train.items)) == 9_559
    assert len(fold.hidden) == 98_819 + 188


def test_sound_metrics_have_no_flaw_and_flawed_ones_state_theirs() -> None:
    assert not any(metric.flaw for metric in METRICS)
    assert all(metric.flaw for metric in FLAWED_METRICS)


def test_mape_over_cells_is_mape_times_the_density_of_the_rows_asked_for() -> None:
    actual = np.array([2, 4, 0, 5], dtype=np.float32)
    scored = Scored(
        predicted=np.array([1, 4, 3, 4], dtype=np.float32),
        actual=actual,
        users=np.array([7, 7, 9, 9], dtype=np.int32),
        items=np.array([0, 1, 0, 1], dtype=np.int32),
        n_items=10,
    )

    score = mape_over_cells(scored)

    # Relative errors 1/2, 0 and 1/5; the rating of 0 has none. Two rows of ten cells.
    assert score.value == pytest.approx(0.7 / 20)
    assert (score.n_scored, score.n_excluded) == (3, 1)
