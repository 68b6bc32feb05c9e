"""Worker: runs trials on a machine of a cluster, as the local executor does.

The runner calls its methods from afar, one at a time. It gets visible ratings with a
trial, and the pairs to predict once the fit is over; hidden ratings never come here.
"""

import os
from contextlib import ExitStack

import msgspec

from benchbox.machine import describe_environment, set_accelerators
from benchbox.records import (
    DevicesQuestion,
    Question,
    remove_stale_scratch,
    scratch_folder,
)
from benchbox.trials.executors.cluster.parcels import Code, Parcel
from benchbox.trials.executors.cluster.sweeper import swept
from benchbox.trials.executors.cluster.trial import Trial, unpacked_code
from benchbox.trials.executors.cluster.words import Asked, Introduction, Order
from benchbox.trials.executors.local import LocalExecutor

_encoded = msgspec.msgpack.encode


class Worker:
    """Runs one trial at a time.

    Args:
        n_threads: Threads of each trial.
        accelerators: Class of each kind of accelerator, as ``"package.module:Class"``.
        has_accelerator: Whether one is lent to this worker.
    """

    def __init__(
        self, n_threads: int, accelerators: dict[str, str], has_accelerator: bool
    ) -> None:
        set_accelerators(accelerators)
        remove_stale_scratch()
        self._context = ExitStack()
        self._scratch = self._context.enter_context(scratch_folder())
        self._context.enter_context(swept(self._scratch))
        log = self._scratch / "executor.log"
        self._local = self._context.enter_context(LocalExecutor(n_threads, log))
        self._has_accelerator = has_accelerator
        self._trial: Trial | None = None

    def introduce(self) -> bytes:
        """Return an `Introduction`, encoded."""
        names = self._local.accelerators().names if self._has_accelerator else []
        environment = describe_environment(names)
        return _encoded(Introduction(environment=environment, niceness=os.nice(0)))

    def ask(self, question: bytes, *parcels: Parcel) -> bytes:
        """Have a fresh process answer a question; return the answer, encoded.

        Args:
            question: A `Question`, encoded.
            parcels: The code it is about, if that is a file.
        """
        asked = msgspec.msgpack.decode(question, type=Question)
        if isinstance(asked, DevicesQuestion):
            return _encoded(self._local.accelerators())
        named = Code(target=asked.target, digest="asked")
        code = unpacked_code(self._scratch, named, parcels)
        here = msgspec.structs.replace(asked, target=code.target)
        return _encoded(self._local.describe(here))

    def begin(self, order: bytes, *parcels: Parcel) -> None:
        """Begin a trial.

        Args:
            order: An `Order`, encoded.
            parcels: Its folders of ratings, and its code if that is a file.
        """
        decoded = msgspec.msgpack.decode(order, type=Order)
        self._trial = Trial(self._local, decoded, parcels, self._scratch)
        self._trial.start()

    def hear(self, seconds: float) -> bytes:
        """Return what there is to tell, encoded as `Heard`, after a wait if need be.

        Args:
            seconds: The longest wait.
        """
        assert self._trial is not None
        return _encoded(self._trial.heard(seconds))

    def answer(self, asked: bytes) -> None:
        """Take the pairs that the trial waits for: `Asked` or `None`, encoded."""
        assert self._trial is not None
        self._trial.answer(msgspec.msgpack.decode(asked, type=Asked | None))

    def kept(self) -> Parcel:
        """Return the state of the model that the last trial fitted to keep it."""
        assert self._trial is not None
        return self._trial.kept

    def leave(self) -> None:
        """End everything that was started, and remove all files."""
        if self._trial is not None:
            self._trial.stop()
        self._context.close()
