"""Errors that users can act on: what is wrong, with which value, and what to do.

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
exception is a bug in benchbox and is shown with its traceback.
"""

from collections.abc import Iterable


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
