"""Sources: where the files of a data set come from, and proof that they are right."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from tempfile import mkdtemp

import msgspec

from benchbox.data.sources.cache import LOCK, PARTIAL, cache_folder, locked, size_of
from benchbox.data.sources.digests import sha256
from benchbox.errors import DataError, SourceError, nearest

Notify = Callable[[str], None]
"""Takes one line for people."""

ANSWER_SECONDS = 5
"""A network source that is silent for longer is passed over."""

INSTALLER_SECONDS = 60
"""The installer may ask several indexes; this is for all of them."""

_RECEIVED = ".received.json"


class PathSource(msgspec.Struct, frozen=True, kw_only=True, tag="path"):
    """The user's own files, read where they are.

    Attributes:
        files: Path by the name the reader asks for. There is no known hash.
    """

    files: Mapping[str, str]


class _Verified(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the sources whose files are known.

    Attributes:
        files: SHA-256 by file name, empty where it is unknown; all are needed.
        optional: Names of files to take along where they are there; the reader
            verifies them by their content.
    """

    files: Mapping[str, str]
    optional: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (*self.files, *self.optional):
            if Path(name).name != name or name in ("", ".."):
                raise DataError(f"A file of a source has a plain name, not {name!r}.")

    @property
    def unproved(self) -> list[str]:
        """Names of the files that no known hash proves."""
        return [file for file, expected in self.files.items() if not expected]


class FolderSource(_Verified, frozen=True, kw_only=True, tag="folder"):
    """The user's ``$BENCHBOX_DATA/<name>``, or ``$BENCHBOX_DATA`` itself.

    The folder that the publisher's archive unpacks to is found in either, too;
    ``$BENCHBOX_DATA`` itself serves only if all hashes are known, and right.

    Attributes:
        folder: The publisher's name of it, where the data set's is another.
    """

    folder: str = ""


class PackageSource(_Verified, frozen=True, kw_only=True, tag="package"):
    """Files that an installed package ships.

    Attributes:
        package: Import name of the package.
        folder: Folder within it.
    """

    package: str
    folder: str = ""


class UrlSource(_Verified, frozen=True, kw_only=True, tag="url"):
    """The publisher's download.

    Attributes:
        url: Address of a zip archive; or, with ``{file}`` in it, of each file.
        folder: Folder of the files within the archive.
        sha256: Of the archive, which then proves all its files; empty if unknown.
        n_bytes: Size of the download, for people.
    """

    url: str
    folder: str = ""
    sha256: str = ""
    n_bytes: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sha256 and "{file}" in self.url:
            raise DataError(
                f"{self.url} is the address of each file, so there is no archive to "
                f"have the SHA-256 {self.sha256}. Give each file its own."
            )

    @property
    def unproved(self) -> list[str]:
        """Names of the files that no known hash proves."""
        return [] if self.sha256 else super().unproved


class WheelSource(_Verified, frozen=True, kw_only=True, tag="wheel"):
    """A wheel on the package index that carries the files; it is never installed.

    Attributes:
        requirement: Distribution and version, as in ``"recbole==1.2.1"``.
        sha256: Of the wheel.
        folder: Folder of the files within the wheel.
    """

    requirement: str
    sha256: str
    folder: str

    @property
    def unproved(self) -> list[str]:
        """Names of the files that no known hash proves: none, as the wheel's does."""
        return []


Source = PathSource | FolderSource | PackageSource | UrlSource | WheelSource
_Remote = UrlSource | WheelSource


