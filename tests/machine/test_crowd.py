"""Crowds: all that a process has started is found, and ended before anything else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from benchbox.machine import crowd
from benchbox.machine.family import Family

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has it")

STARTS_OTHERS = """
import os, subprocess, sys, time
for depth in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        time.sleep(600)
print(flush=True)
time.sleep(600)
"""


@pytest.fixture
def head() -> Iterator[int]:
    """A process that has started six, of which three are its grandchildren."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_OTHERS], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while len(six := psutil.Process(process.pid).children(recursive=True)) < 6:
            pass
        yield process.pid
        for one in six:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        process.kill()


def test_all_that_a_process_has_started_is_found_and_ended(head: int) -> None:
    found = {one.pid for one in psutil.Process(head).children(recursive=True)}

    assert set(crowd.descendants(head)) == found
    assert crowd.count_descendants(head) == 6
    before = os.getpriority(os.PRIO_PROCESS, 0)
    crowd.end_descendants(head)
    assert list(crowd.descendants(head)) == []
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_whoever_may_not_go_before_others_ends_them_all_the_same(
    head: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)

    crowd.end_descendants(head)

    assert crowd.count_descendants(head) == 0


def test_a_family_is_counted_only_if_the_machine_has_that_many_more(
    head: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_tasks = [100]
    monkeypatch.setattr("benchbox.machine.family.n_tasks", lambda: n_tasks[0])
    family = Family(head)

    n_tasks[0] += 5
    assert family.n_beyond(5) == 0
    n_tasks[0] += 1
    assert family.n_beyond(5) == 6
    n_tasks[0] += 100
    # Others have started these.
    assert family.n_beyond(50) == 0
    assert Family(None).n_beyond(0) == 0


def test_a_system_that_does_not_tell_has_no_crowds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(crowd, "_PROC", tmp_path)

    assert crowd.n_tasks() == 0
    assert crowd._priority_of_session(-20) == 0
