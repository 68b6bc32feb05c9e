"""Cache of parsed data sets, saved as arrays that are mapped into memory."""

import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

import msgspec

from benchbox.data.cards import DatasetCard
from benchbox.data.files import part_digests
from benchbox.data.identity import data_id, remember_data_id
from benchbox.data.ratings_files import (
    map_array,
    map_ratings,
    save_array,
    write_ratings,
)
from benchbox.data.sources.cache import LOCK, PARTIAL, cache_folder, locked, size_of
from benchbox.data.sources.digests import sha256
from benchbox.errors import DataError
from benchbox.options import Options, to_json
from benchbox.ratings import Positions, Ratings

FORMAT = 2
"""Version of the files of an entry."""

_ENTRY = "entry.json"

MIN_BYTES = 8 << 20
"""Smaller sources are not cached: reading them again is as fast."""

MAX_BYTES = 8 << 30
MAX_ENTRIES = 4
"""Most entries per data set: one for each set of options and version of the code."""

_LONGEST = 255
"""Most bytes in the name of a file."""

_CORE = "benchbox"
_HOME = Path(__file__).parents[1]
_DECIDING = ("data", "ratings.py", "arrays")
"""The files of benchbox that affect the arrays; editing others keeps entries valid."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Parsed:
    """A parsed data set.

    Attributes:
        ratings: All ratings, in canonical order.
        hidden: Positions of the hidden ratings by fold name, for folds that the data
            set ships.
        validation: Positions of the validation ratings by fold name, for folds that
            ship them.
        described: What the reader recognised in the files, by what it is about.
        noise_floor: RMSE of the best possible predictor; `None` if unknown.
        notes: Sentences about what reading found and users should know.
    """

    ratings: Ratings
    hidden: Mapping[str, Positions]
    validation: Mapping[str, Positions]
    described: Mapping[str, str]
    noise_floor: float | None
    notes: tuple[str, ...] = ()


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry consists of.

    Attributes:
        digests: Hash of each of its files.
        data_id: Hash of the ratings.
        hidden: Names of the folds that the data set ships.
        noise_floor: RMSE of the best possible predictor; `None` if unknown.
        digest: Hash of all other fields.
    """

    digests: dict[str, str]
    data_id: str
    hidden: list[str]
    validation: list[str]
    described: dict[str, str]
    noise_floor: float | None
    notes: tuple[str, ...]
    digest: str = ""


def key_of(
    card: DatasetCard, options: Options, files: Mapping[str, Path]
) -> str | None:
    """Return the cache key of a data set, or `None` if it must not be cached.

    The key is a hash of the card, the options, the files' content and the code that
    reads them. Small files are not cached, nor are readers whose code is not found.
    """
    if any(path.is_dir() for path in files.values()):
        return None
    if sum(path.stat().st_size for path in files.values()) < MIN_BYTES:
        return None
    reader = _places_of(card.reader.partition(":")[0].partition(".")[0])
    if not reader:
        return None
    parts = {
        "format": FORMAT,
        "card": msgspec.structs.replace(card, sources=()),
        "options": to_json(options),
        "files": [(key, path.name, sha256(path)) for key, path in files.items()],
        "code": [_digest(_places_of(_CORE)), _digest(reader)],
    }
    encoded = msgspec.json.encode(parts, order="sorted")
    return blake2b(encoded, digest_size=16).hexdigest()


def recall(name: str, key: str) -> Parsed | None:
    """Return the entry of *key*, mapped into memory, or `None` if there is none."""
    folder = _root() / _shelf(name) / key
    try:
        content = (folder / _ENTRY).read_bytes()
    except OSError:
        return None
    try:
        entry = msgspec.json.decode(content, type=_Entry)
        parsed = _mapped(folder, entry)
        # Once all is mapped: another process may delete the entry in the meantime.
        _check(folder, entry)
    except Exception:  # noqa: BLE001 - damage shows in many ways
        shutil.rmtree(folder, ignore_errors=True)
        return None
    _touch(folder)
    return parsed


def _mapped(folder: Path, entry: _Entry) -> Parsed:
    ratings = map_ratings(folder / "ratings")
    remember_data_id(ratings, entry.data_id)
    return Parsed(
        ratings=ratings,
        hidden=_map_parts(folder, "hidden", entry.hidden),
        validation=_map_parts(folder, "validation", entry.validation),
        described=entry.described,
        noise_floor=entry.noise_floor,
        notes=entry.notes,
    )


