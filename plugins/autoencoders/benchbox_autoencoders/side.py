"""Side inputs: what an autoencoder gets about a row in addition to its ratings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbox import Ratings
from benchbox.models import EncodedFeatures, described
from benchbox_autoencoders.options import AutoencoderOptions, SideInput

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Side:
    """Computes the side inputs of users, or of items, from visible ratings.

    Attributes:
        kinds: Kinds of inputs, in order.
        of_users: Whether rows are users.
        mean: Mean per taste over the training rows, shape ``(d,)``.
        spread: Standard deviation per taste over the training rows, shape ``(d,)``.
    """

    kinds: tuple[SideInput, ...]
    of_users: bool
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]

    def inputs(self, visible: Ratings) -> Matrix | None:
        """Return the side inputs of every row, shape ``(n_rows, d)``, if any."""
        parts = []
        for kind in self.kinds:
            if kind == "attributes":
                parts.append(_features(visible, kind, self.of_users).matrix)
            else:
                rest = _tastes(visible, self.of_users) - self.mean
                parts.append((rest / self.spread).astype(np.float32))
        return np.hstack(parts) if parts else None


def fit_side(train: Ratings, options: AutoencoderOptions, *, of_users: bool) -> Side:
    """Return what computes the side inputs that the options ask for.

    Raises:
        ModelError: The data set has no features to compute them from.
    """
    kinds = options.side_inputs
    for kind in kinds:
        _features(train, kind, of_users)
    mean, spread = np.zeros(0), np.ones(0)
    if "tastes" in kinds:
        tastes = _tastes(train, of_users)
        mean, spread = tastes.mean(axis=0), tastes.std(axis=0)
        spread[spread == 0] = 1.0
    return Side(kinds=kinds, of_users=of_users, mean=mean, spread=spread)


def _features(ratings: Ratings, kind: SideInput, of_users: bool) -> EncodedFeatures:
    """Return the features that this kind of input is computed from."""
    about_users = of_users if kind == "attributes" else not of_users
    return described(ratings, users=about_users, asked=f"side_inputs={kind}")


def _tastes(visible: Ratings, of_users: bool) -> NDArray[np.float64]:
    """Count ratings in the upper half of the scale, by row and other side's feature.

    On a scale from 1 to 5 these are ratings of 3 and above. The shape is
    ``(n_rows, d)``.
    """
    from scipy.sparse import csr_array

    liked = visible.values >= (visible.scale.low + visible.scale.high) / 2
    rows, others = visible.users[liked], visible.items[liked]
    shape = visible.n_users, visible.n_items
    matrix = csr_array((np.ones(len(rows)), (rows, others)), shape=shape)
    if not of_users:
        matrix = matrix.T.tocsr()
    counts: NDArray[np.float64] = matrix @ _features(visible, "tastes", of_users).matrix
    return counts
