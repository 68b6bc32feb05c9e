"""Models whose libraries may be missing, and the breaches that specs state."""

from typing import Any

import msgspec
import numpy as np
import pytest

from benchbox.cli import main
from benchbox.cli.details import describe
from benchbox.models import Capabilities, ModelSpec
from benchbox.options import NoOptions
from benchbox.plugins import choose_model, libraries_of, missing_libraries, unavailable
from benchbox.plugins.faults import model_fault
from benchbox.plugins.hookspecs import hookimpl
from benchbox.records import trial_key
from benchbox.runs.resolve import _from_spec
from benchbox.testing.checks import Check, ContractError, judge
from benchbox.testing.subject import ModelSubject
from tests.support.entry_points import Point, found


class Wings:
    def __init__(self, options: NoOptions) -> None: ...


def spec(name: str, **values: Any) -> ModelSpec:
    return ModelSpec(
        name=name,
        target=f"{__name__}:Wings",
        summary="soars",
        capabilities=Capabilities(stochastic=False),
        **values,
    )


ICARUS = spec(
    "icarus", requires=("no-such-wax", "numpy"), install="pip install 'wings[wax]'"
)
DAEDALUS = spec("daedalus", requires=("numpy",), known_breaches={"low": "it is old"})


class Plugin:
    @hookimpl
    def benchbox_models(self) -> list[ModelSpec]:
        return [ICARUS, DAEDALUS]


REGISTRY = found(Point("wings", Plugin()))


def test_what_is_missing_is_said_with_the_line_that_installs_it() -> None:
    assert libraries_of(ICARUS) == {"no-such-wax": "", "numpy": np.__version__}
    assert missing_libraries(ICARUS) == ["no-such-wax"]
    assert unavailable(ICARUS) == (
        "icarus needs no-such-wax, which is not installed: pip install 'wings[wax]'"
    )
    assert unavailable(DAEDALUS) == ""
    plain = spec("kite", requires=("no-such-string", "no-such-cloth"))
    assert unavailable(plain).endswith(
        "are not installed: pip install no-such-string no-such-cloth"
    )


def test_a_missing_library_skips_the_model_and_its_version_is_in_the_key() -> None:
    planned = _from_spec(REGISTRY.find("models", "icarus"), {}, REGISTRY)
    here = _from_spec(REGISTRY.find("models", "daedalus"), {}, REGISTRY)

    assert planned.unavailable == unavailable(ICARUS)
    assert here.unavailable == ""
    assert choose_model("daedalus", REGISTRY).libraries == {"numpy": np.__version__}
    of_trial = {"fold_id": "f", "features": "", "seed": 1, "device": "cpu"}
    of_trial |= {"precision": "float32", "threads": 1, "torch": "2"}
    newer = msgspec.structs.replace(here, libraries={"numpy": "99"})
    without = msgspec.structs.replace(here, libraries={})
    keys = {trial_key(model, **of_trial) for model in (here, newer, without)}
    assert len(keys) == 3
    assert len({here.id, newer.id, without.id}) == 3


def test_the_list_names_what_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchbox.cli.list.installed", lambda: REGISTRY)

    assert main(["list", "models"]) == 0

    assert "Not installed: icarus. pip install 'wings[wax]'" in capsys.readouterr().out


def test_details_show_what_a_model_needs_and_breaks() -> None:
    missing = describe(REGISTRY.find("models", "icarus"), "models", 100)
    here = describe(REGISTRY.find("models", "daedalus"), "models", 100)

    assert "no-such-wax (missing)" in missing
    assert "pip install 'wings[wax]'" in missing
    assert f"needs numpy {np.__version__}" in here
    assert "known breach, low: it is old" in here


def _breaks(subject: ModelSubject) -> None:
    raise ContractError("it breaks")


def _keeps(subject: ModelSubject) -> None: ...


def _crashes(subject: ModelSubject) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("check", "status"),
    [(_breaks, "not made"), (_crashes, "not made"), (_keeps, "broken")],
)
def test_a_stated_breach_is_no_fault_unless_the_promise_is_kept(check, status) -> None:
    (verdict,) = judge([Check("low", "flies high", check)], ModelSubject(spec=DAEDALUS))

    assert verdict.status == status
    assert ("states a breach" in verdict.reason) is True


def test_what_is_not_stated_is_judged_as_ever() -> None:
    (verdict,) = judge([Check("far", "goes far", _breaks)], ModelSubject(spec=DAEDALUS))

    assert verdict.status == "broken"


def test_a_model_that_cannot_run_here_makes_no_promise() -> None:
    (verdict,) = judge([Check("far", "goes far", _breaks)], ModelSubject(spec=ICARUS))

    assert verdict.status == "not made"
    assert verdict.reason == unavailable(ICARUS)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"requires": "numpy"}, "requires is 'numpy'"),
        ({"requires": (3,)}, "requires is (3,)"),
        ({"install": None}, "install is None"),
        ({"known_breaches": ["low"]}, "known_breaches is ['low']"),
        ({"known_breaches": {"low": 3}}, "known_breaches is {'low': 3}"),
    ],
)
def test_faulty_fields_are_named(values: dict[str, Any], says: str) -> None:
    assert says in model_fault(spec("kite", **values))
