"""Options: text is parsed into checked settings, and settings are written as text."""

from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.errors import UsageError, nearest
from benchbox.options import (
    NoOptions,
    Options,
    changed,
    decode,
    spell,
    split_choice,
    to_json,
)


class ToyOptions(Options, frozen=True):
    hidden_units: tuple[int, ...] = (300,)
    epochs: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 30
    learning_rate: Annotated[float, msgspec.Meta(gt=0)] = 0.001
    activation: Literal["elu", "sigmoid"] = "elu"
    centre: bool = True
    dropout: float | None = None
    weights: tuple[float, ...] = ()
    parts: tuple[Literal["up", "down"], ...] | None = None

    def __post_init__(self) -> None:
        if self.parts == ("up", "up"):
            raise ValueError("up twice")


toy_options = st.builds(
    ToyOptions,
    hidden_units=st.lists(st.integers(0, 5000), max_size=4).map(tuple),
    epochs=st.integers(1, 1000),
    learning_rate=st.sampled_from([0.001, 0.25, 1e-7, 3.0, 0.05]),
    activation=st.sampled_from(["elu", "sigmoid"]),
    centre=st.booleans(),
    dropout=st.none() | st.sampled_from([0.0, 0.5]),
)


def decoded(text: str) -> ToyOptions:
    return decode(ToyOptions, split_choice(text)[1], "toy")


@pytest.mark.parametrize(
    ("text", "name", "settings"),
    [
        ("toy", "toy", {}),
        (" toy ", "toy", {}),
        ("toy:epochs=3", "toy", {"epochs": "3"}),
        ("toy: epochs = 3 , seed = 4", "toy", {"epochs": "3", "seed": "4"}),
        ("toy:hidden-units=20-10", "toy", {"hidden_units": "20-10"}),
        ("toy:a=[1,2],b=3", "toy", {"a": "[1,2]", "b": "3"}),
        ("toy:a=x=y,b=", "toy", {"a": "x=y", "b": ""}),
        ("toy:scale=1:5", "toy", {"scale": "1:5"}),
    ],
)
def test_a_choice_is_split_into_name_and_settings(text, name, settings) -> None:
    assert split_choice(text) == (name, settings)


@pytest.mark.parametrize(
    "text", ["toy:", "toy:3", "toy:a=1,", "toy:=3", "toy:a=1,,b=2"]
)
def test_a_malformed_setting_is_refused_with_the_form_to_write(text) -> None:
    with pytest.raises(UsageError, match=r"is not a setting\. Write name:key=value"):
        split_choice(text)


@pytest.mark.parametrize("text", ["toy:a=1,a=2", "toy:a-b=1,a_b=1"])
def test_a_setting_given_twice_is_refused(text) -> None:
    with pytest.raises(UsageError, match="is set twice"):
        split_choice(text)


@given(options=toy_options)
def test_options_survive_json(options) -> None:
    assert decode(ToyOptions, to_json(options), "toy") == options


@given(options=toy_options)
def test_options_survive_being_spelt(options) -> None:
    text = spell("toy", changed(options))

    assert split_choice(text)[0] == "toy"
    assert decoded(text) == options


@pytest.mark.parametrize("rate", [0.12345678, 1234567.5])
def test_a_number_of_many_digits_survives_being_spelt(rate) -> None:
    options = ToyOptions(learning_rate=rate)

    assert decoded(spell("toy", changed(options))) == options


@pytest.mark.parametrize("weights", [(-1.0, 2.0), (1e-05, 2.0)])
def test_a_sequence_that_contains_dashes_survives_being_spelt(weights) -> None:
    options = ToyOptions(weights=weights)

    assert decoded(spell("toy", changed(options))) == options


def test_none_survives_being_spelt() -> None:
    settings = split_choice(spell("toy", {"dropout": None}))[1]

    assert decode(ToyOptions, settings, "toy").dropout is None


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("20-10-20", (20, 10, 20)),
        ("[20,10,20]", (20, 10, 20)),
        ("[20, 10]", (20, 10)),
        ("20", (20,)),
        ("[20]", (20,)),
        ("", ()),
        ("[]", ()),
    ],
)
def test_a_sequence_is_written_with_dashes_or_in_brackets(text, units) -> None:
    assert decoded(f"toy:hidden_units={text}").hidden_units == units


@pytest.mark.parametrize("text", ["-5", "20--10", "20-", "[20,,10]"])
def test_a_sequence_with_an_empty_part_is_refused(text) -> None:
    with pytest.raises(UsageError, match="hidden_units"):
        decoded(f"toy:hidden_units={text}")


