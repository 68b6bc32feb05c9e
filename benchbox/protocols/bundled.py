"""The sound protocols that come with benchbox; `flawed` holds the others."""

from benchbox.options import NoOptions
from benchbox.protocols.cold_start import NewItemsOptions as NewItemsOptions
from benchbox.protocols.cold_start import NewUsersOptions as NewUsersOptions
from benchbox.protocols.cold_start import carve_new_items as carve_new_items
from benchbox.protocols.cold_start import carve_new_users as carve_new_users
from benchbox.protocols.cold_start import flag_new_users as flag_new_users
from benchbox.protocols.cold_start import split_new_items as split_new_items
from benchbox.protocols.cold_start import split_new_users as split_new_users
from benchbox.protocols.folds import Fold as Fold
from benchbox.protocols.folds import Visible as Visible
from benchbox.protocols.folds import carve_validation as carve_validation
from benchbox.protocols.folds import make_folds as make_folds
from benchbox.protocols.folds import validation_fold as validation_fold
from benchbox.protocols.partition import HIDDEN as HIDDEN
from benchbox.protocols.partition import HISTORY as HISTORY
from benchbox.protocols.partition import TRAIN as TRAIN
from benchbox.protocols.partition import VALIDATION_FRACTION as VALIDATION_FRACTION
from benchbox.protocols.partition import Fraction as Fraction
from benchbox.protocols.partition import Partition as Partition
from benchbox.protocols.partition import Protocol as Protocol
from benchbox.protocols.partition import Seed as Seed
from benchbox.protocols.partition import hiding as hiding
from benchbox.protocols.random_splits import HoldoutOptions as HoldoutOptions
from benchbox.protocols.random_splits import KFoldOptions as KFoldOptions
from benchbox.protocols.random_splits import carve_random as carve_random
from benchbox.protocols.random_splits import split_holdout as split_holdout
from benchbox.protocols.random_splits import split_kfold as split_kfold
from benchbox.protocols.random_splits import split_official as split_official
from benchbox.protocols.temporal import TemporalOptions as TemporalOptions
from benchbox.protocols.temporal import TemporalUserOptions as TemporalUserOptions
from benchbox.protocols.temporal import carve_latest as carve_latest
from benchbox.protocols.temporal import carve_latest_by_user as carve_latest_by_user
from benchbox.protocols.temporal import has_timestamps as has_timestamps
from benchbox.protocols.temporal import moment_of as moment_of
from benchbox.protocols.temporal import split_temporal as split_temporal
from benchbox.protocols.temporal import split_temporal_user as split_temporal_user

PROTOCOLS = (
    Protocol(
        name="official",
        summary="the folds that come with the data set",
        options=NoOptions,
        split=split_official,
        carve=carve_random,
    ),
    Protocol(
        name="holdout",
        summary="a random share of all ratings is hidden",
        options=HoldoutOptions,
        split=split_holdout,
        carve=carve_random,
    ),
    Protocol(
        name="kfold",
        summary="every rating is hidden once, in random folds",
        options=KFoldOptions,
        split=split_kfold,
        carve=carve_random,
    ),
    Protocol(
        name="temporal",
        summary="everything after one moment is hidden",
        options=TemporalOptions,
        split=split_temporal,
        carve=carve_latest,
        time_order="overall",
    ),
    Protocol(
        name="temporal-user",
        summary="each user's latest ratings are hidden",
        options=TemporalUserOptions,
        split=split_temporal_user,
        carve=carve_latest_by_user,
        time_order="by user",
        cold_policy="every user shows a rating; unseen items are scored, filled by the "
        "bias model where a model cannot answer",
    ),
    Protocol(
        name="new-users",
        summary="some users are not trained on; part of their ratings is visible",
        options=NewUsersOptions,
        split=split_new_users,
        carve=carve_new_users,
        new_users=True,
        cold_policy="users are new to training and show some ratings; models that need "
        "to train on a user are skipped; unseen items are scored, filled by the bias "
        "model where a model cannot answer",
    ),
    Protocol(
        name="new-items",
        summary="some items are not trained on; all their ratings are hidden",
        options=NewItemsOptions,
        split=split_new_items,
        carve=carve_new_items,
        new_items=True,
        cold_policy="every hidden rating is of an unseen item; scored, filled by the "
        "bias model where a model cannot answer",
    ),
)
"""Protocols that measure prediction, in the order in which they are listed."""
