"""The kit on what benchbox ships: every model and every data set that is here."""

import pytest

from benchbox.plugins.registry import OWN, discover
from benchbox.testing.checks import judge
from benchbox.testing.contracts import MODEL_CHECKS
from benchbox.testing.dataset_checks import DATASET_CHECKS, DatasetSubject
from benchbox.testing.subject import ModelSubject

REGISTRY = discover()
MODELS = [o.value for o in REGISTRY.all("models") if o.origin.package == OWN]

QUICK = {"bias", "neural-cf"}
"""Models the kit tests on every change; the others are compiled for long, or alike."""

NOT_OF_EVERY_MODEL = {
    "history-is-read",
    "question-times-are-used",
    "distributions-are-sound",
    "epochs-are-reported",
}
"""Checks of what only some models can do."""


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(
            spec,
            id=spec.name,
            marks=() if spec.name in QUICK else pytest.mark.slow,
        )
        for spec in MODELS
    ],
)
def test_a_bundled_model_keeps_every_promise(spec) -> None:
    verdicts = list(judge(MODEL_CHECKS, ModelSubject(spec=spec)))

    assert [v for v in verdicts if v.status == "broken"] == []
    assert {v.check.name for v in verdicts if v.status != "kept"} <= NOT_OF_EVERY_MODEL


@pytest.mark.parametrize("name", ["svd-toy", "synthetic"])
def test_a_bundled_data_set_keeps_every_promise(name: str) -> None:
    card = REGISTRY.find("datasets", name).value

    verdicts = list(judge(DATASET_CHECKS, DatasetSubject(card)))

    assert [v for v in verdicts if v.status == "broken"] == []
