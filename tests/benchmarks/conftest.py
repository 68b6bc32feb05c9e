"""What benchmarks share: the device to measure, its peaks, and a ledger of figures."""

from collections.abc import Iterator

import pytest
import torch

from tests.benchmarks.clocks import two_threads
from tests.benchmarks.ledger import Ledger
from tests.benchmarks.work import Peaks, measure_peaks

_LEDGER = pytest.StashKey[Ledger]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--device",
        choices=("cpu", "cuda"),
        default="cpu",
        help="Where the autoencoders' benchmarks train.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEDGER] = Ledger()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if text := config.stash[_LEDGER].render():
        terminalreporter.section("figures")
        terminalreporter.write_line(text)


@pytest.fixture(scope="session")
def ledger(pytestconfig: pytest.Config) -> Ledger:
    return pytestconfig.stash[_LEDGER]


@pytest.fixture(scope="session")
def device(pytestconfig: pytest.Config) -> str:
    chosen: str = pytestconfig.getoption("device")
    if chosen == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device")
    return chosen


@pytest.fixture(scope="session")
def peaks(device: str, ledger: Ledger) -> Peaks:
    peaks = measure_peaks(device)
    figures = {
        f"float32 GFLOP/s at {name!r}": flops / 1e9
        for name, flops in peaks.flops.items()
    }
    where = torch.cuda.get_device_name() if device == "cuda" else device
    ledger.note(
        "Peaks measured", {"device": where, **figures, "GB/s": peaks.bytes / 1e9}
    )
    return peaks


@pytest.fixture
def threads() -> Iterator[None]:
    with two_threads():
        yield
