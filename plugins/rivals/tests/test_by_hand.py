"""What a wrapper predicts is what the library predicts when used by hand.

The libraries get the same rows in the same order, with ids of their own, as their
documentation shows. Only the clipping is left to benchbox.
"""

from types import ModuleType

import numpy as np
import pytest
from benchbox_rivals import lenskit as of_lenskit
from benchbox_rivals import surprise as of_surprise
from by_hand import LENSKIT, SURPRISE, by_lenskit, by_surprise

from benchbox.models import FitContext
from benchbox.ratings import Ratings, RatingScale
from benchbox.targets import resolve

SEED = 7
SCALE = RatingScale(1, 5, 1)


def ratings(n_users: int = 40, n_items: int = 30) -> tuple[Ratings, Ratings]:
    """Return training and hidden ratings with a structure that models can find."""
    random = np.random.Generator(np.random.PCG64(3))
    cells = random.permutation(n_users * n_items)[: n_users * n_items // 2]
    users, items = np.divmod(cells, n_items)
    mean = (
        3
        + random.normal(0, 0.6, n_users)[users]
        + random.normal(0, 0.6, n_items)[items]
    )
    values = np.clip(np.round(mean + random.normal(0, 0.5, len(cells))), 1, 5)
    whole = Ratings(
        users=users.astype(np.int32),
        items=items.astype(np.int32),
        values=values.astype(np.float32),
        n_users=n_users,
        n_items=n_items,
        scale=SCALE,
    )
    hidden = np.arange(0, len(cells), 5)
    train = np.setdiff1d(np.arange(len(cells)), hidden)
    order = np.lexsort((items[train], users[train]))
    return whole.take(train[order]), whole.take(hidden)


def library(name: str) -> ModuleType:
    return pytest.importorskip(name)


def predicted(module: ModuleType, name: str, train: Ratings, hidden: Ratings):
    (spec,) = (spec for spec in module.SPECS if spec.name == name)
    model = resolve(spec.target)(spec.options())
    model.fit(train, FitContext(seed=SEED))
    return SCALE.clip(model.predict(train, hidden.users, hidden.items))


def frames(train: Ratings, hidden: Ratings, of_user, of_item):
    """Return both parts as frames, with ids of their own."""
    pd = pytest.importorskip("pandas")
    return [
        pd.DataFrame(
            {
                "user_id": [of_user(user) for user in part.users],
                "item_id": [of_item(item) for item in part.items],
                "rating": part.values,
            }
        )
        for part in (train, hidden)
    ]


@pytest.mark.parametrize("name", SURPRISE)
def test_surprise_by_hand_predicts_the_same(name: str) -> None:
    library("surprise")
    train, hidden = ratings()
    parts = frames(train, hidden, lambda user: f"u{user}", lambda item: f"i{item}")
    by_hand = by_surprise(name, SEED, *parts)

    found = predicted(of_surprise, name, train, hidden)

    assert np.ptp(found) > 0.5
    np.testing.assert_allclose(found, by_hand, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [n for n in LENSKIT if n != "lenskit-flexmf"])
def test_lenskit_by_hand_predicts_the_same(name: str) -> None:
    library("lenskit")
    train, hidden = ratings()
    found = predicted(of_lenskit, name, train, hidden)
    parts = frames(train, hidden, lambda user: user + 1_000, lambda item: item + 5_000)
    by_hand = by_lenskit(name, SEED, *parts)

    assert np.ptp(found) > 0.5
    np.testing.assert_allclose(found, by_hand, atol=1e-6)
