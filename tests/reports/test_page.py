"""The page of a run: what it holds, and that nothing others wrote is more than text."""

import hashlib
import json
import re
from base64 import b64encode
from html.parser import HTMLParser

import pytest

from benchbox.data import DatasetCard, Licence
from benchbox.metrics import DISTRIBUTION_METRICS, METRICS
from benchbox.records import PublishedRecord
from benchbox.records.run import CaseRecord
from benchbox.reports.columns import columns
from benchbox.reports.notebook import run_html
from benchbox.reports.pages import document, page, study_of
from benchbox.reports.pages.definitions import COLUMNS, definitions
from benchbox.reports.pages.document import as_data
from benchbox.reports.pages.rerun import rerun
from benchbox.reports.pages.trials import trial_rows
from tests.support.toy_pages import HOSTILE, NAMES, toy_study
from tests.support.toy_runs import toy_model, toy_run, toy_stage, toy_trial

pytest.importorskip("vl_convert")

RUNS_CODE = ("script", "iframe", "object", "embed", "form", "link", "base")


class Parsed(HTMLParser):
    """The elements of a page, and the text of each script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag) -> None:
        self._in = ""

    def handle_data(self, data) -> None:
        if self._in == "script":
            self.scripts[-1] += data
        elif self._in != "style":
            self.text.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(autouse=True)
def short_library(monkeypatch) -> None:
    """Stand in for Vega, which takes seconds to bundle; the browser's test has it."""
    monkeypatch.setattr(document, "vega_script", lambda: "/* Vega */")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return toy_study(tmp_path_factory.mktemp("run"), log="step 1\nstep 2\n")


def test_a_page_names_the_run_every_model_and_every_failure(study) -> None:
    text = " ".join(Parsed(page(study)).text)

    assert study.run.id in text
    for name in NAMES:
        assert name in text
    assert "failed in 2 of its trials (k3 r0, …)" in text
    assert "autorec-user has the best RMSE (0.9200), but biased-mf is not" in text


def test_a_page_has_every_figure_the_numbers_allow(study) -> None:
    names = [e["class"] for e in Parsed(page(study)).of("figure")]

    assert [str(name).split()[1] for name in names] == [
        "pareto",
        "forest",
        "slices",
        "curves",
        "phases",
        "calibration",
        "memory",
    ]


def test_every_place_for_a_chart_has_its_data(study) -> None:
    found = Parsed(page(study))
    places = {e["id"] for e in found.of("div") if e.get("class") == "chart"}

    assert places == {*json.loads(found.scripts[0])}
    assert len(places) == 13


def test_a_page_loads_nothing(study) -> None:
    found = Parsed(page(study))

    for tag, attributes in found.elements:
        assert "src" not in attributes, tag
        if "href" in attributes:
            assert tag == "a", tag
    assert not re.search(r"@import|url\(", page(study))
    assert "default-src 'none'" in str(found.of("meta")[1]["content"])


def test_the_browser_is_told_to_run_these_scripts_alone(study) -> None:
    found = Parsed(page(study))
    policy = str(found.of("meta")[1]["content"])
    kinds = [e.get("type") for e in found.of("script")]

    assert kinds == ["application/json", "application/json", None, None]
    for script in found.scripts[2:]:
        digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]
    assert "unsafe-eval" not in policy


def test_hostile_names_are_text(tmp_path) -> None:
    plain = Parsed(page(toy_study(tmp_path / "plain", (*NAMES, "e", "f", "g"))))
    study = toy_study(tmp_path / "hostile", HOSTILE, log="</script><b>log</b>\x1b[31m")
    text = page(study)
    found = Parsed(text)

    shown = " ".join(found.text)
    for name in HOSTILE:
        assert name.replace("\u202e", r"\u202e") in shown
    for tag in (*RUNS_CODE, "img", "b"):
        assert len(found.of(tag)) == len(plain.of(tag)), tag
    assert all(not name.startswith("on") for _, a in found.elements for name in a)
    assert not set("\x1b\u202e") & set(text)
    assert " 49 " not in shown


def test_hostile_names_are_text_in_a_notebook(tmp_path) -> None:
    study = toy_study(tmp_path, HOSTILE)
    text = run_html(study.run, [chapter.board for chapter in study.chapters])
    found = Parsed(text)

    assert {tag for tag, _ in found.elements} == {
        *("p", "table", "caption", "thead", "tbody", "tr", "th", "td")
    }
    assert HOSTILE[0] in " ".join(found.text)


@pytest.mark.parametrize("text", ["</script>", "<!--<script>", "\u2028&", "a\x1bb"])
def test_data_in_a_page_read_back_as_they_were(text) -> None:
    encoded = as_data({"text": text})

    assert not set("<>&\u2028\x1b") & set(encoded)
    assert json.loads(encoded) == {"text": text}


