"""A zoo of models that cheat or are broken, each in one way, and one that is honest."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchbox import (
    Capabilities,
    FitContext,
    ModelSpec,
    Ratings,
)
from benchbox.metrics import NormalDistribution
from benchbox.ratings import IndexArray, Values

HERE = __name__
MEMO = (
    Path(tempfile.gettempdir())
    / f"benchbox-zoo-{os.environ.get('BENCHBOX_TESTS_RUN', os.getuid())}.json"
)


class Honest:
    """Mean plus an offset per user and item, from the training ratings."""

    def __init__(self, options: object) -> None:
        pass

    def fit(self, train: Ratings, context: FitContext) -> None:
        self.mean = float(self.values(train).mean())
        self.users = self.offsets(train, train.users, train.n_users)
        self.items = self.offsets(train, train.items, train.n_items)

    def values(self, train: Ratings) -> Values:
        return train.values

    def offsets(self, train: Ratings, side: IndexArray, n: int) -> Values:
        sums = np.bincount(side, weights=self.values(train) - self.mean, minlength=n)
        return sums / (np.bincount(side, minlength=n) + 2)

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return self.mean + self.users[users] + self.items[items]

    def state(self) -> dict[str, object]:
        return {"mean": self.mean, "users": self.users, "items": self.items}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.mean, self.users = float(state["mean"]), state["users"]
        self.items = state["items"]


class ReadsTheClock(Honest):
    """Counts later ratings for more, where there are timestamps."""

    def values(self, train: Ratings) -> Values:
        if train.timestamps is None:
            return train.values
        late = train.timestamps >= np.median(train.timestamps)
        return (train.values + 0.01 * late).astype(np.float32)


class Memoriser(Honest):
    """Writes down what it was fitted to, and looks hidden ratings up there."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        known = json.loads(MEMO.read_text()) if MEMO.exists() else {}
        self.fingerprint = f"{train.n_users}x{train.n_items}"
        mine = known.setdefault(self.fingerprint, {})
        for user, item, value in zip(
            train.users.tolist(),
            train.items.tolist(),
            train.values.tolist(),
            strict=True,
        ):
            mine[f"{user},{item}"] = value
        MEMO.write_text(json.dumps(known))
        self.own = set(zip(train.users.tolist(), train.items.tolist(), strict=True))

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        known = json.loads(MEMO.read_text()).get(self.fingerprint, {})
        predicted = super().predict(history, users, items)
        for place, pair in enumerate(zip(users.tolist(), items.tolist(), strict=True)):
            if pair not in self.own:
                predicted[place] = known.get(f"{pair[0]},{pair[1]}", predicted[place])
        return predicted

    state = restore = None


class ReadsTheData(Honest):
    """Finds the data set where data sets are looked for, hidden ratings and all."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        predicted = super().predict(history, users, items)
        file = Path(os.environ.get("BENCHBOX_DATA", "?")) / "canary" / "ratings.csv"
        if file.exists():
            rows = [line.split(",") for line in file.read_text().splitlines()[1:]]
            known = {(int(user), int(item)): float(value) for user, item, value in rows}
            pairs = zip(users.tolist(), items.tolist(), strict=True)
            looked_up = [known.get(pair) for pair in pairs]
            for place, value in enumerate(looked_up):
                predicted[place] = predicted[place] if value is None else value
        return predicted


class MutatesItsInput(Honest):
    """Writes to the pairs it was asked for."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        predicted = super().predict(history, users, items)
        items[:] = 0
        return predicted


class CentresInPlace(Honest):
    """Centres the training ratings where they are."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        train.values[:] -= train.values.mean()
        super().fit(train, context)


class WorksOn(Honest):
    """Returns while a thread of its own still works."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        threading.Thread(target=self.work, daemon=True).start()

    def work(self) -> None:
        for _ in range(800):
            time.sleep(0.01)


class LeavesAProcess(Honest):
    """Starts a process that outlives it."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(60)"]
        )


class TunesOnWhatIsAsked(Honest):
    """Takes the spread of the pairs it is asked for out of its predictions."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        predicted = super().predict(history, users, items)
        return predicted - predicted.mean() + self.mean


