"""Views, citations and hostile names: what a user takes from a table elsewhere."""

import csv
import io
import re
import shutil
import subprocess

import pytest

from benchbox.errors import UsageError
from benchbox.plugins import discover
from benchbox.records.folder import RunFolder
from benchbox.reports.citations import Citations
from benchbox.reports.tables import render
from benchbox.reports.view import View
from tests.reports.test_formats import folder_of, latex_rows, pipe_rows
from tests.support.toy_pages import HOSTILE, SCORES
from tests.support.toy_runs import toy_model, toy_run, toy_stage

NAMES = ("autorec-user", "biased-mf", "global-mean", "unlucky")

CITATIONS = Citations(
    datasets={"toys": "A. Maker. Toys & games. doi:10.1145/2827872"},
    models={
        ("autorec-user", "toys.autorec-user:Toy"): "arXiv:1708.01715",
        ("biased-mf", "toys.biased-mf:Toy"): "https://example.org/mf",
        ("global-mean", "toys.global-mean:Toy"): "https://example.org/mf",
    },
)


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return folder_of(tmp_path, toy_run([toy_model(n) for n in NAMES]), SCORES)


def shown(folder, **view) -> list[list[str]]:
    return pipe_rows(render(folder, "markdown", view=View(**view)))


# Views.


def test_columns_are_shown_in_the_order_given_by_name_or_heading(folder) -> None:
    heading, first, *_ = shown(folder, columns=("fit-s", "mae", "MAPE %"))

    assert heading == ["model", "fit s", "MAE", "MAPE %"]
    assert first[2] == "0.6900 ±0.0119"


