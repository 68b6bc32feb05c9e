"""Counting which lines of benchbox forked processes run: coverage of these tests."""

import marshal
import os
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from coverage import Coverage

_FOLDER = "BENCHBOX_TESTS_LINES"
"""Variable with the folder where forked processes note the lines that they ran."""


def count_forks() -> None:
    """Have processes forked from now on note the lines that they run as they end.

    The patches of coverage for this store the lines of all processes that a trial stems
    from over again with each trial: these tests took two thirds longer, and a test in
    a forked child minutes. And a database for each trial took longer than most trials.
    """
    leave, folder = os._exit, noted_in()

    def note_and_leave(status: int) -> NoReturn:
        # Asked for each time: tests may be measured by one that starts later.
        if measured := Coverage.current():
            with suppress(Exception):
                lines = marshal.dumps(dict(measured._collector.data))
                (folder / os.urandom(8).hex()).write_bytes(lines)
        leave(status)

    def forget() -> None:
        if measured := Coverage.current():
            # In place, as what runs at the moment goes on writing to these sets.
            for lines in measured._collector.data.values():
                lines.clear()

    os._exit = note_and_leave
    os.register_at_fork(after_in_child=forget)


def noted_in() -> Path:
    """Return where this process of the tests, and all that it starts, note lines."""
    if _FOLDER not in os.environ:
        measured = Coverage.current()
        assert measured
        stored = measured.get_data().base_filename()
        os.environ[_FOLDER] = f"{stored}-forked/{os.getpid()}"
    return Path(os.environ[_FOLDER])


def add_forks(folder: Path) -> None:
    """Count lines noted in *folder* as run by this process, and remove the notes."""
    measured = Coverage.current()
    assert measured
    for note in folder.iterdir():
        for file, lines in marshal.loads(note.read_bytes()).items():
            measured._collector.data.setdefault(file, set()).update(lines)
        note.unlink()
    folder.rmdir()
