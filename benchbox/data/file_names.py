"""Finds the files that a text on the command line names, and names their data sets.

One file is a table of ratings, and so are all files that a name with wildcards matches.
Files joined by ``+`` are a fold: training ratings,
validation ratings if there are three files, and hidden ratings. Folds are joined by
``,``, or written once with wildcards. Settings follow after ``:``.

File names may contain all of these characters. So a text is always read in the way in
which its files exist, and only if there is none by its looks.
"""

import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from glob import glob
from itertools import chain, combinations, count, pairwise
from pathlib import Path

from benchbox.errors import UsageError, one_line

ROLES = {1: ("train",), 2: ("train", "test"), 3: ("train", "valid", "test")}
"""What the files of a fold hold, by their number."""

Files = tuple[str, ...]
"""Paths of the files of one fold, in the order of `ROLES`."""

_TABLE_ENDINGS = {
    *(".csv", ".tsv", ".dat", ".data", ".inter", ".txt", ".parquet", ".pq", ".json"),
    *(".jsonl", ".ndjson", ".mtx", ".libfm", ".libsvm", ".svm", ".mat", ".zip"),
}
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".br")
_SETTINGS = re.compile(r":\s*[A-Za-z_-]+\s*=")
_SPELT_BYTE = re.compile(rb"\\x([89a-f][0-9a-f])")
_WILDCARD = re.compile(r"\*|\?|\[[^]/]+\]")


