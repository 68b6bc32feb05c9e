"""Zygote: it forks no process that an accelerator would not survive."""

import socket
import subprocess
import sys

from benchbox.records.messages import SearchPath, ZygoteMessage
from benchbox.trials.executors.channel import Line

SCRIPT = """
import sys
from benchbox.trials.executors import zygote

zygote._preload = lambda: None
zygote.accelerator_in_use = lambda: "xpu"
sys.exit(zygote.main())
"""


def test_a_zygote_that_holds_an_accelerator_refuses_to_fork() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Line(ours, ZygoteMessage).send(
            SearchPath(
                path=sys.path, accelerators={"xpu": "benchbox.machine.devices:Xpu"}
            )
        )
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == "importing torch has started xpu, which no fork survives\n"
