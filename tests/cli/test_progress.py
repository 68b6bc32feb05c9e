"""Progress: what is being loaded before the first trial, and where the time went."""

import io
import re
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from rich.console import Console

from benchbox.cli import progress as module
from benchbox.cli import tune as tuning
from benchbox.cli.progress import TrialProgress
from benchbox.cli.sparkline import sparkline
from benchbox.cli.tune import _TuningProgress
from benchbox.records import EpochEnded, Fitted, Tried, TuningBudget, Waits
from benchbox.runs import Costs
from tests.support.commands import Benchbox
from tests.support.toy_runs import toy_model, toy_run, toy_stage, toy_trial


@dataclass(frozen=True)
class ShownFold:
    name: str = "k1"
    train: range = range(80)


RUN = "run -d svd-toy -p kfold:n_folds=2 -m bias -m global-mean"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is shown on a terminal of 80 columns."""
    text = io.StringIO()

    def console(*, emoji: bool, **_: object) -> Console:
        return Console(file=text, force_terminal=True, width=80, emoji=emoji)

    monkeypatch.setattr(module, "Console", console)
    return text


def test_a_terminal_shows_at_once_what_is_being_loaded(screen: io.StringIO) -> None:
    with TrialProgress() as progress:
        progress.loading("torch [and] more")
        progress._bar.refresh()

    assert "loading torch [and] more" in screen.getvalue()
    assert "0/?" not in screen.getvalue()


def test_what_is_told_stands_above_the_bar_and_breaks_between_words(
    screen: io.StringIO,
) -> None:
    with TrialProgress() as progress:
        progress.loading("and splitting toys")
        progress.tell("benchbox: :bug: [b]few[/b]\x1b " + "rather long words " * 6)

    lines = [re.sub(r"\x1b\[[\d;?]*\w", "", t) for t in screen.getvalue().splitlines()]
    (first,) = [line for line in lines if "benchbox" in line]
    assert first.strip("\r").startswith("benchbox: :bug: [b]few[/b]\\u001b rather")
    assert first.rstrip().endswith(("rather", "long", "words"))


def test_without_a_terminal_it_is_a_line(capsys) -> None:
    TrialProgress(quiet=True).tell("benchbox: " + "rather long words " * 20)

    assert capsys.readouterr().err.count("\n") == 1


def test_a_long_name_takes_one_line_of_the_terminal(screen: io.StringIO) -> None:
    with TrialProgress() as progress:
        progress.loading("and splitting " + "a/very/long/path/" * 20)
        progress._bar.refresh()

    # One line break at the end; a name over several lines would have more.
    assert "…" in screen.getvalue()
    assert screen.getvalue().count("\n") == 1


def test_a_file_is_told_only_if_loading_takes_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "SILENT_SECONDS", 0.01)
    with TrialProgress() as progress:
        progress.loading("the models")
        progress.loading("ratings")
        patience = progress._patience
        assert patience is not None
        patience.join()

    assert re.fullmatch(r"loading (the models|ratings) …\n", capsys.readouterr().err)


def test_nothing_is_said_of_what_was_loaded_in_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "SILENT_SECONDS", 0.05)
    with TrialProgress() as progress:
        progress.loading("ratings")
    time.sleep(0.1)

    assert capsys.readouterr().err == ""


def test_every_step_before_the_first_trial_is_told(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(TrialProgress, "loading", lambda _, what: told.append(what))

    assert benchbox(RUN).code == 0

    assert told == [
        "the models",
        "and splitting svd-toy",
        "torch and other libraries, for the trials",
    ]


def test_a_run_tells_where_its_time_went(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WORTH_SAYING", 0.0)

    done = benchbox(RUN)

    _, _, end = done.err.partition("Time: ")
    line = " ".join(f"Time: {end.partition(').')[0]})".split())
    parts = dict(re.findall(r"([a-z ]+) ([\d.]+) s(?:,|\))", line))
    assert [*map(str.strip, parts)] == [
        "loading",
        "first use",
        "starting trials",
        "tuning",
        "fit",
        "predict",
        "distribution",
        "latency",
        "score",
        "rest",
    ]
    total = float(line.split()[1])
    assert sum(map(float, parts.values())) == pytest.approx(total, abs=0.5)


def test_short_parts_are_left_out() -> None:
    with TrialProgress() as progress:
        assert progress.time_spent(0.0) == ""


def test_a_search_is_no_part_of_loading_and_has_the_screen_to_itself(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(100))
    for place in (module, tuning):
        monkeypatch.setattr(place, "monotonic", lambda: float(next(clock)))

    with _TuningProgress(verbose=False) as progress:
        progress.loading("ratings")
        progress.search_started("bias on u1", TuningBudget())
        assert not progress._bar.live.is_started
        progress.search_ended("bias on u1", None)
        progress.run_started([], Costs({}))
        assert progress._bar.live.is_started
        said = progress.time_spent(0.0)

    assert re.search(r"loading [1-9]\.\d s, tuning [1-9]\.\d s", said)
    assert "tuning bias on u1" in screen.getvalue()


def test_the_bar_shows_how_validation_goes_and_how_many_failed(
    screen: io.StringIO,
) -> None:
    run = toy_run([toy_model("mf"), toy_model("ae")], [toy_stage(2)])
    fold = ShownFold()
    trials = [
        SimpleNamespace(
            fold=fold,
            model=model,
            model_number=number,
            replicate=0,
            untuned=model,
            place=number,
        )
        for number, model in enumerate(run.models)
    ]
    with TrialProgress() as progress:
        progress.run_started(trials, Costs({}))
        progress.trial_started(trials[0])
        progress.trial_ended(trials[0], toy_trial(run, None))
        progress.trial_started(trials[1])
        for epoch, error in enumerate([1.0, 0.9, 0.8, 0.85], 1):
            ended = EpochEnded(epoch=epoch, of=9, validation_rmse=error)
            progress.trial_said(trials[1], ended)
        progress._bar.refresh()

        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
        assert "k1 ae r0 epoch 4/9 █▅▁▃" in plain
        assert "1/2 1 failed" in plain


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([1.0], ""),
        ([2.0, 2.0], "▁▁"),
        ([float("nan"), 1.0, 3.0, float("inf"), 2.0], "▁█▅"),
        ([9.0, 0.0, 1.0, 2.0], "▁▅█"),
    ],
)
def test_a_sparkline_has_a_block_for_each_of_the_latest_numbers(values, line) -> None:
    assert sparkline(values, 3) == line


def test_a_quiet_run_prints_its_table_alone(benchbox: Benchbox) -> None:
    done = benchbox(f"{RUN} --quiet")

    assert done.code == 0
    assert "RMSE" in done.out
    assert "trials" not in done.err
    assert "Time:" not in done.err
    assert "Results" not in done.err


def two_trials() -> list[Any]:
    return [
        SimpleNamespace(
            fold=ShownFold(),
            model=toy_model(name),
            model_number=number,
            replicate=0,
            untuned=toy_model(name),
            place=number,
        )
        for number, name in enumerate(("mf", "ae"))
    ]


def test_trials_that_run_at_once_have_a_line_each_on_a_terminal(
    screen: io.StringIO,
) -> None:
    first, second = two_trials()
    run = toy_run([first.model, second.model], [toy_stage(1)])
    with TrialProgress() as progress:
        progress.run_started([first, second], Costs({"mf": 600.0, "ae": 600.0}))
        progress.trial_started(first)
        progress.trial_started(second)
        progress.trial_said(second, EpochEnded(epoch=3, of=9))
        progress.trial_said(first, Waits(what="memory: it may take 3 GiB"))
        # Of a trial that is not shown nothing is said.
        progress.trial_said(None, EpochEnded(epoch=8, of=9))
        progress.trial_said(first, Fitted())
        progress._bar.refresh()
        both = [task.description for task in progress._bar.tasks]
        progress.trial_ended(second, toy_trial(run, 0.9, model=1))
        one = [task.description for task in progress._bar.tasks]

    assert both == [
        "2 at once",
        "k1 mf r0 waits for memory: it may take 3 GiB",
        "k1 ae r0 epoch 3/9",
    ]
    assert one == both[:2]
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    shown = [line.split() for line in plain.splitlines()]
    assert any(words[:3] == ["2", "at", "once"] and "0/2" in words for words in shown)
    assert any(words[:5] == ["k1", "ae", "r0", "epoch", "3/9"] for words in shown)
    # 0.48 s each, by the hints, and both at once.
    assert "about 0:00 left" in plain


def test_without_a_terminal_a_trial_that_waits_says_so_in_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = two_trials()
    run = toy_run([first.model, second.model], [toy_stage(1)])
    with TrialProgress() as progress:
        progress.run_started([first, second], Costs({}))
        progress.trial_started(first)
        progress.trial_started(second)
        progress.trial_said(second, Waits(what="loom:0, which another trial has"))
        progress.trial_ended(first, toy_trial(run, 0.9))
        progress.trial_ended(second, toy_trial(run, 0.9, model=1))
        spent = progress.time_spent(0.0)

    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "k1 ae r0 waits for loom:0, which another trial has"
    assert [line[:5] for line in lines[1:]] == ["[1/2]", "[2/2]"]
    # Their seconds add up to more than those of the run, so there is no rest.
    assert " s (of all trials together: " in spent
    assert "rest" not in spent


def test_searches_at_once_share_a_line(screen: io.StringIO) -> None:
    first, second = two_trials()
    for trial in (first, second):
        trial.untuned = msgspec.structs.replace(trial.model, tuned=True)
    with _TuningProgress(verbose=True) as progress:
        progress.search_started("mf on k1", TuningBudget(trials=20))
        progress.search_started("ae on k1", TuningBudget(trials=5))
        progress.trial_started(first)
        progress.trial_started(second)
        progress.trial_started(second)
        progress.trial_said(first, EpochEnded(epoch=3, of=9))
        progress.trial_said(first, Fitted())
        assert progress._status is not None
        both = str(progress._status.status)
        tried = Tried(options={"rank": 8}, value=0.91234, seconds=1.5, status="ok")
        progress.search_tried("mf on k1", tried)
        progress.search_ended("mf on k1", None)
        assert progress._status is not None
        progress.search_ended("ae on k1", None)
        assert progress._status is None

    assert both == ("tuning mf on k1: trial 1/20, epoch 3/9; ae on k1: trial 2/5")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert "mf on k1: 0.9123, 1.5 s, rank=8" in plain
