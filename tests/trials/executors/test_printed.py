"""Printed: of what a child prints, the beginning and the end are kept."""

import os
from pathlib import Path

from benchbox.records.bounds import MOST_LOG_BYTES
from benchbox.trials.executors.printed import Printed


def print_into(log: Path, *parts: bytes) -> list[str]:
    said: list[str] = []
    with Printed(log, said.append) as printed:
        for part in parts:
            os.write(printed.sink, part)
            printed.read()
    return said


def test_what_is_little_is_kept_whole_after_what_was_there(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"before\n")

    print_into(log, b"one\n", b"two\n")

    assert log.read_bytes() == b"before\none\ntwo\n"


def test_of_what_is_much_the_middle_is_left_out_and_counted(tmp_path: Path) -> None:
    parts = [b"%06d" % number + b"." * 9_994 for number in range(300)]

    print_into(tmp_path / "log", *parts)

    log, whole = (tmp_path / "log").read_bytes(), b"".join(parts)
    head, tail = MOST_LOG_BYTES * 3 // 4, MOST_LOG_BYTES // 4
    assert log.startswith(whole[:head])
    assert log.endswith(whole[-tail:])
    left_out = len(whole) - MOST_LOG_BYTES
    assert f"[benchbox: {left_out:,} bytes are left out here".encode() in log
    assert len(log) < MOST_LOG_BYTES + 200


def test_a_log_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "target").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "folder").mkdir()

    for name in ("pipe", "link", "folder"):
        said = print_into(tmp_path / name, b"one\n", b"two\n")

        assert len(said) == 1
        assert "cannot be written" in said[0]
    assert (tmp_path / "target").read_text() == ""


def test_a_folder_of_logs_that_was_removed_is_made_again(tmp_path: Path) -> None:
    print_into(tmp_path / "gone" / "log", b"one\n")

    assert (tmp_path / "gone" / "log").read_bytes() == b"one\n"
