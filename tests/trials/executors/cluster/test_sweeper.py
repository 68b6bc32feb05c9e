"""The sweeper: what a killed process leaves is removed, and nothing else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchbox.trials.executors.cluster.sweeper import swept

HOLDS = """\
import sys, time
from pathlib import Path
from benchbox.trials.executors.cluster.sweeper import swept
with swept(Path(sys.argv[1])):
    print("holds", flush=True)
    time.sleep(600)
"""


def test_the_folder_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    folder, other = tmp_path / "its", tmp_path / "other"
    for one in (folder, other):
        (one / "locked").mkdir(parents=True)
    (folder / "locked" / "file").write_text("")
    (folder / "locked").chmod(0o500)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"holds\n"
        assert folder.exists()
        process.send_signal(signal.SIGKILL)
    until = time.monotonic() + 60
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)

    assert not folder.exists()
    assert other.exists()


def test_it_leaves_with_a_process_that_has_tidied_up_itself(tmp_path: Path) -> None:
    folder = tmp_path / "its"
    folder.mkdir()
    with swept(folder):
        assert folder.exists()