def spelt(text: str) -> str:
    r"""Return *text* with its bytes that are no UTF-8 spelt out, as in ``\xe9``.

    So it can be printed and recorded; `found_path` reads it as the same file.
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def found_path(text: str) -> Path:
    """Return the path that *text* names, which may be spelt out; it need not exist."""
    path = Path(text)
    if "\\x" in text and not path.exists():
        meant = Path(os.fsdecode(_SPELT_BYTE.sub(_byte, os.fsencode(text))))
        return meant if meant.exists() else path
    return path


def split_settings(text: str) -> tuple[str, str]:
    """Split ``files:key=value,…`` into the files and the settings, as text.

    The longest beginning that names existing files counts as the files. If there is
    none, the settings begin at the first ``:`` that is followed by ``key=``.
    """
    colons = [found.start() for found in re.finditer(":", text)]
    for end in (len(text), *reversed(colons)):
        if _existing(text[:end]):
            return text[:end], text[end + 1 :]
    begins = _SETTINGS.search(text)
    end = begins.start() if begins else len(text)
    return text[:end], text[end + 1 :]


def is_file_choice(text: str) -> bool:
    """Return whether *text*, without settings, names files rather than a data set."""
    return bool(re.search(r"[/*?]", text) or _existing(text)) or any(
        map(_is_like_a_file, _split(text))
    )


def files_of(text: str) -> tuple[Files, ...]:
    """Return the paths of the files that *text*, without settings, names, by fold.

    The paths are those as written, and need not exist. A single file is one fold of one
    file, and so is a pattern; see `parts_of`.

    Raises:
        UsageError: *text* has another form, or its wildcards match no files.
    """
    if found := _existing(text):
        return found
    if _WILDCARD.search(text):
        return _matched(text)
    folds = tuple(map(_divided, text.split(",")))
    whole = all(len(fold) in ROLES and all(fold) for fold in folds)
    if not whole or (len(folds) > 1 and any(len(fold) == 1 for fold in folds)):
        raise UsageError(
            f"{text!r} is not a data set. Give one file; or train.csv+test.csv, or "
            f"train.csv+valid.csv+test.csv; or several such folds, separated by "
            f"commas."
        )
    return folds


def parts_of(pattern: str) -> tuple[str, ...]:
    """Return the files that hold one table, in the order of their names.

    These are the files that match *pattern*, unless their names begin with a dot or
    ``_``, as those of Spark do that hold no ratings. A file that exists is itself.
    """
    if _is_file(pattern) or not _WILDCARD.search(pattern):
        return (pattern,)
    found = map(Path, sorted(glob(pattern)))
    return tuple(str(p) for p in found if p.is_file() and p.name[0] not in "._")


def fold_names(folds: Sequence[Files]) -> list[str]:
    """Return a short name for each fold: ``"test"``, or what tells its last file apart.

    That is the name of the file without its ending, or of its folder, or both.
    """
    if len(folds) == 1:
        return ["test"]
    parts = [_stem_parts(files[-1]) for files in folds]
    depth = max(map(len, parts))
    padded = [("",) * (depth - len(part)) + part for part in parts]
    differing = [place for place in range(depth) if len({p[place] for p in padded}) > 1]
    names = ["-".join(filter(None, (p[k] for k in differing))) for p in padded]
    if len(set(names)) < len(names):
        return [f"fold{number}" for number in range(1, len(names) + 1)]
    return names


def names_of(choices: Sequence[Sequence[Files]]) -> list[str]:
    """Return a short name for each of several data sets, which tells them apart.

    It consists of the names of the files, and of as many of their folders as it takes.
    Only data sets of the same files get the same name.

    Args:
        choices: The files of each data set, by fold.
    """
    files = [tuple(os.path.abspath(f) for f in choice[0]) for choice in choices]
    names = [_name(choice, 1) for choice in choices]
    for depth in count(2):
        alike = [
            one
            for one, name in enumerate(names)
            if any(
                name == other and files[one] != others
                for other, others in zip(names, files, strict=True)
            )
        ]
        if not alike or all(
            depth > len(Path(file).parts) for one in alike for file in files[one]
        ):
            return names
        for one in alike:
            names[one] = _name(choices[one], depth)
    raise AssertionError


def _name(folds: Sequence[Files], n_parts: int) -> str:
    name = "+".join(_tail(file, n_parts) for file in folds[0])
    return f"{name} and {len(folds) - 1} more" if len(folds) > 1 else name


def _tail(file: str, n_parts: int) -> str:
    if n_parts == 1:
        return one_line(Path(file).name)
    return one_line(str(Path(*Path(os.path.abspath(file)).parts[-n_parts:])))


@cache
def _stem_parts(file: str) -> tuple[str, ...]:
    path = Path(file)
    return (*path.parent.parts, _unpacked(path.name).partition(".")[0] or path.name)


def _existing(text: str) -> tuple[Files, ...]:
    """Return the folds of existing files that *text* names; empty if there are none."""
    if _is_file(text):
        return ((text,),)
    pieces = text.split(",")

    @cache
    def from_(start: int) -> tuple[Files, ...] | None:
        if start == len(pieces):
            return ()
        for end in range(start + 1, len(pieces) + 1):
            files = _existing_fold(",".join(pieces[start:end]))
            if files and (rest := from_(end)) is not None:
                return (files, *rest)
        return None

    return from_(0) or ()


def _existing_fold(text: str) -> Files:
    """Return the two or three existing files that *text* names; empty if not all do."""
    ways = _ways_to_divide(text.split("+"))
    return next((files for files in ways if all(map(_is_file, files))), ())


def _divided(text: str) -> Files:
    """Return the files that *text* most likely names, some of which do not exist."""
    pieces = tuple(text.split("+"))
    ways = _ways_to_divide(pieces)
    best = max(ways, key=lambda files: sum(map(_is_file, files)), default=pieces)
    return best if any(map(_is_file, best)) else pieces


def _ways_to_divide(pieces: Sequence[str]) -> Iterator[Files]:
    """Yield the pieces joined by ``+`` to two files, and to three, in each way."""
    n = len(pieces)
    for ends in chain(combinations(range(1, n), 1), combinations(range(1, n), 2)):
        edges = pairwise((0, *ends, n))
        yield tuple("+".join(pieces[start:end]) for start, end in edges)


def _matched(text: str) -> tuple[Files, ...]:
    """Return the folds that match a fold with wildcards, in natural order."""
    first, *others = text.split("+")
    if not others and "," not in text and parts_of(text):
        return ((text,),)
    n_wild = len(_WILDCARD.findall(first))
    alike = all(len(_WILDCARD.findall(other)) == n_wild for other in others)
    if not n_wild or not others or len(others) > 2 or "," in text or not alike:
        raise UsageError(
            f"{text!r} is not a data set: there is no such file. Wildcards name "
            f"several files of one table, as in 'part-*.parquet', or several folds, as "
            f"in 'u*.base+u*.test', where each file of a fold has the same ones."
        )
    pattern = re.compile(_with_groups(first))
    folds = []
    for file in sorted(glob(first), key=_natural):
        found = pattern.fullmatch(file)
        if found is not None:
            folds.append((file, *(_filled(other, found.groups()) for other in others)))
    whole = [files for files in folds if all(map(_is_file, files))]
    if not whole:
        raise UsageError(
            f"No files match {text!r}. Correct it, and put it in quotes, so that the "
            f"shell leaves it as it is."
        )
    return tuple(whole)


def _with_groups(pattern: str) -> str:
    """Return the regular expression that captures what each wildcard matches."""
    places = [0]
    parts = []
    for found in _WILDCARD.finditer(pattern):
        parts.append(re.escape(pattern[places[-1] : found.start()]))
        one = {"*": "[^/]*", "?": "[^/]"}.get(found[0], found[0].replace("[!", "[^"))
        parts.append(f"({one})")
        places.append(found.end())
    return "".join(parts) + re.escape(pattern[places[-1] :])


def _filled(pattern: str, found: Sequence[str]) -> str:
    filling = iter(found)
    return _WILDCARD.sub(lambda _: next(filling), pattern)


def _natural(file: str) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdecimal() else (0, part)
        for part in re.split(r"(\d+)", file)
    ]


def _split(text: str) -> list[str]:
    return [file for fold in text.split(",") for file in fold.split("+")]


def looks_like_table(name: str) -> bool:
    """Return whether the ending of a file's name is one of tables of ratings."""
    return Path(_unpacked(name)).suffix.lower() in _TABLE_ENDINGS


def _is_like_a_file(text: str) -> bool:
    return looks_like_table(text) or _is_file(text)


def _unpacked(name: str) -> str:
    return next((name.removesuffix(e) for e in _PACKED if name.endswith(e)), name)


def _byte(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode())


def _is_file(text: str) -> bool:
    try:
        found = found_path(text) if text else None
        return found is not None and (found.is_file() or found.is_dir())
    except (OSError, ValueError):
        # A name may be too long for the system, or hold a NUL.
        return False
