"""Formats: each says the same of a run, and can be read back by its own tools."""

import csv
import io
import json
import re

import pytest
import tabulate
from msgspec.structs import replace

from benchbox.machine.clocks.latency import LatencyRecord
from benchbox.machine.clocks.samples import summarise
from benchbox.machine.sensors import GaugeRecord
from benchbox.metrics import DISTRIBUTION_METRICS
from benchbox.protocols import Finding
from benchbox.ratings import RatingScale
from benchbox.records import MetricRecord, StageRecord
from benchbox.records.folder import RunFolder
from benchbox.records.trial import AskedAgain, ScoreRecord
from benchbox.reports.leaderboard import leaderboards
from benchbox.reports.notes import notes
from benchbox.reports.tables import FORMATS, render, write_tables
from tests.support.toy_runs import toy_model, toy_run, toy_stage, toy_trials

REASON = "loss became NaN in epoch 3"

# Its models end best, tied, beaten and incomplete, in this order.
MODELS = [
    toy_model("autorec_user", hidden_units=[300, 20], activation="50%&#~^"),
    toy_model("stacked-autoencoder"),
    toy_model("global-mean"),
    toy_model("unlucky"),
]
SCORES = [
    [0.90, 0.91, 0.92, 0.93, 0.94],
    [0.90, 0.93, 0.95, 0.97, 0.99],
    [1.10, 1.11, 1.12, 1.13, 1.14],
    [0.50, 0.50, None, 0.50, None],
]
BEST = MODELS[0].label


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return folder_of(tmp_path, toy_run(MODELS), SCORES)


def folder_of(parent, run, scores) -> RunFolder:
    folder = RunFolder.create(parent, run.id)
    folder.write_run(run)
    for trial in toy_trials(run, scores):
        folder.write_trial(trial, None)
    return folder


