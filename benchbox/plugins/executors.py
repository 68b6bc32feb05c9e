"""Executors that plugins offer, and benchbox's own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSpec:
    """An executor, which runs trials. Creating a spec imports no code.

    Attributes:
        name: Name on the command line, kebab-case.
        summary: Description in one line.
        target: Class or function, as ``"package.module:Class"``. It is called with the
            number of threads per trial and the path of a log file, and returns a
            `benchbox.trials.Executor`.
        takes: Names of what it may also be called with: ``jobs``, the number of trials
            that it is to run at once on each machine, if that is more than one; and
            ``address``, where it finds its machines, if the user says so.
        machines: Function, as ``"package.module:function"``, that is called with the
            ``address`` and returns a context manager with `benchbox.trials.Machines`;
            empty for an executor of this machine alone.
    """

    name: str
    summary: str
    target: str
    takes: tuple[str, ...] = ()
    machines: str = ""


OWN_EXECUTORS = (
    ExecutorSpec(
        name="local",
        summary="on this machine, each trial in its own process",
        target="benchbox.trials.executors.local:LocalExecutor",
        takes=("jobs",),
    ),
    ExecutorSpec(
        name="ray",
        summary="on the machines of a Ray cluster (extra 'ray')",
        target="benchbox.trials.executors.cluster.executor:RayExecutor",
        takes=("jobs", "address"),
        machines="benchbox.trials.executors.cluster.machines:machines",
    ),
)
"""The executors that benchbox offers; the first is the default."""
