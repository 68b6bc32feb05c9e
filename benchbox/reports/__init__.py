"""Reports: tables of a run in several formats, built from its records alone."""

from benchbox.reports.leaderboard import leaderboards as leaderboards
from benchbox.reports.stats import STATS_FORMATS as STATS_FORMATS
from benchbox.reports.structured import row_values as row_values
from benchbox.reports.tables import render as render
from benchbox.reports.tables import write_tables as write_tables
