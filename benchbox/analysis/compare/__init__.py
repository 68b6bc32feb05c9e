"""Compares two sets of measurements, with a verdict for each model and quantity.

`sides` reads runs and files of pytest-benchmark, and `verdicts.compare_sides` judges
them. Pull requests are checked by the same comparison.
"""
