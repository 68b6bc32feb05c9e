"""Opens ratings that are text but no delimited table: JSON, libsvm, Netflix."""

import ast
import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from benchbox.data.tables.arrow_table import ArrowTable
from benchbox.data.tables.stream import Stream
from benchbox.data.tables.text_file import TextFile
from benchbox.errors import DataError
from benchbox.options import UNDECODABLE
from benchbox.targets import undisturbed

if TYPE_CHECKING:
    import pyarrow as pa

_N_LOOKED_AT = 100
_BLOCK_ROWS = 100_000
_MOST_BYTES = 2 << 30
"""Of a file of JSON that is a single list, which is read as a whole."""

_OBJECT = re.compile(r"\s*\{\s*[\"'}]")
_LIST = re.compile(r"\s*\[\s*(\{|$|\])")
_FILM = re.compile(r"\s*(\d+)\s*:\s*", re.ASCII)
_LIBSVM = re.compile(r"\s*[-+.\deE]+(\s+\d+:[-+.\deE]+)+\s*(#.*)?", re.ASCII)

Fields = Mapping[str, Any]


def open_other_form(text: TextFile) -> ArrowTable | None:
    """Return *text* as a table if it has one of these forms, which its head shows.

    Raises:
        DataError: It has the form, but no ratings that can be read.
    """
    head = list(islice((line for line in text.lines() if line.strip()), 2))
    first = head[0] if head else ""
    if _OBJECT.match(first):
        return _open_json(text, _objects_by_line)
    if _LIST.match(first):
        return _open_json(text, _objects_of_list)
    if _FILM.fullmatch(first):
        return _open_films(text)
    if _LIBSVM.fullmatch(first.rstrip()):
        return _open_libsvm(text)
    return None


def _open_json(
    text: TextFile, objects: Callable[[TextFile], Iterator[Fields]]
) -> ArrowTable:
    names: dict[str, None] = {}
    for found in islice(objects(text), _N_LOOKED_AT):
        names |= dict.fromkeys(key for key, value in found.items() if _is_plain(value))
    if not names:
        raise DataError(
            f"{text.path.name} is JSON without ratings. Give one object for each "
            f'rating, as in {{"user": 1, "item": 2, "rating": 4}}.'
        )

    def load(wanted: list[str]) -> Stream:
        rows, blocks = objects(text), []
        # As Python objects, all rows at once would take many times the memory.
        while block := list(islice(rows, _BLOCK_ROWS)):
            blocks.append(_table({n: [row.get(n) for row in block] for n in wanted}))
        return Stream.of(_joined(blocks))

    return ArrowTable(text.path, tuple(names), load, text.notes)


def _objects_by_line(text: TextFile) -> Iterator[Fields]:
    decoder = msgspec.json.Decoder()
    for number, line in enumerate(text.lines(), start=1):
        if not line.strip():
            continue
        try:
            found = decoder.decode(line)
        except UNDECODABLE:
            found = _literal(line)
        if not isinstance(found, dict):
            raise DataError(
                f"{text.path.name}, line {number}: {line.strip()[:60]!r} is not a JSON "
                f"object. Correct or remove the line."
            )
        yield found


def _literal(line: str) -> Any:
    """Return the Python literal in *line*, as some publishers write; `None` if none.

    Only constants are read, and no code runs.
    """
    if not line.lstrip().startswith("{"):
        return None
    try:
        return undisturbed(lambda: ast.literal_eval(line.strip()))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None


def _objects_of_list(text: TextFile) -> Iterator[Fields]:
    with text.unpacking(), text.open() as stream:
        content = stream.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise DataError(
            f"{text.path.name} is one JSON list of more than {_MOST_BYTES >> 30} GiB. "
            f"Write an object per line instead, as pandas does with lines=True."
        )
    try:
        found = msgspec.json.decode(
            content.decode(text.encoding).removeprefix("\ufeff")
        )
    except UNDECODABLE as error:
        raise DataError(
            f"{text.path.name} is not valid JSON: {str(error)[:80]}. Get the file "
            f"again."
        ) from None
    if not all(isinstance(each, dict) for each in found):
        raise DataError(
            f"{text.path.name} is a JSON list of something else than objects. Give one "
            f'object for each rating, as in {{"user": 1, "item": 2, "rating": 4}}.'
        )
    yield from found


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _table(columns: Mapping[str, Sequence[Any]]) -> "pa.Table":
    import pyarrow as pa

    arrays = {}
    for name, values in columns.items():
        try:
            arrays[name] = pa.array(values)
        except (pa.ArrowException, OverflowError, TypeError):
            # Numbers beside texts, say; numbers too large are no ids or ratings.
            arrays[name] = pa.array([_as_text(value) for value in values], pa.string())
        if pa.types.is_nested(arrays[name].type) or pa.types.is_null(arrays[name].type):
            arrays[name] = pa.nulls(len(values), pa.string())
    return pa.table(arrays)


