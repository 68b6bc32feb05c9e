"""How often `benchbox compare` accuses equal models that were fitted with other seeds.

It takes half an hour::

    python tests/studies/seed_verdicts.py results/published/seed-verdicts.json

All bundled models run on ML-100K's u1 with four seeds, from eight root seeds. Every
two of these runs are compared, also with their first one or two seeds alone. Models
are equal, so BETTER and WORSE are false. Then predictions of the second run get noise
that raises their RMSE by 1 %, which should be found.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchbox.analysis import Pairing, compare_sides, side_of_run
from benchbox.metrics.metric import METRICS
from benchbox.plugins import discover
from benchbox.ratings import Ratings
from benchbox.records import RunFolder, RunRecord, TrialRecord
from benchbox.runs import Stages

ROOTS = range(1, 9)
SEEDS = (1, 2, 4)
WORSE = 0.01


@dataclass(frozen=True, eq=False)
class Part:
    """A run as if it had had fewer seeds, perhaps with worse predictions.

    Attributes:
        whole: The run.
        n_seeds: Number of seeds to keep.
        spoilt: Whether to raise the RMSE of all predictions.
        hidden: The hidden ratings of the fold.
    """

    whole: RunFolder
    n_seeds: int
    spoilt: bool
    hidden: Ratings

    def read_run(self) -> RunRecord:
        """Return the record of the run."""
        return _run(self.whole)

    def trials(self) -> list[TrialRecord]:
        """Return the trials with the seeds that are kept, and metrics as spoilt."""
        kept = [t for t in _trials(self.whole) if t.replicate < self.n_seeds]
        return [self._rescored(t) for t in kept] if self.spoilt else kept

    def predictions(self, trial: TrialRecord) -> Any:
        """Return predictions, with noise of the right size if they are to be worse."""
        predicted = self.whole.predictions(trial)
        if not self.spoilt:
            return predicted
        errors = self.hidden.scale.clip(predicted) - self.hidden.values
        size = np.sqrt(((1 + WORSE) ** 2 - 1) * np.mean(errors.astype(float) ** 2))
        draw = np.random.default_rng([trial.replicate, trial.model])
        noise = draw.normal(0, size, len(predicted))
        # Noise that agrees with the errors by chance would change the RMSE by more.
        noise -= errors * (noise @ errors) / (errors @ errors)
        return (predicted + noise).astype(np.float32)

    def _rescored(self, trial: TrialRecord) -> TrialRecord:
        errors = self.hidden.scale.clip(self.predictions(trial)) - self.hidden.values
        rmse = float(np.sqrt(np.mean(errors.astype(float) ** 2)))
        score = msgspec.structs.replace(trial.metrics["rmse"], value=rmse)
        return msgspec.structs.replace(
            trial, metrics={"rmse": score}, predictions_digest=f"{trial.key} spoilt"
        )


@cache
def _run(folder: RunFolder) -> RunRecord:
    return folder.read_run()


@cache
def _trials(folder: RunFolder) -> list[TrialRecord]:
    return folder.trials()


def run(folder: Path, root: int) -> RunFolder:
    """Run all bundled models with four seeds of *root*, unless *folder* has it."""
    if not folder.exists():
        command = ["-m", "benchbox", "run", "-d", "ml-100k", "-f", "u1"]
        command += ["-m", "all", "--seeds", str(max(SEEDS)), "--seed", str(root)]
        subprocess.run(
            [sys.executable, *command, "--out", str(folder)],
            capture_output=True,
            check=True,
        )
    return RunFolder(next(folder.glob("*/run.json")).parent)


def verdicts(first: Part, second: Part) -> Counter[tuple[str, str]]:
    """Return how often each metric gets each verdict; times are left out."""
    hidden = {stage.folds[0].id: first.hidden for stage in first.read_run().stages}
    pairing = Pairing(first, second, lambda _: hidden, METRICS)  # type: ignore[arg-type]
    sides = [side_of_run(part.read_run(), part.trials()) for part in (first, second)]
    cells = compare_sides(*sides, paired=pairing).cells
    names = {metric.name for metric in METRICS}
    return Counter((c.quantity, c.verdict) for c in cells if c.quantity in names)


def main(target: Path, folder: Path) -> None:
    """Run, compare every two runs, and write how often verdicts are false."""
    runs = [run(folder / str(root), root) for root in ROOTS]
    stage = Stages(discover(), lambda line: None, "").rebuild(_run(runs[0]), 0)
    (fold,) = stage.folds
    found = []
    for n_seeds in SEEDS:
        equal: Counter[tuple[str, str]] = Counter()
        worse: Counter[tuple[str, str]] = Counter()
        for one, other in combinations(runs, 2):
            first = Part(one, n_seeds, False, fold.hidden)
            equal += verdicts(first, Part(other, n_seeds, False, fold.hidden))
            worse += verdicts(first, Part(other, n_seeds, True, fold.hidden))
        false = equal_count(equal, "BETTER") + equal_count(equal, "WORSE")
        found.append(
            {
                "seeds": n_seeds,
                "cells": equal.total(),
                "false_verdicts": false,
                "of_equal": {f"{q} {v}": n for (q, v), n in sorted(equal.items())},
                "rmse_cells_worsened": worse.total(),
                "rmse_found_worse": worse["rmse", "WORSE"],
                "rmse_found_better": worse["rmse", "BETTER"],
            }
        )
        print(json.dumps(found[-1], indent=1))
    record = {"root_seeds": len(ROOTS), "worsened_by": WORSE, "each": found}
    target.write_text(json.dumps(record, indent=1) + "\n")


def equal_count(counts: Counter[tuple[str, str]], verdict: str) -> int:
    """Return how many cells of any metric got a verdict."""
    return sum(n for (_, given), n in counts.items() if given == verdict)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(sys.argv[1]), Path(scratch))
