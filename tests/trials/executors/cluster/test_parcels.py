"""Parcels: what is packed is unpacked, and nothing lands elsewhere."""

from pathlib import Path

import numpy as np
import pytest

from benchbox.errors import ModelError
from benchbox.targets import resolve
from benchbox.trials.executors.cluster.parcels import (
    packed,
    packed_code,
    unpack,
    within_folder,
    within_parcel,
)


def test_a_folder_arrives_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a" / "inner").mkdir(parents=True)
    (tmp_path / "a" / "one").write_bytes(b"1" * 70_000)
    (tmp_path / "a" / "inner" / "empty").write_bytes(b"")

    parcel = packed(tmp_path / "a")
    unpack(parcel, tmp_path / "b")

    assert sorted(parcel) == ["inner/empty", "one"]
    assert (tmp_path / "b" / "one").read_bytes() == b"1" * 70_000
    assert (tmp_path / "b" / "inner" / "empty").read_bytes() == b""


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "link").symlink_to("/etc/passwd")

    with pytest.raises(OSError, match=r"link|symbolic"):
        packed(tmp_path / "a")


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out"])
def test_no_file_lands_outside_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="leads elsewhere"):
        unpack({name: np.zeros(1, np.uint8)}, tmp_path / "b")

    assert not (tmp_path / "out").exists()


def test_a_file_with_a_class_comes_with_what_it_imports(tmp_path: Path) -> None:
    package = tmp_path / "here" / "mine"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text("ANSWER = 42\n")
    (package / "model.py").write_text(
        "from mine.parts import ANSWER\n\n\nclass Model:\n    answer = ANSWER\n"
    )
    (package / "unrelated.txt").write_text("")
    target = f"{package / 'model.py'}:Model"

    unpack(packed_code(target), tmp_path / "there")
    there = within_folder(within_parcel(target), tmp_path / "there")

    assert there == f"{tmp_path / 'there' / 'mine' / 'model.py'}:Model"
    assert resolve(there).answer == 42
    assert not (tmp_path / "there" / "mine" / "unrelated.txt").exists()


def test_a_class_of_a_module_needs_no_parcel() -> None:
    target = "benchbox.options:NoOptions"

    assert packed_code(target) == {}
    assert within_folder(within_parcel(target), Path("/there")) == target
