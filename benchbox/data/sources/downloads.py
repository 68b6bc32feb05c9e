"""The cache of downloaded files, each verified by its SHA-256."""

import shutil
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from tempfile import mkdtemp

import msgspec

from benchbox.data.sources.cache import LOCK, PARTIAL, cache_folder, locked, size_of
from benchbox.data.sources.digests import same_hash, sha256
from benchbox.data.sources.download import check_hash
from benchbox.data.sources.source import (
    Notify,
    PassedOverError,
    RemoteSource,
    failures_passed_over,
    files_in,
)
from benchbox.errors import SourceError
from benchbox.options import UNDECODABLE

_RECEIVED = ".received.json"


def folder_of(dataset: str, source: RemoteSource) -> Path:
    """Return the folder in the cache for the files of a source; it may not exist."""
    # New hashes in a card give a new folder, so an upgrade never reads old files.
    digest = blake2b(msgspec.json.encode(source, order="sorted"), digest_size=6)
    return cache_folder() / "data" / dataset / digest.hexdigest()


def is_cached(dataset: str, source: RemoteSource) -> bool:
    """Return whether all files are in the cache; reads none of them."""
    folder = folder_of(dataset, source)
    return all((folder / file).is_file() for file in source.hashes)


def recall(dataset: str, source: RemoteSource) -> Mapping[str, Path] | None:
    """Return cached paths by file name, or `None` if a file is missing or wrong."""
    folder = folder_of(dataset, source)
    received = _hashes_received(folder)
    for file, expected in source.hashes.items():
        known = expected or received.get(file)
        if not known or not (folder / file).is_file():
            return None
        if same_hash(folder / file, known) != known:
            return None
    return _files_in(folder, source)


def download(
    dataset: str, source: RemoteSource, announcement: str, notify: Notify
) -> Mapping[str, Path]:
    """Download the files into the cache, unless another process has just done so.

    Args:
        dataset: Name of the data set.
        source: Source of the files.
        announcement: Message to send once the source answers.
        notify: Receives the announcement, a line about damaged files, and one for
            each unverified file.

    Returns:
        Path by file name.

    Raises:
        PassedOverError: The source cannot be used.
        SourceError: The files cannot be saved.
    """
    folder = folder_of(dataset, source)
    with locked(folder.parent):
        if (files := recall(dataset, source)) is not None:
            return files
        # With the lock held, unfinished folders are left over from killed processes.
        for left in folder.parent.glob(f"{PARTIAL}*"):
            shutil.rmtree(left)
        if folder.exists():
            notify(f"{dataset}: the cached files were damaged; fetching them again.")
            shutil.rmtree(folder)
        partial = Path(mkdtemp(prefix=PARTIAL, dir=folder.parent))
        try:
            _receive(dataset, source, partial / "sent", announcement, notify)
            _verify(dataset, source, partial / "sent", partial / "files", notify)
            (partial / "files").rename(folder)
        except OSError as error:
            raise SourceError(
                f"Data set {dataset!r} cannot be saved in {folder.parent}: "
                f"{error.strerror}. Make room, or name another folder in "
                f"BENCHBOX_CACHE."
            ) from error
        finally:
            shutil.rmtree(partial)
    return _files_in(folder, source)


def clean(dataset: str | None = None) -> int:
    """Delete the downloads of a data set, or of all; return the bytes freed.

    Only folders that benchbox made are deleted.
    """
    freed = 0
    for lock in sorted(cache_folder().glob(f"data/{dataset or '*'}/{LOCK}")):
        with locked(lock.parent):
            for folder in lock.parent.iterdir():
                if folder.is_dir():
                    freed += size_of(folder)
                    shutil.rmtree(folder)
    return freed


def _receive(
    dataset: str, source: RemoteSource, into: Path, announcement: str, notify: Notify
) -> None:
    into.mkdir()
    with failures_passed_over():
        source.check_reachable()
        notify(announcement)
        source.fetch(into, lambda line: notify(f"{dataset}: {line}"))


def _verify(
    dataset: str, source: RemoteSource, sent: Path, files: Path, notify: Notify
) -> None:
    """Move the needed files from *sent* to *files*; verify those with a known hash."""
    files.mkdir()
    received = {}
    for file, expected in source.hashes.items():
        if not (sent / file).is_file():
            raise PassedOverError(f"did not send {file}")
        if expected:
            check_hash(sent / file, expected)
        else:
            received[file] = sha256(sent / file)
    for file in _files_in(sent, source):
        (sent / file).rename(files / file)
    if received:
        (files / _RECEIVED).write_bytes(msgspec.json.encode(received))
    for file, found in received.items():
        if file in source.unproved:
            notify(
                f"{dataset}: {file} is unverified, as its SHA-256 is not known; the "
                f"downloaded file has {found}."
            )


def _files_in(folder: Path, source: RemoteSource) -> dict[str, Path]:
    return files_in(folder, source.hashes, source.optional)


def _hashes_received(folder: Path) -> Mapping[str, str]:
    """Return hashes, taken at download, of the files whose hash the card lacks."""
    try:
        content = (folder / _RECEIVED).read_bytes()
        return msgspec.json.decode(content, type=dict[str, str])
    except (OSError, *UNDECODABLE):
        return {}
