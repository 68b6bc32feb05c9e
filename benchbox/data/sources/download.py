"""Functions to download, verify and unpack files."""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from time import monotonic

from benchbox.data.sources.digests import sha256
from benchbox.data.sources.source import Notify, PassedOverError

ANSWER_SECONDS = 5
"""A server that does not answer within this time is skipped."""

STALL_SECONDS = 30
"""A download that receives nothing for this long has failed."""

INSTALLER_SECONDS = 60
"""Time limit for the installer, which may try several indexes."""

PROGRESS_SECONDS = 10
"""Interval between progress messages of a long download."""

# pooch flushes after each chunk; its default of 1 KiB makes downloads 3 times slower.
_CHUNK_BYTES = 1 << 20


def check_answer(url: str) -> None:
    """Return once the server has answered that it has *url*.

    Raises:
        PassedOverError: The server does not answer in time, or answers with an error.
    """
    from threading import Thread

    answers: list[str] = []
    # A DNS look-up can hang without a time-out, so it runs in a thread we can abandon.
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
        path: File to write.
        notify: Receives a progress message every few seconds.

    Raises:
        PassedOverError: The download stops, or the server answers with an error.
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
        raise PassedOverError(f"stopped sending ({type(error).__name__})") from None


def get_wheel(requirement: str, into: Path) -> Path:
    """Download a wheel into the folder *into* with pip, under the user's settings.

    Raises:
        PassedOverError: pip finds no wheel, or takes too long.
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
    """Refuse a downloaded file that has the wrong content.

    Raises:
        PassedOverError: Its SHA-256 is not the expected one.
    """
    if (found := sha256(path)) != expected:
        raise PassedOverError(
            f"sent a different {path.name}: its SHA-256 is {found}, expected "
            f"{expected}; the publisher may have updated it; the copy was deleted"
        )


def unpack(
    archive: Path,
    folder: str,
    files: Iterable[str],
    optional: Iterable[str],
    into: Path,
) -> None:
    """Copy only the named files out of an archive.

    Args:
        archive: A zip archive, such as a wheel.
        folder: Folder of the files in the archive.
        files: Names of files that must be there.
        optional: Names of files to copy if they are there.
        into: Folder to copy them to.

    Raises:
        PassedOverError: The file is not a zip archive, or lacks one of *files*.
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
        raise PassedOverError("sent something that is not a zip archive") from None


def _member(folder: str, file: str) -> str:
    return f"{folder}/{file}".lstrip("/")


def _ask(url: str) -> str:
    """Return what is wrong with *url*, or an empty string."""
    import requests

    try:
        with requests.head(url, timeout=ANSWER_SECONDS, allow_redirects=True) as answer:
            # Some servers do not support HEAD.
            usable = answer.ok or answer.status_code in (405, 501)
            return "" if usable else f"answered with status {answer.status_code}"
    except requests.RequestException as error:
        return f"cannot be reached ({type(error).__name__})"


class _Progress:
    """A progress bar for pooch that sends a line from time to time instead.

    Attributes:
        total: Size of the download in bytes, 0 if unknown; pooch sets it.
    """

    def __init__(self, notify: Notify) -> None:
        self.total = 0
        self._notify = notify
        self._received = 0
        self._notified = monotonic()

    def update(self, n_bytes: int) -> None:
        """Add *n_bytes* to the bytes received."""
        self._received += n_bytes
        if monotonic() - self._notified < PROGRESS_SECONDS:
            return
        self._notified = monotonic()
        # pooch counts a whole chunk even if the last one is shorter.
        known = min(self._received, self.total or self._received)
        of = f" of {self.total / 2**20:.0f}" if self.total else ""
        self._notify(f"{known / 2**20:.0f}{of} MiB received.")

    def reset(self) -> None:
        """Stop the messages; pooch calls this at the end, before filling up the bar."""
        self._received, self._notified = 0, float("inf")

    def close(self) -> None:
        """Do nothing; part of pooch's interface."""
