"""The sound protocols that come with benchbox; `flawed` holds the others."""

from benchbox.options import NoOptions
from benchbox.protocols.cold_start import (
    NewItemsOptions,
    NewUsersOptions,
    carve_new_items,
    carve_new_users,
    split_new_items,
    split_new_users,
)
from benchbox.protocols.partition import Protocol
from benchbox.protocols.random_splits import (
    HoldoutOptions,
    HoldoutUserOptions,
    KFoldOptions,
    LeaveOneOutOptions,
    carve_by_user,
    carve_left_out,
    carve_random,
    split_holdout,
    split_holdout_user,
    split_kfold,
    split_leave_one_out,
    split_official,
)
from benchbox.protocols.temporal import (
    TemporalOptions,
    TemporalUserOptions,
    carve_latest,
    carve_latest_by_user,
    split_temporal,
    split_temporal_user,
)

_USERS_SHOW_ONE = (
    "every user shows a rating; unseen items are scored, filled by the bias model "
    "where a model cannot answer"
)

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
        name="holdout-user",
        summary="a random share of each user's ratings is hidden",
        options=HoldoutUserOptions,
        split=split_holdout_user,
        carve=carve_by_user,
        cold_policy=_USERS_SHOW_ONE,
    ),
    Protocol(
        name="leave-one-out",
        summary="one random rating of each user is hidden",
        options=LeaveOneOutOptions,
        split=split_leave_one_out,
        carve=carve_left_out,
        cold_policy=_USERS_SHOW_ONE,
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
        cold_policy=_USERS_SHOW_ONE,
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
