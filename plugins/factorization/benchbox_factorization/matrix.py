"""Matrix: ratings, or what is left of them, as a sparse matrix."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchbox import Ratings


def by_user(ratings: Ratings, values: NDArray[np.float64]) -> Any:
    """Return *values*, one per rating, as CSR of shape ``(n_users, n_items)``.

    A value of 0 stays stored: the index says what is rated, not the value.
    """
    rows = ratings.by_user()
    return csr_array(
        (values[rows.positions], rows.indices, rows.offsets),
        shape=(ratings.n_users, ratings.n_items),
    )
