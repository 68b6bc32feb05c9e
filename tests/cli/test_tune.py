"""`benchbox tune`: options chosen by validation alone, at one price for all."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from benchbox.protocols.folds import validation_fold
from benchbox.records.folder import RunFolder
from benchbox.reports.columns import MISSING
from benchbox.runs.runner import Executed
from tests.studies.kills import essence
from tests.support.commands import Benchbox, running

pytest.importorskip("optuna")

MADE_UP = "-d synthetic:n_users=60,n_items=50,n_ratings=1200"
TUNE = f"tune {MADE_UP} -m bias -m biased-mf --budget-trials 4 --seeds 1"


def studies(folder: RunFolder) -> list[dict[str, Any]]:
    record = json.loads((folder.path / "study.json").read_text())
    assert record["run"] == folder.path.name
    found: list[dict[str, Any]] = record["studies"]
    return found


def timeless(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return studies without the seconds that they took."""
    for study in found:
        for each in (study, *study["tried"]):
            del each["seconds"]
    return found


def test_every_model_is_shown_as_it_is_and_tuned_at_the_same_price(
    benchbox: Benchbox,
) -> None:
    done = benchbox(f"{TUNE} -p kfold:n_folds=2")

    assert done.code == 0, done.err
    ended = {(trial.label, trial.fold): trial for trial in done.trials()}
    assert {label for label, _ in ended} == {
        "bias",
        "bias tuned",
        "biased-mf",
        "biased-mf tuned",
    }
    assert all(trial.status == "ok" for trial in ended.values())
    assert len(studies(done.folder)) == 4
    folds = {fold.name: fold for fold in done.folder.read_run().stages[0].folds}
    for study in studies(done.folder):
        fold = folds[study["fold"]]
        assert study["n_validation"] == round(fold.n_train / 10)
        assert study["validation_id"] != fold.id
        assert len(study["tried"]) == 4
        values = [tried["value"] for tried in study["tried"]]
        assert study["before"] == values[0]
        assert study["after"] == min(values)
        assert study["chosen"] == study["tried"][values.index(min(values))]["options"]
        tuned = ended[f"{study['model']} tuned", study["fold"]].tuned
        assert tuned == study["chosen"]
        cost = ended[f"{study['model']} tuned", study["fold"]].tuning_seconds
        assert cost == study["seconds"] > 0
    assert "Budget of each model on each fold: 4 trials." in done.out
    assert not ended["bias", "k1"].tuned
    heading = next(line for line in done.out.splitlines() if line.startswith("model "))
    at = heading.index("tuning s")
    cells = {
        line[:14].strip(): line[at : at + 8].strip()
        for line in done.out.splitlines()
        if line.startswith("bias")
    }
    assert cells["bias"] == MISSING
    assert float(cells["bias tuned"]) > 0


