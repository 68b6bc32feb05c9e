"""Other processes that are present in a folder, as other runs are."""

import subprocess
import sys
from pathlib import Path

STAY = """
import sys
from pathlib import Path
from benchbox.machine.presence import Presence
presence = Presence(Path(sys.argv[1]))
print("here", flush=True)
sys.stdin.read()
"""


class Other:
    """Another process that is present in a folder until it is told to leave."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", STAY, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "here\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()
