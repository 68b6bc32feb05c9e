"""Commands on damaged files: no traceback, no hang, no other figure without a word.

It runs until it is told to stop, and prints what it finds::

    python tests/studies/fuzzing.py --seconds 600 [--seed 0] [--only cards]

Each round damages one file of one kind (a card, a suite, a record, a manifest, a saved
model, stored predictions, pairs to predict, benchmarks to compare, ratings in any form,
lists of a split), runs the commands that read it, and puts the file back. A finding is
an exception, a command that takes longer than 20 seconds, an error without a line that
says so, or an output that differs from that of the sound file with exit code 0 and
without a warning. Files that may rightly say something else (cards, suites, pairs,
ratings, a record of a run that lost its digest) are exempt from the last.
"""

import argparse
import collections
import contextlib
import gzip
import io
import json
import lzma
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchbox.cli import main

SLOW_SECONDS = 20.0

VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    7,
    1e308,
    10**30,
    2**63,
    -(2**63),
    10**400,
    0.5,
    float("nan"),
    float("inf"),
    "",
    "/etc/passwd",
    "../../x",
    "a" * 10_000,
    "\ud800",
    "\x1b[2J",
    "é\u202e\u0000",
    [],
    {},
    [1],
    [[[[[[1]]]]]],
    {"a": 1},
)

SCRAPS = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\n",
    b'"',
    b"=",
    b"[",
    b"[[",
    b"{",
    b"-",
    b"nan",
    b"1e999",
    b"9" * 5_000,
    b"# x\n",
    b"[" * 3_000,
    b"a.b.c = 1\n",
    b"'''",
    b"\\u0000",
    b",",
    b"::",
    b"inf",
)


MERGED = "merged"
"""Folder that the merged run is written to, each time anew."""


@dataclass(frozen=True)
class Output:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Target:
    """Files of one kind, and the commands that read them.

    Attributes:
        folder: Folder that holds them; each round works on it and restores it.
        files: Patterns of the files to damage.
        commands: Commands to run.
        may_differ: Whether a damaged file may rightly give another output.
    """

    folder: Path
    files: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    may_differ: bool = False
    sound: dict[tuple[str, ...], Output] = field(default_factory=dict)


def call(words: tuple[str, ...]) -> Output:
    """Run a command in this process."""
    shutil.rmtree(MERGED, ignore_errors=True)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*words])
    return Output(code, out.getvalue(), err.getvalue())


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value in a tree of JSON values."""
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, inner in pairs:
        yield (*path, key)
        yield from paths(inner, (*path, key))


def change_value(content: bytes, rng: random.Random) -> bytes:
    """Replace, remove or double one value of a JSON text."""
    tree = json.loads(content)
    path = rng.choice([*paths(tree)])
    place = tree
    for key in path[:-1]:
        place = place[key]
    match rng.randrange(4):
        case 0:
            del place[path[-1]]
        case 1 if isinstance(place, list):
            place.append(place[path[-1]])
        case _:
            place[path[-1]] = rng.choice(VALUES)
    return json.dumps(tree).encode()


def without_digest(content: bytes) -> bytes:
    """Remove the digest of a record, so that it is read as it is."""
    with contextlib.suppress(ValueError, RecursionError):
        tree = json.loads(content)
        if isinstance(tree, dict) and tree.pop("digest", None):
            return json.dumps(tree).encode()
    return content


def change_bytes(content: bytes, rng: random.Random) -> bytes:
    """Flip, insert, cut, repeat or swap some bytes."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        size = min(len(data) - at, rng.choice((1, 2, 8, 100)))
        match rng.randrange(6):
            case 0 if at < len(data):
                data[at] = rng.randrange(256)
            case 1:
                data[at:at] = rng.choice(SCRAPS)
            case 2:
                del data[at : at + size]
            case 3:
                data[at:at] = data[at : at + size] * rng.choice((1, 2, 50))
            case 4:
                del data[rng.randrange(len(data) + 1) :]
            case _:
                data[at : at + size] = rng.choice(SCRAPS)
    return bytes(data)


