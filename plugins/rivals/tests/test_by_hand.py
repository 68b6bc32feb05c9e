"""What a wrapper predicts is what the library predicts when used by hand.

The libraries get the same rows in the same order, with ids of their own, as their
documentation shows. Only the clipping is left to benchbox.
"""

from types import ModuleType

import numpy as np
import pytest
from benchbox_rivals import lenskit as of_lenskit
from benchbox_rivals import surprise as of_surprise

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


SURPRISE = {
    "surprise-baseline-only": ("BaselineOnly", {"verbose": False}),
    "surprise-knn-basic": ("KNNBasic", {"verbose": False}),
    "surprise-knn-with-means": ("KNNWithMeans", {"verbose": False}),
    "surprise-knn-with-zscore": ("KNNWithZScore", {"verbose": False}),
    "surprise-knn-baseline": ("KNNBaseline", {"verbose": False}),
    "surprise-svd": ("SVD", {"random_state": SEED}),
    "surprise-svdpp": ("SVDpp", {"random_state": SEED}),
    "surprise-nmf": ("NMF", {"random_state": SEED}),
    "surprise-slope-one": ("SlopeOne", {}),
    "surprise-co-clustering": ("CoClustering", {"random_state": SEED}),
}


@pytest.mark.parametrize("name", SURPRISE)
def test_surprise_by_hand_predicts_the_same(name: str) -> None:
    surprise = library("surprise")
    pd = pytest.importorskip("pandas")
    train, hidden = ratings()
    kind, arguments = SURPRISE[name]
    frame = pd.DataFrame(
        {
            "user": [f"u{user}" for user in train.users],
            "item": [f"i{item}" for item in train.items],
            "rating": train.values,
        }
    )
    data = surprise.Dataset.load_from_df(frame, surprise.Reader(rating_scale=(1, 5)))
    algorithm = getattr(surprise, kind)(**arguments)
    algorithm.fit(data.build_full_trainset())
    asked = [
        (f"u{user}", f"i{item}", value)
        for user, item, value in zip(
            hidden.users, hidden.items, hidden.values, strict=True
        )
    ]
    by_hand = [one.est for one in algorithm.test(asked)]

    found = predicted(of_surprise, name, train, hidden)

    assert np.ptp(found) > 0.5
    np.testing.assert_allclose(found, by_hand, atol=1e-6)


LENSKIT = {
    "lenskit-bias": "basic.BiasScorer",
    "lenskit-als": "als.BiasedMFScorer",
    "lenskit-funksvd": "funksvd.FunkSVDScorer",
    "lenskit-item-knn": "knn.ItemKNNScorer",
    "lenskit-user-knn": "knn.UserKNNScorer",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LENSKIT)
def test_lenskit_by_hand_predicts_the_same(name: str) -> None:
    library("lenskit")
    from importlib import import_module

    import pandas as pd
    from lenskit.batch import predict
    from lenskit.data import ItemListCollection, UserIDKey, from_interactions_df
    from lenskit.pipeline import predict_pipeline
    from lenskit.training import TrainingOptions

    train, hidden = ratings()
    found = predicted(of_lenskit, name, train, hidden)
    module, _, kind = LENSKIT[name].rpartition(".")
    pipeline = predict_pipeline(getattr(import_module(f"lenskit.{module}"), kind)())
    frames = [
        pd.DataFrame(
            {
                "user_id": part.users + 1_000,
                "item_id": part.items + 5_000,
                "rating": part.values,
            }
        )
        for part in (train, hidden)
    ]
    pipeline.train(from_interactions_df(frames[0]), TrainingOptions(rng=SEED))
    asked = ItemListCollection.from_df(frames[1], UserIDKey)
    answers = predict(pipeline, asked, n_jobs=1)
    by_pair = {
        (key.user_id, item): score
        for key, items in answers
        for item, score in zip(items.ids(), items.scores(), strict=True)
    }
    by_hand = [
        by_pair[pair]
        for pair in zip(frames[1]["user_id"], frames[1]["item_id"], strict=True)
    ]

    assert np.ptp(found) > 0.5
    np.testing.assert_allclose(found, np.clip(by_hand, 1, 5), atol=1e-6)
