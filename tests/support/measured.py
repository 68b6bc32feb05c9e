"""Counting which lines of benchbox forked processes run: coverage of these tests."""

import os
from contextlib import suppress
from typing import NoReturn

import coverage


def count_forks(measured: coverage.Coverage) -> None:
    """Have processes forked from now on store the lines that they run as they end.

    The patches of coverage for this store the lines of all processes that a trial stems
    from over again with each trial: these tests took two thirds longer, and a test in
    a forked child minutes.
    """
    ours = os.getpid()
    leave = os._exit

    def store_and_leave(status: int) -> NoReturn:
        if os.getpid() != ours:
            with suppress(Exception):
                measured.save()
        leave(status)

    def forget() -> None:
        # In place, as what runs at the moment goes on writing to these sets.
        for lines in measured._collector.data.values():
            lines.clear()

    os._exit = store_and_leave
    os.register_at_fork(after_in_child=forget)
