"""myFM's Bayesian factorization machines.

Beside the ids of user and item, blocks of features may be given: the items that a user
rated and the users who rated an item (SVD++ in both directions), what the data set says
of users and items, and the day of the question. A fit uses one thread, predictions use
as many as the trial has.
"""

from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox import Capabilities, FitContext, Options
from benchbox.errors import ModelError
from benchbox.metrics import StepDistribution
from benchbox.models import OneOf, SearchSpace, Span, described
from benchbox.ratings import IndexArray, Ratings, Values
from benchbox_rivals.adapting import Count, Library, Positive, as_values, seed32

Block = Literal[
    "items_of_user", "users_of_item", "user_features", "item_features", "day"
]
_DAY_SECONDS = 86_400
MOST_STEPS = 100
"""Each different rating is a class, with a cutpoint to sample."""


class FMOptions(Options, frozen=True):
    """Options of myFM's models.

    Attributes:
        rank: Number of factors. myFM has no default; this is that of its examples.
        n_iter: Number of sweeps.
        init_stdev: Standard deviation of the factors at the start.
        blocks: Features beside the ids.
    """

    rank: Count = 10
    n_iter: Count = 100
    init_stdev: Positive = 0.1
    blocks: tuple[Block, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.blocks)) < len(self.blocks):
            raise ValueError("name each block once")

    @property
    def unused_capabilities(self) -> frozenset[str]:
        """What the blocks that are not named would use."""
        off = set()
        if not {"user_features", "item_features"} & set(self.blocks):
            off.add("uses_features")
        if "day" not in self.blocks:
            off |= {"uses_timestamps", "uses_question_times"}
        return frozenset(off)


class GibbsOptions(FMOptions, frozen=True):
    """Options of ``myfm-regressor`` and ``myfm-ordered-probit``.

    Attributes:
        n_kept_samples: Number of sweeps to average, the last ones; by default all but
            the first ten.
    """

    n_kept_samples: Count | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_kept_samples is not None and self.n_kept_samples > self.n_iter:
            raise ValueError("n_kept_samples must be at most n_iter")


