"""Models in files of one's own: what they may import, start and say of themselves."""

import sys
from pathlib import Path

import pytest

from benchbox.trials.confinement import landlock, mounts
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
    if landlock.version() and not mounts.are_possible():
        pytest.skip("confined trials have no shared memory here; see docs/trust.md")
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


MINE = """
import numpy as np

class Base:
    def fit(self, train, context):
        self.mean = train.values.mean()

    def predict(self, history, users, items):
        return np.full(len(users), self.mean)

class Good(Base):
    inductive = True
    search = {"weight": (0.1, 0.9)}

    def __init__(self, weight: float = 0.5):
        self.weight = weight

    def fit(self, train, context):
        super().fit(train, context)
        context.note("weight", self.weight)

class Boom(Base):
    def fit(self, train, context):
        raise ValueError("boom")

class Slip(Base):
    def fit(self, train, context):
        context.report(1.5, 3)

class _Hidden(Base): pass
"""


@pytest.fixture
def mine(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "lacks.py").write_text("import nowhere_at_all\nclass M: pass\n")
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(3)\n")
    (tmp_path / "dies.py").write_text("import os\nos._exit(3)\n")
    (tmp_path / "torn.py").write_text("def (:\n")


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("model", "code", "says"),
    [
        ("mine.py", 2, "Name the class in mine.py too: -m mine.py:Base, -m mine.py:Go"),
        ("mine.py:weight=0.3", 2, "Name the class in mine.py too"),
        ("nowhere.py", 2, "There is no file 'nowhere.py' to load a model from."),
        ("lacks.py", 1, "lacks.py cannot be imported: ModuleNotFoundError: No module"),
        ("mine.py:Good:weight=inf", 2, "cannot take weight=inf: expected a finite num"),
    ],
)
def test_a_file_that_names_no_usable_class_is_one_line(
    benchbox: Benchbox, model: str, code: int, says: str
) -> None:
    done = benchbox(f"{RUN} -m {model}")

    assert done.code == code
    assert says in done.err
    assert "_Hidden" not in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.usefixtures("mine")
def test_a_file_that_cannot_be_imported_costs_its_own_row(benchbox: Benchbox) -> None:
    done = benchbox(
        f"{RUN} -m bias -m lacks.py:M:depth=3 -m leaves.py:M -m torn.py:T -m dies.py:D "
        f"-p new-users -m mine.py:Good"
    )

    reasons = statuses(done)
    assert done.code == 1
    assert reasons["bias"] == reasons["Good"] == "ok"
    assert (
        "No module named 'nowhere_at_all' (lacks.py, line 1)" in (reasons["M:depth=3"])
    )
    assert "SystemExit: 3 (leaves.py, line 2)" in reasons["M"]
    assert "the process ended with exit code 3" in reasons["D"]
    assert "SyntaxError" in reasons["T"]
    assert "torn.py, line 1" in reasons["T"]


@pytest.mark.usefixtures("mine")
def test_the_row_of_a_failed_model_names_file_line_and_log(benchbox: Benchbox) -> None:
    done = benchbox(f"{RUN} -m mine.py:Boom -m mine.py:Slip -m bias")

    line = MINE.splitlines().index('        raise ValueError("boom")') + 1
    assert statuses(done)["Boom"] == f"ValueError: boom (mine.py, line {line})"
    assert "1.5; it must be a whole number (mine.py, line" in statuses(done)["Slip"]
    said = " ".join(done.out.split())
    (log,) = done.folder.path.glob("logs/*Boom*")
    assert f"boom (mine.py, line {line}). Log: logs/{log.name}" in said
    assert "Traceback" in log.read_text()


def test_a_saved_model_imports_its_neighbours_and_gets_its_options(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    (tmp_path / "helper_c.py").write_text("ONE = 1.0\n")
    (tmp_path / "saver.py").write_text(
        "import numpy as np\n"
        "class S:\n"
        "    def __init__(self, layers=(3, 4), act=np.tanh):\n"
        "        assert layers == (5, 6), layers\n"
        "    def fit(self, train, context):\n"
        "        self.m = float(train.values.mean())\n"
        "    def predict(self, history, users, items):\n"
        "        from helper_c import ONE\n"
        "        return np.full(len(users), self.m * ONE)\n"
        "    def state(self):\n        return {'m': self.m}\n"
        "    def restore(self, state):\n        self.m = float(state['m'])\n"
    )
    (tmp_path / "pairs.csv").write_text("user,item\n1,2\n")

    kept = benchbox("fit saver.py:S:layers=5-6 -d svd-toy --out kept --device cpu")
    done = benchbox("predict kept pairs.csv --code saver.py")
    (tmp_path / "helper_c.py").unlink()
    sys.modules.pop("helper_c")
    lost = benchbox("predict kept pairs.csv --code saver.py")

    assert kept.code == 0, kept.err
    assert done.code == 0, done.err
    assert (lost.code, len(lost.err.splitlines())) == (2, 1)
    assert done.out.splitlines()[1].startswith("1,2,3.")


@pytest.mark.usefixtures("mine")
def test_a_model_that_waits_for_ever_is_stopped(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    waits = "\n\nclass Waits(Base):\n    def fit(self, train, context):\n"
    waits += "        __import__('time').sleep(10**6)\n"
    (tmp_path / "mine.py").write_text(MINE + waits)

    done = benchbox(f"{RUN} -m mine.py:Waits -m bias --silence-limit 1")

    assert statuses(done)["bias"] == "ok"
    assert statuses(done)["Waits"] == "said, printed and computed nothing for 1 s"


@pytest.mark.usefixtures("mine")
def test_the_ranges_that_a_class_states_are_searched(benchbox: Benchbox) -> None:
    pytest.importorskip("optuna")

    done = benchbox(
        "tune -m mine.py:Good -d svd-toy --device cpu --seeds 1 --budget-trials 3"
    )

    assert done.code == 0, done.err
    weights = {
        trial.notes["weight"] for trial in done.folder.inner("tuning/m01-Good").trials()
    }
    assert len(weights) == 3


README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_example_of_the_readme_runs_under_new_users(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    _, _, code = README.partition("# my_model.py\n")
    (tmp_path / "my_model.py").write_text(code.partition("```")[0])

    done = benchbox(f"{RUN} -p new-users -p holdout -m my_model.py:MyModel -m bias")

    assert done.code == 0, done.err
    assert {trial.status for trial in done.trials()} == {"ok"}
