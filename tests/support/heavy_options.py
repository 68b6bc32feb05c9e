"""Options in a module that imports torch, so that every command would wait for it."""

import torch  # noqa: F401

from benchbox import Options


class HeavyOptions(Options, frozen=True):
    pass