class _Design:
    """Turns pairs into myFM's relation blocks: one of users, one of items, and days.

    Args:
        train: Training ratings.
        blocks: Features beside the ids.
    """

    def __init__(self, train: Ratings, blocks: tuple[Block, ...]) -> None:
        from scipy import sparse

        self._blocks = blocks
        rated = sparse.csr_matrix(
            (np.ones(len(train)), (train.users, train.items)),
            shape=(train.n_users, train.n_items),
        )
        user_parts: list[Any] = [sparse.identity(train.n_users, format="csr")]
        item_parts: list[Any] = [sparse.identity(train.n_items, format="csr")]
        if "items_of_user" in blocks:
            user_parts.append(_by_root_of_count(rated))
        if "users_of_item" in blocks:
            item_parts.append(_by_root_of_count(rated.T.tocsr()))
        if "user_features" in blocks:
            facts = described(train, users=True, asked="blocks=user_features")
            user_parts.append(sparse.csr_matrix(facts.matrix.astype(np.float64)))
        if "item_features" in blocks:
            facts = described(train, users=False, asked="blocks=item_features")
            item_parts.append(sparse.csr_matrix(facts.matrix.astype(np.float64)))
        self._tables = [
            sparse.hstack(parts, format="csr") for parts in (user_parts, item_parts)
        ]
        self._days: NDArray[np.int64] | None = None
        if "day" in blocks:
            assert train.timestamps is not None
            self._days = np.unique(train.timestamps // _DAY_SECONDS)
        n_days = [] if self._days is None else [len(self._days)]
        self.group_shapes = n_days + [
            part.shape[1] for part in (*user_parts, *item_parts)
        ]

    def rows(
        self,
        users: IndexArray,
        items: IndexArray,
        timestamps: NDArray[np.int64] | None = None,
    ) -> dict[str, Any]:
        """Return the arguments ``X`` and ``X_rel`` for these pairs."""
        from myfm import RelationBlock

        if not self._blocks:
            # The same model, and faster than two blocks of ids alone.
            return {"X": _one_hot((users, items), self.group_shapes)}
        return {
            "X": self._day_columns(timestamps),
            "X_rel": [
                RelationBlock(index.astype(np.int64), table)
                for index, table in zip((users, items), self._tables, strict=True)
            ],
        }

    def _day_columns(self, timestamps: NDArray[np.int64] | None) -> Any:
        from scipy import sparse

        if self._days is None:
            return None
        assert timestamps is not None
        days = timestamps // _DAY_SECONDS
        places = np.searchsorted(self._days, days).clip(max=len(self._days) - 1)
        # A day without training ratings has no column.
        rows = np.flatnonzero(self._days[places] == days)
        return sparse.csr_matrix(
            (np.ones(len(rows)), (rows, places[rows])),
            shape=(len(days), len(self._days)),
        )


def _one_hot(columns: tuple[IndexArray, ...], sizes: list[int]) -> Any:
    """Return a row per pair, with a one for its user and a one for its item."""
    from scipy import sparse

    starts = np.cumsum([0, *sizes[:-1]])
    places = np.stack(columns, axis=1).astype(np.int64) + starts
    n_rows, n_ones = places.shape
    return sparse.csr_matrix(
        (
            np.ones(places.size),
            places.ravel(),
            np.arange(0, places.size + 1, n_ones),
        ),
        (n_rows, sum(sizes)),
    )


def _by_root_of_count(rated: Any) -> Any:
    """Divide each row by the root of its number of entries, as SVD++ does."""
    from scipy import sparse

    counts = np.maximum(np.diff(rated.indptr), 1)
    return sparse.diags(1 / np.sqrt(counts)) @ rated


class _MyFM:
    """One of myFM's models.

    Args:
        options: Its options.
    """

    kind: ClassVar[str]

    def __init__(self, options: Any) -> None:
        self._options = options
        self._design: _Design
        self._fitted: Any = None
        self._n_threads = 1

    def prepare(self) -> None:
        """Import myFM before the fit is timed."""
        import myfm  # noqa: F401

    def target(self, train: Ratings) -> NDArray[Any]:
        """Return what to learn, per rating."""
        return train.values.astype(np.float64)

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Sample, or approximate, the posterior of a factorization machine."""
        import myfm

        options = self._options
        self._n_threads = context.n_threads
        self._design = _Design(train, options.blocks)
        self._fitted = getattr(myfm, self.kind)(
            rank=options.rank,
            random_seed=seed32(context.seed),
            init_stdev=options.init_stdev,
        )
        kept = getattr(options, "n_kept_samples", None)
        more = {} if kept is None else {"n_kept_samples": kept}
        rows = self._design.rows(train.users, train.items, train.timestamps)
        self._fitted.fit(
            y=self.target(train),
            n_iter=options.n_iter,
            group_shapes=self._design.group_shapes,
            callback=lambda *_: (False, None),
            **rows,
            **more,
        )

    def predict(
        self,
        history: Ratings,
        users: IndexArray,
        items: IndexArray,
        timestamps: NDArray[np.int64] | None = None,
    ) -> Values:
        """Return the mean of the posterior for all pairs at once."""
        rows = self._design.rows(users, items, timestamps)
        return as_values(self._answer(rows))

    def _answer(self, rows: dict[str, Any]) -> NDArray[np.float64]:
        return np.asarray(self._fitted.predict(**rows, n_workers=self._n_threads))


class Regressor(_MyFM):
    """Factorization machine by Gibbs sampling."""

    kind = "MyFMRegressor"


class Variational(_MyFM):
    """Factorization machine by variational inference."""

    kind = "VariationalFMRegressor"

    def _answer(self, rows: dict[str, Any]) -> NDArray[np.float64]:
        return np.asarray(self._fitted.predict(**rows))


class OrderedProbit(_MyFM):
    """Factorization machine that predicts a probability for each rating step."""

    kind = "MyFMOrderedProbit"
    _steps: NDArray[np.float32]

    def target(self, train: Ratings) -> NDArray[Any]:
        """Return the place of each rating among the different ones, from 0.

        Raises:
            ModelError: There are too many different ratings, or only one.
        """
        self._steps, classes = np.unique(train.values, return_inverse=True)
        if len(self._steps) > MOST_STEPS:
            raise ModelError(
                f"myfm-ordered-probit takes at most {MOST_STEPS} different ratings, "
                f"and here are {len(self._steps):,}. Use myfm-regressor."
            )
        if len(self._steps) < 2:
            # myFM would end the process.
            raise ModelError("myfm-ordered-probit needs two different ratings.")
        return classes.astype(np.int64)

    def _answer(self, rows: dict[str, Any]) -> NDArray[np.float64]:
        return self._probabilities(rows) @ self._steps

    def _probabilities(self, rows: dict[str, Any]) -> NDArray[np.float64]:
        return np.asarray(self._fitted.predict_proba(**rows, n_workers=self._n_threads))

    def predict_distribution(
        self,
        history: Ratings,
        users: IndexArray,
        items: IndexArray,
        timestamps: NDArray[np.int64] | None = None,
    ) -> StepDistribution:
        """Return the probability of each step."""
        rows = self._design.rows(users, items, timestamps)
        return StepDistribution(self._steps, self._probabilities(rows))


_LIBRARY = Library("myfm", "myfm")
_PRESETS: dict[str, dict[str, Any]] = {
    "svdpp": {"blocks": ["items_of_user"]},
    "flipped": {"blocks": ["items_of_user", "users_of_item"]},
    "timed": {"blocks": ["items_of_user", "users_of_item", "day"]},
    "described": {
        "blocks": ["items_of_user", "users_of_item", "user_features", "item_features"]
    },
}
_SEARCH: SearchSpace = {
    "rank": Span(4, 32, log=True),
    "n_iter": Span(50, 400, log=True),
    "init_stdev": Span(0.02, 0.5, log=True),
    "blocks": OneOf(([], ["items_of_user"], ["items_of_user", "users_of_item"])),
}
_CAPABILITIES = Capabilities(
    uses_features=True, uses_timestamps=True, uses_question_times=True
)
_REFERENCE = "doi:10.1145/2168752.2168771"

SPECS = (
    _LIBRARY.model(
        "regressor",
        target="Regressor",
        summary="Bayesian factorization machine by Gibbs sampling",
        options=GibbsOptions,
        capabilities=_CAPABILITIES,
        search=_SEARCH,
        presets=_PRESETS,
        cost_hint=2.0,
        reference=_REFERENCE,
    ),
    _LIBRARY.model(
        "variational",
        target="Variational",
        summary="Bayesian factorization machine by variational inference",
        options=FMOptions,
        capabilities=_CAPABILITIES,
        search=_SEARCH,
        presets=_PRESETS,
        cost_hint=2.5,
        reference=_REFERENCE,
    ),
    _LIBRARY.model(
        "ordered-probit",
        target="OrderedProbit",
        summary="Bayesian factorization machine of rating steps",
        options=GibbsOptions,
        capabilities=msgspec.structs.replace(_CAPABILITIES, predicts_distribution=True),
        search=_SEARCH,
        presets=_PRESETS,
        cost_hint=8.0,
        known_breaches={
            "zero-is-a-rating": "It takes at most 100 different ratings, each a class.",
            "one-rating-is-enough": "With a single class, myFM ends the process; the "
            "wrapper refuses it.",
        },
        reference=_REFERENCE,
    ),
)
