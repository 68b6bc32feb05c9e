"""Every model's code for accelerators, on a machine that need not have one.

First on fakes, which have no values: no step waits or mixes devices, and launches are
counted. Then on a device with the memory of the host: predictions are the CPU's.
"""

import pytest

from tests.support import device_checks
from tests.support.device_checks import CASES, ROUTES, on_accelerators
from tests.support.device_checks import loom_process as loom_process
from tests.support.fake_device import HiddenWaitError, MixedDevicesError

EVERY = [
    pytest.param(case, route, id=f"{case}-{route}" if route else case)
    for case, (model, _) in CASES.items()
    for route in (("sparse", "dense") if model in ROUTES else ("",))
]
# These draw the order of ratings, or from the posterior, otherwise than on the CPU.
DRAWING = ("factors", "perceptron", "posterior")
STEPPING = [case for case in EVERY if case.values[0] in ("stacked", "factors")]

LAUNCHES = {
    "user": 31,
    "item": 31,
    "linear": 64,
    "curved": 31,
    "described": 36,
    "stacked": 61,
    "tied": 125,
    "refed": 119,
    "factors": 56,
    "perceptron": 54,
}
"""Operations in a step, at most. The host launches each, and takes some 5 µs for it."""

READS = {"factors": 5, "perceptron": 5, "squares": 6, "posterior": 14}
"""Reads of the device in two epochs. Autoencoders read the loss, the predictions of the
validation ratings, and once the rated columns: 5. Every model reads the predictions
once more for their shrinkage."""


def test_every_model_for_accelerators_is_checked() -> None:
    assert {model for model, _ in CASES.values()} == on_accelerators()


@pytest.mark.parametrize(("case", "route"), EVERY)
def test_no_step_waits_or_mixes_devices_or_launches_more_than_before(
    case: str, route: str, loom_process
) -> None:
    steps, in_fit, in_predict = loom_process(device_checks.launches, case, route)

    # The first step of an epoch prepares the others.
    assert steps[-1:] <= [LAUNCHES.get(case, 0)]
    assert in_fit <= READS.get(case, 6)
    assert in_predict == 1


@pytest.mark.parametrize(("case", "route"), EVERY)
def test_predictions_are_those_of_the_cpu(case: str, route: str, loom_process) -> None:
    other = "same code" if case in DRAWING else "own code"
    gap = loom_process(device_checks.largest_gap, case, route, other)

    assert gap == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("case", ["user", "linear"])
def test_noise_and_dropout_are_those_of_the_same_code_on_the_cpu(
    case: str, loom_process
) -> None:
    gap = loom_process(device_checks.largest_gap, case, "sparse", "same code")

    assert gap == pytest.approx(0, abs=1e-5)


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
        loom_process(device_checks.launches, case, route, fault)
