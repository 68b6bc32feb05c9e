"""Writes folds as lists of pairs that any tool can read, and reads such folders."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from benchbox.data import data_id
from benchbox.errors import DataError, UsageError, counted, is_file_name
from benchbox.options import UNDECODABLE, NoOptions, changed, decode
from benchbox.protocols.folds import Fold
from benchbox.protocols.lists import Part, lists_beside, lists_in, positions_of
from benchbox.protocols.partition import Partition, Protocol
from benchbox.protocols.random_splits import carve_random
from benchbox.ratings import Positions, Ratings

ExportForm = Literal["csv", "parquet"]
"""Kinds of files that hold the lists of pairs."""

FORMAT = 1
"""Version of the manifest."""

MANIFEST = "manifest.json"

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_BLOCK = 1 << 20


class PairList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One list of an export.

    Attributes:
        file: Name of the file; its columns are user, item and row.
        n: Number of pairs.
        pairs_id: SHA-256 of the lines ``user<tab>item``, sorted and joined by line
            breaks, in UTF-8. It depends neither on the form nor on the order.
    """

    file: str
    n: int
    pairs_id: str


class ExportedFold(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One fold of an export.

    Attributes:
        name: Name within the protocol.
        id: `Fold.id`: hash of the data, the recipe and the role of every rating.
        lists: The list of each part. ``history`` is there if it is not the training
            ratings; ``validation`` is part of ``train``.
    """

    name: str
    id: str
    lists: dict[Part, PairList]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a folder of exported folds holds.

    Attributes:
        format: Version of this record.
        dataset: Name of the data set.
        data_id: Hash of its ratings; see `benchbox.data.data_id`.
        n_ratings: Number of its ratings.
        protocol: Name of the protocol that split it.
        options: Options of the protocol that differ from the defaults.
        folds: The folds.
    """

    format: int
    dataset: str
    data_id: str
    n_ratings: int
    protocol: str
    options: dict[str, Any]
    folds: tuple[ExportedFold, ...]


def export_folds(
    dataset: str, folds: Sequence[Fold], folder: Path, form: ExportForm = "csv"
) -> None:
    """Write folds of one protocol as lists of pairs, with a manifest.

    No ratings are written: they may not be passed on, and hidden ones must not be. A
    row is the number of the rating in its source, from 0 without the header.

    Args:
        dataset: Name of the data set.
        folds: The folds.
        folder: Folder to make; it must not exist, or be empty.
        form: ExportForm of the lists.

    Raises:
        UsageError: The folder is not empty, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(
                f"{str(folder)!r} is not empty. Name another folder to export to."
            )
        exported = []
        for number, fold in enumerate(folds, start=1):
            stem = fold.name if _PLAIN.fullmatch(fold.name) else f"fold{number}"
            lists = {
                part: _write(folder / f"{stem}.{part}.{form}", fold.ratings, positions)
                for part, positions in _parts(fold)
            }
            exported.append(ExportedFold(name=fold.name, id=fold.id, lists=lists))
        manifest = Manifest(
            format=FORMAT,
            dataset=dataset,
            data_id=folds[0].data_id,
            n_ratings=len(folds[0].ratings),
            protocol=folds[0].protocol.name,
            options=changed(folds[0].options),
            folds=tuple(exported),
        )
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        # Last, so that a folder with a manifest is whole.
        (folder / MANIFEST).write_bytes(content + b"\n")
    except OSError as error:
        raise UsageError(
            f"{str(folder)!r} cannot be written: {error.strerror}. Name another folder."
        ) from None


def import_folds(
    folder: Path, ratings: Ratings, protocol_of: Callable[[str], Protocol]
) -> list[Fold]:
    """Return the folds whose lists are in a folder.

    Folds that benchbox exported are the same again: of the same protocol, and with the
    same ids. Those of other tools belong to the protocol ``files``. There, ratings that
    no list names are trained on if a fold has no list of training ratings, and are left
    out if it has one.

    Args:
        folder: The folder; see `lists_in`.
        ratings: The ratings that were split, in canonical order.
        protocol_of: Returns the protocol of a name.

    Raises:
        DataError: The lists or the manifest cannot be read, are about other ratings, or
            were changed.
        UsageError: The protocol of the manifest is not installed.
    """
    if not (folder / MANIFEST).is_file():
        return [
            _fold(ratings, FILES, NoOptions(), name, _read(name, parts, ratings))
            for name, parts in lists_in(folder).items()
        ]
    manifest = _manifest(folder)
    if (found := data_id(ratings)) != manifest.data_id:
        raise DataError(
            f"{folder.name} splits other ratings: those of {manifest.dataset!r} with "
            f"id {manifest.data_id}, but these have {found}. Load the data set that "
            f"was split."
        )
    _check_files(folder, manifest)
    protocol = protocol_of(manifest.protocol)
    options = decode(protocol.options, manifest.options, protocol.name)
    folds = []
    for each in manifest.folds:
        paths = {part: folder / listed.file for part, listed in each.lists.items()}
        parts = _read(each.name, paths, ratings)
        fold = _fold(ratings, protocol, options, each.name, parts)
        if fold.id != each.id:
            raise DataError(
                f"Fold {each.name!r} of {folder.name} was changed: its id is "
                f"{fold.id}, but {MANIFEST} says {each.id}. Export it again; or remove "
                f"{MANIFEST}, and it is a split of your own."
            )
        folds.append(fold)
    return folds


def _no_split(*_: object) -> Iterator[Partition]:
    raise UsageError(
        "The protocol 'files' needs a folder of lists, as in -p files:my-folds."
    )


FILES = Protocol(
    name="files",
    summary="folds read from a folder of lists, as in files:DIR",
    options=NoOptions,
    split=_no_split,
    carve=carve_random,
)
"""The protocol of folds that other tools made."""


def _parts(fold: Fold) -> Iterator[tuple[Part, Positions]]:
    partition = fold.partition
    yield "train", partition.train
    if not partition.is_warm:
        yield "history", partition.history
    if partition.validation is not None:
        yield "validation", partition.validation
    yield "hidden", partition.hidden


def _write(path: Path, ratings: Ratings, positions: Positions) -> PairList:
    import pyarrow as pa
    from pyarrow import compute, csv, parquet

    def texts(ids: Any, codes: Any) -> Any:
        names = pa.array([str(name) for name in ids.tolist()], pa.string())
        return names.take(pa.array(codes[positions]))

    users = texts(ratings.user_ids, ratings.users)
    items = texts(ratings.item_ids, ratings.items)
    columns = {"user": users, "item": items}
    if ratings.rows is not None:
        columns["row"] = pa.array(ratings.rows[positions])
    table = pa.table(columns)
    if path.suffix == ".csv":
        csv.write_csv(table, path, csv.WriteOptions(quoting_style="needed"))
    else:
        parquet.write_table(table, path)
    lines = compute.binary_join_element_wise(users, items, "\t")
    lines = lines.take(compute.array_sort_indices(lines))
    digest = sha256()
    for start in range(0, len(lines), _BLOCK):
        block = "\n".join(lines[start : start + _BLOCK].to_pylist())
        digest.update((f"\n{block}" if start else block).encode())
    return PairList(file=path.name, n=len(positions), pairs_id=digest.hexdigest())


def _manifest(folder: Path) -> Manifest:
    try:
        found = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, *UNDECODABLE) as error:
        raise DataError(
            f"{folder.name}/{MANIFEST} cannot be read: {error}. Export the folds again."
        ) from None
    if found.format != FORMAT:
        raise DataError(
            f"{folder.name}/{MANIFEST} has format {found.format}, but this version "
            f"reads {FORMAT}. Export the folds again."
        )
    if not found.folds:
        raise DataError(f"{folder.name}/{MANIFEST} has no folds. Export them again.")
    names, ids = ([*map(attrgetter(kind), found.folds)] for kind in ("name", "id"))
    for values in (names, ids):
        for value, n in Counter(values).items():
            if n > 1:
                raise DataError(
                    f"{folder.name}/{MANIFEST} has fold {value!r} {n} times. Keep one "
                    f"of them."
                )
    return found


def _check_files(folder: Path, manifest: Manifest) -> None:
    """Check that a manifest names all lists in its folder, and no other files."""
    named = {one.file for fold in manifest.folds for one in fold.lists.values()}
    if not all(map(is_file_name, named)):
        raise DataError(
            f"{folder.name}/{MANIFEST} names a file outside of its folder. Export the "
            f"folds again."
        )
    if strays := {file.name for file in lists_beside(folder)} - named:
        raise DataError(
            f"{folder.name} has {min(strays)}, which its {MANIFEST} does not list. "
            f"Remove that file, or export the folds again."
        )


def _read(
    name: str, paths: Mapping[Part, Path], ratings: Ratings
) -> dict[Part, Positions]:
    parts = {part: positions_of(path, ratings) for part, path in paths.items()}
    if "hidden" not in parts:
        raise DataError(f"Fold {name!r} has no list of hidden ratings. Add it.")
    if "train" not in parts:
        is_train = np.ones(len(ratings), dtype=bool)
        is_train[parts["hidden"]] = False
        parts["train"] = np.flatnonzero(is_train)
    # Others write the validation ratings apart; here they are training ratings too.
    if "validation" in parts:
        parts["train"] = np.union1d(parts["train"], parts["validation"])
    for seen in ("train", "history"):
        both = np.intersect1d(parts.get(seen, parts["train"]), parts["hidden"])
        if len(both):
            raise DataError(
                f"Fold {name!r} hides {counted(len(both), 'rating')} that its {seen} "
                f"list has too. Remove them from one of the two."
            )
    return parts


def _fold(
    ratings: Ratings,
    protocol: Protocol,
    options: Any,
    name: str,
    parts: Mapping[Part, Positions],
) -> Fold:
    if not len(parts["train"]) or not len(parts["hidden"]):
        raise DataError(
            f"Fold {name!r} has an empty list. Fill it, or remove the fold."
        )
    partition = Partition(
        name=name,
        train=parts["train"],
        history=parts.get("history", parts["train"]),
        hidden=parts["hidden"],
        validation=parts.get("validation"),
    )
    return Fold(
        ratings=ratings,
        partition=partition,
        protocol=protocol,
        options=options,
        data_id=data_id(ratings),
    )
