"""Tuning: options chosen on validation ratings, with one budget for every model."""

from benchbox.runs.tuning.study import StudiesRecord as StudiesRecord
from benchbox.runs.tuning.study import Study as Study
from benchbox.runs.tuning.study import StudyListener as StudyListener
from benchbox.runs.tuning.study import StudyRecord as StudyRecord
from benchbox.runs.tuning.suggestions import free_space as free_space
from benchbox.runs.tuning.suggestions import needs_optuna as needs_optuna
from benchbox.runs.tuning.suggestions import suggest as suggest
