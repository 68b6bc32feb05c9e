"""The fold store: each fit has validation ratings of its own; no stale files stay."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchbox.data import map_ratings
from benchbox.plugins import discover
from benchbox.runs import Session, make_config
from benchbox.runs.fold_store import FoldStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FoldStore]:
    settings = {"models": ("bias",), "datasets": ("synthetic:n_ratings=2000",)}
    with Session(discover(), notify=lambda line: None) as session:
        plan = session.plan(make_config({**settings, "protocols": ("kfold",)}))
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
