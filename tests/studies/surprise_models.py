"""The classics beside those of the library Surprise, on the same folds, in one run.

``python tests/studies/surprise_models.py [ROWS.npy] [MODEL...]`` prints the RMSE on u1
to u5 of ML-100K or, if a file lists them, on the split with these hidden rows (of
``u.data``, from 0), with the processor seconds of fits and predictions on one thread.
Surprise is no dependency: without it, only our own figures are printed. It runs with
its defaults; ours run with theirs, and with the presets that are nearest to Surprise's.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import benchbox
from benchbox import FitContext, Ratings
from benchbox.models import prepare_model
from benchbox.plugins import choose_model, discover
from benchbox.protocols import PROTOCOLS, carve_validation, make_folds

try:
    import surprise
except ImportError:
    surprise = None

THEIRS: dict[str, Callable[[], Any]] = {
    "knn-item": lambda: surprise.KNNBaseline(
        sim_options={"name": "pearson_baseline", "user_based": False}, verbose=False
    ),
    "knn-user": lambda: surprise.KNNBaseline(verbose=False),
    "slope-one": lambda: surprise.SlopeOne(),  # noqa: PLW0108
    "co-clustering": lambda: surprise.CoClustering(random_state=0),
    "nmf": lambda: surprise.NMF(random_state=0),
    "svdpp": lambda: surprise.SVDpp(random_state=0),
}

OURS = (
    "knn-item",
    "knn-user",
    "slope-one",
    "slope-one:preset=plain",
    "co-clustering",
    "co-clustering:preset=published",
    "nmf",
    "nmf:preset=surprise",
    "svdpp",
    "svdpp:preset=surprise",
    "asymmetric-svd",
)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One split: ratings to fit, to choose epochs by, and to predict."""

    train: Ratings
    carved: Any
    hidden: Ratings


def official() -> list[Part]:
    """Return the folds u1 to u5."""
    dataset = benchbox.load_dataset("ml-100k")
    protocol = next(one for one in PROTOCOLS if one.name == "official")
    folds = make_folds(dataset.ratings, protocol, protocol.options(), dataset.folds)
    return [Part(fold.train, carve_validation(fold, 0), fold.hidden) for fold in folds]


def by_rows(file: str) -> Part:
    """Return the split that hides the rows in *file*."""
    ratings = benchbox.load_dataset("ml-100k").ratings
    is_hidden = np.isin(ratings.rows, np.load(file))
    protocol = next(one for one in PROTOCOLS if one.name == "holdout")
    train = ratings.take(np.flatnonzero(~is_hidden))
    (fold, *_) = make_folds(train, protocol, protocol.options(), {})
    return Part(
        train, carve_validation(fold, 0), ratings.take(np.flatnonzero(is_hidden))
    )


def rmse(predicted: NDArray[Any], hidden: Ratings) -> float:
    """Return the RMSE of clipped predictions."""
    error = hidden.scale.clip(predicted.astype(np.float32)) - hidden.values
    return float(np.sqrt(np.mean(np.square(error), dtype=np.float64)))


def ours(name: str, part: Part) -> tuple[float, float, float]:
    """Return RMSE, fit seconds and prediction seconds of a model of ours."""
    chosen = choose_model(name, discover())
    model, reports = chosen.build(), []
    prepare_model(model, "cpu")
    started = process_time()
    epochs = None
    if chosen.capabilities.uses_validation:
        carved = part.carved
        context = FitContext(
            validation=carved.validation,
            validation_history=carved.validation_history,
            on_report=reports.append,
        )
        model.fit(carved.train, context)
        judged = [each for each in reports if each.validation_rmse is not None]
        epochs = min(judged, key=lambda each: each.validation_rmse).epoch
    model.fit(part.train, FitContext(epochs=epochs))
    fitted = process_time()
    predicted = model.predict(part.train, part.hidden.users, part.hidden.items)
    return rmse(predicted, part.hidden), fitted - started, process_time() - fitted


def theirs(name: str, part: Part) -> tuple[float, float, float]:
    """Return RMSE, fit seconds and prediction seconds of a model of Surprise."""
    scale = part.train.scale
    reader = surprise.Reader(rating_scale=(scale.low, scale.high))
    frame = part.train.to_frame()[["user", "item", "rating"]]
    train = surprise.Dataset.load_from_df(frame, reader).build_full_trainset()
    asked = [
        *part.hidden.to_frame()[["user", "item", "rating"]].itertuples(index=False)
    ]
    model = THEIRS[name]()
    started = process_time()
    model.fit(train)
    fitted = process_time()
    answers = model.test([tuple(one) for one in asked])
    done = process_time()
    predicted = np.array([answer.est for answer in answers])
    return rmse(predicted, part.hidden), fitted - started, done - fitted


def figures(names: list[str], parts: list[Part]) -> Iterator[str]:
    """Return a line per model: means over *parts*."""
    for name in names:
        base = name.partition(":")[0]
        found = {"ours": np.mean([ours(name, part) for part in parts], axis=0)}
        if surprise is not None and base in THEIRS and base == name:
            found["Surprise"] = np.mean([theirs(name, part) for part in parts], axis=0)
        for whose, (error, fit, predict) in found.items():
            yield f"{name:32} {whose:9} {error:.4f} {fit:8.3f} {predict:8.3f}"


def main(words: list[str]) -> None:
    """Print the figures."""
    files = [word for word in words if word.endswith(".npy")]
    place, parts = "u1-u5", official()
    if files:
        place, parts = "90/10", [by_rows(file) for file in files]
    names = [word for word in words if word not in files] or [*OURS]
    print(f"{place:32} {'':9} {'RMSE':6} {'fit s':>8} {'predict s':>8}")
    for line in figures(names, parts):
        print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
