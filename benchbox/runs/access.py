"""What the trials of a run may read and reach, and what stays hidden from them."""

import os
import tempfile
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from platform import python_version

from benchbox.data import Dataset, cache_folder
from benchbox.errors import UsageError
from benchbox.machine import package_version
from benchbox.records import Access

_COMPILERS = ("numba", "llvmlite", "torch")


def access_of(
    *,
    read: Sequence[str] = (),
    network: bool = False,
    datasets: Iterable[Dataset] = (),
    lists: Iterable[Path] = (),
    results: Path | None = None,
) -> Access:
    """Return what trials may read and reach.

    Args:
        read: Files and folders they may read, as the user names them.
        network: Whether they may use the network.
        datasets: Data whose files are hidden from them, wherever these are.
        lists: Folders of lists of pairs, which are hidden too.
        results: Folder of runs, which is hidden too.

    Raises:
        UsageError: A path to read is not there, or would show what is hidden.
    """
    files = (file for data in datasets for file in data.files)
    hidden = [cache_folder(), *files, *lists]
    if data := os.environ.get("BENCHBOX_DATA"):
        hidden.append(Path(data).expanduser())
    if results is not None:
        hidden.append(results)
    found = tuple(dict.fromkeys(os.path.realpath(place) for place in hidden))
    allowed = tuple(_allowed(path, found) for path in read)
    names = tuple(map(os.fsencode, found))
    return Access(read=allowed, hidden=names, network=network)


def compiled_folder(target: str, source: str) -> str:
    """Return the folder for what compilers make of the code of a model.

    Args:
        target: Its class.
        source: Digest of its source; empty if unknown.
    """
    module = target.rpartition(":")[0]
    # Models of a package share it; two files with the same text do not, since what they
    # import may differ.
    place = module if module.endswith(".py") else module.partition(".")[0]
    versions = [f"{name} {package_version(name)}" for name in _COMPILERS]
    named = [place, source, python_version(), *versions]
    digest = blake2b("\n".join(named).encode(), digest_size=8).hexdigest()
    return str(_compiled() / digest)


def _compiled() -> Path:
    return cache_folder() / "compiled"


def _allowed(path: str, hidden: Sequence[str]) -> str:
    real = os.path.realpath(os.path.expanduser(path))
    if not os.path.exists(real):
        raise UsageError(f"There is nothing at {path!r} for --allow-read.")
    # The files of other trials are in the folder for temporary files.
    temporary = os.path.realpath(tempfile.gettempdir())
    shown = [place for place in hidden if _overlap(real, place)]
    if shown or _is_in(temporary, real):
        raise UsageError(
            f"--allow-read {path!r} would show models what is hidden from them in "
            f"{(shown or [temporary])[0]}. Name only what they need."
        )
    return real


def _overlap(one: str, other: str) -> bool:
    return _is_in(one, other) or _is_in(other, one)


def _is_in(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)
