"""Tests of the model contract, which benchbox provides."""

from benchbox.testing import ModelContract


class TestDampedMean(ModelContract):
    spec = "damped-mean"
