"""Records: what a run leaves behind, as its files have it."""

from benchbox.records.config import Case as Case
from benchbox.records.config import RunConfig as RunConfig
from benchbox.records.config import TuningBudget as TuningBudget
from benchbox.records.folder import RunFolder as RunFolder
from benchbox.records.folder import new_run_id as new_run_id
from benchbox.records.folder import now as now
from benchbox.records.folder import predictions_digest as predictions_digest
from benchbox.records.run import CaseRecord as CaseRecord
from benchbox.records.run import FoldRecord as FoldRecord
from benchbox.records.run import MetricRecord as MetricRecord
from benchbox.records.run import PlannedModel as PlannedModel
from benchbox.records.run import PublishedRecord as PublishedRecord
from benchbox.records.run import RunRecord as RunRecord
from benchbox.records.run import StageRecord as StageRecord
from benchbox.records.run import takers as takers
from benchbox.records.trial import ScoreRecord as ScoreRecord
from benchbox.records.trial import TrialRecord as TrialRecord
from benchbox.records.trial import TrialStart as TrialStart
from benchbox.records.trial import trial_key as trial_key
from benchbox.records.trial_job import Status as Status
from benchbox.records.trial_job import TrialJob as TrialJob
from benchbox.records.trial_job import TrialOutcome as TrialOutcome
