"""Settings all tests share."""

from hypothesis import settings

# A slow machine is no failure.
settings.register_profile("benchbox", deadline=None)
settings.load_profile("benchbox")
