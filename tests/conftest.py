"""Settings all tests share."""

import os

from hypothesis import settings

# Threads that spin while they wait make a busy machine many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A slow machine is no failure.
settings.register_profile("benchbox", deadline=None)
settings.load_profile("benchbox")
