"""Local kinds: sources whose files are on this machine, or are not."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import msgspec

from benchbox.data.sources.digests import sha256
from benchbox.data.sources.source import LocalFiles, PassedOverError, listed


class PathSource(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="path"
):
    """The user's own files, read where they are.

    Attributes:
        files: Path by the name the reader asks for. There is no known hash.
    """

    is_local: ClassVar[Literal[True]] = True

    files: Mapping[str, str]

    @property
    def title(self) -> str:
        """The names of the files."""
        return f"own file {listed([Path(path).name for path in self.files.values()])}"

    @property
    def hashes(self) -> Mapping[str, str]:
        """Nothing: an own file is right, whatever it holds."""
        return {}

    @property
    def unproved(self) -> list[str]:
        """Nothing, as there is nothing to prove."""
        return []

    def advice(self, dataset: str) -> str:
        """Return an empty text: there is no advice."""
        return ""

    def find(self, dataset: str) -> dict[str, Path]:
        """Return the paths, whether or not the files exist."""
        return {key: Path(path) for key, path in self.files.items()}


class FolderSource(LocalFiles, frozen=True, kw_only=True, tag="folder"):
    """The user's ``$BENCHBOX_DATA/<name>``, or ``$BENCHBOX_DATA`` itself.

    The folder that the publisher's archive unpacks to is found in either, too;
    ``$BENCHBOX_DATA`` itself serves only if all hashes are known, and right.

    Attributes:
        folder: The publisher's name of it, where the data set's is another.
    """

    folder: str = ""

    @property
    def title(self) -> str:
        """The variable that names the folder."""
        return "local folder in BENCHBOX_DATA"

    def advice(self, dataset: str) -> str:
        """Return how to put the files there by hand."""
        return (
            f"put {listed(list(self.files))} into a folder {dataset!r} and name the "
            f"folder above it in BENCHBOX_DATA"
        )

    def find(self, dataset: str) -> dict[str, Path]:
        """Return the files in the first folder that has all.

        Raises:
            PassedOverError: No folder has.
        """
        chosen = os.environ.get("BENCHBOX_DATA")
        if not chosen:
            raise PassedOverError("BENCHBOX_DATA is not set")
        above = Path(chosen).expanduser()
        unpacked = self.folder or dataset
        folders = (above / dataset, above / dataset / unpacked, above / unpacked)
        lacks = {}
        for folder in dict.fromkeys(folders):
            missing = [file for file in self.files if not (folder / file).is_file()]
            if not missing:
                return self.files_in(folder)
            if folder.is_dir():
                lacks[folder] = missing
        if self._is_proved_in(above):
            return self.files_in(above)
        for folder, missing in lacks.items():
            raise PassedOverError(f"{folder} lacks {', '.join(missing)}")
        raise PassedOverError("BENCHBOX_DATA has no such folder")

    def _is_proved_in(self, above: Path) -> bool:
        # What lies in the folder above may belong to anything: it is taken if it is
        # right, and is no mistake if it is not.
        return all(
            expected and (above / file).is_file() and sha256(above / file) == expected
            for file, expected in self.files.items()
        )


class PackageSource(LocalFiles, frozen=True, kw_only=True, tag="package"):
    """Files that an installed package ships.

    Attributes:
        package: Import name of the package.
        folder: Folder within it.
    """

    package: str
    folder: str = ""

    @property
    def title(self) -> str:
        """The package."""
        return f"shipped with {self.package}"

    def find(self, dataset: str) -> dict[str, Path]:
        """Return the files where the package has them.

        Raises:
            PassedOverError: The package is not installed.
        """
        from importlib.resources import files as resources

        try:
            place = resources(self.package)
        except ModuleNotFoundError:
            raise PassedOverError(f"{self.package} is not installed") from None
        return self.files_in(Path(str(place)) / self.folder)
