"""The model contract, and building blocks for authors of models."""

from benchbox.models.bias import BiasModel as BiasModel
from benchbox.models.bias import fit_bias_model as fit_bias_model
from benchbox.models.contract import Capabilities as Capabilities
from benchbox.models.contract import EarlyStopping as EarlyStopping
from benchbox.models.contract import EpochReport as EpochReport
from benchbox.models.contract import FitContext as FitContext
from benchbox.models.contract import ModelSpec as ModelSpec
from benchbox.models.contract import Precision as Precision
from benchbox.models.contract import RatingModel as RatingModel
from benchbox.models.contract import TimedStep as TimedStep
from benchbox.models.devices import is_accelerator as is_accelerator
from benchbox.models.devices import prepare_model as prepare_model
from benchbox.models.features import EncodedFeatures as EncodedFeatures
from benchbox.models.features import described as described
from benchbox.models.features import encode_features as encode_features
from benchbox.models.numbers import LARGEST_COUNT as LARGEST_COUNT
from benchbox.models.numbers import as_count as as_count
from benchbox.models.numbers import as_number as as_number
from benchbox.models.search_space import OneOf as OneOf
from benchbox.models.search_space import SearchSpace as SearchSpace
from benchbox.models.search_space import Span as Span
from benchbox.models.state import State as State
from benchbox.models.state import nested as nested
from benchbox.models.state import part as part
from benchbox.models.state import read_state as read_state
from benchbox.models.state import write_state as write_state