def change_line(content: bytes, rng: random.Random) -> bytes:
    """Remove, double or move one line, or exchange what follows its equals sign."""
    lines = content.split(b"\n")
    at = rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            lines.insert(rng.randrange(len(lines)), lines.pop(at))
        case _:
            value = json.dumps(rng.choice(VALUES)).encode()
            lines[at] = lines[at].partition(b"=")[0] + b"= " + value
    return b"\n".join(lines)


def damaged(file: Path, rng: random.Random) -> bytes:
    """Return a damaged content of *file*."""
    content = file.read_bytes()
    changes: list[Callable[[bytes, random.Random], bytes]] = [change_bytes]
    if file.suffix == ".json":
        changes += [change_value] * 3
    elif file.suffix in (".toml", ".csv", ".jsonl"):
        changes += [change_line] * 2
    return rng.choice(changes)(content, rng)


def make_targets(folder: Path) -> dict[str, Target]:
    """Make sound files of every kind."""
    (folder / "here").mkdir()
    os.chdir(folder / "here")
    return {
        "cards": _cards(folder / "cards"),
        "suites": _suites(folder / "suites"),
        **_results(folder / "results"),
        "models": _models(folder / "models"),
        "pairs": _pairs(folder / "pairs", folder / "models" / "saved"),
        "benchmarks": _benchmarks(folder / "benchmarks"),
        "ratings": _ratings(folder / "ratings"),
        "splits": _splits(folder / "splits"),
    }


def _must(words: str, *more: str) -> None:
    done = call((*words.split(), *more))
    assert done.code == 0, done.err


def _cards(folder: Path) -> Target:
    import benchbox_datasets

    folder.mkdir()
    source = Path(benchbox_datasets.__file__).parent
    for card in source.glob("cards/*.toml"):
        shutil.copy(card, folder)
    (folder / "plugin.py").write_text(
        "from pathlib import Path\nfrom benchbox import DatasetCard, hookimpl\n"
        "@hookimpl\ndef benchbox_datasets():\n"
        "    return [DatasetCard.from_toml(file) for file in "
        "sorted(Path(__file__).parent.glob('*.toml'))]\n"
    )
    plugin = ("--without", "datasets", "--plugin", str(folder / "plugin.py"))
    names = ("svd-toy", "ml-100k")
    return Target(
        folder,
        ("*.toml",),
        (
            ("list", "datasets", *plugin),
            *(("data", "show", name, *plugin) for name in names),
            ("data", "folds", "svd-toy", *plugin),
        ),
        may_differ=True,
    )


def _suites(folder: Path) -> Target:
    folder.mkdir()
    (folder / "suite.toml").write_text(
        'models = ["bias", "svd:n_factors=2"]\ndatasets = ["svd-toy"]\n'
        'protocols = ["kfold:n_folds=2,seed=1"]\nseeds = 1\nrepeats = 1\nclip = true\n'
        'device = "cpu"\nthreads = 1\nseed = 3\ntime-limit = 20.0\n'
    )
    command = ("run", "--suite", str(folder / "suite.toml"), "--dry-run")
    return Target(folder, ("*.toml",), (command,), may_differ=True)


def _results(folder: Path) -> dict[str, Target]:
    _must(
        "run -d svd-toy -p kfold:n_folds=2 -m bias -m svd --seeds 1 --threads 1 "
        "--device cpu --out",
        str(folder),
    )
    (run,) = (path for path in folder.iterdir() if path.is_dir())
    sound = folder.parent / "sound"
    shutil.copytree(run, sound)
    half = folder.parent / "half"
    _must(
        "run -d svd-toy -p kfold:n_folds=2 -f k1 -m user-mean --seeds 1 --threads 1 "
        "--device cpu --out",
        str(half),
    )
    (other,) = (path for path in half.iterdir() if path.is_dir())
    commands = (
        ("report", str(run)),
        ("report", "-f", "json", str(run)),
        ("stats", str(run)),
        ("compare", str(sound), str(run)),
        ("compare", str(run), str(sound)),
        ("run", "--resume", str(run), "--dry-run"),
        ("report", "-f", "csv", str(other), str(run)),
        ("merge", str(run), str(other), "--out", MERGED),
        ("runs", "show", str(run)),
    )
    return {
        "records": Target(folder, ("*/*.json", "*/trials/*.json"), commands),
        "manifests": Target(folder, ("*/manifest.jsonl",), commands),
        "predictions": Target(
            folder,
            ("*/predictions/*", "*/references/*"),
            (*commands[2:5], commands[-2]),
        ),
    }


