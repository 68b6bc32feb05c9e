"""Models that break their contract, each in one way, and two that keep it."""

import ctypes
import os
import sys
import threading
import time

import numpy as np
from numpy.typing import NDArray

from benchbox import (
    Capabilities,
    FitContext,
    Ratings,
)
from benchbox.metrics import NormalDistribution, StepDistribution
from benchbox.ratings import IndexArray, Values


class Honest:
    """Predicts the mean of what it may see."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        self.mean = np.float32(train.values.mean())
        context.report(1, 1, loss=0.0)

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return np.full(len(users), self.mean, dtype=np.float32)


class Empty:
    """Does nothing: its answers are there before it is asked."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        self.answers = np.zeros(1 << 18, dtype=np.float32)

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return self.answers[: len(users)]


class Placed(Honest):
    """Says where it is: a trial works in a folder of its own."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        context.note(
            "place", f"{os.environ.get('PLACE')} in {os.path.basename(os.getcwd())}"
        )
        super().fit(train, context)


class Prepares(Honest):
    """Takes its time to get ready, and says so."""

    def prepare(self) -> None:
        time.sleep(0.3)
        self.is_ready = True

    def fit(self, train: Ratings, context: FitContext) -> None:
        context.note("ready", str(self.is_ready))
        super().fit(train, context)


class PreparesForADevice(Honest):
    """Gets ready for one device."""

    def prepare(self, device: str) -> None:
        self.ready_for = device

    def fit(self, train: Ratings, context: FitContext) -> None:
        context.note("ready for", self.ready_for)
        super().fit(train, context)


class Tuned(Honest):
    """Takes keyword options."""

    def __init__(self, offset: float = 0.0, steps=(1, 2)) -> None:  # type: ignore[no-untyped-def]
        self.offset = offset

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return super().predict(history, users, items) + np.float32(self.offset)


class UsesTheQuestion(Honest):
    """Predicts by what else it is asked for."""

    def __init__(self, how: str = "") -> None:
        self.how = how

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        self.draw = np.random.default_rng(context.seed)

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        n = len(users)
        known = users % 5 + items % 7
        counts = np.bincount(items, minlength=history.n_items)[items]
        step = {
            "alone": 0.1 * known,
            "counts": 0.1 * np.log(counts),
            "rank": np.argsort(np.argsort(known, kind="stable")) / n,
            "noise": 0.1 * self.draw.standard_normal(n),
        }[self.how]
        return np.float32(super().predict(history, users, items) + step)


class Column(Honest):
    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return super().predict(history, users, items)[:, None]


class NotANumber(Honest):
    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        predicted = super().predict(history, users, items)
        predicted[0] = np.nan
        return predicted


class TooFew(Honest):
    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return super().predict(history, users, items)[1:]


class Words(Honest):
    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return np.full(len(users), "good")  # type: ignore[return-value]


class Raises(Honest):
    def fit(self, train: Ratings, context: FitContext) -> None:
        raise RuntimeError("the loss became\nNaN")


class LeavesPython(Honest):
    def fit(self, train: Ratings, context: FitContext) -> None:
        sys.exit(0)


class LeavesTheProcess(Honest):
    def fit(self, train: Ratings, context: FitContext) -> None:
        os._exit(0)


class Segfaults(Honest):
    def fit(self, train: Ratings, context: FitContext) -> None:
        ctypes.string_at(0)


class NeverEnds(Honest):
    def fit(self, train: Ratings, context: FitContext) -> None:
        while True:
            time.sleep(0.01)


class Hoards(Honest):
    def fit(self, train: Ratings, context: FitContext) -> None:
        self.hoard = []
        while True:
            self.hoard.append(np.ones(1 << 24))


class OutOfMemory(Honest):
    def fit(self, train: Ratings, context: FitContext) -> None:
        raise MemoryError


class WritesToItsInput(Honest):
    def fit(self, train: Ratings, context: FitContext) -> None:
        train.values[:] = 0


class LeavesAChild(Honest):
    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        pid = os.fork()
        if pid == 0:
            time.sleep(600)
        print(pid)  # noqa: T201 - a test reads it in the log of the trial


class Sleeps(Honest):
    """Sleeps, and notes how long by its own clocks."""

    def __init__(self, seconds: float = 0.5) -> None:
        self.seconds = seconds

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        self.timed(context)
        context.report(2, 2, loss=0.0)

    def timed(self, context: FitContext) -> None:
        started, spent = time.perf_counter(), time.process_time()
        self.work()
        context.note("wall", str(time.perf_counter() - started))
        context.note("processor", str(time.process_time() - spent))

    def work(self) -> None:
        time.sleep(self.seconds)


class Spins(Sleeps):
    """Spins for seconds of processor time."""

    def work(self) -> None:
        until = time.process_time() + self.seconds
        while time.process_time() < until:
            pass


class LeavesAThread(Sleeps):
    """Returns at once and works on in the background."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        Honest.fit(self, train, context)
        threading.Thread(target=self.timed, args=(context,)).start()


