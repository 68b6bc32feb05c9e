"""How often a table tells equal models apart.

It takes some minutes::

    python tests/studies/equal_models.py results/published/equal-models.json

Twelve models that differ in name alone are fitted on five folds with a hundred seeds.
Each seed makes a table. A model without the mark for the best, or for not being
significantly worse than it, is told apart by mistake.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchbox.records import RunFolder
from benchbox.reports.leaderboard import leaderboards

N_MODELS = 12
N_TABLES = 100
DATA = "synthetic:n_users=400,n_items=200,n_ratings=12000"

MODEL = '''
"""Ridge regression of each user's ratings on random features of items."""

import numpy as np


class Equal:
    inductive = True

    def __init__(self, name: int = 0) -> None:
        pass

    def fit(self, train, context):
        self.mean = train.values.mean()
        sums = np.bincount(train.items, train.values - self.mean, train.n_items)
        counts = np.bincount(train.items, minlength=train.n_items)
        self.offset = sums / (counts + 5)
        draw = np.random.default_rng(context.seed)
        self.features = draw.normal(size=(train.n_items, 6))

    def predict(self, history, users, items):
        left = history.values - self.mean - self.offset[history.items]
        known, n = self.features[history.items], self.features.shape[1]
        grams = np.zeros((history.n_users, n, n)) + 20 * np.eye(n)
        np.add.at(grams, history.users, known[:, :, None] * known[:, None, :])
        sides = np.zeros((history.n_users, n))
        np.add.at(sides, history.users, known * left[:, None])
        weights = np.linalg.solve(grams, sides[:, :, None])[:, :, 0]
        told = (weights[users] * self.features[items]).sum(axis=1)
        return (self.mean + self.offset[items] + told).astype(np.float32)
'''


def main(target: Path) -> None:
    """Run the models, and write how many tables are wrong."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "equal.py"
        file.write_text(MODEL)
        models = [f"{file}:Equal:name={name}" for name in range(N_MODELS)]
        chosen = [word for model in models for word in ("-m", model)]
        command = ["-m", "benchbox", "run", *chosen, "-d", DATA, "-p", "kfold"]
        command += ["--seeds", str(N_TABLES), "--drop-predictions", "--out", scratch]
        subprocess.run([sys.executable, *command], capture_output=True, check=True)
        folder = RunFolder(next(Path(scratch).glob("*/run.json")).parent)
        run, trials = folder.read_run(), folder.trials()
    wrong = 0
    for replicate in range(N_TABLES):
        mine = [trial for trial in trials if trial.replicate == replicate]
        (board,) = leaderboards(run, mine)
        wrong += any(not row.mark for row in board.rows)
    record = {"models": N_MODELS, "tables": N_TABLES, "tables_told_apart": wrong}
    print(record)
    target.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