def test_every_column_and_metric_is_defined(study) -> None:
    text = page(study)

    for column in columns(study.chapters[0].board):
        assert column.metric is not None or column.heading in COLUMNS, column.heading
    for metric in study.run.metrics:
        assert f"<dt>{metric.title}</dt>" in text


def test_a_trial_tells_its_options_its_log_and_how_to_run_it_again(study) -> None:
    rows = trial_rows(study)
    trial = rows["trials"][0]

    assert rows["options"][trial["options"]] == "(no options)"
    assert "Abacus" in rows["environments"][trial["environment"]]
    assert trial["log"] == "step 1\nstep 2"
    assert trial["rerun"].startswith("benchbox run -m autorec-user -d ")
    assert len(rows["trials"]) == 20


def test_long_logs_are_cut_to_their_ends_and_failures_come_first(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("benchbox.reports.pages.trials._MOST_LOG_BYTES", 2000)
    study = toy_study(tmp_path, log="".join(f"line {n}\n" for n in range(5000)))

    rows = trial_rows(study)["trials"]

    logs = {row["status"]: row["log"] for row in rows if "log" in row}
    assert logs["failed"].endswith("line 4998\nline 4999")
    assert len(logs["failed"].splitlines()) == 25
    assert sum(len(row.get("log", "")) for row in rows) <= 2000


def test_a_rerun_repeats_what_decides_the_numbers() -> None:
    model = toy_model("svd", n_factors=5)
    run = toy_run([model], seed=3, precision="bfloat16", clip=False)
    trial = toy_trial(run, 0.9, replicate=2, tuned={"damping": 2.5})

    assert rerun(run, trial) == (
        "benchbox run -m svd:n_factors=5,damping=2.5 -d ml-100k -p "
        "kfold:n_folds=5,seed=0 -f k1 --seed 3 --seeds 3 --threads 2 --device cpu "
        "--precision bfloat16 --no-clip"
    )


def test_a_rerun_of_a_case_names_its_data() -> None:
    case = CaseRecord(
        title="c",
        dataset="ml-1m",
        protocol="holdout",
        models=[0],
        published=[PublishedRecord(claim="x", model=0, metric="rmse", value=1.0)],
    )
    run = toy_run([toy_model("svd")], [toy_stage(case=case)])

    assert " -d ml-1m -p holdout " in rerun(run, toy_trial(run, 0.9))


def test_a_page_states_licence_and_citation(tmp_path) -> None:
    study = toy_study(tmp_path)
    licence = Licence(text="Research only.", url="https://example.org/licence")
    text = page(study_of(study.folders, cards={"toys-0": card_of(licence)}))

    assert "Cite: Toy, 1999" in text
    assert "Licence: Research only." in text
    assert '<a href="https://example.org/licence" rel="noreferrer">' in text


def test_a_page_links_nothing_but_web_pages(tmp_path) -> None:
    study = toy_study(tmp_path)
    licence = Licence(text="Yours.", url="javascript:alert(1)")

    assert "javascript:" not in page(
        study_of(study.folders, cards={"toys-0": card_of(licence)})
    )


def card_of(licence: Licence) -> DatasetCard:
    return DatasetCard(
        name="toys-0", title="Toys", summary="s", citation="Toy, 1999", licence=licence
    )


def test_a_page_without_statistics_says_why(tmp_path) -> None:
    study = toy_study(tmp_path, with_statistics=False)
    text = page(
        study_of(study.folders, cards={}, without_statistics="The data are gone.")
    )

    assert "The data are gone." in text
    assert 'class="figure slices"' not in text


def test_numbers_are_defined_as_far_as_the_page_has_them(tmp_path) -> None:
    study = toy_study(tmp_path)
    terms = dict(definitions([*METRICS, *DISTRIBUTION_METRICS]))

    assert "the nearer to 80.00 %, the better" in terms["in 80-interval"]
    assert "lower is better" in terms["RMSE"]
    text = page(study)
    assert "<dt>RMSE</dt>" in text
    assert "<dt>in 80-interval</dt>" not in text


def test_data_sets_are_ranked_from_three_on(tmp_path) -> None:
    assert 'class="figure cd"' not in page(toy_study(tmp_path / "2", n_datasets=2))
    assert 'class="figure cd"' in page(toy_study(tmp_path / "3", n_datasets=3))


@pytest.mark.slow
def test_a_page_of_3000_trials_stays_small(tmp_path) -> None:
    names = tuple(f"model-{n}" for n in range(40))
    study = toy_study(tmp_path, names, n_datasets=15, log="line\n" * 100)

    text = page(study)

    assert sum(len(trials) for _, trials in study.runs) == 3000
    assert len(text.encode()) < 9_000_000
