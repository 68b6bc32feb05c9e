"""So that ``python -m benchbox.cli`` runs the command line."""

import sys

from benchbox.cli import main

sys.exit(main())
