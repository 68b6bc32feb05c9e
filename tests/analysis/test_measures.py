"""Measures: only metrics defined as the run recorded them measure its predictions."""

from dataclasses import replace

import pytest

from benchbox.analysis.measures import as_recorded, measures_of
from benchbox.errors import UsageError
from benchbox.metrics.metric import METRICS, RMSE
from benchbox.records.run import MetricRecord, RunRecord
from tests.support.acme_metrics import CUBED, MEDIAN, WITHIN_HALF
from tests.support.toy_runs import toy_model, toy_run, toy_stage

FLAWED = replace(CUBED, name="cubed-again", flaw="it counts copies")
INSTALLED = [*METRICS, CUBED, MEDIAN, FLAWED]


def recorded(*metrics) -> RunRecord:
    run = toy_run([toy_model("bias")])
    names = MetricRecord.__struct_fields__
    run.metrics = [
        MetricRecord(**{name: getattr(metric, name) for name in names})
        for metric in metrics
    ]
    return run


@pytest.mark.parametrize(
    "change",
    [
        {"definition": "mean(|p - r|^3), otherwise"},
        {"unit": "fraction"},
        {"higher_is_better": True},
    ],
)
def test_a_metric_that_is_defined_otherwise_is_another_metric(change) -> None:
    run = recorded(RMSE, CUBED)

    found = as_recorded(run.metrics, [RMSE, replace(CUBED, **change)])

    assert found == {"rmse": RMSE}


def test_a_new_title_makes_no_other_metric() -> None:
    renamed = replace(CUBED, title="mean cube")

    assert as_recorded(recorded(CUBED).metrics, [renamed]) == {"cubed": renamed}


def test_the_first_metric_of_a_run_is_its_headline_unless_another_is_named() -> None:
    run = recorded(RMSE, MEDIAN, CUBED)

    assert measures_of(run, INSTALLED).headline is RMSE
    assert measures_of(run, INSTALLED, "cubed").headline is CUBED


def test_metrics_without_a_term_or_not_at_hand_have_no_intervals() -> None:
    found = measures_of(recorded(RMSE, MEDIAN, CUBED, WITHIN_HALF), INSTALLED)

    assert found.with_term == (RMSE, CUBED)
    assert found.unknown == ("within ½",)


def test_flawed_metrics_measure_under_flawed_protocols_alone() -> None:
    found = measures_of(recorded(RMSE, FLAWED), INSTALLED)

    assert found.on(toy_stage()) == [RMSE]
    assert found.on(toy_stage(flaw="copying wins")) == [RMSE, FLAWED]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("cubed-again", "it is flawed"),
        ("within-half", "not installed, or its definition has changed"),
        ("median-error", "not a mean over ratings"),
        ("mse", "no such metric. Did you mean 'rmse'?"),
    ],
)
def test_a_headline_that_cannot_be_is_refused_with_its_reason(name, why) -> None:
    run = recorded(RMSE, MEDIAN, FLAWED, WITHIN_HALF)

    with pytest.raises(UsageError, match=why.replace("?", r"\?")):
        measures_of(run, INSTALLED, name)
