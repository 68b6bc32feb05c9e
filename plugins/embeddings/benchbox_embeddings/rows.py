"""Side features: facts about users and items, as tables a network can look up."""

import torch
from torch import Tensor

from benchbox import Ratings
from benchbox.errors import ModelError
from benchbox.features import encode_features
from benchbox_embeddings.options import Side


def side_table(train: Ratings, side: Side) -> Tensor:
    """Return the features of every user, or item, shape ``(n, d)``.

    Raises:
        ModelError: The data have none that describe.
    """
    if side == "users":
        encoded = encode_features(train.user_features, train.n_users)
    else:
        encoded = encode_features(train.item_features, train.n_items)
    if not encoded.names:
        raise ModelError(
            f"side_features={side} needs {side[:-1]} features, and this data set has "
            f"none that describe. Leave it out."
        )
    return torch.from_numpy(encoded.matrix)
