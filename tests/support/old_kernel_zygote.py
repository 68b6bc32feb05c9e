"""A zygote whose kernel refuses Landlock, as old ones do."""

import errno
import os
import sys

from benchbox.trials.confinement import landlock
from benchbox.trials.executors import zygote


def refuse(number: int, *arguments: object) -> int:
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


landlock.call = refuse  # type: ignore[assignment]

if __name__ == "__main__":
    sys.exit(zygote.main())
