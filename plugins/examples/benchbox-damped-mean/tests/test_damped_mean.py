"""Every promise of the contract, as benchbox checks it."""

from benchbox.testing import ModelContract


class TestDampedMean(ModelContract):
    spec = "damped-mean"