def save(name: str, key: str, parsed: Parsed) -> Parsed:
    """Save *parsed* for later runs, and return it mapped into memory.

    The entry is written under a temporary name and then renamed, so readers never see
    an incomplete one.

    Raises:
        OSError: The entry cannot be written.
        SourceError: The cache folder is not writable.
    """
    root = _root()
    with locked(root):
        # With the lock held, unfinished folders are left over from killed processes.
        for left in root.glob(f"{PARTIAL}*"):
            shutil.rmtree(left)
        folder = root / _shelf(name) / key
        if folder.exists():
            return parsed
        partial = Path(mkdtemp(prefix=PARTIAL, dir=root))
        try:
            entry = _write(partial, parsed)
            saved = _mapped(partial, entry)
            folder.parent.mkdir(exist_ok=True)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        _make_room(root, folder)
    return saved


def clean(name: str | None = None) -> int:
    """Delete the entries of a data set, or of all; return the bytes freed."""
    root, freed = _root(), 0
    if not (root / LOCK).exists():
        return 0
    with locked(root):
        for folder in root.iterdir():
            if folder.is_dir() and (name is None or _shelf(name) == folder.name):
                freed += size_of(folder)
                shutil.rmtree(folder)
    return freed


def _shelf(name: str) -> str:
    """Return the name of a data set's folder; its own may be a path, or too long."""
    if len(name.encode()) <= _LONGEST and "/" not in name:
        return name
    return blake2b(name.encode(), digest_size=16).hexdigest()


def _root() -> Path:
    return cache_folder() / "parsed"


def _places_of(package: str) -> list[Path]:
    """Return the folders of an import package, or the file of a module.

    For benchbox, return only the code that affects the arrays.
    """
    if package == _CORE:
        return [_HOME / name for name in _DECIDING]
    try:
        spec = find_spec(package)
    except ValueError:
        # Raised for a module without a file, such as a notebook.
        return []
    if spec is None:
        return []
    places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    return [place for place in map(Path, places) if place.is_absolute()]


def _digest(places: Iterable[Path]) -> str:
    """Return the hash of the modules at *places*, which are files or folders."""
    digest = blake2b(digest_size=16)
    for place in places:
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            name = str(file.relative_to(place.parent))
            digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _write(folder: Path, parsed: Parsed) -> _Entry:
    write_ratings(folder / "ratings", parsed.ratings, with_names=True)
    for part, by_fold in (("hidden", parsed.hidden), ("validation", parsed.validation)):
        for number, positions in enumerate(by_fold.values()):
            save_array(folder / f"{part}-{number}.npy", positions)
    entry = _Entry(
        digests=_digests(folder),
        data_id=data_id(parsed.ratings),
        hidden=list(parsed.hidden),
        validation=list(parsed.validation),
        described=dict(parsed.described),
        noise_floor=parsed.noise_floor,
        notes=parsed.notes,
    )
    sealed = msgspec.structs.replace(entry, digest=_digest_of(entry))
    (folder / _ENTRY).write_bytes(msgspec.json.encode(sealed))
    return sealed


def _map_parts(folder: Path, part: str, folds: Iterable[str]) -> dict[str, Positions]:
    return {
        fold: map_array(folder / f"{part}-{number}.npy")
        for number, fold in enumerate(folds)
    }


def _digests(folder: Path) -> dict[str, str]:
    """Return the hash of each file of an entry, by its path in it."""
    paths = (path for path in folder.rglob("*") if not path.is_dir())
    files = {str(path.relative_to(folder)): path for path in paths}
    files.pop(_ENTRY, None)
    return {name: b"".join(parts).hex() for name, parts in part_digests(files).items()}


def _digest_of(entry: _Entry) -> str:
    """Return the hash of what an entry says, but for this hash."""
    own = msgspec.structs.replace(entry, digest="")
    return blake2b(msgspec.json.encode(own), digest_size=16).hexdigest()


def _check(folder: Path, entry: _Entry) -> None:
    """Check that an entry is as it was written.

    Raises:
        DataError: It is not.
    """
    if entry.digest != _digest_of(entry) or entry.digests != _digests(folder):
        raise DataError(f"{folder} is damaged. Delete it.")


def _touch(folder: Path) -> None:
    # A read-only cache works too.
    with suppress(OSError):
        os.utime(folder)


def _make_room(root: Path, newest: Path) -> None:
    """Delete the least recently used entries until the cache is within its limits."""
    entries = sorted(
        (entry for entry in root.glob("*/*") if entry != newest),
        key=lambda entry: entry.stat().st_mtime,
    )
    rivals = [entry for entry in entries if entry.parent == newest.parent]
    doomed = rivals[: max(0, len(rivals) + 1 - MAX_ENTRIES)]
    excess = size_of(root) - sum(map(size_of, doomed)) - MAX_BYTES
    for entry in entries:
        if excess > 0 and entry not in doomed:
            doomed.append(entry)
            excess -= size_of(entry)
    for entry in doomed:
        shutil.rmtree(entry)
