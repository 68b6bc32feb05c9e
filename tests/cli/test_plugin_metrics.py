"""A plugin's metrics, from the table to the verdict: all that our own have."""

import csv
import io
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchbox.cli import main
from benchbox.records.folder import RunFolder
from tests.support import acme_metrics
from tests.support.commands import Benchbox, Lender
from tests.support.planted_packages import plant

MODEL = """
import numpy as np


class Noisy:
    stochastic = False

    def fit(self, train, context):
        self.mean = train.values.mean()
        sums = np.bincount(train.items, train.values - self.mean, train.n_items)
        self.offsets = sums / (np.bincount(train.items, minlength=train.n_items) + 5)

    def predict(self, history, users, items):
        noise = np.sin(12.9898 * (users * 977.0 + items)) * {noise}
        return (self.mean + self.offsets[items] + noise).astype(np.float32)
"""
DATA = "-d synthetic:n_users=100,n_items=60,n_ratings=3000 -p kfold:n_folds=5"
NAMES = ("cubed", "median-error", "within-half")
TITLES = ("MCAE", "median AE", "within ½ %")


@pytest.fixture(scope="module", autouse=True)
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the metrics as a package of their own."""
    site = tmp_path_factory.mktemp("site")
    plant(site, "acme-metrics", Path(acme_metrics.__file__).read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        yield
    sys.modules.pop("acme_metrics", None)


@pytest.fixture(scope="module")
def results(
    acme: None, tmp_path_factory: pytest.TempPathFactory, lender: Lender
) -> Path:
    """Return a folder with two runs: of the second, a model errs more."""
    out = tmp_path_factory.mktemp("runs")
    file = out / "mine.py"
    for noise in (0.0, 1.0):
        file.write_text(MODEL.format(noise=noise))
        line = f"run {DATA} -m {file}:Noisy -m bias -m global-mean --seeds 1"
        with pytest.MonkeyPatch.context() as patch:
            lender.serve(patch)
            assert main(shlex.split(f"{line} --out {out}")) == 0
    return out


@pytest.fixture(scope="module")
def runs(results: Path) -> list[str]:
    return sorted(path.parent.name for path in results.glob("*/run.json"))


Show = Callable[[str], str]


@pytest.fixture
def show(benchbox: Benchbox, results: Path, monkeypatch: pytest.MonkeyPatch) -> Show:
    """Run a command on the first of those runs, on a wide terminal."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(line: str) -> str:
        done = benchbox(f"{line} --out {results}")
        assert done.code == 0, done.err
        return done.out

    return call


@pytest.fixture
def stage(show: Show, runs: list[str]) -> Callable[[str], Any]:
    """Return the only stage of what stats tells of the first run."""

    def call(options: str = "") -> Any:
        (stage,) = json.loads(show(f"stats {runs[0]} -f json {options}"))["stages"]
        return stage

    return call


@pytest.mark.parametrize("form", ["table", "markdown", "latex"])
def test_each_is_a_column_with_its_spread_in_every_table(
    show: Show, runs: list[str], form: str
) -> None:
    text = show(f"report {runs[0]} -f {form}")

    for title in TITLES:
        in_latex = title.replace("%", r"\%").replace("½", "1/2")
        assert (in_latex if form == "latex" else title) in text


def test_programs_get_values_spreads_and_definitions(
    show: Show, runs: list[str], results: Path
) -> None:
    trials = RunFolder.find(runs[0], results).trials()

    lines = csv.DictReader(io.StringIO(show(f"report {runs[0]} -f csv")))
    content = json.loads(show(f"report {runs[0]} -f json"))

    by_model = {line["model"]: line for line in lines}
    for name in NAMES:
        mine = [t.metrics[name].value for t in trials if t.label == "bias"]
        assert float(by_model["bias"][name]) == pytest.approx(np.mean(mine))
        deviation = np.std(mine, ddof=1)
        assert float(by_model["bias"][f"{name}_fold_deviation"]) == (
            pytest.approx(deviation)
        )
    recorded = {metric["name"]: metric for metric in content["metrics"]}
    assert recorded["within-half"]["higher_is_better"] is True
    assert recorded["cubed"]["definition"].startswith("mean(|p - r|^3)")


def test_a_narrow_terminal_leaves_costs_out_before_a_metric_of_a_plugin(
    show: Show, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "90")

    text = show(f"report {runs[0]}")

    table = text.split("\n\n")[1]
    assert max(map(len, text.splitlines())) <= 90
    assert all(title in table for title in TITLES)
    assert "parameters" not in table
    assert "Not shown: RMSE by item, RMSE by user, parameters, pairs/s" in text


