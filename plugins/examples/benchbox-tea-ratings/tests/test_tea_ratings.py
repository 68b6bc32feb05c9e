"""Tests of the data set contract, which benchbox provides."""

from benchbox.testing import DatasetContract


class TestTeaRatings(DatasetContract):
    card = "tea-ratings"
