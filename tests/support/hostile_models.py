"""Models that attack the runner through what it gets back, each in one way.

`ENDINGS` says of each how its row must end, and why.
"""

import os
import signal
import socket
import stat
import sys
from pathlib import Path

import msgspec
import numpy as np

from benchbox import FitContext, Ratings
from benchbox.ratings import IndexArray, Values
from benchbox.records.files import remove_tree
from benchbox.records.trial_job import TrialOutcome

ENDINGS: dict[str, tuple[str, str]] = {}


def ends(status: str, reason: str):  # type: ignore[no-untyped-def]
    """Note how the row of a model must end: its status, and a pattern of its reason."""

    def note(model: type) -> type:
        ENDINGS[model.__name__] = (status, reason)
        return model

    return note


class Mean:
    """Predicts the mean; what is hostile comes in ``attack``, after the fit."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        self.mean = np.float32(train.values.mean())
        self.context = context
        self.attack()

    def attack(self) -> None:
        pass

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return np.full(len(users), self.mean, dtype=np.float32)


def channel() -> socket.socket:
    """Return the line to the runner, found among the descriptors of this process."""
    for name in os.listdir("/dev/fd"):
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                return socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
    raise AssertionError("there is no line to the runner")


def say(*messages: bytes) -> None:
    channel().sendall(b"".join(message + b"\n" for message in messages))


def phase(name: str) -> bytes:
    return msgspec.json.encode({"kind": "phase", "phase": name})


def epoch(number: int, of: int = 1) -> bytes:
    return b'{"kind":"epoch","epoch":%d,"of":%d}' % (number, of)


FITTED = b'{"kind":"fitted"}'
PREDICTED = b'{"kind":"predicted"}'


def concluded(**values: object) -> bytes:
    """Return the last message of a trial that says *values* of itself."""
    told = msgspec.to_builtins(TrialOutcome()) | values
    return msgspec.json.encode({"kind": "concluded", "outcome": told})


def through_to_the_end(**values: object) -> None:
    """Say all that a trial says that ends well, and leave."""
    say(FITTED, phase("predict"), phase("end"), PREDICTED, concluded(**values))
    os._exit(0)


# What a model writes into the line to the runner.


@ends("failed", "sent a malformed message")
class RandomBytes(Mean):
    def attack(self) -> None:
        channel().sendall(bytes(range(256)) * 4 + b"\n")


@ends("failed", "sent a malformed message")
class BrokenUnicode(Mean):
    def attack(self) -> None:
        say(b'{"kind":"phase","phase":"\xff\xfe"}')


@ends("failed", "sent a malformed message")
class WrongType(Mean):
    def attack(self) -> None:
        say(b"[1, 2, 3]")


@ends("failed", "sent a malformed message")
class UnknownKind(Mean):
    def attack(self) -> None:
        say(b'{"kind":"reward","points":10}')


@ends("failed", "sent a malformed message")
class DeepNesting(Mean):
    def attack(self) -> None:
        say(b'{"kind":"concluded","outcome":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@ends("failed", "more than all its messages may take")
class NoNewline(Mean):
    def attack(self) -> None:
        line, block = channel(), b"A" * (1 << 20)
        for _ in range(1024):
            line.sendall(block)


@ends("failed", "began phase 'load' in phase 'fit'")
class PhaseTwice(Mean):
    def attack(self) -> None:
        say(phase("load"))


@ends("failed", "began phase 'predict' in phase 'fit'")
class PredictsBeforeItIsAsked(Mean):
    def attack(self) -> None:
        say(phase("predict"))


@ends("failed", "asked for pairs in phase 'fitted'")
class AsksTwice(Mean):
    def attack(self) -> None:
        say(FITTED, FITTED)


@ends("failed", "asked for its ratings in phase 'fit'")
class AsksForItsRatingsAgain(Mean):
    def attack(self) -> None:
        say(b'{"kind":"loaded"}')


@ends("failed", "reported an epoch in phase 'load'")
class EpochBeforeTheFit(Mean):
    def __init__(self) -> None:
        say(epoch(1))


@ends("failed", "number is out of range")
class EpochWithoutEnd(Mean):
    def attack(self) -> None:
        say(epoch(10**400))


@ends("failed", "reported more than 100,000 epochs")
class EpochsWithoutEnd(Mean):
    def attack(self) -> None:
        block = (epoch(1) + b"\n") * 1000
        line = channel()
        while True:
            line.sendall(block)


@ends("failed", "said that it has predicted in phase 'fit'")
class PredictsTooSoon(Mean):
    def attack(self) -> None:
        say(PREDICTED)


@ends("failed", "ended well in phase 'end'")
class GoesWithoutBeingAskedAgain(Mean):
    def attack(self) -> None:
        say(FITTED, phase("predict"), phase("end"), concluded())
        os._exit(0)


@ends("failed", "said more than 10 times that it predicted")
class WantsToBeAskedForEver(Mean):
    def attack(self) -> None:
        say(FITTED, phase("predict"), phase("end"), *[PREDICTED] * 1000)
        os._exit(0)


@ends("failed", "ended well in phase 'fit'")
class EndsWellTooSoon(Mean):
    def attack(self) -> None:
        say(concluded())
        os._exit(0)


@ends("failed", "spoke on after its last message")
class SpeaksOn(Mean):
    def attack(self) -> None:
        say(concluded(status="failed", reason="well"), phase("predict"))
        os._exit(0)


@ends("failed", "its status is 'skipped'")
class ClaimsToBeSkipped(Mean):
    def attack(self) -> None:
        say(concluded(status="skipped", reason="not my day"))
        os._exit(0)


@ends("failed", "below 0, or out of all proportion")
class NegativeTime(Mean):
    def attack(self) -> None:
        through_to_the_end(wall_seconds={"fit": -1.0})


@ends("failed", "its phases took 1e[+]09 s, but it ran for")
class EndlessTime(Mean):
    def attack(self) -> None:
        through_to_the_end(wall_seconds={"fit": 1e9})


@ends("failed", "there is no phase 'score'")
class UnknownPhase(Mean):
    def attack(self) -> None:
        through_to_the_end(wall_seconds={"score": 0.0})


@ends("failed", "below 0, or out of all proportion")
class ForgedCount(Mean):
    def attack(self) -> None:
        through_to_the_end(n_parameters=2**64 - 1)


@ends("failed", "the trial left no predictions")
class NoPredictions(Mean):
    def attack(self) -> None:
        through_to_the_end()


@ends("crashed", "exit code 0 before its result was written")
class HangsUp(Mean):
    def attack(self) -> None:
        os.closerange(3, 64)
        os._exit(0)


@ends("failed", "sent a malformed message")
class GarbageIntoEverything(Mean):
    def attack(self) -> None:
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, b"x\n")
            except OSError:
                continue


# What a model leaves where the runner looks for predictions.


class Plants(Mean):
    """Has something else written in place of its predictions."""

    def attack(self) -> None:
        from benchbox.trials import child

        child.write_predictions = self.write

    def write(self, folder: Path, predictions: Values) -> None:
        self.plant(folder / "predictions.npy", len(predictions))

    def plant(self, file: Path, n: int) -> None:
        raise NotImplementedError


@ends("failed", "not what benchbox writes for 14 pairs")
class Pickled(Plants):
    def plant(self, file: Path, n: int) -> None:
        array = np.array([print] * n, dtype=object)
        with file.open("wb") as out:
            np.lib.format.write_array_header_1_0(
                out, {"descr": "|O", "fortran_order": False, "shape": (n,)}
            )
            out.write(array.dumps()[:56])


@ends("failed", "not what benchbox writes for 14 pairs")
class Short(Plants):
    def plant(self, file: Path, n: int) -> None:
        np.save(file, np.zeros(n - 1, dtype=np.float32))


@ends("failed", "bytes are expected at most|has .* bytes; .* are expected at most")
class Huge(Plants):
    def plant(self, file: Path, n: int) -> None:
        with file.open("wb") as out:
            out.truncate(1 << 42)


@ends("failed", "not what benchbox writes for 14 pairs")
class LiesAboutItsShape(Plants):
    def plant(self, file: Path, n: int) -> None:
        with file.open("wb") as out:
            np.lib.format.write_array_header_1_0(
                out, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)}
            )
            out.write(b"\0" * 4 * n)


@ends("failed", "expected at most|not what benchbox writes")
class OtherNumbers(Plants):
    def plant(self, file: Path, n: int) -> None:
        np.save(file, np.zeros(n, dtype=np.float64))


@ends("failed", "NaN or infinity for 1 of 14 pairs")
class ForgedNaN(Plants):
    def plant(self, file: Path, n: int) -> None:
        array = np.zeros(n, dtype=np.float32)
        array[3] = np.nan
        np.save(file, array)


@ends("failed", "cannot be read")
class Link(Plants):
    def plant(self, file: Path, n: int) -> None:
        target = file.with_name("elsewhere.npy")
        np.save(target, np.zeros(n, dtype=np.float32))
        file.symlink_to(target)


@ends("failed", "not a regular file")
class Pipe(Plants):
    def plant(self, file: Path, n: int) -> None:
        os.mkfifo(file)


@ends("failed", "not a regular file")
class Folder(Plants):
    def plant(self, file: Path, n: int) -> None:
        file.mkdir()


@ends("ok", "")
class PlantsWhereItIsHandedPairs(Mean):
    """Where pairs once were written, it puts pipes, on which the runner would wait."""

    def attack(self) -> None:
        from benchbox.trials import child

        def write(folder: Path, predictions: Values) -> None:
            real(folder, predictions)
            for name in ("users.npy", "items.npy"):
                os.mkfifo(folder / name)

        real, child.write_predictions = child.write_predictions, write


# What a model does to the files that other trials read.


class Tampers(Mean):
    """Changes the training ratings where other models read them."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        link = Path(train.values.filename)  # type: ignore[attr-defined]
        # In a folder of the trial's own, beside that of the ratings.
        self.tamper(link.parents[3] / "train" / link.name)

    def tamper(self, file: Path) -> None:
        raise NotImplementedError


