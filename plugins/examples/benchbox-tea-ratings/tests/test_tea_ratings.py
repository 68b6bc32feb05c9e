"""Every promise of the contract, as benchbox checks it."""

from benchbox.testing import DatasetContract


class TestTeaRatings(DatasetContract):
    card = "tea-ratings"
