"""Built-in sources of files that are downloaded."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from benchbox.data.sources import download
from benchbox.data.sources.archives import unpack
from benchbox.data.sources.source import Notify, RemoteFiles, listed
from benchbox.errors import DataError

_SLACK, _SLACK_BYTES = 4, 64 << 20
"""By how much a download may be larger than its card says, as a factor and a term."""

_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][\w.-]*(\[[\w.,-]*\])?([=<>!~]=?=?[\w.*+!,=<>~-]+)?"
)


class UrlSource(RemoteFiles, frozen=True, kw_only=True, tag="url"):
    """The publisher's download.

    Attributes:
        url: Address of a zip or tar archive; or, with ``{file}`` in it, of each file.
        folder: Folder of the files in the archive.
        sha256: SHA-256 of the archive, which verifies all its files; empty if unknown.
        n_bytes: Size of the download in bytes, for display; `None` if unknown.
    """

    url: str
    folder: str = ""
    sha256: str = ""
    n_bytes: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self._is_archive:
            return
        if self.sha256:
            raise DataError(
                f"{self.url} downloads each file separately, so sha256="
                f"{self.sha256!r} has no archive to verify. Give each file its own."
            )
        if self.optional:
            raise DataError(
                f"{self.url} downloads each file separately and cannot have optional "
                f"ones. Move {listed(self.optional)} to files, or leave it out."
            )

    @property
    def title(self) -> str:
        """The host name of the publisher."""
        from urllib.parse import urlsplit

        return str(urlsplit(self.url).hostname)

    @property
    def unproved(self) -> list[str]:
        """Names of the files without a known hash."""
        return [] if self.sha256 else super().unproved

    def check_reachable(self) -> None:
        """Ask the server for the first file, with a short time limit.

        Raises:
            PassedOverError: The server does not answer, or answers with an error.
        """
        download.check_answer(self._address(next(iter(self.files))))

    def fetch(self, into: Path, notify: Notify) -> None:
        """Download each file, or download the archive and unpack it.

        Raises:
            PassedOverError: The download fails.
        """
        if not self._is_archive:
            for file in self.files:
                address = self._address(file)
                download.get_url(address, into / file, notify, self._most_bytes)
            return
        with TemporaryDirectory(dir=into) as scratch:
            archive = Path(scratch) / "archive"
            download.get_url(self.url, archive, notify, self._most_bytes)
            if self.sha256:
                download.check_hash(archive, self.sha256)
            unpack(archive, self.folder, self.files, self.optional, into)

    @property
    def _most_bytes(self) -> int:
        # The size is for display, and a publisher may add to a file.
        known = download.MOST_BYTES if self.n_bytes is None else self.n_bytes
        return min(download.MOST_BYTES, _SLACK * known + _SLACK_BYTES)

    @property
    def _is_archive(self) -> bool:
        return "{file}" not in self.url

    def _address(self, file: str) -> str:
        return self.url.replace("{file}", file)


class WheelSource(RemoteFiles, frozen=True, kw_only=True, tag="wheel"):
    """A wheel on the package index that carries the files; it is never installed.

    Attributes:
        requirement: Distribution and version, as in ``"recbole==1.2.1"``.
        sha256: SHA-256 of the wheel.
        folder: Folder of the files in the wheel.
    """

    requirement: str
    sha256: str
    folder: str

    def __post_init__(self) -> None:
        super().__post_init__()
        # An installer would take options, addresses and folders, too.
        if not _REQUIREMENT.fullmatch(self.requirement):
            raise DataError(
                f"{self.requirement!r} is not the name and version of a distribution. "
                f"Write it like 'recbole==1.2.1'."
            )

    @property
    def title(self) -> str:
        """The package index and the requirement."""
        return f"package index ({self.requirement})"

    @property
    def unproved(self) -> list[str]:
        """Empty: the hash of the wheel verifies all files."""
        return []

    def fetch(self, into: Path, notify: Notify) -> None:
        """Download the wheel with pip and unpack it.

        Raises:
            PassedOverError: The download fails.
        """
        with TemporaryDirectory(dir=into) as scratch:
            wheel = download.get_wheel(self.requirement, Path(scratch))
            download.check_hash(wheel, self.sha256)
            unpack(wheel, self.folder, self.files, self.optional, into)
