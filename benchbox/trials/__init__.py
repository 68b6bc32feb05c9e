"""Trials: one model fitted and asked, in a process of its own."""

from benchbox.trials.answers import ask_distribution as ask_distribution
from benchbox.trials.answers import check_predictions as check_predictions
from benchbox.trials.answers import host_array as host_array
from benchbox.trials.child import build_model as build_model
from benchbox.trials.child import count_parameters as count_parameters
from benchbox.trials.child import state_of as state_of
from benchbox.trials.confinement.confine import offered as offered
from benchbox.trials.executors.api import AgainError as AgainError
from benchbox.trials.executors.api import AskAgain as AskAgain
from benchbox.trials.executors.api import Executor as Executor
from benchbox.trials.executors.api import Finished as Finished
from benchbox.trials.executors.api import Listen as Listen
from benchbox.trials.executors.api import Machines as Machines
from benchbox.trials.executors.api import RunsTrials as RunsTrials
from benchbox.trials.executors.inspection import describe as describe
from benchbox.trials.executors.local import LocalExecutor as LocalExecutor
from benchbox.trials.first_use import FirstUse as FirstUse
from benchbox.trials.predictions import PREDICTIONS as PREDICTIONS
from benchbox.trials.predictions import read_distribution as read_distribution
from benchbox.trials.predictions import read_predictions as read_predictions
