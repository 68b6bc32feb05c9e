"""Statistics: how far a figure, or the difference of two, can be trusted."""

from benchbox.analysis.statistics.intervals import CONFIDENCE as CONFIDENCE
from benchbox.analysis.statistics.intervals import Interval as Interval
from benchbox.analysis.statistics.intervals import paired_interval as paired_interval
from benchbox.analysis.statistics.intervals import spread as spread
