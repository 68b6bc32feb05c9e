"""Contention: other runs and other work are seen; our own work is not taken for it."""

import os
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from select import select

import pytest

from benchbox.machine.contention import (
    LoadMeter,
    Watch,
    disturbance,
    family_cpu_seconds,
    tree_cpu_seconds,
)
from benchbox.machine.environment import usable_cpus
from tests.support.present import Other


def test_a_run_that_came_and_went_during_a_trial_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchbox.machine.presence.runtime_folder", lambda: tmp_path)
    watch = Watch(lambda: 0.0)
    since = watch.start()
    other = Other(tmp_path)
    other.kill()

    told, _ = watch.seen(since)
    told_next, _ = watch.seen(watch.start())
    watch.close()

    beside = f"benchbox ran beside it (process {other.process.pid})"
    assert beside in told
    assert beside not in told_next


def test_a_run_whose_file_a_cleaner_removed_announces_itself_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "runs"
    monkeypatch.setattr("benchbox.machine.presence.runtime_folder", lambda: folder)
    watch = Watch(lambda: 0.0)
    since = watch.start()
    shutil.rmtree(folder)
    gone = watch.seen(since)
    watch.start()

    (file,) = folder.iterdir()
    watch.close()

    assert gone == ((), None)
    assert file.name.startswith(f"{os.getpid()}-")
    assert not list(folder.iterdir())


def test_without_a_folder_to_meet_in_runs_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(
        "benchbox.machine.presence.runtime_folder", lambda: tmp_path / "file" / "run"
    )
    watch = Watch(lambda: 0.0)

    assert watch.seen(watch.start()) == ((), None)
    watch.close()


def fake_load(
    monkeypatch: pytest.MonkeyPatch, foreign: float, own: float
) -> "tuple[LoadMeter, list[float]]":
    """Return a meter on a made-up machine, and the seconds it believes have passed."""
    clock = [100.0]
    monkeypatch.setattr("benchbox.machine.contention.monotonic", lambda: clock[0])
    monkeypatch.setattr(
        "benchbox.machine.contention._busy_seconds",
        lambda cpus: clock[0] * (foreign + own),
    )
    return LoadMeter(lambda: clock[0] * own), clock


def test_our_own_work_is_no_foreign_load(monkeypatch: pytest.MonkeyPatch) -> None:
    meter, clock = fake_load(monkeypatch, foreign=0.25, own=1.5)
    clock[0] += 5
    began = meter.start()
    clock[0] += 2

    assert meter.foreign_cpus(began) == pytest.approx(0.25)


def test_trials_that_overlap_are_measured_each_from_its_own_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter, clock = fake_load(monkeypatch, foreign=0.0, own=0.0)
    work = [0.0]
    monkeypatch.setattr(
        "benchbox.machine.contention._busy_seconds", lambda cpus: work[0]
    )
    long = meter.start()
    for _ in range(20):
        clock[0] += 2
        meter.start()
    busy = meter.start()
    clock[0] += 10
    work[0] += 10

    assert meter.foreign_cpus(busy) == pytest.approx(1.0)
    assert meter.foreign_cpus(long) == pytest.approx(10 / 50)


def test_a_short_trial_is_judged_by_the_second_before_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter, clock = fake_load(monkeypatch, foreign=0.5, own=0.0)
    began = meter.start()
    clock[0] += 0.1
    too_early = meter.foreign_cpus(began)
    for _ in range(20):
        began = meter.start()
        clock[0] += 0.1

    assert too_early is None
    assert meter.foreign_cpus(began) == pytest.approx(0.5)
    assert len(meter._marks) < 15


def test_little_other_work_is_no_disturbance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchbox.machine.contention.usable_cpus", lambda: [0, 1, 2, 3])

    assert disturbance(None) == disturbance(0.3) == ""
    assert disturbance(0.5) == "other work used 0.5 of 4 processors"


def test_a_spinning_stranger_is_seen() -> None:
    me = os.getpid()
    meter = LoadMeter(lambda: tree_cpu_seconds(me))
    began = meter.start()
    stranger = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    time.sleep(1.2)
    foreign = meter.foreign_cpus(began)
    stranger.kill()
    stranger.wait()

    assert foreign is not None
    # Whatever else there is, it gets about a processor, or its share of them.
    assert foreign > 0.5 * min(1.0, len(usable_cpus()) / 2)
    assert disturbance(foreign) or len(usable_cpus()) > 8


def test_a_process_that_is_gone_has_used_nothing() -> None:
    done = subprocess.Popen(["true"])
    done.wait()

    assert tree_cpu_seconds(done.pid) == 0.0


def test_processor_seconds_of_a_family_are_not_lost_when_a_member_ends() -> None:
    spin = (
        "import time; until = time.process_time() + {}\n"
        "while time.process_time() < until: pass"
    )
    nested = (
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {spin.format(0.5)!r}])\n"
        f"{spin.format(0.3)}\nprint(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as family:
        assert family.stdout is not None
        seen = [0.0]
        while not select([family.stdout], [], [], 0.02)[0]:
            seen.append(family_cpu_seconds(family.pid))
        after = family_cpu_seconds(family.pid)
        family.communicate(b"\n")

    assert after > 0.7
    # While one runs, its seconds are seen, too; the system counts in hundredths.
    assert any(0.1 < seconds < 0.5 for seconds in seen)
    assert all(b > a - 0.05 for a, b in pairwise(seen))
    assert family_cpu_seconds(family.pid) == 0.0