class NeverJoins(LeavesAThread):
    """Works on in the background until the process ends."""

    def work(self) -> None:
        while True:
            time.sleep(0.01)


class Global(Honest):
    """Draws from the global generator, which the runner has seeded."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return np.random.rand(len(users)).astype(np.float32)  # noqa: NPY002


class Fickle(Honest):
    """Predicts otherwise each time, whatever the seed."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return super().predict(history, users, items) + np.float32(time.time() % 1)


class Inductive(Honest):
    """Predicts each user's mean from the history."""

    capabilities = Capabilities(inductive=True, stochastic=False)

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        sums = np.bincount(
            history.users, weights=history.values, minlength=history.n_users
        )
        counts = np.bincount(history.users, minlength=history.n_users)
        return (sums[users] / counts[users]).astype(np.float32)


class Timed(Honest):
    """Reads timestamps, and cannot do without them."""

    capabilities = Capabilities(uses_timestamps=True, stochastic=False)

    def fit(self, train: Ratings, context: FitContext) -> None:
        assert train.timestamps is not None
        super().fit(train, context)


class WarmOnly(Honest):
    """Answers for nobody it has not seen, and would fail if asked."""

    capabilities = Capabilities(handles_cold_users=False, handles_cold_items=False)

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        self.users, self.items = set(train.users.tolist()), set(train.items.tolist())

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        assert set(users.tolist()) <= self.users
        assert set(items.tolist()) <= self.items
        return super().predict(history, users, items)


class Validated(Honest):
    """Reports a validation curve whose best epoch is the second."""

    capabilities = Capabilities(uses_validation=True, refits=True, stochastic=False)

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        if context.validation is None:
            assert context.epochs == 2
            self.mean = np.float32(len(train))
            return
        assert context.validation_history is not None
        for epoch, value in enumerate([3.0, 1.0, 2.0], start=1):
            context.report(epoch, 3, loss=value, validation_rmse=value)


class NoModel:
    """Has no predict."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        pass


class Demanding(Honest):
    def __init__(self, needed: int) -> None:
        pass


class Precise(Honest):
    """Notes the arithmetic it was given, and torch's own setting."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        import torch

        super().fit(train, context)
        context.note("asked", context.precision)
        context.note("products", torch.get_float32_matmul_precision())


class Savable(Honest):
    """Can be saved."""

    def state(self) -> dict[str, float]:
        return {"mean": float(self.mean)}

    def restore(self, state: dict[str, float]) -> None:
        self.mean = np.float32(state["mean"])


class PatchesTheClock(Sleeps):
    """Stops all clocks of its process while it works."""

    def timed(self, context: FitContext) -> None:
        from benchbox.machine.clocks import phases

        stopped = time.perf_counter()
        for module in (time, phases):
            module.perf_counter = lambda: stopped  # type: ignore[attr-defined]
        self.work()


class AsksWhen(Savable):
    """Predicts the days from its latest training rating to the question."""

    capabilities = Capabilities(uses_question_times=True, stochastic=False)

    def fit(self, train: Ratings, context: FitContext) -> None:
        assert train.timestamps is not None
        self.mean = np.float32(train.timestamps.max() // 86_400)

    def predict(  # type: ignore[override]
        self,
        history: Ratings,
        users: IndexArray,
        items: IndexArray,
        timestamps: NDArray[np.int64],
    ) -> Values:
        assert timestamps.dtype == np.int64
        assert timestamps.shape == users.shape
        return (timestamps // 86_400 - self.mean).astype(np.float32)


class GivesSteps(Honest):
    """Gives the steps 1 to 5 the shares that they have in training."""

    capabilities = Capabilities(predicts_distribution=True, stochastic=False)

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        counts = [(train.values == step).mean() for step in range(1, 6)]
        self.shares = np.array(counts)

    def predict_distribution(
        self, history: Ratings, users: IndexArray, items: IndexArray
    ) -> StepDistribution:
        rows = np.tile(self.shares, (len(users), 1))
        return StepDistribution(np.arange(1, 6), rows)


class GivesANormal(WarmOnly):
    """Gives a normal distribution around the mean, to whomever it has seen."""

    capabilities = Capabilities(
        handles_cold_users=False,
        handles_cold_items=False,
        predicts_distribution=True,
        stochastic=False,
    )
    spread = 1.25

    def predict_distribution(
        self, history: Ratings, users: IndexArray, items: IndexArray
    ) -> NormalDistribution:
        mean = self.predict(history, users, items)
        return NormalDistribution(mean, np.full(len(users), self.spread))


class IsTooSure(GivesANormal):
    """Gives a distribution without a spread."""

    spread = 0.0


class PromisesADistribution(Honest):
    """Says that it predicts distributions, and cannot."""

    capabilities = Capabilities(predicts_distribution=True, stochastic=False)