@ends("failed", "files that other trials read changed .*: train/values.npy was changed")
class OverwritesRatings(Tampers):
    def tamper(self, file: Path) -> None:
        file.chmod(0o644)
        stored = np.load(file, mmap_mode="r+")
        stored[:] = 1
        stored.flush()


@ends("failed", "train/values.npy was changed")
class OverwritesRatingsAndPutsTimesBack(OverwritesRatings):
    def tamper(self, file: Path) -> None:
        before = file.stat()
        super().tamper(file)
        file.chmod(before.st_mode)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@ends("failed", "train/users.npy is gone")
class RemovesRatings(Tampers):
    def tamper(self, file: Path) -> None:
        file.parent.chmod(0o755)
        file.with_name("users.npy").unlink()


@ends("failed", "train/items.npy is gone")
class RemovesAllRatings(Tampers):
    def tamper(self, file: Path) -> None:
        remove_tree(file.parents[1])


@ends("failed", "train/rows.npy was added")
class AddsAColumn(Tampers):
    def tamper(self, file: Path) -> None:
        file.parent.chmod(0o755)
        np.save(file.with_name("rows.npy"), np.arange(32))


@ends("failed", "train/values.npy was changed")
class ReplacesRatingsByALink(Tampers):
    def tamper(self, file: Path) -> None:
        file.parent.chmod(0o755)
        file.rename(file.parent.parent / "was.npy")
        file.symlink_to(file.parent.parent / "was.npy")


