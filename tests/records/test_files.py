"""Files: what may have been planted is not followed, and what is locked is removed."""

import os
from pathlib import Path

import pytest

from benchbox.records.files import read_regular, remove_tree


def test_a_regular_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")

    assert read_regular(file, 5) == b"12345"
    with pytest.raises(OSError, match="has 5 bytes; 4 are expected at most"):
        read_regular(file, 4)


def test_links_pipes_and_folders_are_refused_without_waiting(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")

    for name in ("link", "pipe", "."):
        with pytest.raises(OSError, match=r"regular|symbolic"):
            read_regular(tmp_path / name, 100)


def test_a_tree_that_was_locked_is_removed_and_no_link_is_followed(
    tmp_path: Path,
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "kept").write_text("")
    tree = tmp_path / "tree"
    (tree / "inner").mkdir(parents=True)
    (tree / "inner" / "file").write_text("")
    (tree / "link").symlink_to(other)
    (tree / "inner" / "file").chmod(0o444)
    (tree / "inner").chmod(0o555)
    tree.chmod(0o555)

    remove_tree(tree)
    remove_tree(tmp_path / "absent")

    assert not tree.exists()
    assert (other / "kept").exists()
