"""How trials are carried out, which is no matter for what they predict."""

from dataclasses import dataclass
from typing import Any

from benchbox.errors import UsageError
from benchbox.plugins import ExecutorSpec


@dataclass(frozen=True, slots=True)
class Execution:
    """How the trials of a run are carried out.

    Attributes:
        executor: Name of the executor that runs them.
        jobs: How many run at once on each machine, if there are processors for them.
        address: Where the executor finds its machines; empty for its own default.
    """

    executor: str = "local"
    jobs: int = 1
    address: str = ""

    def check(self, spec: ExecutorSpec) -> None:
        """Check that the executor can do this.

        Raises:
            UsageError: It cannot.
        """
        if not isinstance(self.jobs, int) or self.jobs < 1:
            raise UsageError(f"jobs={self.jobs!r}: it must be a whole number from 1.")
        if self.jobs > 1 and "jobs" not in spec.takes:
            raise UsageError(
                f"Executor {spec.name!r} runs one trial at a time; leave out --jobs."
            )

        if self.address and "address" not in spec.takes:
            raise UsageError(
                f"Executor {spec.name!r} runs trials on this machine; leave out "
                f"--ray-address, or choose --executor ray."
            )

    @property
    def where(self) -> dict[str, str]:
        """What the executor is called with to find its machines."""
        return {"address": self.address} if self.address else {}

    def arguments(self, jobs: int) -> dict[str, Any]:
        """Return what the executor is called with, beside threads and log.

        Args:
            jobs: For how many trials a machine has processors.
        """
        return {**self.where, **({"jobs": jobs} if jobs > 1 else {})}

    @property
    def words(self) -> list[str]:
        """The options of the command line that mean the same, but for defaults."""
        default = Execution()
        words = []
        if self.executor != default.executor:
            words += ["--executor", self.executor]
        if self.jobs != default.jobs:
            words += ["--jobs", str(self.jobs)]
        if self.address != default.address:
            words += ["--ray-address", self.address]
        return words


ONE_BY_ONE = Execution()
"""The default: one trial at a time, on this machine."""
