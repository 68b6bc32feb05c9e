"""The fold store: each fit has validation ratings of its own; no stale files stay."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchbox.data import map_ratings
from benchbox.plugins import discover
from benchbox.runs import Plan, Session, make_config
from benchbox.runs.fold_store import FoldStore, Stores


@pytest.fixture(scope="module")
def plan() -> Iterator[Plan]:
    settings = {"models": ("bias",), "datasets": ("synthetic:n_ratings=2000",)}
    with Session(discover(), notify=lambda line: None) as session:
        yield session.plan(make_config({**settings, "protocols": ("kfold",)}))


@pytest.fixture
def store(plan: Plan, tmp_path: Path) -> Iterator[FoldStore]:
    store = FoldStore(plan.trials[0], tmp_path)
    yield store
    store.clear()


def pairs_of(folder: str) -> set[tuple[int, int]]:
    ratings = map_ratings(Path(folder))
    return set(zip(ratings.users.tolist(), ratings.items.tolist(), strict=True))


def test_each_fit_has_validation_ratings_of_its_own(store: FoldStore) -> None:
    train = pairs_of(store.train)
    drawn = []
    for replicate in (0, 1, 0):
        parts = store.carved(replicate)
        validation, fitted = pairs_of(parts["validation"]), pairs_of(parts["train"])
        assert validation | fitted == train
        assert not validation & fitted
        drawn.append(validation)

    assert drawn[0] == drawn[2]
    shared = len(drawn[0] & drawn[1]) / len(drawn[0])
    # Each is a random tenth, so a tenth is shared by chance.
    assert shared == pytest.approx(0.1, abs=0.1)


def test_of_carved_ratings_only_the_last_are_kept_and_watched(
    store: FoldStore, tmp_path: Path
) -> None:
    first = Path(store.carved(0)["validation"])
    assert store.carved(0) is store.carved(0)

    second = Path(store.carved(1)["validation"])

    assert not first.exists()
    assert store.changed([str(second)]) == ""
    values = second / "values.npy"
    values.chmod(0o644)
    np.save(values, np.load(values) + 1)
    assert "values.npy" in store.changed([str(second)])


def test_carved_ratings_of_trials_that_run_at_once_stay_until_both_have_ended(
    store: FoldStore,
) -> None:
    with store.in_use(0), store.in_use(1):
        first = Path(store.carved(0)["validation"])
        second = Path(store.carved(1)["validation"])
        assert first.exists()
        assert store.carved(0)["validation"] == str(first)
        assert store.changed([str(first), str(second)]) == ""

    third = Path(store.carved(2)["validation"])

    assert third.exists()
    assert not first.exists()
    assert not second.exists()


def test_files_that_changed_are_replaced_and_stay_for_those_who_read_them(
    store: FoldStore,
) -> None:
    with store.in_use(0), store.in_use(1):
        old = Path(store.train)
        (old / "values.npy").chmod(0o644)
        values = np.load(old / "values.npy")
        np.save(old / "values.npy", values + 1)
        assert "values.npy" in store.changed([str(old)])
        store.renew()

        new = Path(store.train)
        assert new != old
        assert old.exists()
        np.testing.assert_array_equal(np.load(new / "values.npy"), values)
        # The other trial, too, read what was changed.
        assert "values.npy" in store.changed([str(old)])
        assert store.changed([str(new)]) == ""
    store.clear()

    assert not old.exists()
    assert not new.exists()


def test_files_of_a_fold_go_when_the_last_trial_on_it_has_ended(
    plan: Plan, tmp_path: Path
) -> None:
    folds = {trial.fold.name: trial for trial in plan.trials}
    first, second = list(folds.values())[:2]
    stores = Stores(tmp_path)

    with stores.lent(first) as mine:
        of_first = Path(mine.train)
        with stores.lent(second) as other:
            of_second = Path(other.train)
            assert of_first.exists()
        assert of_second.exists()
    assert not of_first.exists()
    with stores.lent(second) as again:
        assert again is other
        assert again.train == str(of_second)
    with stores.lent(first) as back:
        assert back is not mine
        assert not of_second.exists()
