"""The house: who may import whom, and what listing must not load."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import pytest

import benchbox

CORE = Path(benchbox.__file__).parent

# Each module may import those above it, and nothing below.
ORDER = [
    "version",
    "errors",
    "seeding",
    "parallel",
    "ratings",
    "features",
    "states",
    "options",
    "search",
    "metrics",
    "breakdown",
    "readings",
    "reference",
    "protocols",
    "flawed",
    "audit",
    "models",
    "training",
    "indexing",
    "slices",
    "fields",
    "plain",
    "tables",
    "columns",
    "cache",
    "digests",
    "sources",
    "cards",
    "readers",
    "own_files",
    "handover",
    "memo",
    "data",
    "claims",
    "suites",
    "formats",
    "hookspecs",
    "targets",
    "plugins",
    "timing",
    "nvml",
    "environment",
    "contention",
    "gauges",
    "disturbances",
    "conditions",
    "trial",
    "executors",
    "records",
    "results",
    "kept",
    "firstuse",
    "plan",
    "runner",
    "tuning",
    "events",
    "statistics",
    "analysis",
    "costs",
    "reports",
    "compare",
    "testing",
    "cli",
    "measured",
    "pytest_plugin",
]

HEAVY = {"torch", "pandas", "scipy", "pyarrow", "ray", "requests", "pooch", "rich"}


def imports(file: Path, *, top_level_only: bool = False) -> Iterator[str]:
    tree = ast.parse(file.read_text())
    if file.name == "hookspecs.py":
        # The signatures of hooks name types from all over the house.
        tree.body = [node for node in tree.body if not isinstance(node, ast.If)]
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "benchbox":
                yield from (f"benchbox.{alias.name}" for alias in node.names)
            else:
                yield node.module


def modules() -> list[Path]:
    return sorted(f for f in CORE.rglob("*.py") if f != CORE / "__init__.py")


def place(file: Path) -> str:
    return file.relative_to(CORE).parts[0].removesuffix(".py")


def loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_every_module_of_the_core_has_its_place_in_the_order() -> None:
    assert {place(file) for file in modules()} == set(ORDER)


@pytest.mark.parametrize(
    "file", modules(), ids=lambda file: str(file.relative_to(CORE))
)
def test_a_module_imports_only_modules_above_it(file: Path) -> None:
    allowed = {*ORDER[: ORDER.index(place(file)) + 1]}

    used = {
        name.split(".")[1] for name in imports(file) if name.startswith("benchbox.")
    }

    assert used <= allowed


@pytest.mark.parametrize(
    "file", modules(), ids=lambda file: str(file.relative_to(CORE))
)
def test_no_module_of_the_core_imports_a_plugin_package(file: Path) -> None:
    assert not [name for name in imports(file) if name.startswith("benchbox_")]


def test_plugin_families_import_nothing_of_each_other() -> None:
    points = entry_points(group="benchbox")
    names = {p.value for p in points if p.dist and p.dist.name == "benchbox-recsys"}
    assert len(names) == 5
    for name in names:
        package = Path(str(files(name)))
        for file in package.rglob("*.py"):
            for used in imports(file):
                if used.startswith("benchbox_"):
                    assert used.partition(".")[0] == name, (file, used)


def test_importing_benchbox_loads_nothing_heavy() -> None:
    loaded = loaded_by("import benchbox")

    assert not loaded & (HEAVY | {"numpy", "msgspec", "click"})


def test_help_loads_neither_numpy_nor_anything_heavy() -> None:
    loaded = loaded_by(
        "from benchbox.cli import main\nimport contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()): main(['--help'])"
    )

    assert not loaded & (HEAVY | {"numpy"})


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["data", "path"]])
def test_listing_loads_nothing_heavy(arguments: list[str]) -> None:
    loaded = loaded_by(
        "from benchbox.cli import main\nimport contextlib, io\n"
        f"with contextlib.redirect_stdout(io.StringIO()): main({arguments})"
    )

    assert not loaded & HEAVY


def test_every_command_looks_for_plugins_through_the_switches() -> None:
    """Otherwise `--without` would be accepted and ignored."""
    for file in (CORE / "cli").glob("*.py"):
        if file.stem != "installed":
            assert "discover" not in file.read_text(), file


def test_every_public_name_is_documented() -> None:
    assert len(benchbox.__all__) <= 20
    for name in benchbox.__all__:
        assert getattr(benchbox, name).__doc__, name


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        benchbox.Nonsense  # noqa: B018
