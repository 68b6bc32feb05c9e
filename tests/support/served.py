"""Saved models of made-up ratings, to serve."""

import msgspec
import numpy as np

from benchbox.machine import describe_environment
from benchbox.metrics import NormalDistribution
from benchbox.models import Capabilities
from benchbox.ratings import Ratings, RatingScale
from benchbox.records import now
from benchbox.runs.saved.files import SavedRecord
from benchbox.runs.saved.model import SavedModel
from tests.support.toy_pages import HOSTILE
from tests.support.toy_runs import toy_model

N_ITEMS = 60


class TasteModel:
    """Predicts a high rating for items of the parity that the user likes."""

    def predict(self, history, users, items):
        own = history.users == users[0]
        liked = history.items[own & (history.values >= 4)]
        taste = np.mean(np.where(liked % 2 == 0, 1.0, -1.0)) if len(liked) else 0.0
        return (3 + 1.5 * taste * np.where(items % 2 == 0, 1, -1)).astype(np.float32)

    def predict_distribution(self, history, users, items):
        mean = self.predict(history, users, items)
        return NormalDistribution(mean=mean, spread=np.full(len(items), 0.5))


def served_model(*, inductive: bool = True, sure: bool = True) -> SavedModel:
    """Return a model of 20 users and 60 items, some with hostile titles."""
    draw = np.random.default_rng(0)
    pairs = sorted((u, i) for u in range(20) for i in draw.permutation(N_ITEMS)[:12])
    users, items = np.array(pairs, dtype=np.int32).T
    titles = [f"Film {n:02d}" for n in range(N_ITEMS)]
    titles[: len(HOSTILE)] = HOSTILE
    ratings = Ratings(
        users=users.copy(),
        items=items.copy(),
        values=np.where((users + items) % 2 == 0, 5, 2).astype(np.float32),
        n_users=20,
        n_items=N_ITEMS,
        scale=RatingScale(1, 5, 1),
        user_ids=np.array([f"u{n}" for n in range(20)], dtype=object),
        item_ids=np.array([f"i{n}" for n in range(N_ITEMS)], dtype=object),
        item_features={"title": np.array(titles, dtype=object)},
    )
    planned = toy_model("taste")
    can = Capabilities(inductive=inductive, predicts_distribution=sure)
    record = SavedRecord(
        model=msgspec.structs.replace(planned, capabilities=can),
        dataset="films",
        origin="made up",
        data_id="d" * 32,
        n_ratings=len(ratings),
        seed=0,
        device="cpu",
        precision="float32",
        chosen_epoch=None,
        fit_seconds=0.0,
        created=now(),
        environment=describe_environment(),
    )
    return SavedModel(record=record, model=TasteModel(), ratings=ratings)