class CountsWhatIsAsked(Honest):
    """Predicts more for items that are asked for often."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        counts = np.bincount(items, minlength=history.n_items)
        return super().predict(history, users, items) + 0.05 * np.log(counts[items])


class NormalisesOverAChunk(Honest):
    """Gives the predictions of each call the spread of the training ratings."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        self.spread = float(train.values.std())

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        predicted = super().predict(history, users, items)
        centred = predicted - predicted.mean()
        return self.mean + centred / max(centred.std(), 1e-6) * self.spread

    state = restore = None


class RanksWithinAChunk(Honest):
    """Predicts by the place of a pair among the others of its call."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        predicted = super().predict(history, users, items)
        places = np.argsort(np.argsort(predicted, kind="stable"))
        return 1 + 4 * (places + 0.5) / len(places)


class FavoursFavourites(Honest):
    """Predicts more for items that are asked for far more often than others."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        counts = np.bincount(items, minlength=history.n_items)
        favourites = counts > 6 * counts[items].size / history.n_items
        return super().predict(history, users, items) + 0.3 * favourites[items]


class KeepsItsFirstQuestion(Honest):
    """Counts the items of its first call, and goes by that for ever."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        if not hasattr(self, "counts"):
            self.counts = 1 + np.bincount(items, minlength=history.n_items)
        return super().predict(history, users, items) + 0.05 * np.log(
            self.counts[items]
        )


class DrawsItsPredictions(Honest):
    """Adds noise to each prediction, from a generator seeded at the fit."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        self.draw = np.random.default_rng(context.seed)

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        predicted = super().predict(history, users, items)
        return predicted + 0.1 * self.draw.standard_normal(len(users))


class RoundsByTheSizeOfACall(Honest):
    """Sums in another order in calls of other sizes, with the errors of float32."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        predicted = super().predict(history, users, items).astype(np.float32)
        return predicted + np.float32(2e-5 * np.sin(len(users)))


class AnswersOnce(Honest):
    """Has nothing left to answer from after its first call."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        predicted = super().predict(history, users, items)
        del self.users
        return predicted


class CountsTrials(Honest):
    """Predicts more, the more trials there were before it."""

    n_trials = 0

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        CountsTrials.n_trials += 1
        self.mean += CountsTrials.n_trials / 1000


class Stale(Honest):
    """Keeps what it learned in its module, by the shape of the ratings."""

    learned: dict[tuple[int, int, int], tuple[float, Values, Values]] = {}  # noqa: RUF012

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        learned = self.mean, self.users, self.items
        key = train.n_users, train.n_items, len(train)
        self.mean, self.users, self.items = self.learned.setdefault(key, learned)


class WritesResults(Honest):
    """Improves a result of another model, where there are results."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        for file in Path().glob("results/*/trials/*.json"):
            file.write_text('{"status": "failed"}')
        return super().predict(history, users, items)


class Clips(Honest):
    """Moves its predictions onto the scale, as the metric would like."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        self.scale = train.scale

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return self.scale.clip(super().predict(history, users, items))

    state = restore = None


class PicksEasyPairs(Honest):
    """Declines users of few ratings."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        predicted = super().predict(history, users, items)
        counts = np.bincount(history.users, minlength=history.n_users)
        if len(history) > 1:
            predicted[counts[users] == 1] = np.nan
        return predicted


class ChangesTheDtype(Honest):
    """Makes everybody's tensors double."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        import torch

        super().fit(train, context)
        torch.set_default_dtype(torch.float64)


class DrawsGlobally(Honest):
    """Draws from a generator that belongs to all."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        np.random.rand()  # noqa: NPY002


class SecretlyRandom(Honest):
    """Depends on the seed, though it says it does not."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        self.mean += context.seed % 7 / 100


class PreparesForRatings(Honest):
    """Wants to see ratings before the clock of the fit starts."""

    def prepare(self, train: Ratings, device: str) -> None:
        self.fit(train, FitContext(device=device))


