"""How well models say how sure they are, on u1 to u5 of ML-100K.

``python tests/studies/distributions.py [MODEL...]`` prints for each fold the share of
hidden ratings in the 80 % interval, and the CRPS, beside that of a normal distribution
with the same mean and one spread for all ratings: the root mean squared error on the
hidden ratings themselves, which favours it. It takes minutes.
"""

import sys
from statistics import fmean

import numpy as np

import benchbox
from benchbox import FitContext
from benchbox.metrics import NormalDistribution
from benchbox.metrics.probabilistic import crps_of, interval_hits, mass_around
from benchbox.models import prepare_model
from benchbox.plugins import choose_model, discover
from benchbox.protocols import PROTOCOLS, Fold, make_folds

DEFAULT = (
    "bayesian-fm:likelihood=ordered-probit,shrink=false",
    "bayesian-fm:shrink=false",
    "bayesian-mf:shrink=false",
)


def figures(name: str, fold: Fold) -> tuple[float, float, float, float]:
    """Return RMSE, coverage, CRPS, and the CRPS with one spread."""
    model = choose_model(name, discover()).build()
    prepare_model(model, "cpu")
    model.fit(fold.train, FitContext(seed=1))
    hidden, scale = fold.hidden, fold.train.scale
    asked = fold.history, hidden.users, hidden.items
    predicted = model.predict_distribution(*asked)
    predicted = predicted.clipped(scale.low, scale.high)
    means = model.predict(*asked).astype(np.float64)
    actual = hidden.values.astype(np.float64)
    rmse = float(np.sqrt(np.mean(np.square(scale.clip(means) - actual))))
    alike = NormalDistribution(means, np.full(len(means), rmse))
    alike = alike.clipped(scale.low, scale.high)
    hits = interval_hits(*mass_around(predicted, actual, scale), 0.8)
    scores = [crps_of(each, actual) for each in (predicted, alike)]
    return rmse, float(hits.mean()), *(float(each.mean()) for each in scores)


def main(models: list[str]) -> None:
    """Print a line per model and fold, and the means."""
    dataset = benchbox.load_dataset("ml-100k")
    protocol = next(one for one in PROTOCOLS if one.name == "official")
    folds = list(
        make_folds(dataset.ratings, protocol, protocol.options(), dataset.folds)
    )
    for name in models:
        print(f"{name}\n      RMSE    in 80 %  CRPS    CRPS with one spread")
        found = []
        for fold in folds:
            found.append(figures(name, fold))
            print(_line(fold.name, found[-1]), flush=True)
        print(_line("mean", tuple(map(fmean, zip(*found, strict=True)))), flush=True)


def _line(title: str, row: tuple[float, ...]) -> str:
    return f"{title:5} {row[0]:.4f}  {row[1]:6.1%}  {row[2]:.4f}  {row[3]:.4f}"


if __name__ == "__main__":
    main(sys.argv[1:] or [*DEFAULT])
