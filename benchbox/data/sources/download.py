"""Functions to download and verify files."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

from benchbox.data.sources.digests import kind_of_hash, same_hash
from benchbox.data.sources.source import Notify, PassedOverError

ANSWER_SECONDS = 5
"""A server that does not answer within this time is skipped."""

STALL_SECONDS = 30
"""A download that receives nothing for this long has failed."""

SLOW_SECONDS = 300
"""A download that receives less than a MiB in this time has failed."""

MOST_BYTES = 64 << 30
"""Of a download; the largest data sets take a tenth."""

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


def get_url(url: str, path: Path, notify: Notify, most_bytes: int = MOST_BYTES) -> None:
    """Download *url* into the file *path*.

    Args:
        url: What to download.
        path: File to write.
        notify: Receives a progress message every few seconds.
        most_bytes: Size above which the download is given up.

    Raises:
        PassedOverError: The download stops, or is too slow or too large, or the server
            answers with an error.
        OSError: The file cannot be written.
    """
    import pooch
    import requests

    progress = _Progress(notify, most_bytes)
    answers: list[requests.Response] = []
    downloader = pooch.HTTPDownloader(
        progressbar=progress,
        chunk_size=_CHUNK_BYTES,
        timeout=STALL_SECONDS,
        hooks={"response": lambda answer, **_: answers.append(answer)},
    )

    def receive() -> None:
        try:
            downloader(url, str(path), None)
        finally:
            for answer in answers:
                answer.close()

    try:
        _watched(receive, progress)
    except requests.RequestException as error:
        raise PassedOverError(f"stopped sending ({type(error).__name__})") from None


def _watched(receive: Callable[[], None], progress: "_Progress") -> None:
    """Call *receive* until it is done, or too slow.

    A server that sends a byte from time to time never stalls, and `receive` waits for
    whole chunks. So it runs in a thread that can be abandoned.

    Raises:
        PassedOverError: Less than a chunk has arrived in `SLOW_SECONDS`.
        Exception: Whatever *receive* raises.
    """
    from concurrent.futures import Future
    from threading import Thread

    done: Future[None] = Future()

    def work() -> None:
        try:
            receive()
        except BaseException as error:  # noqa: BLE001
            done.set_exception(error)
        else:
            done.set_result(None)

    Thread(target=work, daemon=True).start()
    seen = -1
    while progress.n_received > seen:
        seen = progress.n_received
        with suppress(TimeoutError):
            return done.result(SLOW_SECONDS)
    raise PassedOverError(
        f"sent less than {_CHUNK_BYTES >> 20} MiB in {SLOW_SECONDS} s"
    )


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
            [*command, "--dest", str(into), "--", requirement],
            capture_output=True,
            check=True,
            timeout=INSTALLER_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise PassedOverError(f"took over {INSTALLER_SECONDS} s") from None
    except subprocess.CalledProcessError:
        raise PassedOverError("gave nothing to pip download") from None
    wheel = next(into.glob("*.whl"), None)
    if wheel is None:
        raise PassedOverError("gave no wheel to pip download")
    return wheel


def check_hash(path: Path, expected: str) -> None:
    """Refuse a downloaded file that has the wrong content.

    Raises:
        PassedOverError: Its hash is not the expected one.
    """
    if (found := same_hash(path, expected)) != expected:
        raise PassedOverError(
            f"sent a different {path.name}: its {kind_of_hash(expected)} is {found}, "
            f"expected {expected}; the publisher may have updated it; the copy was "
            f"deleted"
        )


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
        n_received: Number of bytes received.

    Args:
        notify: Receives the lines.
        most_bytes: Number of bytes above which the download is given up.
    """

    def __init__(self, notify: Notify, most_bytes: int) -> None:
        self.total = self.n_received = 0
        self._notify, self._most_bytes = notify, most_bytes
        self._received = 0
        self._notified = monotonic()

    def update(self, n_bytes: int) -> None:
        """Add *n_bytes* to the bytes received.

        Raises:
            PassedOverError: The download is too large.
        """
        self._received += n_bytes
        self.n_received = max(self.n_received, self._received)
        if max(self.total, self._received - _CHUNK_BYTES) > self._most_bytes:
            raise PassedOverError(f"sent more than {self._most_bytes / 2**20:,.0f} MiB")
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
