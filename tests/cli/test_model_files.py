"""Models in files of one's own: what they may import, start and say of themselves."""

from pathlib import Path

import pytest

from tests.support.commands import Benchbox, Done

RUN = "run -d svd-toy --device cpu --seeds 1"

STARTERS = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np

def double(x):
    return 2 * x

class Base:
    def predict(self, history, users, items):
        return np.full(len(users), 3.0)

class Numbers:
    def __init__(self, values):
        self.values = values
    def __len__(self):
        return len(self.values)
    def __getitem__(self, place):
        return double(float(self.values[place]))

class Spawn(Base):
    def fit(self, train, context):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.map(double, [1, 2]) == [2, 4]

class Forkserver(Base):
    def fit(self, train, context):
        with multiprocessing.get_context("forkserver").Pool(1) as pool:
            assert pool.map(double, [1, 2]) == [2, 4]

class Executor(Base):
    def fit(self, train, context):
        context_ = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context_) as pool:
            assert list(pool.map(double, [1, 2])) == [2, 4]

class Loader(Base):
    def fit(self, train, context):
        from torch.utils.data import DataLoader
        loader = DataLoader(
            Numbers(np.array(train.values)), batch_size=8, num_workers=1,
            multiprocessing_context="spawn",
        )
        assert sum(len(batch) for batch in loader) == len(train)
"""


def statuses(done: Done) -> dict[str, str]:
    return {
        name: record.reason or record.status for name, record in done.by_label().items()
    }


def run_starters(benchbox: Benchbox, file: Path, names: list[str]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(STARTERS)
    models = " ".join(f"-m {file}:{name}" for name in names)

    done = benchbox(f"{RUN} {models} --time-limit 300")

    assert statuses(done) == dict.fromkeys(names, "ok")


def test_a_process_that_a_model_starts_finds_what_its_file_defines(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    run_starters(benchbox, tmp_path / "mp.py", ["Spawn"])


@pytest.mark.slow
@pytest.mark.parametrize("place", ["mp.py", "random.py"])
def test_however_a_model_starts_processes_they_find_its_file(
    benchbox: Benchbox, tmp_path: Path, place: str
) -> None:
    names = ["Spawn", "Forkserver", "Executor", "Loader"]
    run_starters(benchbox, tmp_path / place, names)


@pytest.mark.slow
def test_processes_find_a_file_of_a_package(benchbox: Benchbox, tmp_path: Path) -> None:
    (tmp_path / "pkg_of_mine").mkdir()
    (tmp_path / "pkg_of_mine" / "__init__.py").write_text("")
    run_starters(benchbox, tmp_path / "pkg_of_mine" / "models.py", ["Spawn", "Loader"])


def test_a_model_imports_its_neighbours_whenever_it_wants(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    folder = tmp_path / "sub"
    folder.mkdir()
    (folder / "helper_a.py").write_text("FACTOR = 1.0\n")
    (folder / "helper_b.py").write_text("class Helped: pass\n")
    (folder / "model.py").write_text(
        "import numpy as np\nfrom helper_a import FACTOR\n"
        "class M:\n"
        "    def fit(self, train, context):\n"
        "        from helper_b import Helped\n"
        "        self.mean = train.values.mean() * FACTOR\n"
        "    def predict(self, history, users, items):\n"
        "        return np.full(len(users), self.mean)\n"
    )

    done = benchbox(f"{RUN} -m sub/model.py:M")

    assert statuses(done) == {"M": "ok"}