def test_the_choice_never_depends_on_a_hidden_rating(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    """The canary: other hidden ratings, the same choices to the last byte."""
    users, items = np.divmod(np.arange(600), 20)
    values = np.random.default_rng(1).integers(1, 6, 600)
    lines = [f"u{u},i{i},{v}" for u, i, v in zip(users, items, values, strict=True)]
    shown, hidden = lines[::2] + lines[1::4], lines[3::4]
    other = [f"{line[:-1]}{6 - int(line[-1])}" for line in hidden]
    found, scores = [], []
    for name, truths in (("one", hidden), ("other", other)):
        folder = tmp_path / name
        folder.mkdir()
        for file, rows in (("train.csv", shown), ("test.csv", truths)):
            (folder / file).write_text("\n".join(["user,item,rating", *rows]))
        done = benchbox(
            f"tune -d {folder}/train.csv+{folder}/test.csv:scale=1-5 -m biased-mf "
            f"-m biased-mf-sgd:epochs=2 --budget-trials 2 --seeds 1"
        )
        assert done.code == 0, done.err
        found.append(json.dumps(timeless(studies(done.folder))))
        scores.append(done.by_label()["biased-mf tuned"].metrics["rmse"].value)

    assert found[0] == found[1]
    assert scores[0] != scores[1]


def test_what_is_set_by_hand_is_not_tuned(benchbox: Benchbox) -> None:
    done = benchbox(
        f"tune {MADE_UP} -m bias:user_damping=7 -m global-mean --budget-trials 3"
    )

    (study,) = studies(done.folder)
    assert set(study["tried"][0]["options"]) == {"item_damping"}
    assert set(done.by_label()) == {
        "bias:user_damping=7",
        "bias:user_damping=7 tuned",
        "global-mean",
    }


def test_a_killed_search_goes_on_where_it_was_and_chooses_the_same(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    line = f"tune {MADE_UP} -m bias --budget-trials 5"
    whole = benchbox(line)
    with running(
        *line.split(),
        "--out",
        "killed",
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + 120
        while len(list(tmp_path.glob("killed/*/tuning/*/trials/*.json"))) < 2:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
    (killed,) = tmp_path.glob("killed/*")
    kept = {file: file.read_bytes() for file in killed.glob("tuning/*/trials/*.json")}

    resumed = benchbox("tune --resume last --out killed")

    assert resumed.code == 0, resumed.err
    assert all(file.read_bytes() == content for file, content in kept.items())
    assert timeless(studies(RunFolder(killed))) == timeless(studies(whole.folder))
    predictions = "predictions/*tuned*.npy"
    one, other = (
        {file.name: file.read_bytes() for file in path.glob(predictions)}
        for path in (killed, whole.folder.path)
    )
    assert one == other
    assert one


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("tune --metric rsme", 2, "No metric named 'rsme'"),
        ("tune --budget-trials 0", 2, "budget-trials"),
        ("tune --resume last -m bias", 2, "leave out other options"),
        ("tune --resume last", 1, "no runs in results yet"),
        ("tune -m global-mean", 2, "No model has an option left to tune"),
        ("tune -m bias:user_dampening=2", 2, "no option 'user_dampening'"),
    ],
)
def test_a_mistake_is_one_line(benchbox: Benchbox, line: str, code: int, said) -> None:
    more = f" {MADE_UP}" if "--resume" not in line else ""

    done = benchbox(line + more)

    assert done.code == code
    assert said in done.err
    assert done.err.count("\n") == 1


def test_a_run_and_a_tuning_are_not_resumed_as_each_other(benchbox: Benchbox) -> None:
    tuned = benchbox(f"tune {MADE_UP} -m bias --budget-trials 1")
    not_a_run = benchbox("run --resume last")
    record = tuned.folder.read_run()
    record.config = msgspec.structs.replace(record.config, tuning=None)
    tuned.folder.write_run(record)
    not_tuned = benchbox("tune --resume last")

    assert (not_tuned.code, not_a_run.code) == (2, 2)
    assert "is not a run of `benchbox tune`" in not_tuned.err
    assert "--resume it there" in not_a_run.err


def test_an_interrupted_search_says_how_to_go_on(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "benchbox.runs.tuning.searches.execute_in_turn", lambda *_: Executed(False, {})
    )

    done = benchbox(f"tune {MADE_UP} -m bias")

    assert done.code == 130
    assert done.folder.read_run().status == "interrupted"
    assert f"benchbox tune --resume {done.folder.path.name}" in done.err


def test_without_optuna_it_says_what_to_install(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchbox.runs.tuning.suggestions.find_spec", lambda name: None)

    done = benchbox(f"tune {MADE_UP} -m bias")

    assert done.code == 2
    assert "pip install 'benchbox-recsys[tune]'" in done.err


def test_seconds_end_a_search_and_who_cannot_take_part_is_not_tuned(
    benchbox: Benchbox,
) -> None:
    done = benchbox(
        f"tune {MADE_UP} -p new-users -m biased-mf-sgd -m bias --budget-trials 500 "
        f"--budget-seconds 0.02"
    )

    assert done.code == 0, done.err
    (study,) = studies(done.folder)
    assert study["model"] == "bias"
    assert 1 <= len(study["tried"]) < 500
    assert "500 trials or 0.02 s" in done.out
    assert done.by_label()["biased-mf-sgd tuned"].status == "skipped"


def test_a_merged_run_keeps_the_searches_of_its_parts(benchbox: Benchbox) -> None:
    parts = [
        benchbox(
            f"tune {MADE_UP} -m {model} -p holdout --budget-trials 2 --seeds 1"
        ).folder
        for model in ("bias", "biased-mf")
    ]

    merged = benchbox(f"merge {parts[0].path} {parts[1].path} --out both")

    assert merged.code == 0, merged.err
    found = RunFolder(merged.results.parent / "both").studies()
    assert found == [study for part in parts for study in part.studies()]
    appendix = benchbox("report both --out . --appendix").out
    assert "No options were searched for" not in appendix


NAPPING = """
import time

class Napping:
    search = {"nap": (0.0, 60.0)}

    def __init__(self, nap: float = 0.0) -> None:
        self.nap = nap

    def fit(self, train, context):
        self.mean = train.values.mean()
        time.sleep(self.nap)

    def predict(self, history, users, items):
        return self.mean + 0 * users
"""


def test_a_trial_that_the_budget_stops_costs_what_was_left_of_it(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    (tmp_path / "napping.py").write_text(NAPPING)

    done = benchbox(
        f"tune {MADE_UP} -m napping.py:Napping -p holdout --budget-seconds 1 --seeds 1"
    )

    assert done.code == 0, done.err
    (study,) = studies(done.folder)
    assert [tried["status"] for tried in study["tried"]] == ["ok", "timeout"]
    assert study["seconds"] == pytest.approx(1)
    assert study["chosen"] == {"nap": 0.0}


def test_a_fold_within_train_knows_nothing_of_hidden_ratings() -> None:
    from benchbox.protocols.audit.canary import redraw_hidden
    from benchbox.protocols.audit.fold import audit_fold
    from benchbox.protocols.bundled import PROTOCOLS
    from benchbox.protocols.folds import make_folds
    from tests.support.toys import tiny_ratings

    for protocol in PROTOCOLS[1:]:
        options = protocol.options()
        if protocol.name == "temporal-user":
            options = protocol.options(last=1)
        if protocol.name == "holdout-user":
            options = protocol.options(count=1)
        fold = make_folds(tiny_ratings(200), protocol, options, {})[0]

        one, other = (validation_fold(f, 5) for f in (fold, redraw_hidden(fold, 1)))

        assert one.id == other.id
        assert not audit_fold(one).leaks
        assert set(one.ratings.rows) == set(fold.train.rows)


def test_searches_at_once_choose_what_they_choose_one_by_one(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchbox.runs.session.n_usable_cpus", lambda: 2)
    line = f"{TUNE} -p holdout --threads 1 --device cpu"
    one_by_one = benchbox(line)
    wanted = timeless(studies(one_by_one.folder))
    figures = essence(one_by_one.folder)

    at_once = benchbox(f"{line} --jobs 2")

    assert at_once.code == 0, at_once.err
    assert timeless(studies(at_once.folder)) == wanted
    assert essence(at_once.folder) == figures
    assert all(trial.ran_beside_others for trial in at_once.trials())
    # Each search says what it has found when it ends.
    told = [line for line in at_once.err.splitlines() if line.startswith("tuned ")]
    assert len(told) == len(wanted) == 2
