"""Options of `benchbox report`: what it shows, and what goes together."""

import pytest

from tests.reports.test_formats import folder_of
from tests.support.toy_pages import NAMES, SCORES
from tests.support.toy_runs import toy_model, toy_run


@pytest.fixture
def run(tmp_path) -> str:
    return str(folder_of(tmp_path, toy_run([toy_model(n) for n in NAMES]), SCORES).path)


def test_columns_order_and_precision_of_a_table_can_be_chosen(benchbox, run) -> None:
    done = benchbox(f"report {run} --columns mae,rmse --sort -rmse --precision 2")

    lines = done.out.splitlines()
    assert done.code == 0
    assert lines[2].split() == ["model", "MAE", "RMSE"]
    assert lines[4].split()[:2] == ["global-mean", "0.84"]


def test_what_does_not_go_together_is_refused_in_a_line(benchbox, run) -> None:
    for options, said in {
        "--columns ,": "takes names",
        "--columns rsme": "Did you mean 'rmse'",
        "-f csv --sort mae": "every column",
        "--html a.html --sort mae": "leave them out with",
        "--html a.html --appendix": "leave out --format",
        "--appendix -f csv": "markdown and latex",
        "--checklist --precision 2": "leave them out with",
    }.items():
        done = benchbox(f"report {run} {options}")

        assert done.code == 2, options
        assert said in done.err
        assert done.err.count("\n") == 1


def test_appendix_and_checklist_are_printed_as_markdown_or_latex(benchbox, run) -> None:
    both = benchbox(f"report {run} --appendix --checklist")
    latex = benchbox(f"report {run} --appendix -f latex")

    assert "### Models and options in force" in both.out
    assert "### ACM artifact review and badging" in both.out
    assert latex.out.startswith("% needs")
    assert r"\begin{longtable}" in latex.out
    assert "ACM" not in latex.out
