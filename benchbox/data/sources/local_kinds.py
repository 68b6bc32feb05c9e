"""Built-in sources of files that are already on this machine."""

import atexit
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Literal

import msgspec

from benchbox.data.file_names import found_path, spelt
from benchbox.data.sources.digests import same_hash
from benchbox.data.sources.source import LocalFiles, PassedOverError, listed
from benchbox.errors import error_line, is_valid, one_line


class PathSource(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="path"
):
    """The user's own files, read where they are.

    Attributes:
        files: Path by the file name that the reader uses; no hashes are known.
    """

    is_local: ClassVar[Literal[True]] = True

    files: Mapping[str, str]

    @property
    def title(self) -> str:
        """The paths of the files, as the user wrote them."""
        paths = list(self.files.values())
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        named = ", ".join(paths[:3]) if more else listed(paths)
        return one_line(f"own file {named}{more}")

    @property
    def hashes(self) -> Mapping[str, str]:
        """Empty: the user's own files have no expected content."""
        return {}

    @property
    def unproved(self) -> list[str]:
        """Empty: the user's own files need no verification."""
        return []

    def advice(self, dataset: str) -> str:
        """Return an empty string: there is no advice."""
        return ""

    def find(self, dataset: str) -> dict[str, Path]:
        """Return the paths, whether or not the files exist."""
        return {key: _in_utf8(found_path(path)) for key, path in self.files.items()}


def _in_utf8(path: Path) -> Path:
    """Return *path*, or a link to it if its name is no UTF-8, which Arrow cannot open.

    The link lasts as long as this process.
    """
    return path if is_valid(str(path)) else _link_to(path.absolute())


@cache
def _link_to(path: Path) -> Path:
    folder = TemporaryDirectory(prefix="benchbox-names-")
    atexit.register(folder.cleanup)
    link = Path(folder.name) / spelt(path.name)
    link.symlink_to(path)
    return link


class FolderSource(LocalFiles, frozen=True, kw_only=True, tag="folder"):
    """The user's folder ``$BENCHBOX_DATA/<name>``, or ``$BENCHBOX_DATA`` itself.

    In either, the folder that the publisher's archive unpacks to is found too. Files
    directly in ``$BENCHBOX_DATA`` are used only if all hashes are known and match.

    Attributes:
        folder: Name of the folder in the publisher's archive, if it is not the data
            set's name.
    """

    folder: str = ""

    @property
    def title(self) -> str:
        """The environment variable that names the folder."""
        return "local folder in BENCHBOX_DATA"

    def advice(self, dataset: str) -> str:
        """Return how to put the files there manually."""
        return (
            f"put {listed(list(self.files))} into a folder {dataset!r} and name the "
            f"folder above it in BENCHBOX_DATA"
        )

    def find(self, dataset: str) -> dict[str, Path]:
        """Return the files in the first folder that has all of them.

        Raises:
            PassedOverError: There is no such folder.
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
        # The parent folder may hold unrelated files of the same names: use them only
        # if their hashes match, and do not complain if not.
        return all(
            expected
            and (above / file).is_file()
            and same_hash(above / file, expected) == expected
            for file, expected in self.files.items()
        )


class PackageSource(LocalFiles, frozen=True, kw_only=True, tag="package"):
    """Files that an installed package ships.

    Attributes:
        package: Import name of the package.
        folder: Folder in the package.
    """

    package: str
    folder: str = ""

    @property
    def title(self) -> str:
        """The name of the package."""
        return f"shipped with {self.package}"

    def find(self, dataset: str) -> dict[str, Path]:
        """Return the paths of the files in the package.

        Raises:
            PassedOverError: The package is not installed, or cannot be imported.
        """
        from importlib.resources import files as resources

        try:
            place = resources(self.package)
        except ModuleNotFoundError:
            raise PassedOverError(f"{self.package} is not installed") from None
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            why = error_line(error)
            raise PassedOverError(
                f"{self.package} cannot be imported: {why}"
            ) from error
        return self.files_in(Path(str(place)) / self.folder)
