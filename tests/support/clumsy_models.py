"""Models with honest slips, each with one; see `hostile_models` for the others.

`ENDINGS` says of each how its row must end, and why.
"""

import os
import signal
import sys
import threading
import warnings
from pathlib import Path

import numpy as np

from benchbox import FitContext, Ratings
from benchbox.ratings import IndexArray, Values

ENDINGS: dict[str, tuple[str, str]] = {}


def ends(status: str, reason: str = ""):  # type: ignore[no-untyped-def]
    """Note how the row of a model must end: its status, and a pattern of its reason."""

    def note(model: type) -> type:
        ENDINGS[model.__name__] = (status, reason)
        return model

    return note


class Mean:
    """Predicts the mean; the slip comes in one of its parts."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        self.mean = np.float32(train.values.mean())
        self.slip(train, context)

    def slip(self, train: Ratings, context: FitContext) -> None:
        pass

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return self.answer(np.full(len(users), self.mean, dtype=np.float32))

    def answer(self, values: Values) -> Values:
        return values


# What `predict` returns.


@ends("ok")
class AList(Mean):
    def answer(self, values):
        return values.tolist()


@ends("ok")
class WholeNumbers(Mean):
    def answer(self, values):
        return np.full(len(values), 3)


@ends("ok")
class HalfPrecision(Mean):
    def answer(self, values):
        return values.astype(np.float16)


@ends("ok")
class ASeries(Mean):
    def answer(self, values):
        import pandas as pd

        return pd.Series(values, index=range(5, 5 + len(values)))


@ends("ok")
class ATensor(Mean):
    def answer(self, values):
        import torch

        return torch.from_numpy(values)


@ends("ok")
class MaskedNowhere(Mean):
    def answer(self, values):
        return np.ma.masked_array(values, mask=np.zeros(len(values), dtype=bool))


@ends("failed", "Tensor that is not an array: Can't call numpy.. on Tensor that req")
class ATensorWithGradients(Mean):
    def answer(self, values):
        import torch

        return torch.tensor(values, requires_grad=True)


@ends("failed", r"declined 1 of 14 pairs")
class MasksWhatItCannotTell(Mean):
    def answer(self, values):
        mask = np.arange(len(values)) == 3
        return np.ma.masked_array(values, mask=mask)


@ends("failed", r"shape \(14, 1\) for 14 pairs")
class AColumn(Mean):
    def answer(self, values):
        return values[:, None]


@ends("failed", r"shape \(1, 14\) for 14 pairs")
class ARow(Mean):
    def answer(self, values):
        return values[None]


@ends("failed", r"shape \(13,\) for 14 pairs")
class OneTooFew(Mean):
    def answer(self, values):
        return values[1:]


@ends("failed", r"shape \(\) for 14 pairs")
class OneForAll(Mean):
    def answer(self, values):
        return float(values[0])


@ends("failed", r"shape \(\) for 14 pairs")
class Forgets(Mean):
    def answer(self, values):
        return None


@ends("failed", r"shape \(\) for 14 pairs")
class Yields(Mean):
    def answer(self, values):
        return (value for value in values)


@ends("failed", "object values; they must be numbers")
class Objects(Mean):
    def answer(self, values):
        return values.astype(object)


@ends("failed", "values; they must be numbers")
class Words(Mean):
    def answer(self, values):
        return values.astype(str)


@ends("failed", "complex64 values; they must be numbers")
class Complex(Mean):
    def answer(self, values):
        return values.astype(np.complex64)


@ends("failed", "bool values; they must be numbers")
class TrueOrFalse(Mean):
    def answer(self, values):
        return values > 3


@ends("failed", "NaN or infinity for 14 of 14 pairs")
class TooLargeForFloat32(Mean):
    def answer(self, values):
        return np.full(len(values), 1e300)


@ends("failed", "inhomogeneous|not an array|setting an array element")
class Ragged(Mean):
    def answer(self, values):
        return [[1.0]] + [[1.0, 2.0]] * (len(values) - 1)


# What it says of itself.


@ends("failed", "the epoch of report.. is 0; it must lie between 1")
class EpochZero(Mean):
    def slip(self, train, context):
        context.report(0, 3)


@ends("failed", "the epoch of report.. is nan; it must be a whole number")
class NotAnEpoch(Mean):
    def slip(self, train, context):
        context.report(float("nan"), 3)


@ends("failed", "the epoch of report.. is True; it must be a whole number")
class TrueEpoch(Mean):
    def slip(self, train, context):
        context.report(True, 3)


@ends("failed", "it must be a whole number|must be a number")
class LossesOfABatch(Mean):
    def slip(self, train, context):
        context.report(1, 3, loss=np.zeros(4))


@ends("failed", r"TypeError: .*report.* \(clumsy_models.py, line \d+\)")
class MisspellsAnArgument(Mean):
    def slip(self, train, context):
        context.report(1, 3, los=0.5)


@ends("ok")
class LossIsNotANumber(Mean):
    def slip(self, train, context):
        context.report(1, 3, loss=float("nan"), validation_rmse=float("inf"))


@ends("failed", "loss of report.. is larger than any float")
class LossWithoutEnd(Mean):
    def slip(self, train, context):
        context.report(1, 3, loss=10**400)


@ends("failed", "note.3, ….: the name must be a text")
class NotesANumber(Mean):
    def slip(self, train, context):
        context.note(3, "epochs")


@ends("failed", "must be a text or a number")
class NotesNothing(Mean):
    def slip(self, train, context):
        context.note("early stop", None)


@ends("failed", "n_parameters is 2.5; it must be a whole number")
class HalfAParameter(Mean):
    n_parameters = 2.5


@ends("failed", "n_parameters is 'many'; it must be a whole number")
class ManyParameters(Mean):
    n_parameters = "many"


@ends("ok")
class CountsByAMethod(Mean):
    def n_parameters(self):
        return 3


@ends("failed", "ValueError: cannot count")
class CannotCount(Mean):
    @property
    def n_parameters(self):
        raise ValueError("cannot count")


@ends("failed", "FrozenInstanceError")
class ChangesTheContext(Mean):
    def slip(self, train, context):
        context.seed = 3


# How its code is written.


@ends("failed", "fit returned a generator, so it did not run")
class FitYields(Mean):
    def fit(self, train, context):
        self.mean = 3.0
        yield self.mean


@ends("failed", "fit returned a coroutine, so it did not run")
class FitIsAsync(Mean):
    async def fit(self, train, context):
        self.mean = 3.0


@ends("failed", "AttributeError: .* has no attribute 'mean'")
class FitsNothing(Mean):
    def fit(self, train, context):
        pass


@ends("failed", "TypeError: .*fit.* takes 2 positional arguments but 3 were given")
class FitTakesNoContext(Mean):
    def fit(self, train):
        pass


@ends("failed", r"RuntimeError: no weights \(clumsy_models.py, line \d+\)")
class CannotBeBuilt(Mean):
    def __init__(self):
        raise RuntimeError("no weights")


@ends("failed", "ValueError: .* is read-only")
class SortsItsInput(Mean):
    def slip(self, train, context):
        train.values.sort()


@ends("failed", "read-only")
class ChangesTheHistory(Mean):
    def predict(self, history, users, items):
        history.values[:] = 3
        return np.full(len(users), 3.0)


@ends("ok")
class ChangesWhatItIsAsked(Mean):
    def predict(self, history, users, items):
        users += 1
        items[:] = 0
        return np.full(len(users), self.mean)


@ends("failed", "IndexError: ")
class CountsFromOne(Mean):
    def slip(self, train, context):
        np.zeros(train.n_users)[train.users + train.n_users]


@ends("failed", "RecursionError: ")
class RecursWithoutEnd(Mean):
    def slip(self, train, context):
        self.slip(train, context)


@ends("failed", "StopIteration")
class NextOfNothing(Mean):
    def slip(self, train, context):
        next(iter(()))


@ends("failed", "AssertionError")
class Asserts(Mean):
    def slip(self, train, context):
        assert len(train) == 0


@ends("failed", "KeyboardInterrupt")
class Interrupts(Mean):
    def slip(self, train, context):
        raise KeyboardInterrupt


@ends("failed", "SystemExit: 0")
class LeavesWell(Mean):
    def slip(self, train, context):
        sys.exit(0)


@ends("failed", "ExceptionGroup: two ")
class RaisesTwo(Mean):
    def slip(self, train, context):
        raise ExceptionGroup("two", [ValueError("a"), KeyError("b")])


@ends("failed", "GeneratorExit")
class RaisesTheLowest(Mean):
    def slip(self, train, context):
        raise GeneratorExit


@ends("out-of-memory", "MemoryError|allocate")
class WantsTooMuch(Mean):
    def slip(self, train, context):
        np.ones((1 << 50,))


@ends("failed", "FileNotFoundError")
class ReadsAFileOfItsAuthor(Mean):
    def slip(self, train, context):
        Path("weights-of-mine.npy").read_bytes()


@ends("failed", "UserWarning: beware")
class MakesWarningsErrors(Mean):
    def slip(self, train, context):
        warnings.simplefilter("error")
        warnings.warn("beware", stacklevel=1)


# What it does to its process, which must not reach the result.


@ends("ok")
class MakesNumbersErrors(Mean):
    def slip(self, train, context):
        np.seterr(all="raise")
        warnings.simplefilter("error")


@ends("ok")
class ChangesTorch(Mean):
    def slip(self, train, context):
        import torch

        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)


@ends("ok")
class GoesElsewhere(Mean):
    def slip(self, train, context):
        os.chdir("/")
        os.environ.clear()


@ends("ok")
class HasNoOutput(Mean):
    def slip(self, train, context):
        sys.stdout = sys.stderr = None


@ends("ok")
class SetsAnAlarm(Mean):
    def slip(self, train, context):
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.alarm(1)


@ends("ok")
class ItsThreadFails(Mean):
    def slip(self, train, context):
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()


@ends("ok")
class PrintsWhatNoTerminalTakes(Mean):
    def slip(self, train, context):
        os.write(1, bytes(range(256)))
        os.write(2, b"\x1b[2J" + "\ud800".encode("utf-8", "surrogatepass"))
