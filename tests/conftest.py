"""Settings all tests share."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Threads that spin while they wait make a busy machine many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A page after each of hundreds of runs would take a minute; its own tests switch it on.
os.environ["BENCHBOX_REPORT"] = "off"

# For planted models that remember other trials: the same in trials of this process, and
# another in tests that run beside it.
os.environ["BENCHBOX_TESTS_RUN"] = f"{os.getuid()}-{os.getpid()}"

# Trials in processes of their own import `tests.support`, too. Last on the path, so
# that benchbox is always the installed one, never the folder beside the tests.
sys.path.append(str(Path(__file__).parents[1]))

from benchbox.machine import n_usable_cpus
from tests.support.commands import MEASURED, start_zygotes_of
from tests.support.commands import benchbox as benchbox
from tests.support.commands import lender as lender
from tests.support.compiled import share_compiled
from tests.support.nursery import fork_zygotes

if "COVERAGE_PROCESS_CONFIG" in os.environ:
    start_zygotes_of(MEASURED)

fork_zygotes()


@pytest.fixture(autouse=True, scope="session")
def forks_measured() -> Iterator[None]:
    """Count the lines that forked processes run as covered by the tests, if any are."""
    if "COVERAGE_PROCESS_CONFIG" not in os.environ:
        yield
        return
    from tests.support.measured import add_forks, count_forks, noted_in

    noted_in().mkdir(parents=True, exist_ok=True)
    count_forks()
    yield
    add_forks(noted_in())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one more than there are processors, as tests wait for their trials."""
    return n_usable_cpus() + 1


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()
    # Before tests are imported: numba looks for what is compiled as it meets a kernel.
    share_compiled(Path(config.cache.mkdir("compiled")), pytest.MonkeyPatch())


def pytest_collection_finish() -> None:
    # Thousands of tests live to the end. Collections would walk them for a third of a
    # second each time, and every forked process would copy them by doing so.
    gc.freeze()
    gc.set_threshold(2000, 20, 50)
    gc.enable()


@pytest.fixture(autouse=True)
def planted_packages_forgotten(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Unload what a test imported from its own folder, and forget the folder.

    The next test that plants a package of that name would get this one's, and one with
    another path needs another zygote.
    """
    loaded, path = {*sys.modules}, [*sys.path]
    yield
    sys.path[:] = path
    root = str(tmp_path_factory.getbasetemp())
    for name in {*sys.modules} - loaded:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(root):
            del sys.modules[name]


# A slow machine is no failure. Few examples for every change: `tox -e slow` tries more.
settings.register_profile("benchbox", deadline=None, max_examples=50)
settings.register_profile("slow", settings.get_profile("benchbox"), max_examples=1000)
settings.load_profile("benchbox")