def pipe_rows(text: str) -> list[list[str]]:
    """Return the cells of a Markdown table, its heading first, its rule left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line[1:-1])] for line in lines
    ]
    return cells[:1] + cells[2:]


def latex_rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.endswith("\\\\")]
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)&", line[:-2])] for line in lines
    ]


TABLES = [name for name in FORMATS if name != "bibtex"]


# Every format.


@pytest.mark.parametrize("form", TABLES)
def test_every_format_names_the_run_and_every_model(folder, form) -> None:
    text = render(folder, form)

    assert "20260102-030405-abcd" in text
    for name in ("stacked-autoencoder", "global-mean", "unlucky"):
        assert name in text


@pytest.mark.parametrize("form", TABLES)
def test_every_format_can_tell_of_a_run_without_a_single_score(tmp_path, form) -> None:
    run = toy_run(MODELS[1:2])

    text = render(folder_of(tmp_path, run, [[None] * 5]), form)

    assert "stacked-autoencoder" in text


@pytest.mark.parametrize("form", TABLES)
def test_every_format_has_a_table_for_each_data_set(tmp_path, form) -> None:
    stages = [toy_stage(dataset="abacuses"), toy_stage(dataset="boats")]
    folder = folder_of(tmp_path, toy_run(MODELS[1:2], stages), SCORES[:1])

    text = render(folder, form)

    assert text.index("abacuses") < text.index("boats")


def test_the_files_of_a_run_are_its_tables(folder) -> None:
    write_tables(folder)

    for form, name in {
        "markdown": "table.md",
        "csv": "table.csv",
        "latex": "table.tex",
        "bibtex": "table.bib",
    }.items():
        assert (folder.path / name).read_text() == render(folder, form)


@pytest.mark.parametrize("form", FORMATS)
def test_what_was_written_before_changes_nothing(folder, form) -> None:
    padding, before = tabulate.MIN_PADDING, render(folder, form)

    for other in FORMATS:
        render(folder, other)

    assert render(folder, form) == before
    assert padding == tabulate.MIN_PADDING


# CSV and JSON, for programs.


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", " =", "\t=", "\r=", "\n="])
def test_no_cell_of_a_csv_is_a_formula_to_a_spreadsheet(tmp_path, begin) -> None:
    hostile = f"{begin}cmd|' /C calc'!A0"
    stage = toy_stage(dataset=hostile)
    folder = folder_of(tmp_path, toy_run([toy_model("x")], [stage]), SCORES[:1])

    text = render(folder, "csv")

    (line,) = csv.DictReader(io.StringIO(text, newline=""))
    assert line["dataset"].startswith("'")
    assert line["dataset"].endswith("cmd|' /C calc'!A0")
    assert float(line["rmse"]) > 0


def test_csv_is_read_back_with_nothing_rounded(folder) -> None:
    (board,) = leaderboards(folder.read_run(), folder.trials())

    lines = list(csv.DictReader(io.StringIO(render(folder, "csv"))))

    assert [line["model"] for line in lines] == [row.label for row in board.rows]
    assert [line["mark"] for line in lines] == ["best", "tied", "", ""]
    for line, row in zip(lines[:3], board.rows, strict=False):
        assert float(line["rmse"]) == row.summaries["rmse"].mean
        assert float(line["mape_fold_deviation"]) == (
            row.summaries["mape"].fold_deviation
        )
        assert float(line["coverage"]) == 1.0
    assert float(lines[1]["behind_low"]) == board.rows[1].behind.low
    assert (lines[3]["rmse"], lines[3]["n_ok"], lines[3]["n_trials"]) == ("", "3", "5")


def test_each_line_of_csv_states_what_its_numbers_mean(folder) -> None:
    for line in csv.DictReader(io.StringIO(render(folder, "csv"))):
        assert line["run"] == "20260102-030405-abcd"
        assert line["dataset"] == "toys"
        assert line["protocol"] == "kfold:n_folds=5,seed=0"
        assert line["folds"] == "k1 k2 k3 k4 k5"
        assert (line["n_hidden"], line["clipped"]) == ("100", "True")


def test_json_is_read_back_with_definitions_and_troubles(folder) -> None:
    content = json.loads(render(folder, "json"))

    (table,) = content["tables"]
    assert content["run"] == "20260102-030405-abcd"
    assert [metric["name"] for metric in content["metrics"]] == [
        "rmse",
        "mae",
        "mape",
        "rmse-by-user",
        "rmse-by-item",
    ]
    assert [row["model"] for row in table["rows"]] == [model.label for model in MODELS]
    assert table["rows"][0]["rmse"] == pytest.approx(0.92)
    assert [row["mark"] for row in table["rows"]] == ["best", "tied", "", ""]
    assert table["stage"]["folds"][0]["n_hidden"] == 20
    assert [trouble["reason"] for trouble in table["troubles"]] == [REASON, REASON]


# Markdown and LaTeX, for people who write.


def test_markdown_has_as_many_cells_in_each_row_as_in_its_heading(folder) -> None:
    heading, *rows = pipe_rows(render(folder, "markdown"))

    assert heading[:5] == ["model", "RMSE", "MAE", "MAPE %", "RMSE by user"]
    assert {len(row) for row in rows} == {len(heading)}


def test_markdown_is_bold_on_the_best_alone_and_marks_the_tied(folder) -> None:
    _, *rows = pipe_rows(render(folder, "markdown"))

    assert rows[0][:2] == [f"**{BEST}**", "**0.9200 ±0.0158**"]
    assert rows[1][:2] == ["stacked-autoencoder", "0.9480 ±0.0349 ~"]
    assert rows[2][:2] == ["global-mean", "1.1200 ±0.0158"]
    assert rows[3][:2] == ["unlucky", "–"]
    assert [row[-1] for row in rows] == ["5/5", "5/5", "5/5", "3/5"]


def test_markdown_keeps_a_pipe_within_its_cell(tmp_path) -> None:
    run = toy_run([toy_model("mean", sep="a|b")])

    text = render(folder_of(tmp_path, run, SCORES[:1]), "markdown")

    heading, row = pipe_rows(text)
    assert len(row) == len(heading)
    assert row[0] == r"**mean:sep=a\|b**"


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_no_star_is_explained_where_the_best_is_bold(folder, form) -> None:
    assert "* lowest" not in render(folder, form)


def test_markdown_shows_a_fraction_as_per_cent(folder) -> None:
    _, first, *_ = pipe_rows(render(folder, "markdown"))

    assert first[3] == "23.00 ±0.40"


def test_trials_are_counted_only_where_one_failed(tmp_path) -> None:
    fine = folder_of(tmp_path, toy_run(MODELS[:3]), SCORES[:3])

    heading, *_ = pipe_rows(render(fine, "markdown"))

    assert "trials" not in heading


def test_latex_escapes_what_is_special(folder) -> None:
    rows = latex_rows(render(folder, "latex"))

    label = (
        r"autorec\_user:hidden\_units=300-20,activation="
        r"50\%\&\#\textasciitilde{}\textasciicircum{}"
    )
    assert rows[1][0] == rf"\textbf{{{label}}}"
    assert rows[0][3] == r"MAPE \%"
    assert {len(row) for row in rows} == {len(rows[0])}


def test_latex_leaves_no_special_character_unescaped(folder) -> None:
    text = render(folder, "latex")

    caption = re.search(r"\\caption\{(.*)\}\n", text).group(1)
    assert not re.search(r"(?<!\\)[&%#_]|[~^±·–…]", caption)
    assert caption.count("{") == caption.count("}")


def test_latex_is_bold_on_the_best_alone_and_italic_on_the_tied(folder) -> None:
    text = render(folder, "latex")

    _, *rows = latex_rows(text)
    assert rows[0][1] == r"\textbf{0.9200  $\pm$ 0.0158}"
    assert rows[1][:2] == [
        r"\textit{stacked-autoencoder}",
        r"\textit{0.9480  $\pm$ 0.0349}",
    ]
    assert rows[2][0] == "global-mean"
    assert rows[3][:2] == ["unlucky", "--"]
    assert text.count(r"\textbf") == 2


def test_latex_has_the_three_rules_of_booktabs_each_once(folder) -> None:
    text = render(folder, "latex")

    rules = re.findall(r"\\(toprule|midrule|bottomrule|hline)", text)
    assert rules == ["toprule", "midrule", "bottomrule"]


# The terminal.


@pytest.mark.parametrize("width", [80, 100, 120, 200])
@pytest.mark.parametrize("scores", [SCORES[:1], [SCORES[3]]], ids=["whole", "failed"])
def test_a_table_fits_the_terminal(tmp_path, monkeypatch, width, scores) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    folder = folder_of(tmp_path, toy_run(MODELS[1:2]), scores)

    lines = render(folder, "table").splitlines()

    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_a_table_with_every_kind_of_row_fits_the_terminal(
    tmp_path, monkeypatch, width
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    folder = folder_of(tmp_path, toy_run(MODELS[1:]), SCORES[1:])

    lines = render(folder, "table").splitlines()

    assert max(map(len, lines)) <= width


def test_a_table_fits_the_terminal_however_many_options_a_label_states(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    model = toy_model("stacked-autoencoder", hidden_units=[300, 50, 300], dropout=0.5)

    text = render(folder_of(tmp_path, toy_run([model]), SCORES[:1]), "table")

    assert max(map(len, text.splitlines())) <= 80


def test_a_narrow_table_keeps_the_scores_and_a_wide_one_shows_all(
    folder, monkeypatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    narrow = render(folder, "table")
    monkeypatch.setenv("COLUMNS", "250")
    wide = render(folder, "table")

    for heading in ("RMSE", "MAE", "MAPE %"):
        assert heading in narrow
    for heading in ("RMSE by user", "coverage", "parameters"):
        assert heading not in narrow.split("\n\n")[1]
        assert heading in wide.split("\n\n")[1]
    (said,) = [line for line in narrow.splitlines() if "Not shown" in line]
    assert said.endswith("(see report -f csv).")
    assert "Not shown" not in wide


def test_a_terminal_explains_no_column_that_it_does_not_show() -> None:
    run = toy_run(MODELS)
    metrics = [
        MetricRecord(
            name=m.name,
            title=m.title,
            unit=m.unit,
            higher_is_better=m.higher_is_better,
            pooling=m.pooling,
            definition=m.definition,
        )
        for m in DISTRIBUTION_METRICS
    ]
    run = replace(run, metrics=[*run.metrics, *metrics])
    trials = toy_trials(run, SCORES)
    for trial in trials:
        trial.metrics["crps"] = ScoreRecord(value=0.4, n_scored=20)
        trial.ready_seconds = 1.0
    (board,) = leaderboards(run, trials)

    def said(*without: str) -> str:
        return " ".join(notes(run, board, best="*", tied="~", without=without))

    assert "score predicted distributions" in said()
    assert "ready s:" in said()
    assert "score predicted distributions" not in said("CRPS")
    assert "ready s:" not in said("ready s")


def test_the_terminal_stars_the_best_and_marks_the_tied(folder, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")

    text = render(folder, "table")

    scores = re.findall(r"^(\S+) +(0\.\S+ ±\S+ [*~]|1\.\S+ ±\S+|–)", text, re.MULTILINE)
    assert scores == [
        (BEST, "0.9200 ±0.0158 *"),
        ("stacked-autoencoder", "0.9480 ±0.0349 ~"),
        ("global-mean", "1.1200 ±0.0158"),
        ("unlucky", "–"),
    ]


# What stands beneath a table.


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_troubles_are_told_once_with_their_reason_and_how_often(
    folder, form, monkeypatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    text = render(folder, form)

    assert text.count(REASON) == 1
    assert f"unlucky: failed in 2 of its trials (k3 r0, …): {REASON}" in text


def notes_of(tmp_path, stage, **config) -> str:
    run = toy_run(MODELS[1:2], [stage], **config)
    scores = [[0.9 + k / 100 for k in range(len(stage.folds))]]
    return render(folder_of(tmp_path, run, scores), "markdown")


def test_notes_state_protocol_folds_ids_and_machine(tmp_path) -> None:
    text = notes_of(tmp_path, toy_stage(n_folds=2), seeds=3)

    assert "kfold:n_folds=2,seed=0: folds k1, k2 (own split, ids 00000000" in text
    assert "Each model and seed is scored on 40 hidden ratings" in text
    assert "predictions are clipped to 1–5." in text
    assert "with 3 seeds per fold" in text
    assert "Abacus, 2 cores, 8 GiB; 2 threads; torch 2.9.0, benchbox 0.1.0" in text


def test_notes_tell_a_standard_split_and_unclipped_predictions(tmp_path) -> None:
    text = notes_of(tmp_path, toy_stage(standard=True), clip=False)

    assert "(standard split, " in text
    assert "predictions are not clipped." in text


def test_notes_of_one_fold_say_that_it_gives_no_interval(tmp_path) -> None:
    text = notes_of(tmp_path, toy_stage(n_folds=1))

    assert "kfold:n_folds=1,seed=0: fold k1 (" in text
    assert "A single fold gives no interval" in text


def test_notes_tell_of_cold_pairs_and_of_the_noise_floor(tmp_path) -> None:
    stage = toy_stage(n_folds=1, noise_floor=0.25, cold_policy="filled as agreed")
    cold = replace(stage.folds[0], n_cold_users=1_234, n_cold_items=5)

    text = notes_of(tmp_path, replace(stage, folds=[cold]))

    (note,) = [line for line in text.splitlines() if "filled as agreed" in line]
    assert re.findall(r"[\d,]*\d", note) == ["1,234", "5"]
    assert "no model can expect an RMSE below 0.2500." in text


@pytest.mark.parametrize("scale", [RatingScale(0, 4, 1), RatingScale(-10, 10)])
def test_notes_warn_of_mape_where_a_rating_may_be_zero(tmp_path, scale) -> None:
    text = notes_of(tmp_path, toy_stage(scale=scale))

    assert f"The scale {scale} includes 0 or negative ratings: MAPE" in text


def warned_of(n_folds: int = 2) -> StageRecord:
    """A stage with a tiny test in each fold, and a note on its data."""
    tiny = Finding(severity="warning", name="tiny-test", text="only 4 hidden", n=4)
    odd = Finding(severity="note", name="cold-users", text="3 of 4", n=3)
    stage = toy_stage(n_folds=n_folds, notes=["9 rows rate an item again."])
    folds = [replace(fold, findings=[tiny, odd]) for fold in stage.folds]
    return replace(stage, folds=folds)


@pytest.mark.parametrize("form", TABLES)
def test_every_format_tells_what_the_audit_warned_of(tmp_path, form) -> None:
    run = toy_run(MODELS[1:2], [warned_of()])

    text = render(folder_of(tmp_path, run, [[0.9, 0.91]]), form)

    assert "old k1 (and 1 other fold): only 4 hidden" in " ".join(text.split())
    assert ("3 of 4" in text) == (form == "json")


@pytest.mark.parametrize("form", ["table", "markdown", "latex", "json"])
def test_a_table_tells_what_reading_the_data_found(tmp_path, form) -> None:
    run = toy_run(MODELS[1:2], [warned_of()])

    text = render(folder_of(tmp_path, run, [[0.9, 0.91]]), form)

    assert "9 rows rate an item again." in text


def test_programs_get_the_warnings_in_each_line(tmp_path) -> None:
    sound = toy_stage(n_folds=1, dataset="boats")
    run = toy_run(MODELS[1:2], [warned_of(n_folds=1), sound])
    folder = folder_of(tmp_path, run, [[0.9]])

    lines = list(csv.DictReader(io.StringIO(render(folder, "csv"))))
    tables = json.loads(render(folder, "json"))["tables"]

    assert [line["warnings"] for line in lines] == ["fold k1: only 4 hidden", ""]
    assert [t["warnings"] for t in tables] == [["fold k1: only 4 hidden"], []]


def test_notes_tell_of_nothing_that_is_not_there(tmp_path) -> None:
    text = notes_of(tmp_path, toy_stage(n_folds=1, cold_policy="filled as agreed"))

    assert "filled as agreed" not in text
    assert "includes 0 or negative" not in text
    assert "no model can expect" not in text
    assert "⚠" not in text


# Flags and flaws.


def flagged(tmp_path) -> RunFolder:
    run = toy_run(MODELS[1:3], [toy_stage(noise_floor=1.5)])
    folder = folder_of(tmp_path, run, [[0.5] * 5, [2.0] * 5])
    for trial in folder.trials():
        trial.reference = {"rmse": ScoreRecord(1.8, 20), "mape": ScoreRecord(0.5, 20)}
        folder.write_trial(trial, None)
    return folder


@pytest.mark.parametrize(
    ("form", "leak", "worse"),
    [
        ("table", "*⚠", "▽"),
        ("markdown", "⚠", "▽"),
        ("latex", r"\textbf{!}", r"$\nabla$"),
    ],
)
def test_flags_stand_behind_the_score_and_are_explained(
    tmp_path, form, leak, worse
) -> None:
    text = " ".join(render(flagged(tmp_path), form).split())

    assert re.search(rf"0\.5000[^|&]*{re.escape(leak)}", text)
    assert re.search(rf"2\.0000[^|&]*{re.escape(worse)}", text)
    assert "The bias model has RMSE 1.8000, MAPE 50.00 " in text
    assert re.search(r"not better than that: global-mean\.", text)
    assert "Lower than chance allows: stacked-autoencoder. Suspect a leak" in text


DEPENDS = AskedAgain(verdict="depends", n_pairs=200, n_moved=90, largest_change=0.31)
OF_OTHER_PAIRS = {
    "same": (AskedAgain(verdict="same", n_pairs=200, largest_change=1e-7), ""),
    "depends": (DEPENDS, "⚠ Predictions depend on which other pairs are asked for: "),
    "varies": (AskedAgain(verdict="varies"), "Predictions change from call to call"),
    "untested": (
        AskedAgain(verdict="untested", reason="that would take too long"),
        "(that would take too long).",
    ),
}


@pytest.mark.parametrize("verdict", OF_OTHER_PAIRS)
def test_predictions_that_depend_on_other_pairs_are_marked_and_explained(
    tmp_path, verdict
) -> None:
    found, said = OF_OTHER_PAIRS[verdict]
    run = toy_run(MODELS[1:3])
    folder = folder_of(tmp_path, run, [[0.75] * 5, [0.875] * 5])
    for trial in folder.trials():
        if trial.model == 1:
            trial.asked_again = found if trial.fold == "k3" else None
            folder.write_trial(trial, None)

    text = render(folder, "markdown")
    _, best, other = pipe_rows(text)
    lines = [*csv.DictReader(io.StringIO(render(folder, "csv")))]

    assert "⚠" not in best[1]
    assert ("⚠" in other[1]) == (verdict == "depends")
    assert said in text
    assert ("other pairs" in text) == (verdict != "same")
    assert [line["asked_again"] for line in lines] == ["", verdict]
    if verdict == "depends":
        assert "changed by up to 0.31" in text
        assert r"\textbf{!}" in render(folder, "latex")


def test_a_row_that_is_flagged_already_is_marked_as_well(tmp_path) -> None:
    folder = flagged(tmp_path)
    for trial in folder.trials():
        trial.asked_again = DEPENDS
        folder.write_trial(trial, None)

    _, leak, worse = pipe_rows(render(folder, "markdown"))

    assert leak[1].count("⚠") == 1
    assert worse[1].endswith("▽⚠")


def test_programs_get_the_flags_in_words(tmp_path) -> None:
    folder = flagged(tmp_path)
    words = ["better than the noise floor", "worse than the bias model"]

    (table,) = json.loads(render(folder, "json"))["tables"]
    lines = csv.DictReader(io.StringIO(render(folder, "csv")))

    assert [row["flag"] for row in table["rows"]] == words
    assert table["reference"] == {"rmse": 1.8, "mape": 0.5}
    assert [line["flag"] for line in lines] == words


def with_a_flawed_stage(tmp_path) -> RunFolder:
    stages = [toy_stage(), toy_stage(protocol="reconstruction", flaw="copying wins")]
    run = toy_run(MODELS[1:2], stages)
    folder = folder_of(tmp_path, run, [[0.75] * 5])
    for trial in toy_trials(run, [[0.125] * 5]):
        trial.stage = 1
        folder.write_trial(trial, None)
    return folder


def test_a_flawed_figure_shares_no_column_of_csv_with_an_honest_one(tmp_path) -> None:
    text = render(with_a_flawed_stage(tmp_path), "csv")

    honest, flawed = csv.DictReader(io.StringIO(text))
    assert (honest["rmse"], honest["flawed_rmse"]) == ("0.75", "")
    assert (flawed["rmse"], flawed["flawed_rmse"]) == ("", "0.125")
    assert (honest["flawed_behind_low"], flawed["behind_low"]) == ("", "")


@pytest.mark.parametrize("form", ["table", "markdown", "latex", "json"])
def test_a_flawed_figure_has_a_table_of_its_own_with_a_warning(tmp_path, form) -> None:
    text = render(with_a_flawed_stage(tmp_path), form)

    first, second = text.index("0.75"), text.index("0.125")
    between = text[first:second]
    assert "copying wins" in text
    assert {
        "table": "⚠ toys · reconstruction (flawed)",
        "markdown": "## ⚠ toys · reconstruction (flawed)",
        "latex": r"\begin{table}",
        "json": '"flaw": "copying wins"',
    }[form] in between


# Cost.


def timed(tmp_path, **changes) -> RunFolder:
    run = toy_run(MODELS[1:3], first_use_seconds={"stacked-autoencoder": 1.5})
    folder = RunFolder.create(tmp_path, run.id)
    folder.write_run(run)
    for trial in toy_trials(run, SCORES[1:3]):
        folder.write_trial(replace(trial, **changes), None)
    return folder


def test_what_was_measured_has_a_column_and_what_was_not_has_none(tmp_path) -> None:
    samples = summarise([0.002, 0.0021, 0.0022])
    row = LatencyRecord(
        case="row",
        n_pairs=10,
        is_cold=False,
        durations=samples,
        samples_seconds=[0.002, 0.0021, 0.0022],
        n_warm_up=5,
        is_stable=True,
    )
    joules = GaugeRecord(cpu_joules={"fit": 40.0, "predict": 2.0})
    folder = timed(tmp_path, latency=[row], gauges=joules)

    heading, *cells = pipe_rows(render(folder, "markdown"))

    assert heading[-6:] == [
        "fit s",
        "pairs/s",
        "row ms",
        "energy J",
        "MiB",
        "parameters",
    ]
    shown = [line[-6:-2] for line in cells]
    assert shown == [["2.0◆", "40", "2.1", "42.0"], ["2.0", "40", "2.1", "42.0"]]
    assert "energy" not in render(timed(tmp_path / "bare"), "markdown")


@pytest.mark.parametrize(
    ("devices", "says"),
    [
        (("cuda:0", "cuda:0"), "All models were fitted on cuda:0."),
        (("cuda:0", "cpu"), "Fitted on cuda:0: {0}; on the CPU: all others."),
        (("cuda:0", "cuda:1"), "Fitted on cuda:0: {0}; on cuda:1: {1}."),
    ],
)
def test_a_table_says_which_models_were_fitted_on_an_accelerator(
    tmp_path, devices, says
) -> None:
    folder = timed(tmp_path)
    for trial in folder.trials():
        device = devices[trial.model]
        on_gpu = {"peak_accelerator_bytes": 3 << 20} if device != "cpu" else {}
        folder.write_trial(replace(trial, device=device, **on_gpu), None)

    text = render(folder, "markdown")

    heading, *cells = pipe_rows(text)
    labels = {trial.model: trial.label for trial in folder.trials()}
    assert says.format(*(labels[n] for n in sorted(labels))) in text
    memory = {line[0].strip("*~ "): line[heading.index("GPU MiB")] for line in cells}
    expected = {"3" if device != "cpu" else "–" for device in devices}
    assert set(memory.values()) == expected
    assert "itted on" not in render(timed(tmp_path / "bare"), "markdown")


def test_what_accelerators_lacked_is_told_beneath_the_table(tmp_path) -> None:
    folder = timed(tmp_path)
    lacking = GaugeRecord(missing={"step events": "torch has none"})
    first, second, *_ = folder.trials()
    for trial, halvings in ((first, 1), (second, 3)):
        on_mps = replace(trial, device="mps:0", halvings=halvings, gauges=lacking)
        folder.write_trial(replace(on_mps, steps=summarise([0.1])), None)

    text = render(folder, "markdown")

    assert "⚠ The memory of mps:0 was too small for the batch_size of" in text
    assert f"{first.label} by 2 in 1 trial" in text
    assert f"{second.label} by 8 in 1 trial" in text
    assert "mps:0 has no events to time steps with: the host timed every" in text
    bare = render(timed(tmp_path / "bare"), "markdown")
    assert "too small" not in bare
    assert "no events" not in bare


def test_disturbed_timings_and_first_use_are_told_beneath_the_table(tmp_path) -> None:
    text = render(timed(tmp_path, contended=["other work"]), "markdown")

    assert "Other work used the machine during 10 of 10 trials" in text
    assert "1.5 s in total, at most 1.5 s" in text
    assert "contended" not in render(timed(tmp_path / "calm"), "markdown")


def test_repeats_that_seem_to_know_the_first_fit_are_told_beneath_the_table(
    tmp_path,
) -> None:
    folder = timed(tmp_path)
    for trial in folder.trials():
        again = replace(trial, repeat=1, wall_seconds={"fit": 0.01})
        folder.write_trial(replace(trial, wall_seconds={"fit": 5.0}), None)
        folder.write_trial(again, None)

    text = render(folder, "markdown")

    head, *rows = pipe_rows(text)
    assert {row[head.index("fit s")][-1] for row in rows} == {"⚠"}
    assert "⚠ 10 repeats took less than a tenth of the first fit" in text
    assert "⚠ 10 repeats" not in render(timed(tmp_path / "calm"), "markdown")