def _models(folder: Path) -> Target:
    _must("fit svd -d svd-toy --device cpu --out", str(folder / "saved"))
    (folder / "pairs.csv").write_text("user,item\n1,2\n7,10\n")
    model = str(folder / "saved")
    pairs = ("predict", model, str(folder / "pairs.csv"))
    return Target(
        folder, ("saved/*", "saved/*/*"), (pairs, ("recommend", model, "--user", "1"))
    )


def _pairs(folder: Path, model: Path) -> Target:
    folder.mkdir()
    (folder / "pairs.csv").write_text("user,item,when\n1,2,3\n7,10,4\n")
    (folder / "rated.csv").write_text("item,rating\n2,3\n5,4\n")
    return Target(
        folder,
        ("*.csv",),
        (
            ("predict", str(model), str(folder / "pairs.csv")),
            ("recommend", str(model), "--user-file", str(folder / "rated.csv")),
        ),
        may_differ=True,
    )


def _ratings(folder: Path) -> Target:
    """Make the same ratings in every form that own files may have."""
    folder.mkdir()
    rows = [(u, i, 1 + u * i % 5) for u in range(1, 8) for i in range(1, 7)]
    plain = "user,item,rating\n" + "".join(f"{u},{i},{r}\n" for u, i, r in rows)
    objects = [f'{{"user": {u}, "item": {i}, "rating": {r}}}\n' for u, i, r in rows]
    cells = "".join(
        f"{u}," + ",".join(str(1 + u * i % 5) for i in range(1, 7)) + "\n"
        for u in range(1, 8)
    )
    forms: dict[str, bytes] = {
        "rows.csv": plain.encode(),
        "rows.csv.gz": gzip.compress(plain.encode()),
        "rows.csv.xz": lzma.compress(plain.encode()),
        "lines.jsonl": "".join(objects).encode(),
        "matrix.csv": f"user,a,b,c,d,e,f\n{cells}".encode(),
        "rows.libfm": "".join(f"{r} {u}:1 {i}:1\n" for u, i, r in rows).encode(),
        "rows.mtx": (
            f"%%MatrixMarket matrix coordinate real general\n8 7 {len(rows)}\n"
            + "".join(f"{u} {i} {r}\n" for u, i, r in rows)
        ).encode(),
        "films.txt": "".join(
            f"{i}:\n"
            + "".join(f"{u},{1 + u * i % 5},2005-01-0{u}\n" for u in range(1, 8))
            for i in range(1, 7)
        ).encode(),
    }
    for name, content in forms.items():
        (folder / name).write_bytes(content)
    with zipfile.ZipFile(folder / "rows.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ratings.csv", plain)
        archive.writestr("README.txt", "about them")
    commands = tuple(
        ("data", "show", str(folder / name)) for name in (*forms, "rows.zip")
    )
    return Target(folder, ("*",), commands, may_differ=True)


def _splits(folder: Path) -> Target:
    folder.mkdir()
    data = folder / "ratings.csv"
    rows = [(u, i, 1 + u * i % 5) for u in range(1, 20) for i in range(1, 9)]
    data.write_text("".join(f"{u},{i},{r}\n" for u, i, r in rows))
    _must("data folds", str(data), "-p", "kfold", "--export", str(folder / "lists"))
    command = ("data", "folds", str(data), "-p", f"files:{folder / 'lists'}")
    return Target(folder, ("lists/*",), (command,))


