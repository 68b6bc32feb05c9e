"""Protocols for sources of files, and base classes that implement most of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC, EROFS
from pathlib import Path
from typing import ClassVar, Literal, Protocol

import msgspec

from benchbox.errors import BenchboxError, DataError, error_line

Notify = Callable[[str], None]
"""Shows a one-line message to the user."""

NO_ROOM = (ENOSPC, EDQUOT, EROFS)
"""Errors of a disk that another source would not solve."""


class PassedOverError(Exception):
    """A source cannot be used, so the next one is tried.

    For a remote source, the text continues a sentence that begins with the source's
    title, as in "did not answer". For a local one it is a whole clause, as in
    "BENCHBOX_DATA is not set".
    """


class _AnySource(Protocol):
    """What every source must provide."""

    @property
    def title(self) -> str:
        """A few words that say where the files come from."""

    @property
    def hashes(self) -> Mapping[str, str]:
        """SHA-256 by name of each required file; empty if unknown."""

    @property
    def unproved(self) -> Sequence[str]:
        """Names of the required files without a known hash."""

    def advice(self, dataset: str) -> str:
        """Return how the user can make this source work for *dataset*, or ``""``."""


class LocalSource(_AnySource, Protocol):
    """Files that are already on this machine and are read in place."""

    @property
    def is_local(self) -> Literal[True]:
        """True, which marks a local source."""

    def find(self, dataset: str) -> Mapping[str, Path]:
        """Return the paths of *dataset* by file name; reads as little as possible.

        Raises:
            PassedOverError: The files are not on this machine.
        """


class RemoteSource(_AnySource, Protocol):
    """Files that are downloaded and then stored in the cache."""

    @property
    def is_local(self) -> Literal[False]:
        """False, which marks a remote source."""

    @property
    def optional(self) -> Sequence[str]:
        """Names of files to store as well if the download includes them."""

    @property
    def n_bytes(self) -> int | None:
        """Size of the download in bytes, for display; `None` if unknown."""

    def check_reachable(self) -> None:
        """Check quickly, before a download is announced, that the server answers.

        Raises:
            PassedOverError: It does not answer, so a download would fail.
        """

    def fetch(self, into: Path, notify: Notify) -> None:
        """Put the files into an empty folder, under their names.

        Other files left there are deleted. The caller verifies the files.

        Args:
            into: The folder.
            notify: Receives progress messages of a long download.

        Raises:
            PassedOverError: The download fails.
        """


Source = LocalSource | RemoteSource
"""Any source of files."""


class _NamedFiles(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    files: Mapping[str, str]
    optional: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.files:
            raise DataError("A source has no files. Name at least one.")
        for name in (*self.files, *self.optional):
            if Path(name).name != name or name in ("", ".."):
                raise DataError(
                    f"{name!r} is not a plain file name. Name files of a source "
                    f"without their folder."
                )

    @property
    def hashes(self) -> Mapping[str, str]:
        """SHA-256 by name of each required file; empty if unknown."""
        return self.files

    @property
    def unproved(self) -> list[str]:
        """Names of the required files without a known hash."""
        return [file for file, expected in self.files.items() if not expected]

    def advice(self, dataset: str) -> str:
        """Return an empty string: there is no advice."""
        return ""


class LocalFiles(_NamedFiles, frozen=True, kw_only=True):
    """Base class of local sources whose files are in one folder.

    Attributes:
        files: SHA-256 by name of each required file; empty if unknown.
        optional: Names of files to include if they exist; the reader checks their
            content.
    """

    is_local: ClassVar[Literal[True]] = True

    def files_in(self, folder: Path) -> dict[str, Path]:
        """Return paths in *folder* by file name, with the optional files that exist."""
        return files_in(folder, self.files, self.optional)


class RemoteFiles(_NamedFiles, frozen=True, kw_only=True):
    """Base class of remote sources; subclasses add ``title`` and ``fetch``.

    Attributes:
        files: SHA-256 by name of each required file; empty if unknown.
        optional: Names of files to include if they exist; the reader checks their
            content.
    """

    is_local: ClassVar[Literal[False]] = False

    @property
    def n_bytes(self) -> int | None:
        """`None`: the size of the download is unknown."""
        return None

    def check_reachable(self) -> None:
        """Do nothing: the download will show whether the server answers."""


def files_in(
    folder: Path, required: Iterable[str], optional: Iterable[str]
) -> dict[str, Path]:
    """Return paths in *folder* by file name, with the *optional* files that exist."""
    extra = [file for file in optional if (folder / file).is_file()]
    return {file: folder / file for file in (*required, *extra)}


def listed(names: Sequence[str]) -> str:
    """Return *names*, at least one, as an enumeration in a sentence."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


@contextmanager
def failures_passed_over(subject: str = "") -> Iterator[None]:
    """Turn any exception of a source's code into a `PassedOverError`.

    A kind of source may come from a plugin and use any library. Errors of benchbox
    pass through, and so does a full disk, which another source would not solve.

    Args:
        subject: Beginning of the error's text.

    Raises:
        PassedOverError: The code in the ``with`` block failed.
    """
    try:
        yield
    except (PassedOverError, BenchboxError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        raise PassedOverError(f"{subject}failed ({error_line(error)})") from error
