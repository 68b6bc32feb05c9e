"""Whether defaults hold on other data: every bundled model beside the bias model.

It takes half an hour::

    python tests/studies/defaults.py results/published/defaults.json

The data sets differ in scale, density and size. Further ones are given as
``TITLE=DATASET``, as in ``FilmTrust=filmtrust.csv:scale=0.5-4/0.5``; of a ``.mat`` file
(Monti et al., 2017) its own split is used, for which h5py is needed::

    python tests/studies/defaults.py defaults.json Flixster=flixster.mat:scale=0.5-5/0.5

Models that the file of results has already for a data set are not run again. No setting
is touched. A model is behind if the bias model has the lower RMSE, and the
difference is more than the standard deviation over seeds. Three seeds give a rough one,
so a model that they leave behind is run with ten. Trials that take longer than two
minutes are stopped, and the model has no figure for that data set.
"""

import json
import sys
import tempfile
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

import benchbox
from benchbox.plugins import discover
from benchbox.records import RunFolder

SEEDS = 3
MORE_SEEDS = 10
MOST_SECONDS = 120.0
DEAR = 2.0
"""Hint of the cost from which on a model is run by itself."""

WEAKER = ("global-mean", "user-mean", "item-mean")
"""Models that know less than the bias model by definition."""

PARTS = {"Otraining": "train.csv", "Otest": "test.csv"}
SHAPES = {
    "ml-100k, u1": "ml-100k",
    "ml-latest-small": "ml-latest-small",
    "like Jester": "synthetic:n_users=2500,n_items=100,n_ratings=90000,"
    "scale=-10-10,step=0,noise=4",
    "like Douban": "synthetic:n_users=3000,n_items=3000,n_ratings=137000,step=1",
    "like BookCrossing": "synthetic:n_users=8000,n_items=12000,n_ratings=60000,"
    "scale=1-10,step=1,noise=1.7",
    "like CiaoDVD": "synthetic:n_users=17600,n_items=16100,n_ratings=72000,"
    "step=1,noise=1",
    "like YahooMusic": "synthetic:n_users=1400,n_items=1400,n_ratings=5300,"
    "scale=1-100,step=1,noise=18",
    "tiny": "synthetic:n_users=50,n_items=30,n_ratings=600,step=1,noise=0.9",
}


def dataset_of(written: str, scratch: Path) -> str:
    """Return the data set as benchbox names it; a file of Monti's becomes two."""
    file, _, options = written.partition(":")
    if not file.endswith(".mat"):
        return written
    import h5py

    folder = scratch / Path(file).stem
    folder.mkdir()
    with h5py.File(file) as content:
        values = np.array(content["M"]).T
        for part, name in PARTS.items():
            users, items = np.nonzero(np.array(content[part]).T)
            columns = np.column_stack([users, items, values[users, items]])
            heading = "user,item,rating"
            np.savetxt(folder / name, columns, "%g", ",", header=heading, comments="")
    return f"{folder / 'train.csv'}+{folder / 'test.csv'}:{options}"


def bundled() -> list[str]:
    """Return the names of all models that are installed with benchbox."""
    return sorted(offered())


def offered() -> dict[str, float]:
    """Return the models that are installed with benchbox, with hints of their cost."""
    return {
        offer.value.name: offer.value.cost_hint
        for offers in discover().offers["models"].values()
        for offer in offers
        if offer.origin.package == "benchbox-recsys"
    }


def groups() -> list[list[str]]:
    """Return the bundled models in parts that are run, and written down, at once."""
    costs = offered()
    names = sorted(costs, key=costs.__getitem__)
    dear = [[name] for name in names if costs[name] >= DEAR]
    return [[name for name in names if costs[name] < DEAR], *dear]


def measured(
    dataset: str, models: list[str], out: Path, seeds: int = SEEDS
) -> dict[str, Any]:
    """Run *models* on a data set; compare their RMSE to the bias model's."""
    official = "+" in dataset or dataset == "ml-100k"
    run = benchbox.run(
        models,
        datasets=dataset,
        protocols="official" if official else "holdout",
        out=out,
        seeds=seeds,
        threads=1,
        time_limit_seconds=MOST_SECONDS,
        **({"folds": ("u1",)} if dataset == "ml-100k" else {}),
    )
    scores: dict[str, list[float]] = {}
    stopped = set[str]()
    found: dict[str, Any] = {"models": {}}
    for trial in RunFolder(run.path).trials():
        if trial.status != "ok":
            stopped.add(trial.label)
            continue
        found |= {"n_hidden": trial.n_hidden, "bias": trial.reference["rmse"].value}
        scores.setdefault(trial.label, []).append(trial.metrics["rmse"].value)
    for label, values in scores.items():
        found["models"][label] = {
            "rmse": fmean(values),
            "difference": fmean(values) - found["bias"],
            "spread": stdev(values) if len(values) > 1 else 0.0,
            "seeds": len(values),
        }
    found["models"] |= dict.fromkeys(stopped)
    return found


def behind(models: dict[str, Any]) -> list[str]:
    """Return which are behind the bias model by more than their seeds' spread."""
    return [
        label
        for label, model in models.items()
        if model is not None and label not in WEAKER
        if model["difference"] - model["spread"] > 1e-6
    ]


def doubtful(models: dict[str, Any]) -> list[str]:
    """Return which are behind by what too few seeds say."""
    return [
        label
        for label in behind(models)
        if models[label]["spread"] and models[label].get("seeds", SEEDS) < MORE_SEEDS
    ]


def table(found: list[dict[str, Any]]) -> str:
    """Return the differences as a table, in thousandths of the bias model's RMSE."""
    labels = sorted({label for each in found for label in each["models"]} - {"bias"})
    rows = [
        ["", *(each["title"] for each in found)],
        ["---", *("--:" for _ in found)],
        ["`bias`, RMSE", *(f"{each['bias']:.4f}" for each in found)],
        *([f"`{label}`", *(_cell(each, label) for each in found)] for label in labels),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(each: dict[str, Any], label: str) -> str:
    model = each["models"].get(label)
    if model is None:
        return ""
    off, spread = (
        round(1000 * model[key] / each["bias"], 1) for key in ("difference", "spread")
    )
    shown = f"{off:+.1f}".replace("-", "−") if off else "0.0"
    return f"{shown} ±{spread:.1f}" if spread else shown


def main(target: Path, further: list[str]) -> None:
    """Run everything, write what was found, and print the table."""
    named = SHAPES | dict(text.split("=", 1) for text in further)
    found = json.loads(target.read_text()) if target.exists() else []
    known = {each["title"]: each for each in found}
    for group in groups():
        for title, written in named.items():
            each = known.setdefault(title, {"title": title, "models": {}})
            for seeds in (SEEDS, MORE_SEEDS):
                names = (
                    [name for name in group if name not in each["models"]]
                    if seeds == SEEDS
                    else doubtful(each["models"])
                )
                if not names:
                    continue
                with tempfile.TemporaryDirectory() as scratch:
                    dataset = dataset_of(written, Path(scratch))
                    new = measured(dataset, names, Path(scratch), seeds)
                each |= new | {"models": each["models"] | new["models"]}
                target.write_text(json.dumps([*known.values()], indent=1) + "\n")
    found = [*known.values()]
    print(table(found))
    names = [f"{name} on {e['title']}" for e in found for name in behind(e["models"])]
    print("Behind:", "; ".join(names) or "none")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