def _benchmarks(folder: Path) -> Target:
    folder.mkdir()
    benchmarks = [
        {
            "group": None,
            "name": f"test_{name}",
            "fullname": f"tests/test_it.py::test_{name}",
            "params": None,
            "extra_info": {"rmse": 0.9 + number, "model": name},
            "stats": {
                "min": 0.1,
                "max": 0.2,
                "mean": 0.15,
                "stddev": 0.01,
                "rounds": 5,
                "median": 0.15,
                "data": [0.1, 0.14, 0.15, 0.16, 0.2],
            },
        }
        for number, name in enumerate(("bias", "svd"))
    ]
    text = json.dumps(
        {
            "machine_info": {"node": "here", "cpu": {"brand_raw": "x", "count": 2}},
            "commit_info": {},
            "benchmarks": benchmarks,
            "datetime": "2026-01-01T00:00:00",
            "version": "5.0.0",
        }
    )
    for name in ("first.json", "second.json"):
        (folder / name).write_text(text)
    first, second = str(folder / "first.json"), str(folder / "second.json")
    return Target(
        folder,
        ("first.json",),
        (("compare", first, second), ("compare", second, first)),
        may_differ=True,
    )


def finding(target: Target, words: tuple[str, ...], may_differ: bool) -> str:
    """Return what is wrong with how a command takes a damaged file, if anything is."""
    started = time.monotonic()
    try:
        done = call(words)
    except BaseException as error:  # noqa: BLE001
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{error!r:.200} at {Path(where.filename).name}:{where.lineno}"
    seconds = time.monotonic() - started
    if seconds > SLOW_SECONDS:
        return f"took {seconds:.0f} s"
    if "Traceback" in done.err or "\x1b[2J" in done.out + done.err:
        return f"prints {done.err[-200:]!r}"
    if done.code not in (0, 1, 2):
        return f"exit code {done.code}"
    if done.code and not done.err and words[0] != "compare":
        return f"exit code {done.code} without a word"
    sound = target.sound[words]
    silent = done.code == 0 and done.err == sound.err and done.out != sound.out
    if words[0] == "runs":
        # It shows the size of all files, damaged ones included.
        silent = False
    if silent and not may_differ:
        return "another output, without a word"
    return ""


def fuzz(targets: dict[str, Target], rng: random.Random, until: float) -> list[str]:
    """Damage files until the clock says *until*; return what was found."""
    found: list[str] = []
    rounds: collections.Counter[str] = collections.Counter()
    for target in targets.values():
        target.sound.update((words, call(words)) for words in target.commands)
    while time.monotonic() < until:
        kind = rng.choice([*targets])
        target = targets[kind]
        files = [f for p in target.files for f in sorted(target.folder.glob(p))]
        file = rng.choice([f for f in files if f.is_file()])
        sound = file.read_bytes()
        content = damaged(file, rng)
        may_differ = target.may_differ
        if rng.random() < 0.3:
            content, whole = without_digest(content), content
            may_differ |= content != whole
        rounds[kind] += 1
        for words in target.commands:
            file.write_bytes(content)
            if what := finding(target, words, may_differ):
                kept = Path(tempfile.mkdtemp(prefix="found-")) / file.name
                kept.write_bytes(content)
                found.append(f"{kind} {file.name}: {' '.join(words[:3])}: {what}")
                print(found[-1], kept, sep="\n    ", flush=True)
        file.write_bytes(sound)
    print(", ".join(f"{count} {kind}" for kind, count in sorted(rounds.items())))
    return found


def _main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BENCHBOX_CACHE"] = f"{folder}/cache"
        os.environ["BENCHBOX_OFFLINE"] = "1"
        os.environ.pop("BENCHBOX_DATA", None)
        targets = make_targets(Path(folder))
        chosen = {k: t for k, t in targets.items() if k in (options.only or targets)}
        until = time.monotonic() + options.seconds
        found = fuzz(chosen, random.Random(options.seed), until)
    print(f"{len(found)} findings")
    return bool(found)


if __name__ == "__main__":
    sys.exit(_main())