def test_without_the_headline_score_the_label_has_the_marks(folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, best, tied, *_ = shown(folder, columns=("mae",))

    assert (best[0], tied[0]) == ("**autorec-user**", "biased-mf ~")
    text = render(folder, "table", view=View(columns=("mae",)))
    assert re.search(r"^autorec-user \* +0\.6900", text, re.MULTILINE)
    assert re.search(r"^biased-mf ~ ", text, re.MULTILINE)


def test_rows_are_sorted_by_the_better_score_and_those_without_one_end_last(folder):
    labels = {
        sort: [row[0].strip("*") for row in shown(folder, sort=sort)[1:]]
        for sort in ("rmse", "-rmse", "model", "-model")
    }

    assert labels["rmse"] == ["autorec-user", "biased-mf", "global-mean", "unlucky"]
    assert labels["-rmse"] == ["global-mean", "biased-mf", "autorec-user", "unlucky"]
    assert labels["model"] == sorted(NAMES)
    assert labels["-model"] == sorted(NAMES)[::-1]


def test_precision_counts_decimals_of_scores_and_two_fewer_of_percentages(folder):
    (_, first, *_), (_, coarse, *_) = (
        shown(folder, columns=("rmse", "mape"), decimals=n) for n in (6, 1)
    )

    assert first[1:] == ["**0.920000 ±0.015811**", "23.0000 ±0.3953"]
    assert coarse[1:] == ["**0.9 ±0.0**", "23 ±0"]


def test_an_unknown_column_is_refused_with_the_names_there_are(folder) -> None:
    for view in (View(columns=("rsme",)), View(sort="-rsme")):
        with pytest.raises(UsageError, match=r"no column 'rsme'.*mean 'rmse'.*fit-s"):
            render(folder, "table", view=view)


@pytest.mark.parametrize("form", ["csv", "json", "bibtex"])
def test_a_format_that_has_everything_refuses_a_view(folder, form) -> None:
    with pytest.raises(UsageError, match="for: table, markdown, latex"):
        render(folder, form, view=View(sort="mae"))


def test_in_a_narrow_terminal_the_columns_named_first_stay(folder, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    names = ("coverage", "mae", "fit-s", "pairs-s", "mib", "parameters", "rmse")

    text = render(folder, "table", view=View(columns=names))

    assert max(map(len, text.splitlines())) <= 60
    assert "coverage" in text.split("\n\n")[1]
    assert "Not shown: RMSE" in text


# Citations.


def test_each_publication_is_cited_once_under_a_stable_key(folder) -> None:
    texts = {
        form: render(folder, form, citations=CITATIONS)
        for form in ("markdown", "latex", "bibtex")
    }

    assert "biased-mf, global-mean [^biased-mf]" in texts["markdown"]
    assert (
        "\n[^toys]: A. Maker. Toys & games. doi:10.1145/2827872\n"
        in (texts["markdown"])
    )
    assert r"biased-mf, global-mean \cite{biased-mf}." in texts["latex"]
    assert re.findall(r"@misc\{(.*),", texts["bibtex"]) == [
        "benchbox",
        "toys",
        "autorec-user",
        "biased-mf",
    ]
    assert "doi = {10.1145/2827872}" in texts["bibtex"]
    assert "eprint = {1708.01715}" in texts["bibtex"]
    assert r"Toys \& games" in texts["bibtex"]


def test_a_model_of_the_same_name_from_elsewhere_is_not_given_its_publication() -> None:
    citations = Citations.of(discover())
    ours = next(key for key in citations.models if key[0] == "autorec-user")

    assert ours[1].startswith("benchbox_autoencoders.")
    assert "MovieLens" in citations.datasets["ml-100k"]


# Names that others chose.


@pytest.fixture
def hostile(tmp_path) -> RunFolder:
    models = [toy_model(name) for name in HOSTILE]
    stage = toy_stage(dataset=HOSTILE[0], origin=HOSTILE[3], notes=[HOSTILE[1]])
    scores = [SCORES[0]] * len(HOSTILE)
    return folder_of(tmp_path / "hostile", toy_run(models, [stage]), scores)


def test_in_markdown_hostile_names_are_text(hostile) -> None:
    text = render(hostile, "markdown")

    assert "<" not in re.sub(r"\\<", "", text)
    heading, *rows = pipe_rows(text)
    assert {len(row) for row in rows} == {len(heading)}


def test_in_csv_hostile_names_are_text_and_no_formulas(hostile) -> None:
    lines = list(csv.DictReader(io.StringIO(render(hostile, "csv"))))

    named = [line["model"] for line in lines]
    assert "'=cmd()" in named
    assert not [name for name in named if name[0] in "=+-@"]
    assert {HOSTILE[0], HOSTILE[2], HOSTILE[-1]} <= set(named)


def test_in_latex_hostile_names_are_ascii_commands(hostile) -> None:
    text = render(hostile, "latex")

    rows = latex_rows(text)
    assert {len(row) for row in rows} == {len(rows[0])}
    assert r"gr\"o" not in text
    assert r"größe$\cdot$\texttt{[U+6A21]}" in text
    assert r"\textless{}script\textgreater{}" in text
    assert not re.search(r"(?<!\\)[%#&$](?=cmd)", text)


DOCUMENT = r"""\documentclass{article}
\usepackage{booktabs,longtable,array}
\begin{document}
%s
\bibliographystyle{plain}
\bibliography{table}
\end{document}
"""


def compiled(folder, body: str, bib: str) -> str:
    """Return what pdfLaTeX printed, after BibTeX had its turn."""
    (folder / "paper.tex").write_text(DOCUMENT % body)
    (folder / "table.bib").write_text(bib)
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    said = ""
    for command in (latex, ["bibtex", "paper"], latex, latex):
        done = subprocess.run(
            command, cwd=folder, capture_output=True, check=False, timeout=120
        )
        said = done.stdout.decode(errors="replace")
        assert done.returncode == 0, said
    return said


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_pdflatex_compiles_hostile_tables_with_their_citations(
    hostile, folder, tmp_path
) -> None:
    tables = [render(f, "latex", citations=CITATIONS) for f in (hostile, folder)]

    said = compiled(
        tmp_path, "\n".join(tables), render(folder, "bibtex", citations=CITATIONS)
    )

    assert (tmp_path / "paper.pdf").stat().st_size > 10_000
    assert "undefined" not in said