def _joined(blocks: Sequence["pa.Table"]) -> "pa.Table":
    """Return *blocks* below each other; where types differ, as numbers or as text."""
    import pyarrow as pa

    first, *_ = blocks
    fields = []
    for name in first.column_names:
        kinds = {block.schema.field(name).type for block in blocks}
        are_numbers = kinds <= {pa.int64(), pa.float64()}
        kind = pa.float64() if are_numbers else pa.string()
        fields.append(pa.field(name, kinds.pop() if len(kinds) == 1 else kind))
    schema = pa.schema(fields)
    return pa.concat_tables([block.cast(schema) for block in blocks])


def _as_text(value: Any) -> str | None:
    if value is None or not _is_plain(value):
        return None
    return str(value)


def _open_films(text: TextFile) -> ArrowTable:
    """Return ratings in the format of the Netflix prize.

    A line with the number of a film and a colon comes before its ratings, which are
    lines of user, rating and date.
    """

    def load(wanted: list[str]) -> Stream:
        import pyarrow as pa

        # Compact: the prize has a hundred million of them.
        films, users, ratings, dates = array("q"), array("q"), array("d"), []
        film = -1
        for number, line in enumerate(text.lines(), start=1):
            if not (stripped := line.strip()):
                continue
            if (found := _FILM.fullmatch(stripped)) is not None:
                film = int(found[1])
                continue
            fields = stripped.split(",")
            try:
                user, rating, date = fields
                users.append(int(user))
                ratings.append(float(rating))
            except (ValueError, OverflowError):
                raise DataError(
                    f"{text.path.name}, line {number}: {stripped[:60]!r} is not a "
                    f"rating in the format of the Netflix prize (user,rating,date). "
                    f"Correct or remove the line."
                ) from None
            films.append(film)
            dates.append(date)
        table = pa.table(
            {
                "user": pa.array(users, pa.int64()),
                "item": pa.array(films, pa.int64()),
                "rating": pa.array(ratings, pa.float64()),
                "date": pa.array(dates, pa.string()),
            }
        )
        return Stream.of(table.select(wanted))

    note = "Read in the format of the Netflix prize: below the number of each film."
    names = ("user", "item", "rating", "date")
    return ArrowTable(text.path, names, load, (*text.notes, note))


def _open_libsvm(text: TextFile) -> ArrowTable:
    """Return ratings of libFM or SVMlight, each with one user and one item.

    A line is the rating, and then two features of value 1: the user and the item.
    """

    def load(wanted: list[str]) -> Stream:
        import pyarrow as pa

        columns: dict[str, list[str]] = {"user": [], "item": [], "rating": []}
        for number, line in enumerate(text.lines(), start=1):
            rating, *features = line.partition("#")[0].split()[:4] or [""]
            if not rating:
                continue
            pairs = [feature.partition(":") for feature in features]
            if len(pairs) != 2 or any(_number(value) != 1 for *_, value in pairs):
                raise DataError(
                    f"{text.path.name}, line {number}: {line.strip()[:60]!r} is not a "
                    f"rating and two features of value 1, the user and the item. "
                    f"Other features cannot be read; write user,item,rating instead."
                )
            for name, value in zip(
                columns, (pairs[0][0], pairs[1][0], rating), strict=True
            ):
                columns[name].append(value)
        return Stream.of(pa.table(columns).select(wanted))

    note = "Read in the format of libFM: first the user's feature, then the item's."
    names = ("user", "item", "rating")
    return ArrowTable(text.path, names, load, (*text.notes, note))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
