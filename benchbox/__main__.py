"""So that ``python -m benchbox`` is the command ``benchbox``."""

import sys

from benchbox.cli import main

if __name__ == "__main__":
    sys.exit(main())
