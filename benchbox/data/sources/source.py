"""Source: what every kind of source must be able to do, and bases for most of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC, EROFS
from pathlib import Path
from typing import ClassVar, Literal, Protocol

import msgspec

from benchbox.errors import BenchboxError, DataError

Notify = Callable[[str], None]
"""Takes one line for people."""

_NO_ROOM = (ENOSPC, EDQUOT, EROFS)


class PassedOverError(Exception):
    """Why a source cannot be used; the next one is tried.

    Of a remote source the text goes on after its title, as in "broke off"; of a local
    one it stands alone, as in "BENCHBOX_DATA is not set".
    """


class _AnySource(Protocol):
    """What is asked of every source."""

    @property
    def title(self) -> str:
        """Where the files come from, in a few words for people."""

    @property
    def hashes(self) -> Mapping[str, str]:
        """SHA-256 by name of each file needed, empty where it is unknown."""

    @property
    def unproved(self) -> Sequence[str]:
        """Names of the needed files that no known hash proves."""

    def advice(self, dataset: str) -> str:
        """Return how the user can make a source of *dataset* work; empty if unknown."""


class LocalSource(_AnySource, Protocol):
    """Files that are on this machine already, and are read where they are."""

    @property
    def is_local(self) -> Literal[True]:
        """Tells it from a remote source."""

    def find(self, dataset: str) -> Mapping[str, Path]:
        """Return the path by name of each file of *dataset*; reads as little as it can.

        Raises:
            PassedOverError: They are not here.
        """


class RemoteSource(_AnySource, Protocol):
    """Files that are fetched from elsewhere, and then kept in the cache."""

    @property
    def is_local(self) -> Literal[False]:
        """Tells it from a local source."""

    @property
    def optional(self) -> Sequence[str]:
        """Names of files to keep too if they come along."""

    @property
    def n_bytes(self) -> int | None:
        """Size of the download, for people; `None` if unknown."""

    def check_reachable(self) -> None:
        """Return soon, before anything is said of a download.

        Raises:
            PassedOverError: Nobody answers, so it is pointless to try.
        """

    def fetch(self, into: Path, notify: Notify) -> None:
        """Put the files into the empty folder *into*, under their names.

        What else is left there is thrown away. The caller verifies the files.

        Args:
            into: Where to put them.
            notify: Takes a line about the progress of a long download.

        Raises:
            PassedOverError: They cannot be had.
        """


Source = LocalSource | RemoteSource
"""Where files of a data set come from."""


class _NamedFiles(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    files: Mapping[str, str]
    optional: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.files:
            raise DataError("A source names at least one file.")
        for name in (*self.files, *self.optional):
            if Path(name).name != name or name in ("", ".."):
                raise DataError(f"A file of a source has a plain name, not {name!r}.")

    @property
    def hashes(self) -> Mapping[str, str]:
        """SHA-256 by name of each file needed, empty where it is unknown."""
        return self.files

    @property
    def unproved(self) -> list[str]:
        """Names of the needed files that no known hash proves."""
        return [file for file, expected in self.files.items() if not expected]

    def advice(self, dataset: str) -> str:
        """Return an empty text: there is no advice."""
        return ""


class LocalFiles(_NamedFiles, frozen=True, kw_only=True):
    """Base of local sources whose files lie in one folder.

    Attributes:
        files: SHA-256 by file name, empty where it is unknown; all are needed.
        optional: Names of files to take along where they are there; the reader
            verifies them by their content.
    """

    is_local: ClassVar[Literal[True]] = True

    def files_in(self, folder: Path) -> dict[str, Path]:
        """Return the path of each file in *folder*, with the optional ones there."""
        extra = [file for file in self.optional if (folder / file).is_file()]
        return {file: folder / file for file in (*self.files, *extra)}


class RemoteFiles(_NamedFiles, frozen=True, kw_only=True):
    """Base of remote sources: add a title and how to fetch.

    Attributes:
        files: SHA-256 by file name, empty where it is unknown; all are needed.
        optional: Names of files to take along where they are there; the reader
            verifies them by their content.
    """

    is_local: ClassVar[Literal[False]] = False

    @property
    def n_bytes(self) -> int | None:
        """Size of the download, for people: unknown."""
        return None

    def check_reachable(self) -> None:
        """Return at once: whether anybody answers shows at the download."""


def listed(names: Sequence[str]) -> str:
    """Return *names*, at least one, as an enumeration in a sentence."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


@contextmanager
def failures_passed_over(subject: str = "") -> Iterator[None]:
    """Make a reason to pass a source over of whatever its code raises.

    A kind of source may come from a plugin and use any library. What benchbox raises
    on purpose goes through, and so does a full disk, which no other source would mend.

    Args:
        subject: What the reason begins with.

    Raises:
        PassedOverError: The code within failed.
    """
    try:
        yield
    except (PassedOverError, BenchboxError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise
        text = " ".join(str(error).split())
        what = f"{type(error).__name__}: {text}" if text else type(error).__name__
        raise PassedOverError(f"{subject}failed ({what})") from error
