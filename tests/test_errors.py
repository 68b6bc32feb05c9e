"""Functions that make any text and any error safe to show."""

import errno
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.errors import (
    ResultsError,
    counted,
    error_line,
    one_line,
    os_error_line,
    printable,
    shown,
    writing,
)

any_text = st.text(st.characters(exclude_categories=()))


@given(text=any_text)
def test_one_line_holds_nothing_that_steers_a_terminal(text: str) -> None:
    line = one_line(text)

    assert line.isprintable() or all(c.isprintable() or ord(c) > 0x9F for c in line)
    assert len(line.splitlines()) <= 1
    line.encode()


@given(text=any_text)
def test_json_stays_json_of_the_same_meaning(text: str) -> None:
    encoded = json.dumps([text], ensure_ascii=False, indent=1)

    assert json.loads(printable(encoded)) == [text]


def test_lines_and_tabs_stay_where_a_text_may_have_several() -> None:
    assert printable("a\tb\nc\x1b[2J\x9b") == "a\tb\nc\\u001b[2J\\u009b"
    assert one_line(" a\tb\n\nc\x1b ") == "a b c\\u001b"


def test_what_is_cut_is_counted() -> None:
    assert one_line("abcdef", 6) == "abcdef"
    assert one_line("abcdefg", 4) == "abcd… (3 characters more)"


def test_an_error_is_told_whatever_its_class_does() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise KeyError("nothing to say")

    class Shy:
        def __repr__(self) -> str:
            raise ValueError

    assert error_line(ValueError("two\nlines")) == "ValueError: two lines"
    assert error_line(KeyboardInterrupt()) == "KeyboardInterrupt"
    assert error_line(Mute()) == "Mute: (its message cannot be shown: KeyError)"
    assert shown(Shy()) == "a value of type Shy"
    assert shown(10**5000) == "a value of type int"


def test_what_is_counted_is_one_or_many() -> None:
    assert counted(0, "trial") == "0 trials"
    assert counted(1, "trial") == "1 trial"
    assert counted(2000, "trial") == "2,000 trials"


def test_an_error_of_the_system_names_the_file_the_reason_and_what_to_do(
    tmp_path: Path,
) -> None:
    missing = FileNotFoundError(errno.ENOENT, "No such file or directory", "a/b/c.csv")
    full = OSError(errno.ENOSPC, "No space left on device")

    assert os_error_line(missing) == (
        "a/b/c.csv: No such file or directory. There is no folder a: make it, or name "
        "another."
    )
    assert os_error_line(full) == "No space left on device. Make room on that disk."
    said = "x cannot be written: No space left"
    with pytest.raises(ResultsError, match=said), writing(tmp_path / "x"):
        raise full
    assert os_error_line(OSError("without a number")) == "without a number."
