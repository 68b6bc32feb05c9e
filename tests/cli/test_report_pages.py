"""Pages and figures on the command line."""

import re

import pytest

pytest.importorskip("vl_convert")

RUN = "run -d svd-toy -m bias -m global-mean -p kfold:n_folds=3 --threads 1"


@pytest.fixture(autouse=True)
def short_library(monkeypatch) -> None:
    monkeypatch.setattr(
        "benchbox.reports.pages.document.vega_script", lambda: "/* Vega */"
    )


def test_a_run_writes_its_page_and_report_and_plot_do_so_again(
    benchbox, monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("BENCHBOX_REPORT", "on")
    done = benchbox(RUN)
    own = (done.folder.path / "report.html").read_text()
    again = benchbox("report --html again.html")
    plot = benchbox("plot forest --out a.svg")

    assert (done.code, again.code, plot.code) == (0, 0, 0)
    assert "report.html" not in done.err
    assert "Where models err" in own
    assert (tmp_path / "again.html").read_text() == own
    assert again.err.endswith("Written: again.html\n")
    assert (tmp_path / "a.svg").read_text().startswith("<svg")
    assert "In short: " in done.out
    # Without stored predictions, intervals over folds are left.
    for file in (done.folder.path / "predictions").iterdir():
        file.unlink()
    benchbox("report --html without.html")
    text = (tmp_path / "without.html").read_text()
    assert "Without statistics over users and slices: " in text
    assert benchbox("plot forest --out b.svg").code == 0
    slices = benchbox("plot slices --out c.svg")
    assert slices.code == 1
    assert "did not keep its predictions" in slices.err


def test_without_the_extra_a_run_says_once_how_to_get_it(benchbox, monkeypatch) -> None:
    monkeypatch.setenv("BENCHBOX_REPORT", "on")
    monkeypatch.setattr("benchbox.runs.reporting.can_draw", lambda: False)
    first, second = benchbox(RUN), benchbox(RUN)

    assert "pip install 'benchbox-recsys[report]'" in first.err
    assert "benchbox-recsys[report]" not in second.err
    assert first.code == second.code == 0
    assert not (first.folder.path / "report.html").exists()
    monkeypatch.setattr("benchbox.reports.library.find_spec", lambda name: None)
    asked = benchbox("report --html a.html")
    assert asked.code == 2
    assert re.search(
        r"needs packages that are not installed \(altair, .*\): pip", asked.err
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("plot pareto --out a.gif", "End its name with one of: .svg, .png, .pdf"),
        ("plot nonsense --out a.svg", "'nonsense' is not one of"),
        ("plot pareto", "Missing option '--out'"),
        ("report --html a.html -f csv", "leave out --format"),
    ],
)
def test_wrong_usage_is_refused_in_a_line(benchbox, line, message) -> None:
    done = benchbox(line)

    assert done.code == 2
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_figures_that_a_run_lacks_are_named_with_the_reason(benchbox) -> None:
    benchbox(RUN)

    assert "it needs at least 3 data sets" in benchbox("plot cd --out a.svg").err
    assert "no model reported its epochs" in benchbox("plot curves --out a.svg").err
    stage = benchbox("plot pareto --out a.svg --stage 2")
    assert stage.code == 2
    assert "has no stage 2. It has: 1 svd-toy · kfold" in stage.err
