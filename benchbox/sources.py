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

from benchbox.cache import LOCK, PARTIAL, cache_folder, locked, size_of
from benchbox.digests import sha256
from benchbox.errors import DataError, SourceError
from benchbox.options import nearest

Notify = Callable[[str], None]
"""Takes one line for people."""

ANSWER_SECONDS = 5
"""A network source that is silent for longer is passed over."""

INSTALLER_SECONDS = 60
"""The installer may ask several indexes; this is for all of them."""


class PathSource(msgspec.Struct, frozen=True, kw_only=True, tag="path"):
    """The user's own files, read where they are.

    Attributes:
        files: Path by the name the reader asks for. There is no known hash.
    """

    files: Mapping[str, str]


class _Verified(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the sources whose files are known.

    Attributes:
        files: SHA-256 by file name; all of them are needed.
        optional: Names of files to take along where they are there; the reader
            verifies them by their content.
    """

    files: Mapping[str, str]
    optional: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (*self.files, *self.optional):
            if Path(name).name != name or name in ("", ".."):
                raise DataError(f"A file of a source has a plain name, not {name!r}.")


class FolderSource(_Verified, frozen=True, kw_only=True, tag="folder"):
    """The user's ``$BENCHBOX_DATA/<name>``, or ``$BENCHBOX_DATA`` itself."""


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
    """

    url: str
    folder: str = ""


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
    """Files of a data set, verified.

    Attributes:
        files: Path by file name.
        origin: Where they came from, in a line.
    """

    files: Mapping[str, Path]
    origin: str


class _PassedOverError(Exception):
    """Why a source cannot be used; the next one is tried."""


def fetch(
    name: str, sources: Sequence[Source], licence: Licence, *, notify: Notify
) -> Fetched:
    """Return the files of a data set from the first source that has them.

    What is on this machine comes first, then the cache, then the network sources in
    the order given. Every file with a known SHA-256 is verified each time;
    see `benchbox.digests.sha256`.

    Args:
        name: Name of the data set.
        sources: Where to look, best first.
        licence: Shown by *notify* before the first download.
        notify: Takes a line for each source passed over and each download.

    Raises:
        DataError: A file on this machine is not the one it should be.
        SourceError: No source has the files; says why for each, and what to do.
    """
    reasons = []
    for source in sources:
        if not isinstance(source, _Remote):
            try:
                return _local(name, source)
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
    raise SourceError(
        f"No source of data set {name!r} can be used: {'; '.join(reasons)}. Put the "
        f"files into a folder {name!r} and name the folder above it in BENCHBOX_DATA, "
        f"or try -d synthetic."
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


def _local(name: str, source: PathSource | FolderSource | PackageSource) -> Fetched:
    if isinstance(source, PathSource):
        files = {key: _existing(Path(path)) for key, path in source.files.items()}
        shown = " and ".join(path.name for path in files.values())
        return Fetched(files=files, origin=f"own file {shown}")
    if isinstance(source, PackageSource):
        from importlib.resources import files as resources

        folder = Path(str(resources(source.package))) / source.folder
        origin = f"shipped with {source.package}"
    else:
        folder = _users_folder(name, source)
        origin = "local folder in BENCHBOX_DATA"
    for file, expected in source.files.items():
        if (found := sha256(folder / file)) != expected:
            raise DataError(
                f"{folder / file} is not the file that {name!r} needs: its SHA-256 is "
                f"{found}, expected {expected}. Nothing was read; replace the file or "
                f"remove it."
            )
    return Fetched(files=_files_in(folder, source), origin=origin)


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
    folder = above / name
    missing = [file for file in source.files if not (folder / file).is_file()]
    if not missing:
        return folder
    # What lies in the folder above may belong to anything: it is taken if it is right,
    # and is no mistake if it is not.
    if all(
        (above / f).is_file() and sha256(above / f) == h
        for f, h in source.files.items()
    ):
        return above
    if folder.is_dir():
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


def _folder_of(name: str, source: _Remote) -> Path:
    # A card with other hashes gets another folder, so an upgrade never meets old files.
    digest = blake2b(msgspec.json.encode(source, order="sorted"), digest_size=6)
    return cache_folder() / "data" / name / digest.hexdigest()


def _cached(name: str, source: _Remote) -> Fetched | None:
    folder = _folder_of(name, source)
    for file, expected in source.files.items():
        if not (folder / file).is_file() or sha256(folder / file) != expected:
            return None
    return Fetched(
        files=_files_in(folder, source), origin=f"{_title(source)}, from the cache"
    )


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
    return Fetched(files=_files_in(folder, source), origin=_title(source))


def _get(
    name: str, source: _Remote, partial: Path, licence: Licence, notify: Notify
) -> None:
    """Put the verified files into ``partial / "files"``."""
    files = partial / "files"
    files.mkdir()
    if isinstance(source, UrlSource):
        _wait_for_answer(source.url.format(file=next(iter(source.files))))
    notify(f"{name}: downloading from {_title(source)}. {licence.text} {licence.url}")
    if isinstance(source, WheelSource):
        _unpack(_get_wheel(source, partial), source, files)
    elif "{file}" in source.url:
        for file in source.files:
            _get_url(source.url.format(file=file), files / file)
    else:
        archive = partial / "archive.zip"
        _get_url(source.url, archive)
        _unpack(archive, source, files)
    for file, expected in source.files.items():
        _verify(files / file, expected)


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
