"""Memory: peaks are in bytes, and counted from a moment of our choice."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from benchbox.machine.clocks.memory import peak_memory_bytes

MIB = 2**20

# As a trial's process does, which is forked: a program that was started anew still has
# the peak of the process that started it.
FORKED = """
import os, resource
import numpy as np
from benchbox.machine.clocks.memory import peak_memory_bytes, reset_peak_memory

def peak():
    return peak_memory_bytes(resource.getrusage(resource.RUSAGE_SELF))

def child():
    np.ones(200 * 2**20, dtype=np.uint8)
    before = peak()
    print(reset_peak_memory(), before - peak(), flush=True)

pid = os.fork()
if pid:
    os.waitpid(pid, 0)
else:
    child()
    os._exit(0)
"""


def test_peak_memory_is_in_bytes_on_every_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = SimpleNamespace(ru_maxrss=1000)

    monkeypatch.setattr(sys, "platform", "linux")
    assert peak_memory_bytes(usage) == 1000 * 1024
    monkeypatch.setattr(sys, "platform", "darwin")
    assert peak_memory_bytes(usage) == 1000


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_peak_is_forgotten_when_counting_starts_anew() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, check=True
    )

    is_reset, fallen = done.stdout.split()
    assert is_reset == "True"
    assert int(fallen) > 150 * MIB
