"""The appendix and the checklists of a paper, from records alone."""

import re
import shutil

import msgspec
import pytest
from msgspec.structs import replace

from benchbox.data import DatasetCard
from benchbox.plugins import discover
from benchbox.records import StudyRecord, Tried, TuningBudget
from benchbox.reports.paper import PAPER_FORMATS, appendix, checklist
from tests.reports.test_formats import pipe_rows
from tests.reports.test_views import compiled
from tests.support.toy_pages import HOSTILE, SCORES
from tests.support.toy_runs import toy_model, toy_run, toy_stage, toy_trials

MODELS = [toy_model("tuned-one", depth=2), toy_model("plain", note="50%|x")]
RUN = toy_run(MODELS, seeds=3)
TRIALS = [replace(t, confined="landlock 7") for t in toy_trials(RUN, SCORES[:2])]

STUDY = StudyRecord(
    model=MODELS[0].label,
    stage=0,
    fold="k1",
    validation_id="v" * 32,
    n_validation=9,
    metric="rmse",
    budget=TuningBudget(trials=4, seconds=30.0),
    tried=[
        Tried(options={"depth": 2}, value=0.9, seconds=1.0, status="ok"),
        Tried(options={"depth": 9}, value=None, seconds=2.0, status="crashed"),
    ],
    chosen={"depth": 2},
    before=0.9,
    after=0.9,
    seconds=3.0,
    space={
        "depth": {"low": 1, "high": 9, "log": False},
        "rate": {"low": 0.01, "high": 1.0, "log": True},
        "act": {"values": ["relu", [], [1, 2]]},
    },
)


def cards() -> dict[str, DatasetCard]:
    return {o.value.name: o.value for o in discover().all("datasets")}


def answers(run=RUN, trials=TRIALS, studies=()) -> dict[str, tuple[str, str]]:
    parts = checklist(run, trials, studies, cards())
    return {row[0]: (row[1], row[2]) for part in parts for row in part.rows}


def test_the_appendix_states_splits_options_and_machine() -> None:
    text = PAPER_FORMATS["markdown"](appendix(RUN, TRIALS, ()))

    for said in (
        "k1 00000000",
        "kfold:n_folds=5,seed=0",
        "Stochastic models: 3 fits per fold",
        "depth=2",
        r"note=50%\|x",
        "sqrt(mean((p - r)^2))",
        "Abacus, 2 cores, 8 GiB",
        "No options were searched for",
    ):
        assert said in text


def test_the_appendix_states_search_space_budget_and_choice() -> None:
    parts = {part.title: part for part in appendix(RUN, TRIALS, [STUDY])}

    assert parts["Search spaces"].rows == [
        ["tuned-one:depth=2", "depth", "whole numbers from 1 to 9"],
        [
            "tuned-one:depth=2",
            "rate",
            "numbers from 0.01 to 1, on a logarithmic scale",
        ],
        ["tuned-one:depth=2", "act", "one of relu, nothing, 1-2"],
    ]
    (row,) = parts["Search for options"].rows
    assert row[2:] == ["2", "1", "3.0", "0.9000", "0.9000", "depth=2"]
    assert "4 settings and 30 s" in parts["Search for options"].notes[0]


@pytest.mark.parametrize(
    ("study", "said"),
    [
        (STUDY, "note=x; chosen on each fold, see below: depth, rate, act"),
        # Records of older versions do not tell the space.
        (replace(STUDY, space={}), "note=x; chosen on each fold, see below: depth"),
        (replace(STUDY, model="other"), "depth=2, note=x; chosen on each fold"),
    ],
)
def test_the_options_of_a_tuned_model_are_not_those_it_began_with(study, said) -> None:
    model = toy_model("tuned-one", depth=2, note="x")
    model = replace(model, changed={"depth": 2})
    run = toy_run([model, replace(model, tuned=True)])

    (part,) = (p for p in appendix(run, (), [study]) if "options in force" in p.title)

    before, tuned = part.rows
    assert before[0] == "tuned-one:depth=2"
    assert before[2] == "depth=2, note=x"
    assert tuned[0] == "tuned-one:depth=2 tuned"
    assert tuned[2].startswith(said)


