"""What a wrapper of ``benchbox-rivals`` costs, against the library used by hand.

It takes about two minutes, on one thread, and needs all six libraries::

    python tests/studies/wrapper_cost.py results/published/wrapper-cost.json

By hand means the library's own data set, its ``fit``, and its own way of asking for
many predictions, as its documentation shows. The wrapper gets the arrays of benchbox,
and builds the library's data set within its fit. Both get the same training and hidden
ratings of ML-100K's fold u1, and the same seed. Each figure is the least of three
repetitions, in seconds of the processor.
"""

import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from importlib.metadata import version
from itertools import repeat
from pathlib import Path
from time import process_time
from typing import Any

os.environ |= {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}

import numpy as np
import torch
from benchbox_rivals import benchbox_models

import benchbox
from benchbox.models import FitContext
from benchbox.ratings import Ratings
from benchbox.targets import resolve

SEED = 1
REPEATS = 3
Step = Callable[[Any], Any]


def rows_of(ratings: Ratings) -> list[tuple[int, int, float]]:
    """Return the ratings as rows of Python's own numbers."""
    columns = ratings.users.tolist(), ratings.items.tolist(), ratings.values.tolist()
    return list(zip(*columns, strict=True))


def frame_of(ratings: Ratings) -> Any:
    """Return the ratings as LensKit names their columns."""
    import pandas as pd

    columns = ratings.users, ratings.items, ratings.values
    return pd.DataFrame(
        dict(zip(("user_id", "item_id", "rating"), columns, strict=True))
    )


def surprise_by_hand(train: Ratings, hidden: Ratings) -> tuple[Step, Step, Step]:
    """Return how to load, fit and ask Surprise's SVD."""
    import surprise

    reader = surprise.Reader(rating_scale=(1, 5))
    rows = [(*row, none) for row, none in zip(rows_of(train), repeat(None))]
    asked = rows_of(hidden)
    return (
        lambda _: surprise.Dataset(reader).construct_trainset(rows),
        lambda loaded: surprise.SVD(random_state=SEED).fit(loaded),
        lambda fitted: [one.est for one in fitted.test(asked)],
    )


def cornac_by_hand(train: Ratings, hidden: Ratings) -> tuple[Step, Step, Step]:
    """Return how to load, fit and ask Cornac's MF."""
    import cornac

    rows = rows_of(train)

    def ask(fitted: Any) -> list[float]:
        users, items = fitted.uid_map, fitted.iid_map
        return [
            fitted.rate(users.get(u, len(users)), items.get(i, len(items)))
            for u, i in zip(hidden.users.tolist(), hidden.items.tolist(), strict=True)
        ]

    return (
        lambda _: cornac.data.Dataset.build(rows),
        lambda loaded: cornac.models.MF(seed=SEED).fit(loaded),
        ask,
    )


def lenskit_by_hand(train: Ratings, hidden: Ratings) -> tuple[Step, Step, Step]:
    """Return how to load, fit and ask LensKit's ALS."""
    from lenskit.als import BiasedMFScorer
    from lenskit.batch import predict
    from lenskit.data import ItemListCollection, UserIDKey, from_interactions_df
    from lenskit.pipeline import predict_pipeline
    from lenskit.training import TrainingOptions

    frame = frame_of(train)
    asked = ItemListCollection.from_df(frame_of(hidden), UserIDKey)

    def fit(loaded: Any) -> Any:
        pipeline = predict_pipeline(BiasedMFScorer())
        pipeline.train(loaded, TrainingOptions(rng=SEED))
        return pipeline

    return (
        lambda _: from_interactions_df(frame),
        fit,
        lambda fitted: predict(fitted, asked, n_jobs=1),
    )


def myfm_by_hand(train: Ratings, hidden: Ratings) -> tuple[Step, Step, Step]:
    """Return how to load, fit and ask myFM's regressor, on ids alone."""
    import myfm
    from scipy import sparse

    shape = train.n_users, train.n_items

    def matrix(ratings: Ratings) -> Any:
        n = len(ratings)
        columns = np.stack([ratings.users, ratings.items + shape[0]], axis=1).ravel()
        starts = np.arange(0, 2 * n + 1, 2)
        return sparse.csr_matrix((np.ones(2 * n), columns, starts), (n, sum(shape)))

    asked = matrix(hidden)

    def fit(loaded: Any) -> Any:
        model = myfm.MyFMRegressor(rank=10, random_seed=SEED)
        silent = {"callback": lambda *_: (False, None)}
        values = train.values.astype(np.float64)
        return model.fit(loaded, values, n_iter=100, group_shapes=shape, **silent)

    return lambda _: matrix(train), fit, lambda fitted: fitted.predict(asked)