@pytest.mark.parametrize(
    "text",
    ["hidden_units=30,20", "hidden_units=30+20", "hidden_units=30;20", "weights=1 2"],
)
def test_a_list_written_otherwise_gets_a_hint(text) -> None:
    key = text.partition("=")[0]

    with pytest.raises(UsageError) as caught:
        decoded(f"toy:{text}")

    assert str(caught.value).endswith(
        f". Write a list as {key}=20-10 or {key}=[20,10]."
    )


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("dropout=inf", "expected a finite number"),
        ("dropout=-inf", "expected a finite number"),
        ("dropout=nan", "expected a finite number"),
        ("weights=[1,-inf]", "expected a finite number"),
        ("dropout=1e999", "number out of range"),
        ("hidden_units=9223372036854775808", "expected a number of at most 64 bits"),
    ],
)
def test_a_number_that_no_record_can_hold_is_refused(setting, says) -> None:
    with pytest.raises(UsageError) as caught:
        decoded(f"toy:{setting}")

    assert str(caught.value) == f"toy cannot take {setting}: {says}."


def test_nothing_can_stand_for_a_sequence() -> None:
    assert decoded("toy:parts=null").parts is None


def test_text_is_read_as_the_type_of_its_field() -> None:
    options = decoded("toy:epochs=3,learning_rate=1e-2,centre=false,dropout=null")

    assert options == ToyOptions(epochs=3, learning_rate=0.01, centre=False)


def test_an_unknown_option_is_refused_and_known_ones_are_listed() -> None:
    with pytest.raises(UsageError) as caught:
        decoded("toy:epoch=3")

    assert str(caught.value).startswith("toy has no option 'epoch'. Its options: ")
    assert "epochs" in str(caught.value)


def test_an_unknown_option_is_refused_where_there_are_none() -> None:
    with pytest.raises(UsageError, match=r"'epochs'\. Its options: none"):
        decode(NoOptions, {"epochs": "3"}, "global-mean")


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("epochs=0", "epochs=0: expected `int` >= 1"),
        ("epochs=1001", "epochs=1001: expected `int` <= 1000"),
        ("epochs=3.5", "epochs=3.5: expected `int`"),
        ("epochs=many", "epochs=many: expected `int`"),
        ("learning_rate=0", "learning_rate=0: expected `float` > 0.0"),
        ("learning_rate=nan", "learning_rate=nan: expected `float` > 0.0"),
        ("centre=perhaps", "centre=perhaps: expected `bool`"),
        ("hidden_units=20-x", "hidden_units=20-x: expected `int`"),
    ],
)
def test_an_invalid_value_is_refused_with_what_is_expected(setting, says) -> None:
    with pytest.raises(UsageError) as caught:
        decoded(f"toy:{setting}")

    assert str(caught.value) == f"toy cannot take {says}."


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("activation=cubic", "'cubic' is not one of elu, sigmoid."),
        ("activation=sigmod", "not one of elu, sigmoid. Did you mean 'sigmoid'?"),
        ("parts=up-dwn", "'dwn' is not one of up, down. Did you mean 'down'?"),
    ],
)
def test_an_unknown_word_is_refused_and_known_ones_are_listed(setting, says) -> None:
    with pytest.raises(UsageError) as caught:
        decoded(f"toy:{setting}")

    assert str(caught.value).startswith(f"toy cannot take {setting}: ")
    assert str(caught.value).endswith(says)


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^toy cannot take these options: up twice"):
        decoded("toy:parts=up-up")


def test_changed_options_are_those_that_differ_from_the_defaults() -> None:
    assert changed(ToyOptions()) == {}
    assert changed(ToyOptions(epochs=30, centre=False)) == {"centre": False}


def test_options_cannot_be_changed_afterwards() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        ToyOptions().epochs = 3


def test_settings_are_spelt_as_on_the_command_line() -> None:
    assert spell("toy", {}) == "toy"
    assert spell("toy", {"hidden_units": (20, 10), "centre": False, "rate": 0.5}) == (
        "toy:hidden_units=20-10,centre=false,rate=0.5"
    )


def test_a_misspelt_name_gets_a_hint_and_an_unrelated_one_does_not() -> None:
    known = ["damped-mean", "global-mean"]

    assert nearest("damped-men", known) == " Did you mean 'damped-mean'?"
    assert nearest("xyz", known) == ""
