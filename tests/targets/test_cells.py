"""Classes of a notebook: their source, with all it needs, as a file of its own."""

import linecache
import sys
from types import ModuleType

import numpy as np
import pytest

from benchbox.errors import PluginError
from benchbox.targets import resolve, target_of_class


class Notebook:
    """Stands in for a kernel: each cell is compiled under a name of its own."""

    def __init__(self) -> None:
        self.main = ModuleType("__main__")

    def run(self, cell: str) -> None:
        name = f"<cell {len(linecache.cache)}>"
        linecache.cache[name] = (len(cell), None, cell.splitlines(True), name)
        exec(compile(cell, name, "exec"), vars(self.main))

    def __getitem__(self, name: str):
        return vars(self.main)[name]


@pytest.fixture
def notebook(monkeypatch) -> Notebook:
    found = Notebook()
    monkeypatch.setitem(sys.modules, "__main__", found.main)
    return found


MODEL = '''
class Mine(Base):
    """A model."""

    def __init__(self, weight: float = HALF):
        self.weight = weight

    def predict(self, history, users, items):
        return half(np.asarray(items) * self.weight) + len(users)
'''


def test_a_class_comes_with_imports_constants_and_what_other_cells_define(
    notebook, tmp_path
) -> None:
    notebook.run("import numpy as np\nfrom math import sqrt\nHALF = 0.5\nUNUSED = [1]")
    notebook.run("def half(x):\n    return x * sqrt(HALF ** 2)")
    notebook.run("class Base:\n    def fit(self, train, context):\n        pass")
    notebook.run(f"# A comment.\n{MODEL}\nhidden = np.zeros(3)")

    target = target_of_class(notebook["Mine"], tmp_path)
    mine = resolve(target)(weight=1.0)

    assert mine.predict(None, [1], [2, 4]).tolist() == [2.0, 3.0]
    text = (tmp_path / target.rpartition(":")[0]).read_text()
    assert "UNUSED" not in text
    assert "hidden" not in text


def test_another_source_gets_another_file_and_the_same_the_same(
    notebook, tmp_path
) -> None:
    targets = []
    for value in (1, 2, 1):
        notebook.run(f"class A:\n    def fit(self): return {value}")
        targets.append(target_of_class(notebook["A"], tmp_path))

    assert targets[0] == targets[2] != targets[1]


def test_functions_may_name_each_other_and_classes_have_a_second_name(
    notebook, tmp_path
) -> None:
    notebook.run(
        "def even(n): return n == 0 or odd(n - 1)\n"
        "def odd(n): return n > 0 and even(n - 1)\n"
        "class Base:\n    def fit(self): return even(4)\n"
        "Other = Base"
    )
    notebook.run("class A(Other):\n    def g(self): return 1")

    assert resolve(target_of_class(notebook["A"], tmp_path))().fit() is True


def test_values_that_are_no_constants_do_not_come_along(notebook, tmp_path) -> None:
    notebook.main.truth = np.arange(3)
    notebook.main.long = list(range(1000))
    for name in ("truth", "long"):
        notebook.run(f"class A:\n    def fit(self): return {name}")
        with pytest.raises(PluginError, match=f"A uses '{name}' of the notebook"):
            target_of_class(notebook["A"], tmp_path)


def test_a_class_without_a_source_is_refused_with_what_to_do(notebook, tmp_path):
    vars(notebook.main)["A"] = type("A", (), {"__module__": "__main__"})

    with pytest.raises(PluginError, match=r"in a notebook cell or in a file"):
        target_of_class(notebook["A"], tmp_path)


def test_a_class_within_a_function_is_refused(tmp_path) -> None:
    class Inner:
        pass

    with pytest.raises(PluginError, match="top level"):
        target_of_class(Inner, tmp_path)


def test_a_class_of_a_module_is_named_by_its_file(tmp_path) -> None:
    assert target_of_class(Notebook, tmp_path) == f"{__file__}:Notebook"