@ends("failed", "train/values.npy was changed")
class ReplacesRatingsByAPipe(Tampers):
    def tamper(self, file: Path) -> None:
        file.parent.chmod(0o755)
        file.unlink()
        os.mkfifo(file)


# What a model says of itself.


@ends("failed", "n_parameters is 1000.*must lie between 0 and 2.63")
class EndlessCount(Mean):
    n_parameters = 10**400


@ends("failed", "n_parameters is True; it must be a whole number")
class TrueCount(Mean):
    n_parameters = True


@ends("failed", "n_parameters is -1")
class NegativeCount(Mean):
    n_parameters = -1


@ends("failed", r"ValueError: \\udcff")
class LoneSurrogate(Mean):
    def attack(self) -> None:
        raise ValueError("\udcff")


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@ends("failed", "Unspeakable: .its message cannot be shown: RuntimeError")
class RaisesTheUnspeakable(Mean):
    def attack(self) -> None:
        raise Unspeakable


@ends("failed", r"ValueError: \\u001b\[2J\\u001b\]0;owned\\u0007\\u202etxt")
class SteersTheTerminal(Mean):
    def attack(self) -> None:
        raise ValueError("\x1b[2J\x1b]0;owned\x07\u202etxt")


@ends("failed", r"ValueError: A{100}.*… \([0-9,]+ characters more\)$")
class EndlessReason(Mean):
    def attack(self) -> None:
        raise ValueError("A" * (2 << 20))


