"""Errors that users can act on, and functions that make any text safe to show.

::

    BenchboxError
    ├── UsageError        a name, option or flag the user gave cannot be used
    ├── DataError         a data set cannot be read, or its contents are invalid
    │   └── SourceError   no source of a data set could be reached
    ├── PluginError       an installed plugin breaks its contract
    ├── ProtocolError     a protocol cannot split this data set
    ├── LeakError         hidden ratings of a fold can reach a model
    ├── ModelError        a model broke its contract; the trial fails, the run continues
    └── ResultsError      a run folder cannot be written or read

The command line prints the message of a `BenchboxError` in one line. Any other
exception is a bug in benchbox and is shown with its traceback. Text that plugins, data
or records provide may contain control characters; the functions escape them.
"""

import errno
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_UNSAFE = re.compile(
    "\r(?!\n)"  # A line may end like that; alone it goes back to the beginning.
    "|[\x00-\x0c\x0e-\x1f\x7f-\x9f"  # Others; escape sequences begin with one.
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # They reorder what is shown.
    "\u2028\u2029\ufeff"
    "\ud800-\udfff]"  # Surrogates alone, which no file can hold.
)
_LAYOUT = "\n\t"
"""What a text of several lines may hold besides."""

_MOST_SHOWN = 80

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""Numbers of the errors that say that a disk is full."""

_ADVICE = {
    **dict.fromkeys(DISK_FULL, "Make room on that disk"),
    errno.EFBIG: "Raise the limit on the size of files (`ulimit -f`)",
    errno.EMFILE: "Raise the limit on open files (`ulimit -n`)",
    errno.ENAMETOOLONG: "Choose a shorter name",
    errno.EROFS: "Choose another folder",
    errno.EACCES: "Change its permissions, or choose another folder",
    errno.EPERM: "Change its permissions, or choose another folder",
}
"""What to do about an `OSError`, by its number."""


class BenchboxError(Exception):
    """Base of all errors that users can act on; they see only the message."""

    exit_code = 1


class UsageError(BenchboxError):
    """A name, option or flag the user gave cannot be used."""

    exit_code = 2


class DataError(BenchboxError):
    """A data set cannot be read, or its contents are invalid."""


class SourceError(DataError):
    """No source of a data set could be reached."""


class PluginError(BenchboxError):
    """An installed plugin breaks its contract."""


class ProtocolError(BenchboxError):
    """A protocol cannot split this data set."""


class LeakError(BenchboxError):
    """Hidden ratings of a fold can reach a model."""


class ModelError(BenchboxError):
    """A model broke its contract; the trial fails, the run continues."""


class ResultsError(BenchboxError):
    """A run folder cannot be written or read."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known name most similar to *name*, or an empty string."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def printable(text: str) -> str:
    r"""Return *text*, of one line or many, with control characters spelt out.

    Such characters become what JSON writes for them, such as ``\u001b``, so that JSON
    stays JSON.
    """
    return _UNSAFE.sub(_spelt_unless_layout, text)


def one_line(text: str, most: int | None = None) -> str:
    """Return *text* in one printable line.

    Args:
        text: The text; runs of white space become a space.
        most: Characters at most; what is cut is counted.
    """
    line = _UNSAFE.sub(_spelt, " ".join(text.split()))
    if most is None or len(line) <= most:
        return line
    return f"{line[:most]}… ({len(line) - most:,} characters more)"


def counted(n: int, what: str) -> str:
    """Return a number with what it counts, as in ``"1 pair"`` and ``"2,000 pairs"``."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def is_valid(text: str) -> bool:
    """Return whether *text* can be written to a file: a byte of no UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_file_name(text: str) -> bool:
    """Return whether a file in a folder can have this name: no path, and no NUL."""
    return "\0" not in text and text == Path(text).name


def error_line(error: BaseException) -> str:
    """Return the kind and the text of an error in one printable line."""
    text, name = message_of(error), one_line(type(error).__name__)
    return f"{name}: {text}" if text else name


def message_of(error: BaseException) -> str:
    """Return the text of an error in one printable line, whatever its class does."""
    # Its `__str__` may be anybody's code.
    try:
        return one_line(str(error))
    except Exception as trouble:  # noqa: BLE001
        return f"(its message cannot be shown: {type(trouble).__name__})"


def reason_of(error: OSError) -> str:
    """Return what the system says of an error, without numbers and paths.

    The error may come without either, such as one that NumPy raises.
    """
    return one_line(error.strerror or "") or message_of(error) or type(error).__name__


def os_error_line(error: OSError) -> str:
    """Return which file an `OSError` is about, why, and what to do, in one line."""
    where = "" if error.filename is None else f"{_shown_path(error.filename)}: "
    return f"{where}{reason_of(error)}.{_advice(error, error.filename)}"


def cannot_write(target: Path, error: OSError) -> str:
    """Return that *target* cannot be written, why, and what to do, in one line."""
    return (
        f"{_shown_path(target)} cannot be written: {reason_of(error)}."
        f"{_advice(error, target)}"
    )


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Have an `OSError` name *target*, what the user knows the written files by.

    Raises:
        ResultsError: It cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise ResultsError(cannot_write(target, error)) from error


def _advice(error: OSError, path: object) -> str:
    if error.errno == errno.ENOENT and isinstance(path, Path | str):
        missing = [folder for folder in Path(path).parents if not folder.exists()]
        if missing:
            folder = _shown_path(missing[-1])
            return f" There is no folder {folder}: make it, or name another."
    if error.errno in (errno.EEXIST, errno.ENOTDIR) and isinstance(path, Path | str):
        files = [parent for parent in Path(path).parents if parent.is_file()]
        if files:
            return f" {_shown_path(files[0])} is a file: name a folder."
    advice = _ADVICE.get(error.errno or 0, "")
    return f" {advice}." if advice else ""


def _shown_path(path: object) -> str:
    text = path.decode(errors="replace") if isinstance(path, bytes) else str(path)
    return one_line(text, _MOST_SHOWN * 2)


def shown(value: object) -> str:
    """Return *value* as an error message may show it, whatever its class does."""
    try:
        return one_line(repr(value), _MOST_SHOWN)
    except Exception:  # noqa: BLE001
        return f"a value of type {type(value).__name__}"


def _spelt(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _spelt_unless_layout(found: re.Match[str]) -> str:
    return found[0] if found[0] in _LAYOUT else _spelt(found)