def test_cases_on_different_scales_show_fractions_and_nothing_in_ratings(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    case = 'title = "toy"\ndataset = "svd-toy"\nprotocol = "holdout"\nmodels = ["bias"]'
    (tmp_path / "cases.toml").write_text(f"seeds = 1\n[[cases]]\n{case}\n")

    text = benchbox("run --suite cases.toml").out

    assert "RMSE bias MAPE % within ½ % fit s published" in " ".join(text.split())
    assert "MCAE" not in text


def test_a_metric_with_a_term_has_an_interval_over_users(
    stage: Callable[[str], Any], show: Show, runs: list[str]
) -> None:
    rows = stage("")["intervals"]

    for row in rows:
        for name in ("cubed", "within-half"):
            low, high = (row[f"pooled_{name}_{end}"] for end in ("low", "high"))
            assert low < row[f"pooled_{name}"] < high
        assert "pooled_median-error" not in row
    best = next(row for row in rows if row["model"] == "bias")
    shown = f"{best['pooled_within-half'] * 100:.2f} ["
    assert shown in show(f"stats {runs[0]}")


def test_a_metric_with_a_term_has_a_value_in_each_slice(
    stage: Callable[[str], Any],
) -> None:
    content = stage("")

    pooled = {row["model"]: row for row in content["intervals"]}
    for dimension in ("activity", "popularity", "rating", "prediction"):
        for model, row in pooled.items():
            mine = [r for r in content[dimension] if r["model"] == model]
            for name in ("cubed", "within-half"):
                total = sum(r["slice_n"] * r[f"slice_{name}"] for r in mine)
                mean = total / sum(r["slice_n"] for r in mine)
                assert mean == pytest.approx(row[f"pooled_{name}"])


@pytest.mark.parametrize("metric", ["cubed", "within-half"])
def test_models_are_compared_by_the_metric_asked_for(
    stage: Callable[[str], Any], metric: str
) -> None:
    content = stage(f"--metric {metric}")

    sign = -1 if metric == "within-half" else 1
    values = {row["model"]: row[f"pooled_{metric}"] for row in content["intervals"]}
    # Best first.
    assert list(values) == sorted(values, key=lambda model: sign * values[model])
    assert len(content["pairs"]) == len(values) * (len(values) - 1) / 2
    for pair in content["pairs"]:
        gap = values[pair["first"]] - values[pair["second"]]
        assert pair["difference"] == pytest.approx(gap)
        assert sign * pair["difference"] <= 0
        assert pair["verdict"] in ("better", "not significant")
    pairs = {(pair["first"], pair["second"]): pair for pair in content["pairs"]}
    assert pairs["bias", "global-mean"]["verdict"] == "better"
    assert pairs["bias", "global-mean"]["share_better"] > 0.5


def test_the_text_is_about_the_metric_asked_for(show: Show, runs: list[str]) -> None:
    text = " ".join(show(f"stats {runs[0]} --metric within-half").split())

    assert "on the same hidden ratings, by within ½" in text
    assert "above 0, the first is better" in text
    assert "do not differ significantly by within ½" in text
    assert "within ½ % by hidden rating" in text


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ("median-error", "it is not a mean over ratings"),
        ("rmse-by-user", "it is not a mean over ratings"),
        ("cubde", "it has no such metric. Did you mean 'cubed'?"),
    ],
)
def test_a_metric_to_compare_by_that_cannot_be_used_is_refused(
    benchbox: Benchbox, results: Path, metric: str, why: str
) -> None:
    done = benchbox(f"stats --out {results} --metric {metric}")

    assert done.code == 2
    assert why in done.err
    assert "Choose one of: rmse, mae, mape, cubed, within-half." in done.err


@pytest.mark.parametrize(
    ("turned", "code", "verdict"), [(False, 1, "WORSE"), (True, 0, "BETTER")]
)
def test_compare_judges_each_in_its_own_direction(
    benchbox: Benchbox,
    results: Path,
    runs: list[str],
    turned: bool,
    code: int,
    verdict: str,
) -> None:
    first, second = reversed(runs) if turned else runs

    done = benchbox(f"compare {first} {second} --out {results} -f json")

    assert done.code == code
    cells = {(c["who"], c["quantity"]): c for c in json.loads(done.out)["cells"]}
    found = {name: cells["Noisy", name] for name in NAMES}
    assert {name: cell["verdict"] for name, cell in found.items()} == dict.fromkeys(
        NAMES, verdict
    )
    assert [cell["reason"] for cell in found.values()] == [
        "paired by user",
        "paired by fold",
        "paired by user",
    ]
    assert (found["within-half"]["effect"] > 0) == turned
    assert (found["cubed"]["effect"] < 0) == turned
    assert {cells["bias", name]["verdict"] for name in NAMES} == {"SAME"}


def test_without_the_plugin_its_records_still_tell_and_the_rest_is_said(
    benchbox: Benchbox, results: Path, runs: list[str]
) -> None:
    stats = benchbox(f"stats {runs[0]} --out {results} --without acme-metrics")
    compare = benchbox(
        f"compare {runs[0]} {runs[1]} --out {results} --without acme-metrics -f json"
    )
    chosen = benchbox(
        f"stats {runs[0]} --out {results} --without acme-metrics --metric cubed"
    )

    assert stats.code == 0, stats.err
    assert (
        "Without intervals, as the installed version differs or is missing: MCAE, "
        "median AE, within ½."
    ) in " ".join(stats.out.split())
    cells = {(c["who"], c["quantity"]): c for c in json.loads(compare.out)["cells"]}
    found = [cells["Noisy", name] for name in NAMES]
    assert {cell["reason"] for cell in found} == {"paired by fold"}
    assert [cell["verdict"] for cell in found[:2]] == ["WORSE", "WORSE"]
    assert found[2]["effect"] < 0
    assert found[2]["verdict"] != "BETTER"
    assert chosen.code == 2
    assert "it is not installed, or its definition has changed since" in chosen.err


def test_a_metric_of_another_definition_is_not_mixed_with_what_was_recorded(
    benchbox: Benchbox,
    results: Path,
    runs: list[str],
    tmp_path: Path,
) -> None:
    file = tmp_path / "other.py"
    text = Path(acme_metrics.__file__).read_text()
    file.write_text(text.replace("mean(|p - r|^3) over", "mean(|p - r|^3), else, over"))

    done = benchbox(
        f"stats {runs[0]} --out {results} --without acme-metrics --plugin {file} "
        f"-f json"
    )

    assert done.code == 0, done.err
    (stage,) = json.loads(done.out)["stages"]
    assert "pooled_cubed" not in stage["intervals"][0]
    assert "pooled_within-half" in stage["intervals"][0]
