"""Contract classes: models and data sets under test, by name or as they are."""

from typing import ClassVar

from benchbox.plugins import discover
from benchbox.testing.contracts import DatasetContract, ModelContract


def test_a_model_is_named_or_given_with_its_options() -> None:
    class OfBias(ModelContract):
        spec = "bias"
        options: ClassVar = {"with_items": False}

    named = OfBias().subject

    assert named.spec.name == "bias"
    assert named.settings == {"with_items": False}
    OfBias.spec = named.spec
    assert OfBias().subject.spec is named.spec


def test_a_data_set_is_named_or_given() -> None:
    class OfToy(DatasetContract):
        card = "svd-toy"

    named = OfToy().subject

    assert named.card is discover().find("datasets", "svd-toy").value
    OfToy.card = named.card
    assert OfToy().subject.card is named.card