@ends("ok", "")
class EndlessNote(Mean):
    def attack(self) -> None:
        self.context.note("essay", "A" * (50 << 20))


@ends("failed", "more than 100 notes")
class EndlessNotes(Mean):
    def attack(self) -> None:
        for number in range(1000):
            self.context.note(f"note {number}", "")


@ends("failed", "more than 100,000 epochs")
class ReportsWithoutEnd(Mean):
    def attack(self) -> None:
        for number in range(1, 200_000):
            self.context.report(number, 200_000)


@ends("failed", "loss of report.. is '0.5'; it must be a number")
class LossInWords(Mean):
    def attack(self) -> None:
        self.context.report(1, 3, loss="0.5")  # type: ignore[arg-type]


@ends("failed", "the epoch of report.. is 1.5; it must be a whole number")
class HalfAnEpoch(Mean):
    def attack(self) -> None:
        self.context.report(1.5, 3)


@ends("failed", r"note\('settings', …\) is .'a': 1.; it must be a text or a number")
class NotesATable(Mean):
    def attack(self) -> None:
        self.context.note("settings", {"a": 1})  # type: ignore[arg-type]


@ends("ok", "")
class NumbersOfEveryKind(Mean):
    n_parameters = np.int64(7)

    def attack(self) -> None:
        import torch

        self.context.note("epochs", 5)
        self.context.note("rate", np.float32(0.5))
        for number in np.arange(1, 4):
            self.context.report(number, np.int32(3), loss=np.float32(0.5))
        self.context.report(4, 4, loss=torch.tensor(0.25))


# What a model does to the process it runs in, and to those around it.


@ends("ok", "")
class FloodsItsLog(Mean):
    def attack(self) -> None:
        for _ in range(64):
            os.write(1, b"A" * (1 << 20))
        os.write(2, b"the end\n")


@ends("ok", "")
class ClosesItsOutput(Mean):
    def attack(self) -> None:
        sys.stdout = sys.stderr = None  # type: ignore[assignment]
        os.close(1)


@ends("ok", "")
class CannotLeave(Mean):
    def attack(self) -> None:
        os._exit = lambda status: None  # type: ignore[assignment,return-value]


@ends("crashed", "a signal without a name")
class EndsByANamelessSignal(Mean):
    def attack(self) -> None:
        os.kill(os.getpid(), 40)


@ends("failed", "the process that starts trials was stopped")
class StopsItsParent(Mean):
    def attack(self) -> None:
        os.kill(os.getppid(), signal.SIGSTOP)
        signal.pause()


@ends("crashed", "killed")
class KillsItsParent(Mean):
    def attack(self) -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()


@ends("timeout", "did not end within")
class StopsItself(Mean):
    def attack(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)
