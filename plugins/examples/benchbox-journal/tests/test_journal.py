"""The journal has a line for each trial of every run."""

import csv
from pathlib import Path

import pytest

from benchbox.cli import main


def test_every_trial_of_every_run_has_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "broken.py"
    file.write_text(
        "class Broken:\n"
        "    def fit(self, train, context): raise RuntimeError('no licence')\n"
        "    def predict(self, history, users, items): ...\n"
    )
    made_up = "synthetic:n_users=60,n_items=40,n_ratings=900"

    codes = [
        main(["run", "-m", "bias", "-d", made_up, "--protocol", "kfold:n_folds=2"]),
        main(["run", "-m", f"{file}:Broken", "-d", made_up, "--seeds", "1"]),
    ]

    assert codes == [0, 1]
    journal = (tmp_path / "results" / "journal.csv").read_text()
    rows = list(csv.DictReader(journal.splitlines()))
    found = [(row["model"], row["fold"], row["status"]) for row in rows]
    assert found == [
        ("bias", "k1", "ok"),
        ("bias", "k2", "ok"),
        ("Broken", "holdout", "failed"),
    ]
    assert all(0 < float(row["rmse"]) < 2 for row in rows[:2])
    assert rows[2]["rmse"] == ""
