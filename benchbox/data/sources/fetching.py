"""Tries the sources of a data set in order until one has its files."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchbox.data.sources import downloads
from benchbox.data.sources.digests import kind_of_hash, same_hash
from benchbox.data.sources.licence import Licence, check_accepted
from benchbox.data.sources.source import (
    LocalSource,
    Notify,
    PassedOverError,
    RemoteSource,
    Source,
    failures_passed_over,
    listed,
)
from benchbox.errors import DataError, SourceError, nearest


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """Files of a data set, verified as far as hashes are known.

    Attributes:
        files: Path by file name.
        origin: One line that says where the files came from, and whether any is
            unverified.
    """

    files: Mapping[str, Path]
    origin: str


@dataclass(frozen=True, kw_only=True)
class Whereabouts:
    """Where the files of a data set are, or would come from.

    Attributes:
        is_here: Whether they are on this machine.
        origin: One line about the first source that has them.
        reasons: Why the local sources do not have them, one text per source.
        advice: What the user can do about it, as a clause.
    """

    is_here: bool
    origin: str
    reasons: tuple[str, ...] = ()
    advice: str = ""


def fetch(
    name: str, sources: Sequence[Source], licence: Licence, *, notify: Notify
) -> Fetched:
    """Return the files of a data set from the first source that has them.

    Local sources come first, then the cache, then downloads, each in the given order.
    Files with a known SHA-256 are verified each time; see `digests.sha256`. The others
    are reported as unverified; after a download, the cache verifies them against the
    hash that they had then.

    Args:
        name: Name of the data set.
        sources: Sources, best first.
        licence: Licence, shown by *notify* before the first download.
        notify: Receives a line for each source skipped, each download, and files
            that are unverified.

    Raises:
        DataError: A file on this machine has the wrong content.
        SourceError: No source has the files; gives the reasons, and what to do.
    """
    reasons = []
    for source in sources:
        if source.is_local:
            try:
                return _take(name, source, notify)
            except PassedOverError as reason:
                reasons.append(str(reason))
    remote = [source for source in sources if not source.is_local]
    for source in remote:
        if (files := downloads.recall(name, source)) is not None:
            return Fetched(files=files, origin=_origin(source, ", from the cache"))
    if remote and os.environ.get("BENCHBOX_OFFLINE", "0") not in ("", "0"):
        reasons.append("BENCHBOX_OFFLINE forbids downloads")
    elif remote:
        check_accepted(name, licence)
        for source in remote:
            announcement = (
                f"{name}: downloading from {_title_and_size(source)}. {licence.text} "
                f"{licence.url}"
            )
            try:
                files = downloads.download(name, source, announcement, notify)
                return Fetched(files=files, origin=_origin(source))
            except PassedOverError as reason:
                reasons.append(f"{source.title} {reason}")
                notify(f"{name}: {reasons[-1]}; skipped.")
    advice = _advice(name, sources)
    raise SourceError(
        f"No source of data set {name!r} can be used: {'; '.join(reasons)}. "
        f"{advice[0].upper()}{advice[1:]}, or try -d synthetic."
    )


def locate(name: str, sources: Sequence[Source]) -> Whereabouts:
    """Return where the files of a data set are; downloads nothing, and reads little.

    Args:
        name: Name of the data set.
        sources: Sources, best first; files that are not on this machine would come
            from the first remote one.
    """
    reasons = []
    for source in sources:
        if source.is_local:
            try:
                _find(name, source)
                return Whereabouts(is_here=True, origin=_origin(source))
            except PassedOverError as reason:
                reasons.append(str(reason))
    remote = [source for source in sources if not source.is_local]
    for source in remote:
        if downloads.is_cached(name, source):
            origin = _origin(source, ", from the cache")
            return Whereabouts(is_here=True, origin=origin)
    return Whereabouts(
        is_here=False,
        origin=_title_and_size(remote[0]) if remote else "nowhere",
        reasons=tuple(reasons),
        advice=_advice(name, sources),
    )


def _take(name: str, source: LocalSource, notify: Notify) -> Fetched:
    files = _find(name, source)
    for path in files.values():
        _check_exists(path)
    for file, expected in source.hashes.items():
        if expected and (found := same_hash(files[file], expected)) != expected:
            raise DataError(
                f"{files[file]} is not the file that {name!r} needs: its "
                f"{kind_of_hash(expected)} is {found}, expected {expected}. Nothing "
                f"was read; replace the file or remove it."
            )
    if source.unproved:
        folder = files[source.unproved[0]].parent
        notify(
            f"{name}: {listed(source.unproved)} in {folder}: unverified, as the "
            f"SHA-256 is not known."
        )
    return Fetched(files=files, origin=_origin(source))


def _find(name: str, source: LocalSource) -> Mapping[str, Path]:
    with failures_passed_over(f"{source.title} "):
        files = source.find(name)
    if lacks := [file for file in source.hashes if file not in files]:
        raise PassedOverError(f"{source.title} lacks {listed(lacks)}")
    return files


def _check_exists(path: Path) -> None:
    if path.is_file() or path.is_dir():
        return
    if path.exists():
        # Ratings are hashed and read more than once.
        raise DataError(
            f"{str(path)!r} is a pipe or a device, which can be read only once. Write "
            f"its content to a file, and name that."
        )
    folder = path.parent
    names = [f.name for f in folder.iterdir()] if folder.is_dir() else []
    raise DataError(
        f"There is no file {str(path)!r}.{nearest(path.name, names)} Correct the name."
    )


def _origin(source: Source, where: str = "") -> str:
    caveat = ", unverified" if source.unproved else ""
    return f"{source.title}{where}{caveat}"


def _title_and_size(source: RemoteSource) -> str:
    n_bytes = source.n_bytes
    size = "" if n_bytes is None else f", {n_bytes / 2**20:.0f} MiB"
    return f"{source.title}{size}"


def _advice(name: str, sources: Sequence[Source]) -> str:
    """Return how to put the files on this machine by hand."""
    given = (source.advice(name) for source in sources)
    return next(filter(None, given), "give the card a source that works")
