"""Tuning: options chosen on validation ratings, with one budget for every model."""

from benchbox.tuning.study import StudiesRecord as StudiesRecord
from benchbox.tuning.study import Study as Study
from benchbox.tuning.study import StudyListener as StudyListener
from benchbox.tuning.study import StudyRecord as StudyRecord
from benchbox.tuning.suggestions import free_space as free_space
from benchbox.tuning.suggestions import needs_optuna as needs_optuna
from benchbox.tuning.suggestions import suggest as suggest
