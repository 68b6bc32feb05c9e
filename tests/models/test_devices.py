"""Devices: a model learns whether it trains on an accelerator, before the fit too."""

from typing import Any

import pytest

from benchbox.errors import ModelError
from benchbox.models.devices import is_accelerator, prepare_model


@pytest.mark.parametrize(
    ("device", "expected"),
    [("cpu", False), ("cuda:0", True), ("mps", True), ("xpu:1", True)],
)
def test_every_device_but_the_processor_is_an_accelerator(
    device: str, expected: bool
) -> None:
    assert is_accelerator(device) == expected


class Plain:
    """A model that needs no preparation."""

    told: Any = None


class Unaware(Plain):
    def prepare(self) -> None:
        self.told = "nothing"


class Aware(Plain):
    def prepare(self, device: str) -> None:
        self.told = device


class Optional(Plain):
    def prepare(self, where: str = "cpu") -> None:
        self.told = where


@pytest.mark.parametrize(
    ("kind", "told"),
    [(Plain, None), (Unaware, "nothing"), (Aware, "mps"), (Optional, "mps")],
)
def test_a_model_is_prepared_for_its_device_if_it_asks(
    kind: type[Any], told: str | None
) -> None:
    model = kind()
    prepare_model(model, "mps")

    assert model.told == told


def test_a_model_that_asks_for_more_is_told_what_it_may_ask_for() -> None:
    class Greedy(Plain):
        def prepare(self, train: object, device: str) -> None:
            pass

    text = r"Greedy.prepare\(train: object, device: str\) .*prepare\(device\) or"
    with pytest.raises(ModelError, match=text):
        prepare_model(Greedy(), "cpu")  # type: ignore[arg-type]


def test_what_fails_in_a_preparation_is_not_taken_for_a_wrong_signature() -> None:
    class Fails(Plain):
        def prepare(self, device: str) -> None:
            raise TypeError("no compiler")

    with pytest.raises(TypeError, match="no compiler"):
        prepare_model(Fails(), "cpu")  # type: ignore[arg-type]