class Licence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The terms of a data set.

    Attributes:
        text: What may be done with it, in a sentence.
        redistributable: Whether copies may be passed on.
        acceptance_needed: Whether it is downloaded only after an explicit yes.
        url: Where the terms are in full.
    """

    text: str
    redistributable: bool = False
    acceptance_needed: bool = False
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """Files of a data set, verified as far as hashes are known.

    Attributes:
        files: Path by file name.
        origin: Where they came from, in a line; says so if any is unverified.
    """

    files: Mapping[str, Path]
    origin: str


@dataclass(frozen=True, kw_only=True)
class Whereabouts:
    """Where the files of a data set are, or would be had from.

    Attributes:
        is_here: Whether they are on this machine.
        origin: The first source that has them, in a line.
        reasons: Why no source on this machine has them.
        advice: What else to do about it, as a clause.
    """

    is_here: bool
    origin: str
    reasons: tuple[str, ...] = ()
    advice: str = ""


class _PassedOverError(Exception):
    """Why a source cannot be used; the next one is tried."""


def fetch(
    name: str, sources: Sequence[Source], licence: Licence, *, notify: Notify
) -> Fetched:
    """Return the files of a data set from the first source that has them.

    What is on this machine comes first, then the cache, then the network sources in
    the order given. Every file with a known SHA-256 is verified each time;
    see `digests.sha256`. Of the others it is said that they are unverified,
    and what they hash to when they are downloaded; a download in the cache is held
    to that hash from then on.

    Args:
        name: Name of the data set.
        sources: Where to look, best first.
        licence: Shown by *notify* before the first download.
        notify: Takes a line for each source passed over, each download, and files
            that are unverified.

    Raises:
        DataError: A file on this machine is not the one it should be.
        SourceError: No source has the files; says why for each, and what to do.
    """
    reasons = []
    for source in sources:
        if not isinstance(source, _Remote):
            try:
                return _local(name, source, notify)
            except _PassedOverError as reason:
                reasons.append(str(reason))
    remote = [source for source in sources if isinstance(source, _Remote)]
    for source in remote:
        if (cached := _cached(name, source)) is not None:
            return cached
    if remote and os.environ.get("BENCHBOX_OFFLINE", "0") not in ("", "0"):
        reasons.append("BENCHBOX_OFFLINE forbids downloads")
    elif remote:
        _check_accepted(name, licence)
        for source in remote:
            try:
                return _download(name, source, licence, notify)
            except _PassedOverError as reason:
                reasons.append(f"{_title(source)} {reason}")
                notify(f"{name}: {reasons[-1]}; passed over.")
    advice = _advice(name, sources)
    raise SourceError(
        f"No source of data set {name!r} can be used: {'; '.join(reasons)}. "
        f"{advice[0].upper()}{advice[1:]}, or try -d synthetic."
    )


def locate(name: str, sources: Sequence[Source]) -> Whereabouts:
    """Say where the files of a data set are; downloads nothing, and reads little.

    Args:
        name: Name of the data set.
        sources: Where to look, best first; the first remote one is where the files
            would be had from.
    """
    reasons = []
    for source in sources:
        if isinstance(source, PathSource):
            return Whereabouts(is_here=True, origin="own file")
        if not isinstance(source, _Remote):
            try:
                return Whereabouts(
                    is_here=True, origin=_folder_and_origin(name, source)[1]
                )
            except _PassedOverError as reason:
                reasons.append(str(reason))
    remote = [source for source in sources if isinstance(source, _Remote)]
    for source in remote:
        folder = _folder_of(name, source)
        if all((folder / file).is_file() for file in source.files):
            return Whereabouts(is_here=True, origin=_cache_origin(source))
    return Whereabouts(
        is_here=False,
        origin=_title(remote[0]) + _size(remote[0]) if remote else "nowhere",
        reasons=tuple(reasons),
        advice=_advice(name, sources),
    )


def clean(name: str | None = None) -> int:
    """Remove the downloads of a data set, or of all; return the bytes freed.

    Only folders that benchbox made are touched.
    """
    freed = 0
    for lock in sorted(cache_folder().glob(f"data/{name or '*'}/{LOCK}")):
        with locked(lock.parent):
            for folder in lock.parent.iterdir():
                if folder.is_dir():
                    freed += size_of(folder)
                    shutil.rmtree(folder)
    return freed


def _local(
    name: str, source: PathSource | FolderSource | PackageSource, notify: Notify
) -> Fetched:
    if isinstance(source, PathSource):
        files = {key: _existing(Path(path)) for key, path in source.files.items()}
        shown = " and ".join(path.name for path in files.values())
        return Fetched(files=files, origin=f"own file {shown}")
    folder, origin = _folder_and_origin(name, source)
    for file, expected in source.files.items():
        if expected and (found := sha256(folder / file)) != expected:
            raise DataError(
                f"{folder / file} is not the file that {name!r} needs: its SHA-256 is "
                f"{found}, expected {expected}. Nothing was read; replace the file or "
                f"remove it."
            )
    if source.unproved:
        files_of = _listed(source.unproved)
        notify(f"{name}: {files_of} in {folder}: unverified, as no SHA-256 is known.")
    return Fetched(files=_files_in(folder, source), origin=origin)


def _folder_and_origin(
    name: str, source: FolderSource | PackageSource
) -> tuple[Path, str]:
    if isinstance(source, PackageSource):
        from importlib.resources import files as resources

        folder = Path(str(resources(source.package))) / source.folder
        return folder, f"shipped with {source.package}{_doubt(source)}"
    folder = _users_folder(name, source)
    return folder, f"local folder in BENCHBOX_DATA{_doubt(source)}"


def _doubt(source: _Verified) -> str:
    return ", unverified" if source.unproved else ""


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _advice(name: str, sources: Sequence[Source]) -> str:
    """Return how to put the files on this machine by hand."""
    folder = next((s for s in sources if isinstance(s, FolderSource)), None)
    if folder is None:
        return "give the card a source that works"
    return (
        f"put {_listed(list(folder.files))} into a folder {name!r} and name the folder "
        f"above it in BENCHBOX_DATA"
    )


def _existing(path: Path) -> Path:
    if path.is_file():
        return path
    if path.is_dir():
        raise DataError(f"{str(path)!r} is a folder. Name a file of ratings in it.")
    folder = path.parent
    names = [f.name for f in folder.iterdir()] if folder.is_dir() else []
    raise DataError(
        f"There is no file {str(path)!r}.{nearest(path.name, names)} Correct the name."
    )


def _users_folder(name: str, source: FolderSource) -> Path:
    chosen = os.environ.get("BENCHBOX_DATA")
    if not chosen:
        raise _PassedOverError("BENCHBOX_DATA is not set")
    above = Path(chosen).expanduser()
    unpacked = source.folder or name
    folders = (above / name, above / name / unpacked, above / unpacked)
    lacks = {}
    for folder in dict.fromkeys(folders):
        missing = [file for file in source.files if not (folder / file).is_file()]
        if not missing:
            return folder
        if folder.is_dir():
            lacks[folder] = missing
    # What lies in the folder above may belong to anything: it is taken if it is right,
    # and is no mistake if it is not.
    if all(
        h and (above / f).is_file() and sha256(above / f) == h
        for f, h in source.files.items()
    ):
        return above
    for folder, missing in lacks.items():
        raise _PassedOverError(f"{folder} lacks {', '.join(missing)}")
    raise _PassedOverError("BENCHBOX_DATA has no such folder")


def _files_in(folder: Path, source: _Verified) -> dict[str, Path]:
    extra = [file for file in source.optional if (folder / file).is_file()]
    return {file: folder / file for file in (*source.files, *extra)}


def _check_accepted(name: str, licence: Licence) -> None:
    accepted = os.environ.get("BENCHBOX_ACCEPT", "").split(",")
    if licence.acceptance_needed and name not in accepted:
        raise SourceError(
            f"Data set {name!r} is downloaded only if you accept its licence: "
            f"{licence.text} {licence.url} To accept, set BENCHBOX_ACCEPT={name}."
        )


def _title(source: _Remote) -> str:
    if isinstance(source, WheelSource):
        return f"package index ({source.requirement})"
    from urllib.parse import urlsplit

    return str(urlsplit(source.url).hostname)


def _size(source: _Remote) -> str:
    n_bytes = source.n_bytes if isinstance(source, UrlSource) else None
    return "" if n_bytes is None else f", {n_bytes / 2**20:.0f} MiB"


def _cache_origin(source: _Remote) -> str:
    return f"{_title(source)}, from the cache{_doubt(source)}"


def _folder_of(name: str, source: _Remote) -> Path:
    # A card with other hashes gets another folder, so an upgrade never meets old files.
    digest = blake2b(msgspec.json.encode(source, order="sorted"), digest_size=6)
    return cache_folder() / "data" / name / digest.hexdigest()


def _cached(name: str, source: _Remote) -> Fetched | None:
    folder = _folder_of(name, source)
    received = _hashes_received(folder)
    for file, expected in source.files.items():
        known = expected or received.get(file)
        if not (folder / file).is_file() or sha256(folder / file) != known:
            return None
    return Fetched(files=_files_in(folder, source), origin=_cache_origin(source))


def _hashes_received(folder: Path) -> Mapping[str, str]:
    """Return what the files of unknown hash hashed to when they were downloaded."""
    try:
        content = (folder / _RECEIVED).read_bytes()
        return msgspec.json.decode(content, type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        return {}


def _download(name: str, source: _Remote, licence: Licence, notify: Notify) -> Fetched:
    folder = _folder_of(name, source)
    with locked(folder.parent):
        if (cached := _cached(name, source)) is not None:
            return cached
        # Whoever holds the lock is alone: what lies here unfinished was killed.
        for left in folder.parent.glob(f"{PARTIAL}*"):
            shutil.rmtree(left)
        if folder.exists():
            notify(f"{name}: the cached files were damaged; fetching them again.")
            shutil.rmtree(folder)
        partial = Path(mkdtemp(prefix=PARTIAL, dir=folder.parent))
        try:
            _get(name, source, partial, licence, notify)
            (partial / "files").rename(folder)
        except OSError as error:
            raise SourceError(
                f"Data set {name!r} cannot be kept in {folder.parent}: "
                f"{error.strerror}. Make room, or name another folder in "
                f"BENCHBOX_CACHE."
            ) from error
        finally:
            shutil.rmtree(partial)
    origin = _title(source) + _doubt(source)
    return Fetched(files=_files_in(folder, source), origin=origin)


def _get(
    name: str, source: _Remote, partial: Path, licence: Licence, notify: Notify
) -> None:
    """Put the files into ``partial / "files"``, verified as far as hashes are known."""
    files = partial / "files"
    files.mkdir()
    if isinstance(source, UrlSource):
        _wait_for_answer(source.url.format(file=next(iter(source.files))))
    notify(
        f"{name}: downloading from {_title(source)}{_size(source)}. {licence.text} "
        f"{licence.url}"
    )
    if isinstance(source, WheelSource):
        _unpack(_get_wheel(source, partial), source, files)
    elif "{file}" in source.url:
        for file in source.files:
            _get_url(source.url.format(file=file), files / file)
    else:
        archive = partial / "archive.zip"
        _get_url(source.url, archive)
        if source.sha256:
            _verify(archive, source.sha256)
        _unpack(archive, source, files)
    received = {}
    for file, expected in source.files.items():
        if expected:
            _verify(files / file, expected)
        else:
            received[file] = sha256(files / file)
    if received:
        (files / _RECEIVED).write_bytes(msgspec.json.encode(received))
    for file in source.unproved:
        notify(
            f"{name}: {file} is unverified, as no SHA-256 of it is known; the one "
            f"received has {received[file]}."
        )


def _verify(path: Path, expected: str) -> None:
    if (found := sha256(path)) != expected:
        raise _PassedOverError(
            f"sent another {path.name}: its SHA-256 is {found}, expected {expected}; "
            f"it may have been renewed there, and was deleted here"
        )


def _wait_for_answer(url: str) -> None:
    from threading import Thread

    answers: list[str] = []
    # A name look-up can hang and heeds no time-out, so it is left behind in a thread.
    thread = Thread(target=lambda: answers.append(_ask(url)), daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    if not answers:
        raise _PassedOverError(f"did not answer within {ANSWER_SECONDS} s")
    if answers[0]:
        raise _PassedOverError(answers[0])


def _ask(url: str) -> str:
    """Return what is wrong with *url*, or an empty text."""
    import requests

    try:
        with requests.head(url, timeout=ANSWER_SECONDS, allow_redirects=True) as answer:
            # Some servers answer GET alone.
            usable = answer.ok or answer.status_code in (405, 501)
            return "" if usable else f"answered with status {answer.status_code}"
    except requests.RequestException as error:
        return f"cannot be reached ({type(error).__name__})"


def _get_url(url: str, path: Path) -> None:
    import pooch
    import requests

    try:
        pooch.HTTPDownloader(timeout=30)(url, str(path), None)
    except (requests.RequestException, OSError) as error:
        raise _PassedOverError(f"broke off ({type(error).__name__})") from None


def _get_wheel(source: WheelSource, into: Path) -> Path:
    import subprocess

    flags = (
        "--no-deps --only-binary=:all: --no-input --disable-pip-version-check --quiet "
        f"--timeout {ANSWER_SECONDS} --retries 1"
    )
    command = [sys.executable, "-m", "pip", "download", *flags.split()]
    try:
        subprocess.run(
            [*command, "--dest", str(into), source.requirement],
            capture_output=True,
            check=True,
            timeout=INSTALLER_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise _PassedOverError(f"took over {INSTALLER_SECONDS} s") from None
    except subprocess.CalledProcessError:
        raise _PassedOverError("gave nothing to pip download") from None
    wheel = next(into.glob("*.whl"))
    _verify(wheel, source.sha256)
    return wheel


def _unpack(archive: Path, source: UrlSource | WheelSource, into: Path) -> None:
    """Copy the members the source names, and nothing else, under their plain names."""
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(archive) as opened:
            held = set(opened.namelist())
            for file in (*source.files, *source.optional):
                member = f"{source.folder}/{file}".lstrip("/")
                if member not in held and file in source.optional:
                    continue
                with opened.open(member) as one, (into / file).open("wb") as copy:
                    shutil.copyfileobj(one, copy)
    except KeyError as error:
        raise _PassedOverError(f"sent an archive without {error.args[0]}") from None
    except BadZipFile:
        raise _PassedOverError("sent something that is no zip archive") from None
