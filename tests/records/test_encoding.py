"""Encoding: what was written is read, and what was changed since is refused."""

import json
import os
from pathlib import Path

import msgspec
import pytest

from benchbox.errors import ResultsError
from benchbox.records import encoding
from benchbox.records.encoding import decoded, encoded, file_hash
from benchbox.records.run import RESULT_FORMAT
from benchbox.records.upgrades import OLDEST_FORMAT, upgraded


class Odd(msgspec.Struct):
    format: int = RESULT_FORMAT
    numbers: dict[int, float | None] = {}
    options: dict[str, object] = msgspec.field(
        default_factory=lambda: {"tuple": (1, 2.5), "none": None, "text": "ä\x1b"}
    )


def test_values_that_json_knows_otherwise_keep_their_digest(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_bytes(encoded(Odd(numbers={10: float("nan"), 9: -0.0, 8: 1e300})))

    assert decoded(file, Odd).numbers == {10: None, 9: 0.0, 8: 1e300}


def test_another_layout_of_the_same_content_is_no_change(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    content = json.loads(encoded(Odd(numbers={})))
    file.write_text(json.dumps(dict(reversed(content.items())), indent=4))

    assert decoded(file, Odd).numbers == {}


def test_a_change_is_refused_with_and_without_the_digest(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    content = json.loads(encoded(Odd(numbers={})))
    content["options"]["none"] = 0
    file.write_text(json.dumps(content))

    with pytest.raises(ResultsError, match="was changed since benchbox wrote it"):
        decoded(file, Odd)

    del content["digest"]
    file.write_text(json.dumps(content))
    with pytest.raises(ResultsError, match="has lost its digest"):
        decoded(file, Odd)


def test_a_record_of_format_1_may_lack_a_digest_and_keeps_its_format(
    tmp_path: Path,
) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps({"format": 1, "numbers": {"1": 2.0}}))

    assert decoded(file, Odd) == Odd(format=1, numbers={1: 2.0})


def test_a_record_is_written_in_the_present_format_whatever_it_was_read_in() -> None:
    assert json.loads(encoded(Odd(format=1)))["format"] == RESULT_FORMAT


def test_every_older_format_has_an_upgrade() -> None:
    content = {"format": OLDEST_FORMAT, "numbers": {}}

    for number in range(OLDEST_FORMAT, RESULT_FORMAT + 1):
        assert upgraded(content, number)["numbers"] == {}


def test_a_file_of_another_hash_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    content = encoded(Odd())
    file.write_bytes(content)

    assert decoded(file, Odd, file_hash(content)).numbers == {}
    with pytest.raises(ResultsError, match="was changed since"):
        decoded(file, Odd, file_hash(b"another"))


def test_a_pipe_is_not_waited_for_and_a_huge_file_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "_MOST_BYTES", 100)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge").write_bytes(bytes(101))

    for name in ("pipe", "huge"):
        with pytest.raises(ResultsError, match="no file, or far too large"):
            encoding.read_whole(tmp_path / name)
