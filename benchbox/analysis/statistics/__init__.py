"""Intervals, tests, effect sizes and power for metrics and their differences."""

from benchbox.analysis.statistics.intervals import CONFIDENCE as CONFIDENCE
from benchbox.analysis.statistics.intervals import Interval as Interval
from benchbox.analysis.statistics.intervals import paired_interval as paired_interval
from benchbox.analysis.statistics.intervals import spread as spread
