"""Plain classes as models: what they say of their options, abilities and ranges."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest

from benchbox.errors import PluginError, UsageError
from benchbox.models.contract import Capabilities
from benchbox.models.plain import capabilities_of, options_of, search_of
from benchbox.models.search_space import OneOf, Span, read_space
from benchbox.options import Options, to_json

if TYPE_CHECKING:
    from somewhere import Unknown


def arrives(model: Any, **settings: Any) -> Any:
    """Return what a class gets when these options are set."""
    return options_of(model).arguments(settings, "Mine")


class Untyped:
    def __init__(self, rate=0.5, n=3, on=True, name="x", widths=(8, 4), what=None):
        pass


class Typed:
    def __init__(
        self,
        widths: tuple[int, ...] = (8, 4),
        steps: list[float] = [1, 2],  # noqa: B006
        act: str | None = None,
        depth: int = None,  # type: ignore[assignment]  # noqa: RUF013
        way: Literal["up", "down"] = "up",
    ) -> None:
        pass


class Bare:
    def __init__(self, widths: list = [3], more: tuple = ()) -> None:  # type: ignore[type-arg]  # noqa: B006
        pass


@dataclass
class Data:
    k: int = 3
    widths: list[int] = field(default_factory=lambda: [1, 2])


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Numpy:
    def __init__(
        self,
        rate=np.float32(0.5),  # noqa: B008
        n=np.int64(3),  # noqa: B008
        on=np.bool_(True),  # noqa: B008
        exact: np.float64 = np.float64(1),  # noqa: B008
        colour=Colour.RED,
    ):
        pass


@pytest.mark.parametrize(
    ("model", "setting", "value"),
    [
        (Untyped, {"rate": "1"}, 1.0),
        (Untyped, {"n": "4"}, 4),
        (Untyped, {"on": "false"}, False),
        (Untyped, {"name": "3"}, "3"),
        (Untyped, {"widths": "16-8-4"}, (16, 8, 4)),
        (Untyped, {"what": "3"}, 3),
        (Untyped, {"what": "-2.5e3"}, -2500.0),
        (Untyped, {"what": "true"}, True),
        (Untyped, {"what": "[1,a,null]"}, [1, "a", None]),
        (Untyped, {"what": "relu"}, "relu"),
        (Untyped, {"what": "2024-01"}, "2024-01"),
        (Typed, {"widths": "16"}, (16,)),
        (Typed, {"steps": "[1,2.5]"}, [1.0, 2.5]),
        (Typed, {"act": "relu"}, "relu"),
        (Typed, {"depth": "3"}, 3),
        (Typed, {"way": "down"}, "down"),
        (Bare, {"widths": "16-8"}, [16, 8]),
        (Bare, {"more": "a-1"}, ("a", 1)),
        (Data, {"k": "4"}, 4),
        (Data, {"widths": "3"}, [3]),
        (Numpy, {"rate": "1"}, 1.0),
        (Numpy, {"n": "4"}, 4),
        (Numpy, {"on": "false"}, False),
        (Numpy, {"exact": "2"}, 2.0),
        (Numpy, {"colour": "blue"}, Colour.BLUE),
    ],
)
def test_an_option_arrives_as_its_annotation_or_default_says(
    model: Any, setting: dict[str, str], value: Any
) -> None:
    (got,) = arrives(model, **setting).values()

    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize("model", [Untyped, Typed, Bare, Data, Numpy])
def test_what_is_not_set_is_left_to_the_class(model: Any) -> None:
    options = options_of(model)

    assert arrives(model) == {}
    assert arrives(model, **to_json(options.decode({}, "Mine"))) == {}


def test_defaults_are_recorded_as_plain_values() -> None:
    assert to_json(options_of(Numpy).decode({}, "Mine")) == {
        "rate": 0.5,
        "n": 3,
        "on": True,
        "exact": 1.0,
        "colour": "red",
    }


ZEROS = np.zeros(3)


class Fixed:
    def __init__(
        self, act=np.tanh, table=ZEROS, of: Callable[[int], int] = abs, k=3
    ) -> None:
        pass


def test_a_parameter_that_no_text_can_stand_for_keeps_its_default() -> None:
    options = options_of(Fixed)

    assert [*to_json(options.decode({}, "Mine"))] == ["k"]
    with pytest.raises(
        UsageError, match=r"Mine takes no text for 'act', whose default"
    ):
        options.decode({"act": "relu"}, "Mine")


class Endless:
    def __init__(self, most: float = inf) -> None:
        pass


def test_a_default_that_no_record_can_hold_stays_with_the_class() -> None:
    assert to_json(options_of(Endless).decode({}, "Mine")) == {"most": None}
    assert arrives(Endless, most=None) == {}
    assert arrives(Endless, most="2") == {"most": 2.0}


class Open:
    def __init__(self, k=3, *args, **more):
        pass


class Nothing:
    pass


@pytest.mark.parametrize(("model", "names"), [(Open, ["k"]), (Nothing, [])])
def test_parameters_without_a_name_are_no_options(model: Any, names: list[str]) -> None:
    assert [*to_json(options_of(model).decode({}, "Mine"))] == names


class ForCheckers:
    def __init__(self, unknown: "Unknown" = None, k: "int" = 3) -> None:
        pass


def test_an_annotation_that_only_type_checkers_know_is_left_aside() -> None:
    assert arrives(ForCheckers, k="4", unknown="5") == {"k": 4, "unknown": 5}


class Record(Options, frozen=True):
    k: int = 3


class TakesRecord:
    def __init__(self, options: Record) -> None:
        pass


def test_a_record_of_options_is_taken_whole() -> None:
    options = options_of(TakesRecord)

    assert (options.kind, options.takes_record) == (Record, True)


class Needs:
    def __init__(self, k):
        pass


class Lies:
    def __init__(self, k: int = "three") -> None:  # type: ignore[assignment]
        pass


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Needs, "Needs needs a default for its parameter 'k'"),
        (Lies, "Lies has the default 'three' for 'k', which its annotation forbids"),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_line(model: Any, says: str) -> None:
    with pytest.raises(PluginError, match=says) as caught:
        options_of(model)

    assert "\n" not in str(caught.value)


class Ignorant:
    def predict(self, history, users, items):
        return np.zeros(len(items))


class Curious:
    def predict(self, history, users, items):
        return np.zeros(len(users))


class Nested:
    def predict(self, history, users, items):
        return list(map(lambda item: users[0] + item, items))  # noqa: C417


class Sly:
    def predict(self, history, users, items):
        return locals()["users"]


class Loose:
    def predict(self, *arguments):
        return arguments[1]


@pytest.mark.parametrize(
    ("model", "is_inductive"),
    [
        (Ignorant, True),
        (Curious, False),
        (Nested, False),
        (Sly, False),
        (Loose, False),
        (Nothing, False),
    ],
)
def test_a_model_that_never_looks_at_users_answers_for_new_ones(
    model: Any, is_inductive: bool
) -> None:
    assert capabilities_of(model) == Capabilities(inductive=is_inductive)


class States(Ignorant):
    inductive = False
    stochastic = np.False_
    devices = ("cpu", "cuda")

    def refits(self):
        """Of the model's own, and no statement."""

    @property
    def uses_features(self):
        return 1


