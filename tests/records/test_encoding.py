"""Encoding: what was written is read, and what was changed since is refused."""

import json
import os
from pathlib import Path

import msgspec
import pytest

from benchbox.errors import ResultsError
from benchbox.records import encoding
from benchbox.records.encoding import decoded, encoded
from benchbox.records.run import RESULT_FORMAT


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


def test_a_change_is_refused_and_said_how_to_read_it_still(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    content = json.loads(encoded(Odd(numbers={})))
    content["options"]["none"] = 0
    file.write_text(json.dumps(content))

    with pytest.raises(ResultsError, match=r'was changed .* remove its "digest"'):
        decoded(file, Odd)

    del content["digest"]
    file.write_text(json.dumps(content))
    assert decoded(file, Odd).options["none"] == 0


def test_a_pipe_is_not_waited_for_and_a_huge_file_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "_MOST_BYTES", 100)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge").write_bytes(bytes(101))

    for name in ("pipe", "huge"):
        with pytest.raises(ResultsError, match="no file, or far too large"):
            encoding.read_whole(tmp_path / name)
