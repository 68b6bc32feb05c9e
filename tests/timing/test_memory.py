"""Memory: peaks are in bytes, and counted from a moment of our choice."""

import multiprocessing
import resource
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchbox.timing.memory import peak_memory_bytes, reset_peak_memory

MIB = 2**20


def test_peak_memory_is_in_bytes_on_every_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = SimpleNamespace(ru_maxrss=1000)

    monkeypatch.setattr(sys, "platform", "linux")
    assert peak_memory_bytes(usage) == 1000 * 1024
    monkeypatch.setattr(sys, "platform", "darwin")
    assert peak_memory_bytes(usage) == 1000


def _hold_and_reset(line) -> None:
    hoard = np.ones(200 * MIB, dtype=np.uint8)
    before = peak_memory_bytes(resource.getrusage(resource.RUSAGE_SELF))
    del hoard
    done = reset_peak_memory()
    after = peak_memory_bytes(resource.getrusage(resource.RUSAGE_SELF))
    line.send((done, before - after))


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_peak_is_forgotten_when_counting_starts_anew() -> None:
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=_hold_and_reset, args=(theirs,)
    )
    child.start()
    done, fallen = ours.recv()
    child.join()

    assert done
    assert fallen > 100 * MIB
