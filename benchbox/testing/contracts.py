"""Test classes that plugin authors subclass to test their plugin."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from benchbox.data import DatasetCard
from benchbox.models import ModelSpec
from benchbox.plugins import discover
from benchbox.testing.checks import Check, as_check, carry_out
from benchbox.testing.dataset_checks import DATASET_CHECKS, DatasetSubject
from benchbox.testing.model_checks import (
    answers,
    devices_declared,
    distributions_are_sound,
    epochs_are_reported,
    history_is_read,
    inputs_stay_as_they_are,
    no_files_left,
    one_rating_is_enough,
    pairs_stand_alone,
    process_as_it_was,
    question_times_are_used,
    same_seed_same_bytes,
    saved_and_restored,
    says_what_records_hold,
    second_fit_forgets_the_first,
    spec_and_options,
    timestamps_are_declared,
    unclipped,
    unknown_users_and_items,
    zero_is_a_rating,
)
from benchbox.testing.subject import ModelSubject
from benchbox.testing.trial_checks import (
    hidden_ratings_stay_hidden,
    imports_nothing_heavy,
    memory_is_linear,
    other_trials_do_not_matter,
    trial_as_here,
)

MODEL_CHECKS: tuple[Check[ModelSubject], ...] = tuple(
    map(
        as_check,
        (
            spec_and_options,
            imports_nothing_heavy,
            answers,
            same_seed_same_bytes,
            second_fit_forgets_the_first,
            pairs_stand_alone,
            inputs_stay_as_they_are,
            unknown_users_and_items,
            zero_is_a_rating,
            one_rating_is_enough,
            history_is_read,
            timestamps_are_declared,
            question_times_are_used,
            distributions_are_sound,
            saved_and_restored,
            process_as_it_was,
            no_files_left,
            unclipped,
            epochs_are_reported,
            says_what_records_hold,
            devices_declared,
            trial_as_here,
            other_trials_do_not_matter,
            hidden_ratings_stay_hidden,
            memory_is_linear,
        ),
    )
)
"""All checks of a model."""


class ModelContract:
    """The contract tests of a model.

    Subclass it and name the model::

        class TestDampedMean(ModelContract):
            spec = "damped-mean"

    Attributes:
        spec: Name of an installed model, or a `benchbox.ModelSpec`.
        options: Options to test it with. An option ``epochs`` is 2 if not given.
    """

    spec: ClassVar[ModelSpec | str]
    options: ClassVar[Mapping[str, Any]] = {}

    @cached_property
    def subject(self) -> ModelSubject:
        """The model under test."""
        spec = self.spec
        if isinstance(spec, str):
            spec = discover().find("models", spec).value
            assert isinstance(spec, ModelSpec)
        return ModelSubject(spec=spec, settings=self.options)


class DatasetContract:
    """The contract tests of a data set.

    Subclass it and name the data set::

        class TestTeaRatings(DatasetContract):
            card = "tea-ratings"

    Attributes:
        card: Name of an installed data set, or a `benchbox.DatasetCard`.
        options: Options to read it with.
    """

    card: ClassVar[DatasetCard | str]
    options: ClassVar[Mapping[str, Any]] = {}

    @cached_property
    def subject(self) -> DatasetSubject:
        """The data set under test."""
        card = self.card
        if isinstance(card, str):
            card = discover().find("datasets", card).value
            assert isinstance(card, DatasetCard)
        return DatasetSubject(card, self.options)


def _add_tests(contract: type, checks: Sequence[Check[Any]]) -> None:
    for check in checks:
        name = f"test_{check.function.__name__}"
        setattr(contract, name, _as_test(check, name))


def _as_test(check: Check[Any], name: str) -> Callable[[Any], None]:
    def test(self: Any) -> None:
        carry_out(check, self.subject)

    test.__name__ = name
    test.__doc__ = check.promise
    return test


_add_tests(ModelContract, MODEL_CHECKS)
_add_tests(DatasetContract, DATASET_CHECKS)
