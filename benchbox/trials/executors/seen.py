"""The seconds of a trial's phases by the runner's clock, which no model can reach."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic


class SeenPhases:
    """How long each phase of a trial took, seen from outside.

    Attributes:
        seconds: Seconds by phase that has ended, without what the runner itself did
            meanwhile.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._phase, self._since = "", monotonic()

    def begin(self, phase: str) -> None:
        """End the phase that lasts, if any, and begin another; empty for none."""
        now = monotonic()
        if self._phase:
            self.seconds[self._phase] = now - self._since
        self._phase, self._since = phase, now

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """Leave the block out of the phase that lasts: the runner is at work."""
        began = monotonic()
        try:
            yield
        finally:
            self._since += monotonic() - began
