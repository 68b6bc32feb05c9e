"""What a pass over the ratings costs other libraries, as ratios within one run.

``pytest tests/benchmarks/test_rivals.py`` compares with those of Cornac, LensKit,
Surprise, myFM and cmfrec that are installed: benchbox-rivals has all but cmfrec as
extras. Shapes are those of MovieLens; ``BENCHBOX_BENCH_LARGE=1`` adds the one of 20
million ratings, for those that take less than minutes.

Both sides have as many factors, take two threads if they can, and are fitted twice,
with few passes and with more. The difference is the cost of passes alone: that of
turning ratings into what a library takes is left out, on both sides.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from benchbox import FitContext, Ratings
from benchbox.options import decode
from benchbox.plugins.registry import discover
from benchbox.targets import resolve
from tests.benchmarks.clocks import N_THREADS, in_turn
from tests.benchmarks.ledger import Ledger
from tests.benchmarks.shapes import SYNTHETIC, planted

pytestmark = [
    pytest.mark.usefixtures("threads"),
    # Those of other libraries are not ours to mend.
    pytest.mark.filterwarnings("ignore"),
]

LARGE = "ml-20m"
PASSES = {"ml-100k": (4, 24), "ml-1m": (2, 7), LARGE: (1, 4)}
"""Few passes and more, by shape: as many as it takes to see their cost."""

Fit = Callable[[Ratings, int], object]
"""Fits to ratings, with so many passes."""


@dataclass(frozen=True, slots=True)
class Contest:
    """One of our models, and the same one elsewhere.

    Attributes:
        ours: Name of our model.
        options: Its options.
        theirs: Name of the other.
        needs: What must be importable.
        fit: Fits the other one.
        shapes: Names of the shapes to fit to.
    """

    ours: str
    options: dict[str, Any]
    theirs: str
    needs: tuple[str, ...]
    fit: Fit
    shapes: tuple[str, ...] = ("ml-100k", "ml-1m")


def by_name(name: str, options: dict[str, Any], passes: str = "epochs") -> Fit:
    """Return what fits an installed model, whose option *passes* is their number."""

    def fit(train: Ratings, n_passes: int) -> object:
        spec = discover().find("models", name).value
        chosen = decode(spec.options, options | {passes: n_passes}, name)
        model = resolve(spec.target)(chosen)
        model.fit(train, FitContext(n_threads=N_THREADS))
        return model

    return fit


def cornac_mf(train: Ratings, n_passes: int) -> object:
    """Fit Cornac's MF without a seed: all cores at once, without a lock."""
    from cornac.data import Dataset
    from cornac.models import MF

    known = Dataset(
        train.n_users,
        train.n_items,
        OrderedDict((user, user) for user in range(train.n_users)),
        OrderedDict((item, item) for item in range(train.n_items)),
        (
            train.users.astype("i8"),
            train.items.astype("i8"),
            train.values.astype(np.float64),
        ),
    )
    return MF(k=16, max_iter=n_passes, verbose=False).fit(known)


def cmfrec_als(train: Ratings, n_passes: int) -> object:
    """Fit cmfrec's collective matrix factorization by alternating least squares."""
    import pandas as pd
    from cmfrec import CMF

    columns = {
        "UserId": train.users,
        "ItemId": train.items,
        "Rating": train.values,
    }
    model = CMF(k=16, niter=n_passes, use_cg=False, nthreads=N_THREADS, verbose=False)
    return model.fit(pd.DataFrame(columns))


ALL = tuple(SYNTHETIC)
SGD = {"n_factors": 16}
CONTESTS = (
    Contest("biased-mf-sgd", SGD, "Cornac MF", ("cornac",), cornac_mf, shapes=ALL),
    Contest(
        "biased-mf-sgd",
        SGD,
        "Surprise SVD",
        ("surprise", "benchbox_rivals"),
        by_name("surprise-svd", {"n_factors": 16}, "n_epochs"),
    ),
    Contest(
        "biased-mf-sgd",
        SGD,
        "LensKit FlexMF",
        ("lenskit", "benchbox_rivals"),
        by_name("lenskit-flexmf", {"embedding_size": 16}),
    ),
    Contest(
        "biased-mf",
        {"n_factors": 16},
        "LensKit ALS",
        ("lenskit", "benchbox_rivals"),
        by_name("lenskit-als", {"embedding_size": 16}),
    ),
    Contest(
        "biased-mf",
        {"n_factors": 16},
        "cmfrec ALS",
        ("cmfrec",),
        cmfrec_als,
        shapes=ALL,
    ),
    Contest(
        "bayesian-fm",
        {"n_factors": 10, "history": "none", "burn_in": 0},
        "myFM regressor",
        ("myfm", "benchbox_rivals"),
        by_name("myfm-regressor", {"rank": 10, "n_kept_samples": 1}, "n_iter"),
    ),
)


@pytest.fixture(scope="module", params=SYNTHETIC)
def shape(request: Any) -> str:
    if request.param == LARGE and not os.environ.get("BENCHBOX_BENCH_LARGE"):
        pytest.skip("BENCHBOX_BENCH_LARGE=1 asks for it")
    return request.param


@pytest.fixture(scope="module")
def ratings(shape: str) -> Ratings:
    return planted(SYNTHETIC[shape])


@pytest.mark.parametrize("contest", CONTESTS, ids=lambda c: f"{c.ours}-{c.theirs}")
def test_a_pass(
    benchmark: Any, ledger: Ledger, shape: str, ratings: Ratings, contest: Contest
) -> None:
    if shape not in contest.shapes:
        pytest.skip("takes minutes")
    missing = [name for name in contest.needs if find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    few, more = PASSES[shape]
    fits = {"ours": by_name(contest.ours, contest.options), "theirs": contest.fit}
    works = {
        f"{side} {n}": (lambda fit=fit, n=n: fit(ratings, n))
        for side, fit in fits.items()
        for n in (few, more)
    }
    taken = in_turn(works, "cpu", rounds=3 if shape == LARGE else 5)
    seconds = {
        side: (taken[f"{side} {more}"] - taken[f"{side} {few}"]) / (more - few)
        for side in fits
    }
    ratio = seconds["theirs"] / seconds["ours"]

    benchmark.extra_info |= {"theirs ÷ ours": ratio}
    ledger.note(
        "A pass over the ratings, theirs ÷ ours",
        {
            "shape": shape,
            "ours": contest.ours,
            "theirs": contest.theirs,
            "theirs ÷ ours": ratio,
        },
    )
    benchmark.pedantic(fits["ours"], (ratings, few), rounds=1)
    assert min(seconds.values()) > 0
