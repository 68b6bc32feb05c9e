"""Counting which lines of benchbox forked processes run: coverage of these tests."""

import os
from contextlib import suppress
from typing import NoReturn

from coverage import Coverage


def count_forks() -> None:
    """Have processes forked from now on store the lines that they run as they end.

    The patches of coverage for this store the lines of all processes that a trial stems
    from over again with each trial: these tests took two thirds longer, and a test in
    a forked child minutes.
    """
    leave = os._exit

    def store_and_leave(status: int) -> NoReturn:
        # Asked for each time: tests may be measured by one that starts later.
        if measured := Coverage.current():
            with suppress(Exception):
                measured.save()
        leave(status)

    def forget() -> None:
        if measured := Coverage.current():
            # In place, as what runs at the moment goes on writing to these sets.
            for lines in measured._collector.data.values():
                lines.clear()

    os._exit = store_and_leave
    os.register_at_fork(after_in_child=forget)
