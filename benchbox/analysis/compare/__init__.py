"""Compare: two sets of measurements, cell by cell, with a verdict that knows its doubt.

`sides` reads runs and files of pytest-benchmark, `compare_sides` in `verdicts` judges;
the gate of a pull request is this same comparison.
"""