def test_every_bundled_search_space_can_be_read_from_a_record_of_it() -> None:
    specs = [o.value for o in discover().all("models") if o.value.search]
    for spec in specs:
        written = msgspec.json.decode(msgspec.json.encode(spec.search))
        study = replace(STUDY, model=spec.name, space=written)

        (part,) = (p for p in appendix(RUN, (), [study]) if p.title == "Search spaces")

        assert [row[1] for row in part.rows] == [*spec.search]
    assert specs


def test_the_checklist_says_no_more_than_the_records() -> None:
    found = answers(trials=TRIALS[1:])

    assert found["4. Can the results be reproduced?"][0] == "partly"
    assert (
        "plain:note=50%|x has no hash of its source"
        in (found["4. Can the results be reproduced?"][1])
    )
    assert found["7. Are there error bars, and is their kind stated?"][0] == "yes"
    assert (
        "3 seeds per fold"
        in (found["7. Are there error bars, and is their kind stated?"][1])
    )
    assert found["Complete: are all parts of the results there?"][0] == "partly"
    assert found["Were the hidden ratings out of reach of the models?"][0] == "yes"
    assert found["Available: are they in an archive with an identifier?"][0] == "yours"
    assert found["12. Are the owners of data credited, and licences named?"][0] == (
        "yours"
    )


def test_the_checklist_admits_what_is_lacking() -> None:
    run = toy_run(MODELS, [toy_stage(n_folds=1, flaw="shown ratings are scored")])
    run.environment = replace(run.environment, commit="abc+")
    trials = toy_trials(run, [[0.9], [1.0]])

    found = answers(run, [replace(t, contended=["others"]) for t in trials])

    assert "uncommitted changes" in found["4. Can the results be reproduced?"][1]
    assert found["7. Are there error bars, and is their kind stated?"][0] == "partly"
    assert found["Were the hidden ratings out of reach of the models?"][0] == "partly"
    assert "Flawed protocols: kfold" in found["Was each split checked for leaks?"][1]
    assert found["Were timings undisturbed?"][0] == "partly"
    tuned = "Did baselines get the same search for options as the rest?"
    assert found[tuned][0] == "no"
    assert answers(studies=[STUDY])[tuned] == (
        "partly",
        "The same budget for tuned-one:depth=2. Not tuned: plain:note=50%|x.",
    )


def test_the_checklist_names_licence_and_citation_of_a_known_data_set() -> None:
    run = toy_run(MODELS, [toy_stage(dataset="ml-100k")])

    found = answers(run, ())["12. Are the owners of data credited, and licences named?"]

    assert found[0] == "yes"
    assert found[1].startswith("ml-100k: ")
    assert "report --format bibtex" in found[1]


def hostile_parts():
    models = [toy_model(name, **{"a": name}) for name in HOSTILE]
    run = toy_run(models, [toy_stage(dataset=HOSTILE[0], cold_policy=HOSTILE[1])])
    run.command = f"benchbox run -d {HOSTILE[-1]} {HOSTILE[4]}"
    trials = toy_trials(run, [SCORES[0]] * len(models))
    study = replace(STUDY, model=HOSTILE[0], chosen={"a": HOSTILE[2]})
    return [
        *appendix(run, trials, [study]),
        *checklist(run, trials, [study], {}),
    ]


def test_in_markdown_hostile_names_are_text() -> None:
    text = PAPER_FORMATS["markdown"](hostile_parts())

    assert "<" not in re.sub(r"\\<", "", text)
    for block in text.split("\n\n"):
        if block.startswith("|"):
            heading, *rows = pipe_rows(block)
            assert {len(row) for row in rows} == {len(heading)}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_pdflatex_compiles_a_hostile_appendix_and_checklist(tmp_path) -> None:
    compiled(
        tmp_path,
        PAPER_FORMATS["latex"](hostile_parts()) + r"\nocite{*}",
        "@misc{a, title={A}}",
    )

    assert (tmp_path / "paper.pdf").stat().st_size > 20_000