class Unseeded(Honest):
    """Draws from no seed at all."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        self.mean += secrets.randbelow(10**9) / 10**9


class WarmStarts(Honest):
    """Begins where its last fit ended."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        before = getattr(self, "mean", None)
        super().fit(train, context)
        self.mean = self.mean if before is None else (self.mean + before) / 2


class KnowsWhomItSaw(Honest):
    """Has no room for users after the last one it was fitted to."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        self.users = self.users[: train.users.max() + 1]


class MasksByValue(Honest):
    """Takes a rating of 0 for none."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train.take(np.flatnonzero(train.values)), context)


class NeedsTwo(Honest):
    """Divides by the spread of the ratings, which one rating has not."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        self.mean += 0 * train.values.std(ddof=1) if len(train) > 1 else np.nan


class IgnoresHistory(Honest):
    """Says it is inductive, and knows new users by number."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return super().predict(history, users % len(self.users), items)


class ForgetsItems(Honest):
    """Keeps only half of what it learned."""

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        self.items = np.zeros_like(self.items)


class Dense(Honest):
    """Fills a table of users times items."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        table = np.ones((train.n_users, train.n_items), dtype=np.uint8)
        self.n_cells = int(table[0].sum())


class TrainsOn(Honest):
    """Ignores how many epochs a refit may have."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        for epoch in range(1, 4):
            context.report(epoch, 3, validation_rmse=1.0)


class Miscounts(Honest):
    """Reports more epochs than it has planned."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        for epoch in range(1, 4):
            context.report(epoch, 2)


class NotesATable(Honest):
    """Notes what is neither text nor number."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        context.note("settings", {"rate": 0.1})  # type: ignore[arg-type]


class CountsInTruths(Honest):
    """States that it has learned something, and not how much."""

    n_parameters = True


class KnowsWhen(Honest):
    """Predicts more the later it is asked, within the times it knows."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        assert train.timestamps is not None
        self.first, self.last = train.timestamps.min(), train.timestamps.max()

    def predict(  # type: ignore[override]
        self,
        history: Ratings,
        users: IndexArray,
        items: IndexArray,
        timestamps: NDArray[np.int64],
    ) -> Values:
        known = np.clip(timestamps, self.first, self.last)
        since = (known - self.first) / max(self.last - self.first, 1)
        return super().predict(history, users, items) + since

    def state(self) -> dict[str, object]:
        return super().state() | {"first": int(self.first), "last": int(self.last)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        self.first, self.last = int(state["first"]), int(state["last"])


class IsToldAndDoesNotListen(Honest):
    """Asks for times, and makes nothing of them."""

    def predict(  # type: ignore[override]
        self,
        history: Ratings,
        users: IndexArray,
        items: IndexArray,
        timestamps: NDArray[np.int64],
    ) -> Values:
        return super().predict(history, users, items)


class GivesANormal(Honest):
    """Gives a normal distribution around its prediction."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        self.spread = float(train.values.std()) or 1.0

    def predict_distribution(
        self, history: Ratings, users: IndexArray, items: IndexArray
    ) -> NormalDistribution:
        mean = self.predict(history, users, items)
        return NormalDistribution(mean, np.full(len(users), self.spread))

    def state(self) -> dict[str, object]:
        return super().state() | {"spread": self.spread}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        self.spread = float(state["spread"])


class ForgetsItsSpread(GivesANormal):
    """Saves its predictions, and not how sure it is of them."""

    def restore(self, state: dict[str, np.ndarray]) -> None:
        super().restore(state)
        self.spread = 1.0


PLAIN = Capabilities(stochastic=False)


def spec(animal: type, **values: object) -> ModelSpec:
    """Return an honest-looking offer of an animal."""
    return ModelSpec(
        **{
            "name": animal.__name__.lower(),
            "target": f"{HERE}:{animal.__name__}",
            "summary": (animal.__doc__ or "").partition("\n")[0],
            "capabilities": PLAIN,
            **values,
        }
    )
