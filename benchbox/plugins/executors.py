"""Executors: the ways in which trials can be run, as plugins offer them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSpec:
    """A way to run trials; making or listing one imports nothing.

    Attributes:
        name: Name on the command line, kebab-case.
        summary: One line for people.
        target: What makes one, as ``"package.module:Class"``. It is called with the
            threads of each trial and a file for its log, and returns a
            `benchbox.trials.Executor`.
    """

    name: str
    summary: str
    target: str


OWN_EXECUTORS = (
    ExecutorSpec(
        name="local",
        summary="one trial at a time, each in a process of this machine",
        target="benchbox.trials.executors.local:LocalExecutor",
    ),
)
"""The executors of benchbox itself; the first is the default."""
