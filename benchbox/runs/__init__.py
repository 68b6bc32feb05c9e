"""Runs: from what is asked for to records on disk."""

from benchbox.runs.api import fit as fit
from benchbox.runs.api import load_dataset as load_dataset
from benchbox.runs.api import load_run as load_run
from benchbox.runs.api import run as run
from benchbox.runs.costs import Costs as Costs
from benchbox.runs.kept_files import KeptRecord as KeptRecord
from benchbox.runs.listener import Listener as Listener
from benchbox.runs.listener import Silent as Silent
from benchbox.runs.on_disk import Run as Run
from benchbox.runs.plan import Plan as Plan
from benchbox.runs.plan import PlannedTrial as PlannedTrial
from benchbox.runs.runner import execute as execute
from benchbox.runs.saved_model import FitSettings as FitSettings
from benchbox.runs.saved_model import KeptModel as KeptModel
from benchbox.runs.saved_model import Recommendation as Recommendation
from benchbox.runs.scoring import failed_metrics as failed_metrics
from benchbox.runs.session import Session as Session
from benchbox.runs.session import config_to_resume as config_to_resume
from benchbox.runs.settings import make_config as make_config
from benchbox.runs.settings import suite_settings as suite_settings
from benchbox.runs.stages import Stages as Stages
from benchbox.runs.stages import find_dataset as find_dataset
from benchbox.runs.stages import split as split
from benchbox.runs.trust import Trust as Trust
from benchbox.runs.trust import model_files as model_files
from benchbox.runs.tuning.searches import STUDY as STUDY
