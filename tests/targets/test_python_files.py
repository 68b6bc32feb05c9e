"""Files named by their path: they find their neighbours, and count with them."""

import os
import sys
from pathlib import Path

import pytest

from benchbox.errors import PluginError
from benchbox.targets import file_of, files_of, load_file, source_digest


def write(folder: Path, **texts: str) -> Path:
    """Write ``name.py`` for each text; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_a_file_finds_the_files_beside_it(tmp_path: Path) -> None:
    write(
        tmp_path, beside_of_mine="FACTOR = 3\n", mine="from beside_of_mine import *\n"
    )

    assert load_file(tmp_path / "mine.py").FACTOR == 3


def test_a_file_belongs_to_its_package(tmp_path: Path) -> None:
    sub = write(
        tmp_path / "pkg_a" / "sub",
        __init__="",
        near="X = 4\n",
        mine="from .near import X\nfrom pkg_a.sub import near\n",
    )
    write(tmp_path / "pkg_a", __init__="")

    module = load_file(sub / "mine.py")

    assert (module.X, module.__name__) == (4, "pkg_a.sub.mine")


def test_another_package_of_that_name_is_not_taken_for_its_own(tmp_path: Path) -> None:
    mine = write(tmp_path / "email", __init__="", mine="X = 5\n") / "mine.py"

    module = load_file(mine)

    assert module.X == 5
    assert module.__name__.startswith("benchbox_file_mine_")


def test_a_neighbour_does_not_replace_a_module_of_python(tmp_path: Path) -> None:
    write(
        tmp_path,
        colorsys="raise SystemExit\n",
        mine="import colorsys\nX = colorsys.rgb_to_hsv(0, 0, 0)\n",
    )

    assert load_file(tmp_path / "mine.py").X == (0, 0, 0)


@pytest.mark.parametrize("text", ["X = 1\n", "raise ValueError\n"])
def test_the_search_path_is_as_before(tmp_path: Path, text: str) -> None:
    before, loaded = [*sys.path], {*sys.modules}

    try:
        load_file(write(tmp_path, mine=text) / "mine.py")
    except ValueError:
        assert {*sys.modules} == loaded

    assert sys.path == before


def test_a_file_runs_again_only_if_it_has_changed(tmp_path: Path) -> None:
    file = write(tmp_path, mine="X = []\n") / "mine.py"
    first = load_file(file)

    assert load_file(file) is first

    file.write_text("X = [1, 2]\n")

    assert load_file(file).X == [1, 2]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="There is no Python file"):
        load_file(tmp_path / "mine.py")


def test_the_files_beside_a_file_that_it_imports_count_with_it(tmp_path: Path) -> None:
    package = write(tmp_path / "parts", __init__="", deep="import second\n")
    write(
        tmp_path,
        mine="def f():\n    from parts import deep\n",
        second="import numpy, random, mine, nowhere\n",
        random="",
        other="",
        benchbox="",
    )

    found = files_of(tmp_path / "mine.py")

    assert found == [
        tmp_path / "mine.py",
        package / "__init__.py",
        package / "deep.py",
        tmp_path / "second.py",
    ]


def test_relative_imports_count_too(tmp_path: Path) -> None:
    sub = write(
        tmp_path / "pkg_b" / "sub",
        __init__="",
        mine="from . import near\nfrom ..up import x\n",
        near="",
    )
    up = write(tmp_path / "pkg_b", __init__="", up="")

    assert set(files_of(sub / "mine.py")[1:]) == {
        sub / "__init__.py",
        sub / "near.py",
        up / "__init__.py",
        up / "up.py",
    }


def test_the_digest_of_a_file_follows_its_neighbours(tmp_path: Path) -> None:
    target = f"{write(tmp_path, mine='import near_by', near_by='X = 1')}/mine.py:M"
    before = source_digest(target)

    write(tmp_path, unrelated="X = 1\n")
    assert source_digest(target) == before

    write(tmp_path, near_by="X = 2\n")
    assert source_digest(target) != before


@pytest.mark.parametrize("text", ["def (:\n", "\0", "[" * 5000])
def test_a_file_that_is_no_python_has_no_others(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text)

    assert files_of(file) == [file]


def test_a_target_names_a_file_or_a_module() -> None:
    assert file_of("/a/b.py:C") == Path("/a/b.py")
    assert file_of("a.b:C") is None


def test_a_change_within_a_second_to_a_text_as_long_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    file = tmp_path / "quick.py"
    second = 1_700_000_000 * 10**9
    for place, text in enumerate(("N = 1\n", "N = 2\n")):
        file.write_text(text)
        os.utime(file, ns=(second + place, second + place))

        assert place + 1 == load_file(file).N
