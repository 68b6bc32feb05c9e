"""A zygote on a system that lets no process have mounts of its own."""

import sys

from benchbox.trials.confinement import mounts
from benchbox.trials.executors import zygote

mounts.are_possible = lambda: False  # type: ignore[assignment]

if __name__ == "__main__":
    sys.exit(zygote.main())