def smurff_by_hand(train: Ratings, hidden: Ratings) -> tuple[Step, Step, Step]:
    """Return how to load, fit and ask smurff's BPMF, from samples in a file."""
    import smurff
    from scipy import sparse

    shape = train.n_users, train.n_items
    mean = float(train.values.mean())
    asked = sparse.coo_matrix((hidden.values, (hidden.users, hidden.items)), shape)
    folders: list[Any] = []

    def fit(loaded: Any) -> Any:
        # smurff holds the file open, so each fit has one of its own.
        folders.append(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        session = smurff.TrainSession(
            priors=["normal", "normal"],
            num_latent=16,
            burnin=20,
            nsamples=80,
            num_threads=1,
            seed=SEED,
            verbose=0,
            save_freq=1,
            save_name=str(Path(folders[-1].name) / "samples.hdf5"),
        )
        session.setTrain(loaded, smurff.FixedNoise(5.0), is_scarce=True)
        session.run()
        return session.makePredictSession()

    return (
        lambda _: sparse.coo_matrix(
            (train.values - mean, (train.users, train.items)), shape
        ),
        fit,
        lambda fitted: fitted.predict_sparse(asked),
    )


def river_by_hand(train: Ratings, hidden: Ratings) -> tuple[Step, Step, Step]:
    """Return how to load, fit and ask river's BiasedMF, which loads nothing."""
    from river import reco

    rows, asked = rows_of(train), rows_of(hidden)

    def fit(loaded: Any) -> Any:
        model = reco.BiasedMF(seed=SEED)
        for user, item, value in loaded:
            model.learn_one(user, item, value)
        return model

    return (
        lambda _: rows,
        fit,
        lambda fitted: [fitted.predict_one(user, item) for user, item, _ in asked],
    )


BY_HAND = {
    "surprise-svd": surprise_by_hand,
    "cornac-mf": cornac_by_hand,
    "lenskit-als": lenskit_by_hand,
    "myfm-regressor": myfm_by_hand,
    "smurff-bpmf": smurff_by_hand,
    "river-biased-mf": river_by_hand,
}


def cost(name: str, train: Ratings, hidden: Ratings) -> dict[str, float]:
    """Return the seconds of each step, by hand and through the wrapper."""
    (spec,) = (spec for spec in benchbox_models() if spec.name == name)
    model = resolve(spec.target)(spec.options())
    model.prepare()
    load, fit, ask = BY_HAND[name](train, hidden)
    taken: dict[str, list[float]] = {}

    def timed(step: str, call: Callable[..., Any], *arguments: Any) -> Any:
        start = process_time()
        found = call(*arguments)
        taken.setdefault(step, []).append(process_time() - start)
        return found

    # In turn, so that a slow moment of the machine affects both.
    for _ in range(REPEATS):
        loaded = timed("load", load, None)
        fitted = timed("fit", fit, loaded)
        timed("fit, wrapped", model.fit, train, FitContext(seed=SEED))
        timed("predict", ask, fitted)
        timed("predict, wrapped", model.predict, train, hidden.users, hidden.items)
    return {step: round(min(seconds), 4) for step, seconds in taken.items()}


def main() -> None:
    """Measure all, print them, and write them to the file that is named."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    dataset = benchbox.load_dataset("ml-100k")
    hidden = dataset.folds["u1"]
    train = np.setdiff1d(np.arange(len(dataset.ratings)), hidden)
    parts = dataset.ratings.take(train), dataset.ratings.take(np.sort(hidden))
    found = {name: cost(name, *parts) for name in BY_HAND}
    for name, steps in found.items():
        print(name, steps, flush=True)
    names = ["scikit-surprise", "cornac", "lenskit", "myfm", "smurff", "river"]
    Path(sys.argv[1]).write_text(
        json.dumps(
            {
                "data": "ml-100k, u1",
                "clock": "processor seconds, the least of 3",
                "n_train": len(train),
                "n_hidden": len(hidden),
                "seconds": found,
                "libraries": {name: version(name) for name in names},
            },
            indent=1,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
