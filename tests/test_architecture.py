"""The house: who may import whom, and what listing must not load."""

import subprocess
import sys
from pathlib import Path

import pytest

import benchbox

CORE = Path(benchbox.__file__).parent

HEAVY = {"torch", "pandas", "scipy", "pyarrow", "ray", "requests", "pooch", "rich"} | {
    "altair",
    "jinja2",
    "vl_convert",
}


def loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


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


def test_every_command_prints_what_others_wrote_through_one_function() -> None:
    """Otherwise names and reasons could steer the terminal."""
    for file in (CORE / "cli").glob("*.py"):
        if file.stem != "common":
            assert "click.echo" not in file.read_text(), file
            assert " print(" not in file.read_text(), file


def test_every_public_name_is_documented() -> None:
    assert len(benchbox.__all__) <= 25
    for name in benchbox.__all__:
        assert getattr(benchbox, name).__doc__, name


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        benchbox.Nonsense  # noqa: B018
