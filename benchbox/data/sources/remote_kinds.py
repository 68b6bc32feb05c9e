"""Remote kinds: sources whose files are downloaded."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchbox.data.sources import download
from benchbox.data.sources.source import Notify, RemoteFiles, listed
from benchbox.errors import DataError


class UrlSource(RemoteFiles, frozen=True, kw_only=True, tag="url"):
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
        if self._is_archive:
            return
        if self.sha256:
            raise DataError(
                f"{self.url} is the address of each file, so there is no archive to "
                f"have the SHA-256 {self.sha256}. Give each file its own."
            )
        if self.optional:
            raise DataError(
                f"{self.url} is the address of each file, and asks for all of them. "
                f"Name {listed(self.optional)} among the files, or leave it out."
            )

    @property
    def title(self) -> str:
        """The publisher's host."""
        from urllib.parse import urlsplit

        return str(urlsplit(self.url).hostname)

    @property
    def unproved(self) -> list[str]:
        """Names of the files that no known hash proves."""
        return [] if self.sha256 else super().unproved

    def check_reachable(self) -> None:
        """Ask for the first file, and wait a little.

        Raises:
            PassedOverError: There is no answer, or an error.
        """
        download.check_answer(self._address(next(iter(self.files))))

    def fetch(self, into: Path, notify: Notify) -> None:
        """Download each file, or the archive and unpack it.

        Raises:
            PassedOverError: They cannot be had.
        """
        if not self._is_archive:
            for file in self.files:
                download.get_url(self._address(file), into / file, notify)
            return
        with TemporaryDirectory(dir=into) as scratch:
            archive = Path(scratch) / "archive.zip"
            download.get_url(self.url, archive, notify)
            if self.sha256:
                download.check_sha256(archive, self.sha256)
            download.unpack(archive, self.folder, self.files, self.optional, into)

    @property
    def _is_archive(self) -> bool:
        return "{file}" not in self.url

    def _address(self, file: str) -> str:
        return self.url.replace("{file}", file)


class WheelSource(RemoteFiles, frozen=True, kw_only=True, tag="wheel"):
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
    def title(self) -> str:
        """The index, and what is asked of it."""
        return f"package index ({self.requirement})"

    @property
    def unproved(self) -> list[str]:
        """Names of the files that no known hash proves: none, as the wheel's does."""
        return []

    def fetch(self, into: Path, notify: Notify) -> None:
        """Download the wheel with the user's installer, and unpack it.

        Raises:
            PassedOverError: It cannot be had.
        """
        with TemporaryDirectory(dir=into) as scratch:
            wheel = download.get_wheel(self.requirement, Path(scratch))
            download.check_sha256(wheel, self.sha256)
            download.unpack(wheel, self.folder, self.files, self.optional, into)
