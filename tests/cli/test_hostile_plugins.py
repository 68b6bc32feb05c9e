"""Metrics, formats and protocols at fault: each costs its own part, in one line."""

from pathlib import Path

import pytest

from tests.support.commands import Benchbox, Done
from tests.support.hostile_plugins import FILES, PROTOCOLS

PLUGIN = Path(__file__).parents[1] / "support" / "hostile_plugins.py"
TOY = "-d svd-toy -p holdout:fraction=0.3 -m bias -m svd --seeds 1 --device cpu"

METRIC_FAULTS = {
    "in-place": "it failed: ValueError: ",
    "raises": "it failed: ValueError: the metric broke",
    "leaves": "it failed: SystemExit: 3",
    "nothing": "it returned None, not a Score",
    "not-a-number": "its value is nan",
    "words": "its value is '0.5'; it must be a number",
}

PROTOCOL_FAULTS = {
    "fails": "fails: KeyError: 'no such fold'",
    "exits": "fails: SystemExit: 0",
    "empty": "makes no fold",
    "same-name": "makes two folds named 'half'",
    "hides-twice": "puts a rating twice into the hidden part of fold 'twice'",
    "out-of-range": "puts positions from 5 to ",
    "steers": r"names a fold 'a\\x1b[2J'",
    "no-partition": "makes {'train': [1]}, which is not a Partition",
    "writes": "fails: ValueError: assignment destination is read-only",
    "endless": "makes more than 10,000 folds",
    "moody": "makes no fold",
}


@pytest.fixture
def alone(benchbox: Benchbox) -> Done:
    return benchbox(f"run {TOY}")


def faulty(
    benchbox: Benchbox, patch: pytest.MonkeyPatch, faults: str, line: str
) -> Done:
    patch.setenv("FAULTS", faults)
    return benchbox(f"{line} --plugin {PLUGIN}")


def predictions(done: Done) -> dict[str, bytes]:
    return {
        record.label: done.folder.predictions(record).tobytes()
        for record in done.trials()
    }


def test_a_metric_at_fault_costs_its_figure_and_changes_no_other(
    benchbox: Benchbox, alone: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {r.label: r.metrics for r in alone.trials()}, predictions(alone)

    done = faulty(benchbox, monkeypatch, ",".join(METRIC_FAULTS), f"run {TOY}")

    assert done.code == 1
    for record in done.trials():
        assert record.status == "ok"
        for name, fault in METRIC_FAULTS.items():
            assert record.metrics.pop(name).value is None
            assert record.notes[f"metric {name}"].startswith(fault)
        assert record.metrics == known[0][record.label]
    assert predictions(done) == known[1]
    for name, fault in METRIC_FAULTS.items():
        said = f"benchbox: metric {name!r} has no figure: {fault}"
        assert done.err.count(said) == 1


def test_numbers_of_numpy_are_figures(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = faulty(benchbox, monkeypatch, "numpy-numbers", f"run {TOY}")

    assert done.code == 0
    for record in done.trials():
        score = record.metrics["numpy-numbers"]
        assert score.value == pytest.approx(record.metrics["mae"].value)
        assert score.n_scored == record.n_hidden


def test_a_format_at_fault_costs_its_file(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = "broken-format,leaving-format,silent-format,good-format"

    done = faulty(benchbox, monkeypatch, faults, f"run {TOY}")

    assert done.code == 0
    names = {path.name for path in done.folder.path.iterdir()}
    assert {"table.md", "table.csv", "table.tex", "good-format.txt"} <= names
    assert not names & {
        "broken-format.txt",
        "leaving-format.txt",
        "silent-format.txt",
    }
    text = (done.folder.path / "good-format.txt").read_text()
    assert text == "good\\u001b[2J\n"
    assert "broken-format.txt was not written: Format 'broken-format' fai" in done.err
    assert "failed: SystemExit: 0" in done.err
    assert "'silent-format' returned None, not a text" in done.err


def test_a_format_at_fault_is_one_line_when_it_is_asked_for(
    benchbox: Benchbox, alone: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = faulty(benchbox, monkeypatch, "broken-format", "report -f broken-format")

    assert done.code == 1
    assert done.err.splitlines() == [
        "benchbox: Format 'broken-format' failed: RuntimeError: no template."
    ]


def test_a_format_keeps_to_the_folder_of_the_run(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = faulty(benchbox, monkeypatch, ",".join(FILES), f"run {TOY}")

    assert done.code == 0
    assert done.err.count("returns from its hook benchbox_formats the file name") == 4
    assert not (done.results / "outside.txt").exists()
    assert not list(done.folder.path.glob(".hidden"))
    assert done.folder.read_run().status == "finished"


def test_there_is_a_test_of_every_faulty_protocol() -> None:
    assert set(PROTOCOL_FAULTS) == set(PROTOCOLS)


@pytest.mark.parametrize("name", PROTOCOL_FAULTS)
def test_a_protocol_at_fault_is_named_in_one_line(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    done = faulty(benchbox, monkeypatch, name, f"run -d svd-toy -m bias -p {name}")

    assert done.code == 1
    (line,) = done.err.splitlines()
    assert f"Protocol {name!r} {PROTOCOL_FAULTS[name]}".replace("\\\\", "\\") in line


def test_the_other_parts_of_a_run_go_on(
    benchbox: Benchbox, alone: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = predictions(alone)
    line = f"run {TOY} -p empty -p same-name"

    done = faulty(benchbox, monkeypatch, "empty,same-name", line)

    assert done.code == 1
    assert done.err.count("benchbox: left out: Protocol") == 2
    assert [stage.protocol for stage in done.folder.read_run().stages] == ["holdout"]
    assert predictions(done) == known
    assert faulty(benchbox, monkeypatch, "empty,same-name", "stats").code == 0


def test_a_run_does_not_go_on_with_other_parts_than_it_was_begun_with(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = faulty(benchbox, monkeypatch, "moody", f"run {TOY} -p moody")
    monkeypatch.setenv("MOOD", "good")

    done = faulty(benchbox, monkeypatch, "moody", "run --resume last")

    assert first.code == done.code == 1
    assert "was begun on svd-toy · holdout" in done.err
    assert "svd-toy · moody. Begin a new run." in done.err
