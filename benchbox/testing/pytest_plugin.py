"""Plugin for pytest: a fixture that runs trials under pytest-benchmark.

It is loaded whenever pytest starts, so it imports benchbox only when it is used.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from benchbox.records import TrialRecord
    from benchbox.testing.benchmark import Measurer


class _Clock:
    """A timer that advances only by the times that the trials measured."""

    __name__ = "seconds of fit and predict, each synchronised"

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


_CLOCK = pytest.StashKey[_Clock]()
_FINGERPRINT = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Set the timer of tests that use ``benchbox_trial``."""
    if "benchbox_trial" in getattr(item, "fixturenames", ()):
        clock = item.stash[_CLOCK] = _Clock()
        stated = item.get_closest_marker("benchmark")
        options = dict(stated.kwargs) if stated else {}
        marker = pytest.mark.benchmark(**{**options, "timer": clock})
        item.add_marker(marker, append=False)


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(
    config: pytest.Config, machine_info: dict[str, Any]
) -> None:
    """Add the fingerprint of the machine, which `benchbox compare` reads."""
    if _FINGERPRINT in config.stash:
        machine_info["benchbox_fingerprint"] = config.stash[_FINGERPRINT]


@pytest.fixture(scope="session")
def _benchbox_measurer() -> "Iterator[Measurer]":
    from benchbox.testing.benchmark import Measurer

    with Measurer() as measurer:
        yield measurer


@pytest.fixture
def benchbox_trial(
    request: pytest.FixtureRequest, benchmark: Any, _benchbox_measurer: "Measurer"
) -> "Callable[..., list[list[TrialRecord]]]":
    """Run trials of a model under pytest-benchmark: `benchbox_trial(model, ...)`.

    The time of a round is that of fit and predict, measured in a separate process
    that waits for threads and accelerators. RMSE, MAE, MAPE, coverage, memory and the
    machine's fingerprint go into ``extra_info``, with one value per round.

    Args of the callable:
        model: As on the command line: ``"biased-mf:n_factors=8"``, ``"file.py:Class"``.
        dataset: As on the command line; by default ``"ml-100k"``.
        protocol: As on the command line; by default the data set's own.
        folds: Names of folds, separated by commas; by default the data set's own.
        rounds: Number of fits, each with its own seed. `benchbox compare` needs six
            for a verdict on times.
        at_most: Upper bounds by figure: a metric, ``seconds``, ``peak_memory_bytes``
            or ``n_parameters``. The test fails if the mean over rounds is higher.
        at_least: Lower bounds by figure, such as ``coverage``.
        settings: Other settings of a run, such as ``threads=1`` or ``device="cpu"``.

    The callable returns the trials' records: for each round a list, one per fold.
    """

    def run(
        model: str,
        *,
        dataset: str = "ml-100k",
        protocol: str = "",
        folds: str = "",
        rounds: int = 6,
        at_most: Mapping[str, float] | None = None,
        at_least: Mapping[str, float] | None = None,
        **settings: Any,
    ) -> "list[list[TrialRecord]]":
        from benchbox.errors import BenchboxError

        chosen = {"datasets": (dataset,), **settings}
        chosen |= {"protocols": (protocol,)} if protocol else {}
        chosen |= {"folds": folds} if folds else {}
        # With --benchmark-disable one fit shows that it works.
        n = rounds if benchmark.enabled else 1
        try:
            measured = _benchbox_measurer.measure(model, n, chosen)
            if measured.failure:
                pytest.fail(measured.failure, pytrace=False)
            missed = measured.missed(at_most or {}, at_least or {})
        except BenchboxError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        request.config.stash[_FINGERPRINT] = measured.fingerprint
        benchmark.extra_info.update(measured.extra_info())
        _replay(benchmark, request.node.stash[_CLOCK], measured.seconds)
        if missed:
            pytest.fail(missed, pytrace=False)
        return measured.rounds

    return run


def _replay(benchmark: Any, clock: _Clock, seconds: list[float]) -> None:
    """Report the times of finished rounds to pytest-benchmark."""
    left = iter(seconds)

    def run_round() -> None:
        # With --benchmark-cprofile it is called once more.
        clock.seconds += next(left, 0.0)

    benchmark.pedantic(run_round, rounds=len(seconds))