class StatesWhole(Ignorant):
    capabilities = {"uses_timestamps": True}  # noqa: RUF012


def test_a_class_states_capabilities_as_attributes() -> None:
    assert capabilities_of(States) == Capabilities(
        inductive=False, stochastic=False, devices=("cpu", "cuda")
    )
    assert capabilities_of(StatesWhole) == Capabilities(uses_timestamps=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("inductive", "yes"),
        ("stochastic", 1),
        ("devices", "cpu"),
        ("capabilities", 3),
        ("capabilities", {"inductive": "yes"}),
    ],
)
def test_a_statement_of_the_wrong_type_is_named(name: str, value: Any) -> None:
    model = type("Mine", (), {name: value})

    with pytest.raises(PluginError, match=rf"^Mine\.{name} is .*: .*Expected"):
        capabilities_of(model)


def test_a_class_states_ranges_as_pairs_lists_or_spans() -> None:
    stated = {
        "rate": (0.1, np.float64(0.9)),
        "n": (1, 8),
        "widths": [[8, 4], [16]],
        "log": Span(0.1, 10.0, log=True),
    }
    model = type("Mine", (), {"search": stated})

    found = search_of(model, dict.fromkeys(stated))

    assert found == {
        "rate": Span(0.1, 0.9),
        "n": Span(1, 8),
        "widths": OneOf(([8, 4], [16])),
        "log": Span(0.1, 10.0, log=True),
    }
    assert found["n"].is_whole  # type: ignore[union-attr]
    assert search_of(Nothing, {}) == {}


def test_ranges_survive_being_written() -> None:
    import msgspec

    space = {"n": Span(1, 8), "way": OneOf(("up", "down"))}

    written = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(space)))

    assert read_space(written) == space


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        (3, r"search is 3; it must be a dict of ranges"),
        ({"dept": (1, 2)}, r"search .* no option of it\. Did you mean 'depth'"),
        ({"depth": (2, 1)}, r"search\['depth'\] is \(2, 1\), .*low < high"),
        ({"depth": (1, 2, 3)}, r"search\['depth'\] is \(1, 2, 3\), which is no range"),
        ({"depth": ("a", "b")}, r"search\['depth'\] is .*, which is no range"),
        ({"depth": []}, r"search\['depth'\] is \[\]; it must be \(low, high\)"),
        ({"depth": [object()]}, r"search\['depth'\] is .*, which is no range"),
    ],
)
def test_a_range_that_is_none_is_named(stated: Any, says: str) -> None:
    model = type("Mine", (), {"search": stated})

    with pytest.raises(PluginError, match=rf"^Mine\.{says}"):
        search_of(model, {"depth": 3})
