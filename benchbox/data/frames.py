"""Data frames of pandas and Polars as data sets."""

from hashlib import blake2b
from os import PathLike, fspath, getpid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbox.data.sources.cache import cache_folder
from benchbox.errors import DataError, UsageError, error_line, shown

if TYPE_CHECKING:
    import pyarrow as pa


def named(dataset: Any) -> str:
    """Return the text that names *dataset*: a name, a file, or a data frame.

    A frame is written to the cache as Parquet, under a name made of its content, so
    that a run can be continued, and so that trials cannot read it.

    Raises:
        UsageError: It is none of these.
        DataError: The frame cannot be written.
    """
    if isinstance(dataset, str | PathLike):
        return fspath(dataset)
    return str(_saved(_arrow(dataset)))


def clean() -> int:
    """Delete all saved frames; return the bytes freed."""
    freed = 0
    for file in _folder().glob("frame-*"):
        freed += file.stat().st_size
        file.unlink(missing_ok=True)
    return freed


def _folder() -> Path:
    return cache_folder() / "frames"


def _arrow(frame: Any) -> "pa.Table":
    """Return a data frame as an Arrow table, without the index of a pandas frame."""
    import pyarrow as pa

    try:
        if type(frame).__module__.partition(".")[0] == "pandas":
            return pa.Table.from_pandas(frame, preserve_index=False)
        if isinstance(frame, pa.Table):
            return frame
        if hasattr(frame, "collect") and not hasattr(frame, "to_arrow"):
            frame = frame.collect()
        if hasattr(frame, "to_arrow"):
            return frame.to_arrow()
    except Exception as error:
        raise DataError(
            f"The data frame cannot be read as a table of ratings: "
            f"{error_line(error)}. Give it columns of numbers and text."
        ) from error
    raise UsageError(
        f"{shown(frame)} is not a data set. Give its name, a file of ratings, or a "
        f"data frame of pandas or Polars."
    )


def _saved(table: "pa.Table") -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    try:
        parquet.write_table(table.replace_schema_metadata(None), sink)
    except pa.ArrowException as error:
        raise DataError(
            f"The data frame cannot be saved: {error_line(error)}. Give it columns of "
            f"numbers and text with different names."
        ) from None
    content = memoryview(sink.getvalue())
    digest = blake2b(content, digest_size=6).hexdigest()
    file = _folder() / f"frame-{digest}.parquet"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{getpid()}")
        partial.write_bytes(content)
        partial.replace(file)
    return file
