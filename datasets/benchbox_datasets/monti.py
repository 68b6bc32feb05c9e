"""Douban, Flixster and YahooMusic: the matrices and splits of Monti et al."""

from collections.abc import Mapping
from pathlib import Path

from benchbox.data import DatasetCard, RawRatings, read_monti
from benchbox.options import Options


def read_monti_card(
    files: Mapping[str, Path], card: DatasetCard, options: Options
) -> RawRatings:
    """Read the one file, with its split; see `benchbox.data.read_monti`."""
    (path,) = files.values()
    return read_monti(path)
