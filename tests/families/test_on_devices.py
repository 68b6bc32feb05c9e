"""Every model's code for accelerators, on a machine that need not have one.

First on fakes, which have no values: no step waits or mixes devices, and launches are
counted. Then on a device with the memory of the host: predictions are the CPU's.
"""

from collections.abc import Container
from pathlib import Path

import pytest
import torchgen
from _pytest.mark import ParameterSet

from tests.support import device_checks
from tests.support.device_checks import CASES, ROUTES, on_accelerators
from tests.support.device_checks import loom_process as loom_process
from tests.support.fake_device import HiddenWaitError, MixedDevicesError

DENSE = ("user", "tied", "rounded")
"""Cases whose dense route is checked on every change, too; routes differ by little."""

PREDICTED = {*CASES} - {"item", "linear", "curved", "stacked", "refed", "rounded"}
"""Cases whose predictions are compared on every change."""


def cases(*, often: Container[str] = CASES) -> list[ParameterSet]:
    """Return all cases and routes; all but those of *often* are slow tests."""
    return [
        pytest.param(
            case,
            route,
            id=f"{case}-{route}" if route else case,
            marks=()
            if case in often and (route != "dense" or case in DENSE)
            else pytest.mark.slow,
        )
        for case, (model, _) in CASES.items()
        for route in (("sparse", "dense") if model in ROUTES else ("",))
    ]


EVERY = cases()
# These draw the order of ratings, or from the posterior, otherwise than on the CPU.
DRAWING = ("factors", "all rows", "adagrad", "perceptron", "posterior")
STEPPING = [case for case in EVERY if case.values[0] in ("stacked", "factors")]

LAUNCHES = {
    "user": 31,
    "item": 31,
    "linear": 64,
    "curved": 31,
    "described": 36,
    "stacked": 61,
    "tied": 125,
    "rounded": 90,
    "refed": 119,
    "factors": 123,
    "all rows": 56,
    "adagrad": 110,
    "perceptron": 136,
    "kernels": 409,
    "convolved": 470,
}
"""Operations in a step, at most. The host launches each, and takes some 5 µs for it."""

READS = {
    "factors": 5,
    "all rows": 5,
    "adagrad": 5,
    "perceptron": 5,
    "posterior": 14,
    "kernels": 7,
    "convolved": 10,
}
"""Reads of the device in a fit of two epochs, at most; 6 in other cases. All read their
predictions of validation ratings at the end, to see how far to shrink them. Models
with kernels read the mean too, and a global one the ratings, to find neighbours."""


def test_every_model_for_accelerators_is_checked() -> None:
    assert {model for model, _ in CASES.values()} == on_accelerators()


@pytest.mark.parametrize(("case", "route"), EVERY)
def test_no_step_waits_or_mixes_devices_or_launches_more_than_before(
    case: str, route: str, loom_process
) -> None:
    asked = loom_process(device_checks.asked, case, route)

    # The first step of an epoch prepares the others.
    assert asked.launches[-1:] <= [LAUNCHES.get(case, 0)]
    assert asked.fit_reads <= READS.get(case, 6)
    assert asked.predict_reads == 1


@pytest.mark.slow
def test_torch_has_all_these_operations_for_mps(loom_process) -> None:
    yaml = pytest.importorskip("yaml")
    text = Path(torchgen.__file__).with_name("packaged") / "ATen/native"
    listed = yaml.safe_load((text / "native_functions.yaml").read_text())
    kernels = {entry["func"].partition("(")[0]: entry for entry in listed}

    def runs(name: str) -> bool:
        entry = kernels[name]
        if "structured_delegate" in entry:
            return runs(entry["structured_delegate"])
        # Without a list it is composed of others.
        where = ",".join(entry.get("dispatch", ["Composite"]))
        return "MPS" in where or "Composite" in where

    used = {
        operation.removeprefix("aten.")
        for case in EVERY
        for operation in loom_process(device_checks.asked, *case.values).operations
    }

    assert len(used) > 70
    assert {
        name
        for name in used
        if not any(runs(kernel) for kernel in kernels if kernel.split(".")[0] == name)
    } == set()


@pytest.mark.parametrize(("case", "route"), cases(often=PREDICTED))
def test_predictions_are_those_of_the_cpu(case: str, route: str, loom_process) -> None:
    other = "same code" if case in DRAWING else "own code"
    gap = loom_process(device_checks.largest_gap, case, route, other)

    assert gap == pytest.approx(0, abs=2e-4)


@pytest.mark.parametrize("case", ["user", "linear"])
def test_noise_and_dropout_are_those_of_the_same_code_on_the_cpu(
    case: str, loom_process
) -> None:
    gap = loom_process(device_checks.largest_gap, case, "sparse", "same code")

    assert gap == pytest.approx(0, abs=2e-4)


@pytest.mark.parametrize(("case", "route"), STEPPING)
@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        ("a value is read", HiddenWaitError, "_local_scalar_dense.* within a step"),
        ("values are counted", HiddenWaitError, "aten.nonzero.* waits"),
        ("values are copied to the host", HiddenWaitError, "_to_copy.* waits"),
        ("values are copied from the host", HiddenWaitError, "_to_copy.* copies to"),
        ("an index is on the CPU", MixedDevicesError, "aten.index.Tensor"),
        ("an operand is on the CPU", MixedDevicesError, "aten.add.Tensor"),
    ],
)
def test_a_step_that_does_what_it_must_not_is_found(
    fault: str, error: type[Exception], text: str, case: str, route: str, loom_process
) -> None:
    with pytest.raises(error, match=text):
        loom_process(device_checks.asked, case, route, fault)
