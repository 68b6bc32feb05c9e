"""What the runner and a worker on another machine say to each other."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.machine import Environment, GaugeRecord
from benchbox.records import Pairs, Predicted, TrialJob, TrialNews, TrialOutcome
from benchbox.targets import undisturbed
from benchbox.trials.executors.api import Finished
from benchbox.trials.executors.cluster.parcels import Code


class Introduction(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself.

    Attributes:
        environment: Its machine and software.
        niceness: By how much other processes of the machine come first.
    """

    environment: Environment
    niceness: int = 0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A trial to run.

    Attributes:
        job: The trial. Its folders of ratings are named by the numbers of parcels.
        code: The code of its model; the last parcel holds it if it is a file.
        memory_limit_bytes: Memory at which it is ended; `None` for what the machine can
            give.
        is_asked: Whether there are pairs to predict.
    """

    job: TrialJob
    code: Code
    memory_limit_bytes: int | None
    is_asked: bool


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs to predict, by value; see `Pairs`."""

    users: bytes
    items: bytes
    timestamps: bytes | None = None
    chunk_size: int = 0

    @classmethod
    def read(cls, pairs: Pairs) -> "Asked":
        """Return the pairs in the files that *pairs* names."""
        columns = [_content(file) for file in (pairs.users, pairs.items)]
        times = _content(pairs.timestamps) if pairs.timestamps else None
        return cls(
            users=columns[0],
            items=columns[1],
            timestamps=times,
            chunk_size=pairs.chunk_size,
        )

    @property
    def columns(self) -> tuple[NDArray[Any], ...]:
        """Users, items and, if told, timestamps, each of shape ``(n,)``."""
        found: list[NDArray[Any]] = [
            np.frombuffer(column, dtype=np.int32) for column in (self.users, self.items)
        ]
        if self.timestamps is not None:
            found.append(np.frombuffer(self.timestamps, dtype=np.int64))
        return tuple(found)


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """The trial has predicted what it was asked, and waits for more.

    Attributes:
        said: What it said.
        files: Content of each file that it wrote, by name.
    """

    said: Predicted
    files: dict[str, bytes]


class Over(msgspec.Struct, frozen=True, kw_only=True):
    """The trial is over.

    Attributes:
        outcome: See `Finished`, as all that follow.
        contended: What else used the machine meanwhile.
        foreign_cpus: Processors that other work kept busy.
        gauges: What the sensors said.
        confined: What kept the trial from reading and writing more than its own.
        lacks: Why this machine cannot run the model; empty if it can.
    """

    outcome: TrialOutcome = msgspec.field(default_factory=TrialOutcome)
    contended: tuple[str, ...] = ()
    foreign_cpus: float | None = None
    gauges: GaugeRecord = GaugeRecord()
    confined: str = ""
    lacks: str = ""

    @classmethod
    def of(cls, finished: Finished) -> "Over":
        """Return how a trial has ended."""
        return cls(
            outcome=finished.outcome,
            contended=finished.contended,
            foreign_cpus=finished.foreign_cpus,
            gauges=finished.gauges,
            confined=finished.confined,
        )


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker has to tell since it was last asked.

    Attributes:
        news: What the trial said.
        printed: What its model printed.
        answered: Its predictions, if it waits for more questions.
        over: How it ended, if it has.
    """

    news: list[TrialNews] = []
    printed: bytes = b""
    answered: Answered | None = None
    over: Over | None = None


def _content(file: str) -> bytes:
    return bytes(undisturbed(lambda: np.load(file, allow_pickle=False)).tobytes())
