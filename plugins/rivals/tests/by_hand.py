"""Surprise and LensKit by hand on ML-100K's u1, beside what a run of benchbox stored.

``benchbox run --suite rivals --threads 1``, then
``python plugins/rivals/tests/by_hand.py FOLDER_OF_ML-100K RUN [OUT.json]`` takes about
a minute. It reads ``u1.base`` and ``u1.test`` with pandas, with the ids and the order
of the files, and uses the libraries as their documentation shows: nothing of benchbox
is between. Seeded models get the seed of the run's trial. It prints the RMSE of both,
and the largest difference of two predictions, which are stored in single precision.

LensKit sorts ids, and numbers users and items so. Its models start from there, and
settle ties: with the same ids as texts, its RMSE changes as with another seed.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # As in the run, where compiling FlexMF would take longer than its fit.
    os.environ |= {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    os.environ["LK_TORCH_COMPILE"] = "0"

import numpy as np
import pandas as pd

SURPRISE: dict[str, tuple[str, dict[str, Any]]] = {
    "surprise-baseline-only": ("BaselineOnly", {"verbose": False}),
    "surprise-knn-basic": ("KNNBasic", {"verbose": False}),
    "surprise-knn-with-means": ("KNNWithMeans", {"verbose": False}),
    "surprise-knn-with-zscore": ("KNNWithZScore", {"verbose": False}),
    "surprise-knn-baseline": ("KNNBaseline", {"verbose": False}),
    "surprise-svd": ("SVD", {}),
    "surprise-svdpp": ("SVDpp", {}),
    "surprise-nmf": ("NMF", {}),
    "surprise-slope-one": ("SlopeOne", {}),
    "surprise-co-clustering": ("CoClustering", {}),
}
SEEDED = ("SVD", "SVDpp", "NMF", "CoClustering")
LENSKIT = {
    "lenskit-bias": "basic.BiasScorer",
    "lenskit-als": "als.BiasedMFScorer",
    "lenskit-funksvd": "funksvd.FunkSVDScorer",
    "lenskit-item-knn": "knn.ItemKNNScorer",
    "lenskit-user-knn": "knn.UserKNNScorer",
    "lenskit-flexmf": "flexmf.FlexMFExplicitScorer",
}


def by_surprise(name: str, seed: int, train: Any, test: Any) -> list[float]:
    """Return an algorithm's predictions of the rows of *test*."""
    import surprise

    kind, arguments = SURPRISE[name]
    more = {"random_state": seed} if kind in SEEDED else {}
    data = surprise.Dataset.load_from_df(train, surprise.Reader(rating_scale=(1, 5)))
    algorithm = getattr(surprise, kind)(**arguments, **more)
    algorithm.fit(data.build_full_trainset())
    asked = list(test.itertuples(index=False, name=None))
    return [one.est for one in algorithm.test(asked)]


def by_lenskit(name: str, seed: int, train: Any, test: Any) -> list[float]:
    """Return a scorer's predictions of the rows of *test*, clipped to 1 to 5."""
    from lenskit.batch import predict
    from lenskit.data import ItemListCollection, UserIDKey, from_interactions_df
    from lenskit.pipeline import predict_pipeline
    from lenskit.training import TrainingOptions

    module, _, kind = LENSKIT[name].rpartition(".")
    pipeline = predict_pipeline(getattr(import_module(f"lenskit.{module}"), kind)())
    options = TrainingOptions(rng=seed, device="cpu")
    pipeline.train(from_interactions_df(train), options)
    answers = predict(pipeline, ItemListCollection.from_df(test, UserIDKey), n_jobs=1)
    scores = {
        (key.user_id, item): score
        for key, items in answers
        for item, score in zip(items.ids(), items.scores(), strict=True)
    }
    pairs = zip(test["user_id"], test["item_id"], strict=True)
    return [min(max(scores[pair], 1.0), 5.0) for pair in pairs]


def stored(run: Path, name: str) -> tuple[dict[str, Any], Any]:
    """Return the record and the predictions of a model's trial on u1."""
    (record,) = (run / "trials").glob(f"s0-u1-m??-{name}-r0.json")
    predictions = np.load(run / "predictions" / f"{record.stem}.npy")
    return json.loads(record.read_text()), predictions


def main(folder: str, run: str, out: str = "") -> None:
    """Print a line for each model, and write *out* if it is given."""
    columns = ["user_id", "item_id", "rating"]
    train, test = (
        pd.read_csv(Path(folder) / name, sep="\t", names=columns, usecols=[0, 1, 2])
        for name in ("u1.base", "u1.test")
    )
    found = {}
    for name in (*SURPRISE, *LENSKIT):
        record, ours = stored(Path(run), name)
        ask = by_surprise if name in SURPRISE else by_lenskit
        by_hand = np.array(ask(name, record["seed"] % 2**31, train, test))
        rmse = float(np.sqrt(np.mean((by_hand - test["rating"].to_numpy()) ** 2)))
        ours = np.clip(np.asarray(ours, dtype=float).ravel(), 1, 5)
        found[name] = {
            "rmse by hand": rmse,
            "rmse in the run": record["metrics"]["rmse"]["value"],
            "largest difference": float(np.abs(ours - by_hand).max()),
        }
        print(f"{name:26}", *(f"{x:.9f}" for x in found[name].values()), flush=True)
    if out:
        Path(out).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
