"""Statistics and comparisons from stored records and predictions, without refitting."""

from benchbox.analysis.compare.cell import Cell as Cell
from benchbox.analysis.compare.cell import Rules as Rules
from benchbox.analysis.compare.missing import require_complete as require_complete
from benchbox.analysis.compare.pairing import Pairing as Pairing
from benchbox.analysis.compare.sides import TIMED_PHASES as TIMED_PHASES
from benchbox.analysis.compare.sides import Side as Side
from benchbox.analysis.compare.sides import side_of_benchmarks as side_of_benchmarks
from benchbox.analysis.compare.sides import side_of_run as side_of_run
from benchbox.analysis.compare.verdicts import Comparison as Comparison
from benchbox.analysis.compare.verdicts import compare_sides as compare_sides
from benchbox.analysis.from_predictions import analyse as analyse
from benchbox.analysis.from_predictions import check_folds as check_folds
from benchbox.analysis.measures import measures_of as measures_of
from benchbox.analysis.records import REFERENCE as REFERENCE
from benchbox.analysis.records import Analysis as Analysis
from benchbox.analysis.records import ModelAnalysis as ModelAnalysis
from benchbox.analysis.records import Pair as Pair
from benchbox.analysis.statistics.intervals import OVER_FOLDS as OVER_FOLDS
from benchbox.analysis.statistics.intervals import OVER_USERS as OVER_USERS
from benchbox.analysis.statistics.intervals import Interval as Interval
from benchbox.analysis.statistics.intervals import paired_interval as paired_interval
from benchbox.analysis.statistics.intervals import spread as spread
from benchbox.analysis.statistics.power import folds_needed as folds_needed
from benchbox.analysis.statistics.ranks import Ranking as Ranking
from benchbox.analysis.statistics.ranks import rank as rank
