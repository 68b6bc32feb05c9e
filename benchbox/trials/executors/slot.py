"""Slot: one zygote, whose children run one after another, and what they leave."""

import signal
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import psutil

from benchbox.machine import Family, is_alive
from benchbox.records import MOST_TRIAL_BYTES, Reply, Task
from benchbox.trials.executors.channel import Line, LineError
from benchbox.trials.executors.printed import Printed
from benchbox.trials.executors.running import (
    End,
    Limits,
    RunningChild,
    ZygoteLostError,
)
from benchbox.trials.executors.starter import Starter


class Slot:
    """Runs children one at a time. Each slot has a zygote of its own.

    So what a child leaves behind, or does to its zygote, is no matter for the trials of
    other slots, and all that the zygote has started belongs to one trial.

    Attributes:
        zygote: Starts the zygote.
    """

    def __init__(self, zygote: Starter) -> None:
        self.zygote = zygote
        self._survivors: list[psutil.Process] = []

    def left_over(self) -> list[str]:
        """Say what runs on of earlier trials, which could not be ended."""
        self._survivors = [one for one in self._survivors if is_alive(one)]
        return [
            f"process {one.pid} of an earlier trial ran beside it"
            for one in self._survivors
        ]

    def run(
        self,
        task: Task,
        receives: Any,
        take: Callable[[Any], Reply | None],
        log: Path,
        limits: Limits,
        *,
        glance: Callable[[int], None] = lambda pid: None,
        stop: Event | None = None,
    ) -> End:
        """Run one child to whatever end it comes to.

        Args:
            task: What it does.
            receives: Type of the messages it sends.
            take: Takes each of them; what it returns is the answer.
            log: File that takes what the child prints.
            limits: When it has had enough.
            glance: Called with the child's process id a few times a second.
            stop: Set by another thread that interrupts it.

        Raises:
            KeyboardInterrupt: It was interrupted, and is ended.
        """
        control = self.zygote.line()
        ours, theirs = socket.socketpair()
        line = Line[Any](
            ours,
            receives,
            most_message_bytes=MOST_TRIAL_BYTES,
            most_bytes=MOST_TRIAL_BYTES,
        )
        with ours, theirs, Printed(log) as printed:
            family = Family(self.zygote.pid)
            child = RunningChild(
                line,
                control,
                printed,
                family,
                take,
                glance,
                self.zygote.is_stopped,
                stop,
            )
            try:
                control.send(task, hand_over=(theirs.fileno(), printed.sink))
                theirs.close()
                printed.handed_over()
                end = child.follow(limits)
                self._survivors += end.survivors
                return end
            except (EOFError, BrokenPipeError):
                # The zygote itself is gone; its child must not be left behind.
                child.signal(signal.SIGKILL)
                self.zygote.stop()
                self._survivors += family.end()
                return End(status=-signal.SIGKILL, cause=child.cause)
            except (ZygoteLostError, LineError) as error:
                child.signal(signal.SIGKILL)
                self.zygote.kill()
                self._survivors += family.end()
                return End(
                    status=-signal.SIGKILL, cause=child.cause or ("failed", str(error))
                )
            except BaseException:
                # Ctrl-C, or a full disk: nothing may go on training unwatched.
                try:
                    child.kill()
                except (ZygoteLostError, LineError):
                    self.zygote.kill()
                raise
