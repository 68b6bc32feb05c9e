"""Download: asking a server, fetching, proving and unpacking what it sends."""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from time import monotonic

from benchbox.data.sources.digests import sha256
from benchbox.data.sources.source import Notify, PassedOverError

ANSWER_SECONDS = 5
"""A network source that is silent for longer is passed over."""

STALL_SECONDS = 30
"""A download that sends nothing for longer has broken off."""

INSTALLER_SECONDS = 60
"""The installer may ask several indexes; this is for all of them."""

PROGRESS_SECONDS = 10
"""How often a long download says how far it is."""

# pooch writes and flushes each; of its default, 1 KiB, a download takes thrice as long.
_CHUNK_BYTES = 1 << 20


def check_answer(url: str) -> None:
    """Return once the server has answered that it has *url*.

    Raises:
        PassedOverError: It has not, in time; or it has answered with an error.
    """
    from threading import Thread

    answers: list[str] = []
    # A name look-up can hang and heeds no time-out, so it is left behind in a thread.
    thread = Thread(target=lambda: answers.append(_ask(url)), daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    if not answers:
        raise PassedOverError(f"did not answer within {ANSWER_SECONDS} s")
    if answers[0]:
        raise PassedOverError(answers[0])


def get_url(url: str, path: Path, notify: Notify) -> None:
    """Download *url* into the file *path*.

    Args:
        url: What to download.
        path: Where to put it.
        notify: Takes a line every few seconds, for as long as it takes.

    Raises:
        PassedOverError: The server breaks off, or answers with an error.
        OSError: The file cannot be written.
    """
    import pooch
    import requests

    downloader = pooch.HTTPDownloader(
        progressbar=_Progress(notify), chunk_size=_CHUNK_BYTES, timeout=STALL_SECONDS
    )
    try:
        downloader(url, str(path), None)
    except requests.RequestException as error:
        raise PassedOverError(f"broke off ({type(error).__name__})") from None


def get_wheel(requirement: str, into: Path) -> Path:
    """Download a wheel into the folder *into* as the user's installer would.

    Raises:
        PassedOverError: The installer finds none, or takes too long.
    """
    import subprocess

    flags = (
        "--no-deps --only-binary=:all: --no-input --disable-pip-version-check --quiet "
        f"--timeout {ANSWER_SECONDS} --retries 1"
    )
    command = [sys.executable, "-m", "pip", "download", *flags.split()]
    try:
        subprocess.run(
            [*command, "--dest", str(into), requirement],
            capture_output=True,
            check=True,
            timeout=INSTALLER_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise PassedOverError(f"took over {INSTALLER_SECONDS} s") from None
    except subprocess.CalledProcessError:
        raise PassedOverError("gave nothing to pip download") from None
    return next(into.glob("*.whl"))


def check_sha256(path: Path, expected: str) -> None:
    """Refuse a file that was sent but is not the one expected.

    Raises:
        PassedOverError: Its SHA-256 is another.
    """
    if (found := sha256(path)) != expected:
        raise PassedOverError(
            f"sent another {path.name}: its SHA-256 is {found}, expected {expected}; "
            f"it may have been renewed there, and was deleted here"
        )


def unpack(
    archive: Path,
    folder: str,
    files: Iterable[str],
    optional: Iterable[str],
    into: Path,
) -> None:
    """Copy files out of an archive, and nothing else, under their plain names.

    Args:
        archive: A zip archive, such as a wheel.
        folder: Folder of the files within it.
        files: Names of files that must be there.
        optional: Names of files to copy if they are there.
        into: Folder to copy them to.

    Raises:
        PassedOverError: It is no such archive, or lacks a file.
    """
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(archive) as opened:
            held = set(opened.namelist())
            extra = [f for f in optional if _member(folder, f) in held]
            for file in (*files, *extra):
                with (
                    opened.open(_member(folder, file)) as one,
                    (into / file).open("wb") as copy,
                ):
                    shutil.copyfileobj(one, copy)
    except KeyError as error:
        raise PassedOverError(f"sent an archive without {error.args[0]}") from None
    except BadZipFile:
        raise PassedOverError("sent something that is no zip archive") from None


def _member(folder: str, file: str) -> str:
    return f"{folder}/{file}".lstrip("/")


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


class _Progress:
    """Takes from pooch what a progress bar would, and says it in a line at times.

    Attributes:
        total: Bytes of the download, 0 if unknown; pooch sets it.
    """

    def __init__(self, notify: Notify) -> None:
        self.total = 0
        self._notify = notify
        self._received = 0
        self._said = monotonic()

    def update(self, n_bytes: int) -> None:
        """Count what has arrived."""
        self._received += n_bytes
        if monotonic() - self._said < PROGRESS_SECONDS:
            return
        self._said = monotonic()
        # The last chunk counts as a whole one.
        known = min(self._received, self.total or self._received)
        of = f" of {self.total / 2**20:.0f}" if self.total else ""
        self._notify(f"{known / 2**20:.0f}{of} MiB received.")

    def reset(self) -> None:
        """Be told that all has arrived, before a bar would be filled up."""
        self._received, self._said = 0, float("inf")

    def close(self) -> None:
        """Be told that this was all."""
