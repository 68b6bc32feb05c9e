"""How often `benchbox compare` is right about real runs, some spoilt on purpose.

It takes a quarter of an hour of a machine that does nothing else::

    python tests/studies/verdicts.py results/published/verdicts.json

A suite of seven models runs on ML-100K's u1 with six repeats, three times over: as it
is, as it is, and with one model slowed by 30 % and the RMSE of another raised by 1 %.
The second run and the third are compared with the first, and all that is repeated.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

N_REPETITIONS = 20
REPEATS = 6
SLOWER = 0.3
WORSE = 0.01

MODELS = '''
"""Two models that an environment variable spoils, so that their names stay."""

import os
import time

import numpy as np

SPOILT = bool(os.environ.get("SPOILT"))


class UserMean:
    """Predicts the mean of a user's visible ratings."""

    def fit(self, train, context):
        self.mean = float(train.values.mean())

    def predict(self, history, users, items):
        n = np.bincount(history.users, minlength=history.n_users)
        total = np.bincount(history.users, history.values, history.n_users)
        means = (total + 5 * self.mean) / (n + 5)
        return means[users].astype(np.float32)


class Slowed(UserMean):
    """Takes roots for a while, or for longer; products would wait for idle threads."""

    def fit(self, train, context):
        super().fit(train, context)
        numbers = np.linspace(1, 2, 100_000)
        for _ in range(int(700 * (1 + {slower} * SPOILT))):
            np.sqrt(numbers, out=numbers)
        self.mean += 0 * float(numbers[0])


class Worsened(UserMean):
    """Adds noise of a variance that raises the RMSE by the share asked for."""

    def predict(self, history, users, items):
        predicted = super().predict(history, users, items)
        if SPOILT:
            rmse = 1.06
            spread = rmse * ((1 + {worse}) ** 2 - 1) ** 0.5
            pair = users.astype(np.uint64) * np.uint64(history.n_items) + items
            noise = np.sin(pair.astype(np.float64) * 12.9898) * 2**0.5
            predicted = predicted + (spread * noise).astype(np.float32)
        return predicted
'''


def run(folder: Path, *, spoilt: bool) -> None:
    """Run the suite into *folder*."""
    models = ["bias", "item-mean", "svd", "biased-mf", "biased-mf:n_factors=4"]
    models += ["models.py:Slowed", "models.py:Worsened"]
    chosen = [word for model in models for word in ("-m", model)]
    command = ["-m", "benchbox", "run", *chosen, "--folds", "u1"]
    subprocess.run(
        [sys.executable, *command, "--repeats", str(REPEATS), "--out", str(folder)],
        cwd=folder.parent,
        env=os.environ | ({"SPOILT": "1"} if spoilt else {}),
        capture_output=True,
        check=True,
    )


def verdicts(first: Path, second: Path) -> list[dict[str, Any]]:
    """Return the cells of a comparison."""
    paths = [str(next(folder.glob("*/run.json")).parent) for folder in (first, second)]
    command = ["-m", "benchbox", "compare", *paths, "--format", "json"]
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False
    )
    cells: list[dict[str, Any]] = json.loads(done.stdout)["cells"]
    return cells


def repetition(scratch: Path) -> dict[str, Any]:
    """Return what is said of an unchanged suite, and of a spoilt one."""
    (scratch / "models.py").write_text(MODELS.format(slower=SLOWER, worse=WORSE))
    folders = [scratch / name for name in ("before", "again", "spoilt")]
    for folder in folders:
        folder.mkdir()
        run(folder, spoilt=folder.name == "spoilt")
    before, again, spoilt = folders
    unchanged, changed = verdicts(before, again), verdicts(before, spoilt)
    worse = [c for c in changed if c["verdict"] in ("WORSE", "BETTER")]
    meant = {("Slowed", "fit", "WORSE"), ("Worsened", "rmse", "WORSE")}
    said = {(c["who"], c["quantity"], c["verdict"]) for c in worse}
    # What was made slower, or worse, is so by other clocks and metrics as well.
    others = [cell for cell in said if cell[0] not in ("Slowed", "Worsened")]
    return {
        "cells": len(unchanged),
        "unchanged": dict(Counter(c["verdict"] for c in unchanged)),
        "found": sorted(who for who, _, _ in said & meant),
        "accused": sorted(" ".join(cell) for cell in others),
        "slowed_by": _effect(changed, "Slowed", "fit"),
        "worsened_by": _effect(changed, "Worsened", "rmse"),
    }


def _effect(cells: list[dict[str, Any]], who: str, quantity: str) -> float:
    (cell,) = (c for c in cells if (c["who"], c["quantity"]) == (who, quantity))
    return round(cell["effect"], 4)


def main(target: Path) -> None:
    """Repeat, and write what was said."""
    repetitions = []
    for _ in range(N_REPETITIONS):
        with tempfile.TemporaryDirectory() as scratch:
            repetitions.append(repetition(Path(scratch)))
        print(repetitions[-1], file=sys.stderr)
    n_cells = sum(one["cells"] for one in repetitions)
    false = sum(
        one["unchanged"].get(verdict, 0)
        for one in repetitions
        for verdict in ("BETTER", "WORSE")
    )
    record = {
        "repetitions": N_REPETITIONS,
        "repeats": REPEATS,
        "cells_unchanged": n_cells,
        "false_verdicts": false,
        "slowed_found": sum("Slowed" in one["found"] for one in repetitions),
        "worsened_found": sum("Worsened" in one["found"] for one in repetitions),
        "others_accused": sum(bool(one["accused"]) for one in repetitions),
        "each": repetitions,
    }
    target.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
