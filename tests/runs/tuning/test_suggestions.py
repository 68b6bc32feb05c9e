"""Suggest: the next options follow from what was tried, and from nothing else."""

import pytest

from benchbox.models.search_space import OneOf, Span
from benchbox.runs.tuning.suggestions import Tried, free_space, suggest

pytest.importorskip("optuna")

SPACE = {
    "rate": Span(1e-3, 1.0, log=True),
    "width": Span(1, 100),
    "layers": OneOf(([16], [32, 16], [64])),
}


def error(options) -> float:
    layers = {1: 0.5, 2: 0.0}[len(options["layers"])]
    return abs(options["rate"] - 0.1) + abs(options["width"] - 40) / 100 + layers


def tried(options, sign: int = 1) -> Tried:
    return Tried(options=options, value=sign * error(options), seconds=1, status="ok")


def search(n: int, sign: int = 1, known: list[Tried] | None = None) -> list[Tried]:
    done = list(known or [tried({"rate": 1.0, "width": 1, "layers": [16]}, sign)])
    while len(done) < n:
        options = suggest(SPACE, done, seed=3, higher_is_better=sign < 0)
        done.append(tried(options, sign))
    return done


def test_suggestions_are_options_of_the_space() -> None:
    for past in search(12):
        assert all(SPACE[name].holds(value) for name, value in past.options.items())


def test_a_search_broken_off_goes_on_as_if_it_had_not_been() -> None:
    whole = search(10)

    assert search(10, known=search(6)) == whole


@pytest.mark.parametrize("sign", [1, -1])
def test_the_direction_is_the_metric_s(sign) -> None:
    errors = [abs(past.value) for past in search(40, sign)]

    assert min(errors) < 0.25
    assert sorted(errors[20:])[10] < sorted(errors[:10])[5]


def test_options_that_failed_count_as_tried() -> None:
    failed = Tried(options=search(1)[0].options, value=None, seconds=1, status="failed")

    assert search(3, known=[failed])[1].options != failed.options


def test_another_seed_tries_other_options() -> None:
    start = search(1)

    one, other = (
        suggest(SPACE, start, seed=seed, higher_is_better=False) for seed in (0, 1)
    )

    assert one != other


def test_what_the_user_has_set_or_no_range_holds_is_left_alone() -> None:
    options = {"rate": 5.0, "width": 3, "layers": (32, 16)}

    assert set(free_space(SPACE, {"width": 3}, options)) == {"layers"}
