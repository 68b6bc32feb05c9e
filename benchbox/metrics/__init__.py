"""Metrics: definitions of error, and what they are computed from."""

from benchbox.metrics.flawed import FLAWED_METRICS as FLAWED_METRICS
from benchbox.metrics.losses import LOSSES as LOSSES
from benchbox.metrics.losses import Floats as Floats
from benchbox.metrics.losses import UserTotals as UserTotals
from benchbox.metrics.losses import seen_users as seen_users
from benchbox.metrics.losses import summed as summed
from benchbox.metrics.losses import user_totals as user_totals
from benchbox.metrics.metric import METRICS as METRICS
from benchbox.metrics.metric import Metric as Metric
from benchbox.metrics.metric import Score as Score
from benchbox.metrics.metric import Scored as Scored
from benchbox.metrics.metric import mae as mae
from benchbox.metrics.metric import mape as mape
from benchbox.metrics.metric import rmse as rmse
from benchbox.metrics.metric import rmse_by_item as rmse_by_item
from benchbox.metrics.metric import rmse_by_user as rmse_by_user
from benchbox.metrics.slices import Breakdown as Breakdown
from benchbox.metrics.slices import Dimension as Dimension
from benchbox.metrics.slices import Slice as Slice
from benchbox.metrics.slices import Slicing as Slicing
from benchbox.metrics.slices import break_down as break_down
from benchbox.metrics.slices import joined as joined
from benchbox.metrics.slices import slicing as slicing
from benchbox.metrics.variants import READINGS as READINGS
