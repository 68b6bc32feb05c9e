"""Search: the ranges that tuning may try, and every bundled default within them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.models.contract import ModelSpec
from benchbox.models.search_space import OneOf, Span
from benchbox.options import decode, to_json
from benchbox.plugins.registry import discover

SPECS: list[ModelSpec] = [offer.value for offer in discover().all("models")]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_what_may_be_tried_are_options_and_the_defaults_among_it(spec) -> None:
    defaults = to_json(spec.options())

    for name, values in spec.search.items():
        assert values.holds(defaults[name]), name


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_the_ends_of_every_range_are_options_the_model_takes(spec) -> None:
    for name, values in spec.search.items():
        ends = values.values if isinstance(values, OneOf) else (values.low, values.high)
        for value in ends:
            assert decode(spec.options, {name: value}, spec.name)


def test_every_model_that_learns_by_chance_has_something_to_tune() -> None:
    for spec in SPECS:
        if spec.capabilities.stochastic:
            assert spec.search, spec.name


@given(st.floats(1e-6, 1e3), st.floats(1.01, 1e3), st.floats(0, 1))
def test_rounding_stays_near_and_within(low, factor, share) -> None:
    span = Span(low, low * factor)
    value = low + (span.high - low) * share

    rounded = span.rounded(value)

    assert span.holds(rounded)
    assert rounded == pytest.approx(value, rel=1e-2)


def test_numbers_are_rounded_to_three_digits() -> None:
    span = Span(0.0, 1000.0)

    assert [span.rounded(v) for v in (0.0123456, 1.23456, 123.456, 0.0)] == [
        0.0123,
        1.23,
        123.0,
        0.0,
    ]


def test_a_list_is_the_tuple_it_was_read_from() -> None:
    layers = OneOf(([16], [32, 16]))

    assert layers.holds((32, 16))
    assert layers.place([16]) == 0
    assert not layers.holds((16, 32))


@pytest.mark.parametrize("make", [lambda: Span(2, 1), lambda: Span(0, 1, log=True)])
def test_a_span_must_rise_and_have_logarithms(make) -> None:
    with pytest.raises(ValueError, match="needs low < high"):
        make()
