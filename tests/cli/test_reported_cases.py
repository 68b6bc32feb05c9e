"""Each input that users reported is read, or refused in one line, as it should be.

A row is a case. Its files are small and made here. What a command does beyond that is
tested where the command's other tests are.
"""

import bz2
import gzip
import io
import json
import lzma
import os
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from benchbox.cli import main
from tests.support.commands import Benchbox, Done

HEADER = ("user", "item", "rating", "timestamp")
ROWS = [
    (user, item, 1 + (user * item) % 5, 1_000_000_000 + 86_400 * user + item)
    for user in range(1, 7)
    for item in range(1, 6)
    if (user, item) != (6, 5)
]

READ = ("users 6", "items 5", "ratings 29 (96.67% of all pairs)")


def table(
    form: str = "{u},{i},{r},{t}",
    header: str = ",".join(HEADER),
    end: str = "\n",
    rows: list[tuple[int, int, int, int]] = ROWS,
) -> str:
    """Return a file of ratings.

    Args:
        form: How a row is written, of user, item, rating, time and the row's number.
        header: First line; empty for none.
        end: End of each line.
        rows: Users, items, ratings and times.
    """
    lines = [
        form.format(u=u, i=i, r=r, t=t, n=n) for n, (u, i, r, t) in enumerate(rows)
    ]
    return "".join(line + end for line in ([header] if header else []) + lines)


def dated(pattern: str) -> str:
    """Return ratings whose times are dates of this pattern."""
    days = pd.to_datetime([t for *_, t in ROWS], unit="s").strftime(pattern)
    lines = [
        f"{u},{i},{r},{day}\n" for (u, i, r, _), day in zip(ROWS, days, strict=True)
    ]
    return "".join(lines)


def swapped(at: int, was: str, now: str) -> str:
    """Return ratings with one line, counted from 1, that is written otherwise."""
    lines = table().splitlines()
    lines[at - 1] = lines[at - 1].replace(was, now, 1)
    return "\n".join(lines) + "\n"


def archive(content: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("ratings.csv", content)
    return file.getvalue()


def parquet(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.to_parquet(file)
    return file.getvalue()


@dataclass(frozen=True)
class Step:
    """A command, how it ends, and what it prints."""

    line: str
    says: tuple[str, ...] = ()
    code: int = 0
    files: dict[str, str | None] = field(default_factory=dict)
    """Files that are written before it, or removed."""


@dataclass(frozen=True)
class Case:
    """Files by name, and what is done with them."""

    name: str
    files: dict[str, str | bytes]
    steps: tuple[Step, ...] = field(default=())


def read(
    name: str, content: str | bytes, *says: str, file: str = "ratings.csv"
) -> Case:
    """Return a case of one file that is read whole."""
    step = Step(f"data show {file}", says or READ)
    return Case(name, {file: content}, (step,))


def refused(
    name: str,
    content: str | bytes,
    *says: str,
    file: str = "ratings.csv",
    options: str = "",
    code: int = 1,
) -> Case:
    """Return a case of one file that is refused in one line."""
    step = Step(f"data show {file}{options}", says, code)
    return Case(name, {file: content}, (step,))


def put(folder: Path, files: Mapping[str, str | bytes | None]) -> None:
    """Write files into a folder, or remove those without content."""
    for name, content in files.items():
        file = folder / name
        if content is None:
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)


def words(text: str) -> str:
    return " ".join(text.split())


def check(done: Done, step: Step) -> None:
    said = words(done.out + done.err)
    assert done.code == step.code, said
    assert "Traceback" not in said
    for text in step.says:
        assert text in said
    if step.code and not done.out:
        assert done.err.startswith("benchbox: ")
        assert len(done.err.splitlines()) == 1


NUMBER = "is not a finite number. Correct or remove the line"
TEXT = table()
PACKED = gzip.compress(TEXT.encode())

COMPRESSION = [
    read("comp-bz2", bz2.compress(TEXT.encode()), file="ratings.csv.bz2"),
    read("comp-gz", PACKED, file="ratings.csv.gz"),
    refused(
        "comp-gz-cut", PACKED[: len(PACKED) // 2], "is cut short", file="ratings.csv.gz"
    ),
    read(
        "comp-gz-noext", PACKED, *READ, "packed with gzip, though its name hides that"
    ),
    read("comp-xz", lzma.compress(TEXT.encode()), file="ratings.csv.xz"),
    read("comp-zip", archive(TEXT), file="ratings.zip"),
]

ENCODINGS = [
    read("enc-bom", "\ufeff" + TEXT),
    read("enc-bom-nohead", "\ufeff" + table(header="")),
    refused(
        "enc-latin1",
        table("Zoë{u},{i},{r},{t}").encode("latin-1"),
        "There is no text encoding 'latin-99'. Name one such as utf-8",
        options=":encoding=latin-99",
        code=2,
    ),
    refused(
        "enc-nul",
        swapped(4, ",3,", ",3\0,"),
        r"line 4: the item id '3\x00' has a NUL character in it",
    ),
    refused("enc-utf16", TEXT.encode("utf-16"), "State the encoding: encoding=utf-16"),
]

ENDINGS = [
    read("eol-blank-last", TEXT + "\n"),
    refused("eol-blank-spaces", TEXT + " \n", "line 31 has 1 column instead of 4"),
    read("eol-cr", table(end="\r")),
    read("eol-crlf", table(end="\r\n")),
    read("eol-mixed", TEXT.replace("\n", "\r\n", 3)),
    read("eol-none-last", TEXT.rstrip("\n")),
]

SINGLE = [(n, n, 1 + n % 5, n) for n in range(40)]

FORMATS = [
    read("file-all-single", table(rows=SINGLE), "users 40", "items 40", "ratings 40"),
    read("file-amazon", table("A{u:013},B{i:09},{r}.0,{t}", header=""), *READ),
    read(
        "file-amazon-item-first",
        table("B{i:09},A{u:013},{r}.0,{t}", header=""),
        "users 5",
        "looks like an item",
        "name them, as in --columns item,user,rating,timestamp",
    ),
    read(
        "file-amazon2023",
        table(
            "A{u:013},B{i:09},{r}.0,{t}000",
            header="user_id,parent_asin,rating,timestamp",
        ),
        *READ,
        "milliseconds since 1970",
        "time 2001-09-10 to 2001-09-15",
    ),
    read(
        "file-anime",
        table("{u},{i},{r}", "user_id,anime_id,rating").replace(",1\n", ",-1\n"),
        *READ,
        "anime_id (likely, by its name)",
    ),
    refused("file-blank", "\n\n", "is empty. Give a file with ratings"),
    read(
        "file-comments",
        f"# made 2020\n{TEXT}",
        *READ,
        "1 line of comments at the top left out",
    ),
    refused("file-empty", "", "is empty. Give a file with ratings"),
    read(
        "file-extra-col",
        table('{u},{i},{r},"nice, really\nyes"', "user,item,rating,comment"),
        *READ,
        "unused columns comment",
        "29 rows have line breaks within quotes",
    ),
    refused("file-header-only", TEXT[:27], "has a header but no ratings"),
    refused("file-header-only-noeol", TEXT[:26], "has a header but no ratings"),
    read(
        "file-index-col",
        table("{n},{u},{i},{r},{t}", "," + ",".join(HEADER)),
        *READ,
        "unused columns 0",
    ),
    read(
        "file-json",
        table('{{"user":{u},"item":{i},"rating":{r}}}', ""),
        "rating column rating (by its name)",
        file="ratings.json",
    ),
    read(
        "file-libsvm",
        table("{r} {u}:1 {i}:1", ""),
        "Read in the format of libFM",
        file="ratings.txt",
    ),
    read(
        "file-matrix",
        "user,m1,m2,m3\n0,5,4,\n1,5,,3\n2,,4,3\n",
        "Read as a matrix: 3 users in rows, 3 items in columns",
    ),
    read(
        "file-matrixmarket",
        "%%MatrixMarket matrix coordinate real general\n12 10 2\n1 1 1\n1 2 4\n",
        "Read as a Matrix Market file",
        file="ratings.mtx",
    ),
    read(
        "file-netflix",
        "1:\n1,1,2005-09-06\n2,4,2005-09-06\n2:\n1,5,2005-09-06\n",
        "Read in the format of the Netflix prize",
        file="ratings.txt",
    ),
    read(
        "file-one-item",
        table("{u},7,{r},{t}", rows=SINGLE),
        "users 40",
        "items 1",
        "ratings 40 (100.00% of all pairs)",
    ),
    refused("file-one-row", TEXT[:40], "State it, as in scale=1-5"),
    refused("file-ragged", swapped(7, ",1", "1"), "line 7 has 3 columns instead of 4"),
    read(
        "file-recbole",
        table(
            "{u}\t{i}\t{r}\t{t}",
            "user_id:token\titem_id:token\trating:float\ttimestamp:float",
        ),
        *READ,
        file="toy.inter",
    ),
    read(
        "file-two-rows",
        table(rows=[(1, 1, 3, 5), (2, 2, 5, 6)]),
        "users 2",
        "scale 3–5",
    ),
    read(
        "file-yelp",
        table(
            "r{n},u{u},b{i},{r},2015-01-01", "review_id,user_id,business_id,stars,date"
        ),
        *READ,
        "time 2015-01-01 to 2015-01-01",
        "unused columns review_id",
    ),
]

IDS = [
    read("id-float", table("{u}.0,{i}.0,{r},{t}")),
    read("id-huge", table("1{u:030},{i},{r},{t}")),
    read("id-int32", table("42949672{u}96,{i},{r},{t}")),
    read("id-leading-zero", table("00{u},00{i},{r},{t}")),
    read(
        "id-mixed-zero",
        TEXT.replace("\n1,2,", "\n01,2,").replace("\n2,2,", "\n02,2,"),
        "users 8",
    ),
    read(
        "id-nan-null",
        TEXT.replace("\n1,", "\nNA,")
        .replace("\n2,", "\nnull,")
        .replace("\n3,", "\nnan,"),
    ),
    read("id-negative", table("-{u},-{i},{r},{t}")),
    read("id-quoted-all", table('"{u}","{i}","{r}","{t}"')),
    read("id-quoted-comma", table('"Smith, {u}","Film, {i}",{r},{t}')),
    read(
        "id-trailing-space",
        TEXT.replace("\n1,2,", "\n1 ,2,"),
        *READ,
        "there are blanks around the user id, such as around '1'",
    ),
    read("id-unicode", table("Zoë {u} 映画,🎬{i},{r},{t}")),
]

RATINGS = [
    read(
        "dec-comma",
        table("{u};{i};{r},5", "user;item;rating"),
        "Ratings are read with a decimal comma",
    ),
    refused("dup-exact", TEXT + TEXT.splitlines()[1] + "\n", "rates item '1' twice"),
    refused(
        "dup-rerate",
        TEXT + "1,1,5,1000000000\n",
        "User '1' rates item '1' twice: ratings.csv, line 2 and ratings.csv, line 31",
        "Allow it with duplicates=last or duplicates=mean",
    ),
    refused(
        "rating-1e39",
        swapped(2, ",2,", ",1e39,"),
        "line 2: the rating '1e39' is too large",
    ),
    read("rating-binary", table(rows=[(u, i, r % 2, t) for u, i, r, t in ROWS]), *READ),
    refused("rating-bool", swapped(2, ",2,", ",False,"), f"'False' {NUMBER}"),
    refused("rating-empty", swapped(2, ",2,", ",,"), f"line 2: the rating '' {NUMBER}"),
    refused("rating-frac", table("{u},{i},{r}/5,{t}"), f"the rating '2/5' {NUMBER}"),
    read("rating-half", table("{u},{i},{r}.5,{t}"), *READ, "scale 1.5–5.5"),
    refused("rating-hex", table("{u},{i},0x{r},{t}"), f"the rating '0x2' {NUMBER}"),
    refused("rating-inf", swapped(2, ",2,", ",inf,"), f"the rating 'inf' {NUMBER}"),
    read("rating-large", table("{u},{i},{r}000000000,{t}"), *READ, "scale 1e+09–5e+09"),
    refused("rating-nan", swapped(2, ",2,", ",nan,"), f"the rating 'nan' {NUMBER}"),
    read("rating-negative", table("{u},{i},-{r}.63,{t}"), *READ, "scale -5.63–-1.63"),
    refused("rating-one-value", table("{u},{i},5,{t}"), "State it, as in scale=1-5"),
    read("rating-plus", table("{u},{i},+{r},{t}"), *READ, "scale 1–5"),
    read("rating-sci", table("{u},{i},{r}e0,{t}"), *READ, "scale 1–5"),
    refused("rating-text", swapped(5, ",5,", ",good,"), f"'good' {NUMBER}"),
    refused(
        "rating-thousands",
        table('{u};{i};"{r},100"', "user;item;rating"),
        f"the rating '2,100' {NUMBER}",
    ),
    refused("rating-thumbs", table("{u},{i},down,{t}"), f"'down' {NUMBER}"),
    read("rating-zeros", table(rows=[(u, i, r - 1, t) for u, i, r, t in ROWS]), *READ),
]

BARE = "{u} {i} {r} {t}"

SEPARATORS = [
    read("sep-dcolon", table("{u}::{i}::{r}::{t}", ""), file="ratings.dat"),
    read("sep-dcolon-csv", table("{u}::{i}::{r}::{t}", "")),
    read("sep-pipe", table("{u}|{i}|{r}|{t}", ""), file="ratings.txt"),
    read(
        "sep-semicolon-quoted",
        table('"{u}";"{i:010}";"{r}"', '"User-ID";"ISBN";"Book-Rating"'),
        *READ,
        "Book-Rating (by its name)",
    ),
    read("sep-space", table(BARE, ""), file="ratings.txt"),
    Case(
        "sep-spaces",
        {"ratings.txt": table(BARE.replace(" ", "   "), "")},
        (
            Step("data show ratings.txt", READ),
            Step("data show ratings.txt:delimiter=space", READ),
        ),
    ),
    read(
        "sep-tab-trailing",
        table("{u}\t{i}\t{r}\t", "user\titem\trating\t"),
        file="ratings.tsv",
    ),
    read(
        "sep-tabspace",
        table("{u}\t{i} \t{r}\t{t}", ""),
        *READ,
        "blanks around the item id",
        file="ratings.txt",
    ),
]

TEMPORAL = "data folds ratings.csv -p temporal"

TIMES = [
    Case(
        "ts-date-netflix",
        {"ratings.csv": dated("%Y-%m-%d")},
        (
            Step("data show ratings.csv", (*READ, "time 2001-09-10 to 2001-09-15")),
            Step("data show ratings.csv --columns user,item,rating,-", ("time none",)),
        ),
    ),
    Case(
        "ts-huge",
        {"ratings.csv": table("{u},{i},{r},{t}00000000000000")},
        (
            Step("data show ratings.csv", ("line 2: the timestamp is too large",), 1),
            Step(TEMPORAL, ("milliseconds, microseconds and nanoseconds",), 1),
        ),
    ),
    Case(
        "ts-iso",
        {"ratings.csv": ",".join(HEADER) + "\n" + dated("%Y-%m-%d %H:%M:%S")},
        (
            Step("data show ratings.csv", (*READ, "dates and times")),
            Step(TEMPORAL, ("later",)),
        ),
    ),
    read(
        "ts-isoT",
        ",".join(HEADER) + "\n" + dated("%Y-%m-%dT%H:%M:%SZ"),
        *READ,
        "time 2001-09-10 to 2001-09-15",
    ),
    Case(
        "ts-milliseconds",
        {"ratings.csv": table("{u},{i},{r},{t}000")},
        (
            Step("data show ratings.csv", (*READ, "milliseconds since 1970")),
            Step(f"{TEMPORAL}:date=2001-09-13", ("later 15 14",)),
        ),
    ),
    refused(
        "ts-missing-some", swapped(2, ",1000086401", ","), f"the timestamp '' {NUMBER}"
    ),
    Case(
        "ts-nano",
        {"ratings.csv": table("{u},{i},{r},{t}000000000")},
        (
            Step("data show ratings.csv", (*READ, "nanoseconds since 1970")),
            Step(TEMPORAL, ("later",)),
        ),
    ),
    read("ts-negative", table("{u},{i},{r},-{t}"), *READ, "time 1938-"),
    read("ts-zero", table("{u},{i},{r},0"), *READ, "time 1970-01-01 to 1970-01-01"),
]

NANO = [(u, i, r, 1_000_000_007_000_000_001 + 100 * t) for u, i, r, t in ROWS]
NANO_TEXT = table(rows=NANO)
ODD = (
    "a:b.csv",
    "2024-01-01T10:00:00.csv",
    "a+b.csv",
    "a,b.csv",
    "a=b.csv",
    "lat\udce9.csv",
)

NAMES = [
    Case(
        "foldid-format",
        {
            "a.csv": NANO_TEXT,
            "b.csv.gz": gzip.compress(NANO_TEXT.encode()),
            "c.parquet": parquet(pd.DataFrame(NANO, columns=list(HEADER))),
            "d.csv": table("{u},{i},{r},{t},x", ",".join((*HEADER, "x")), rows=NANO),
        },
        tuple(
            Step(f"data folds {name} -p holdout", ("c324ff44a05d5bc7b25af52b1c46d003",))
            for name in ("a.csv", "b.csv.gz", "c.parquet", "d.csv")
        ),
    ),
    Case(
        "pair-endings",
        {
            "u1.base": table("{u}\t{i}\t{r}\t{t}", ""),
            "u1.test": "1\t6\t3\t5\n2\t7\t4\t6\n",
            "u1.base.gz": gzip.compress(table("{u}\t{i}\t{r}\t{t}", "").encode()),
            "u1.test.gz": gzip.compress(b"1\t6\t3\t5\n2\t7\t4\t6\n"),
        },
        tuple(
            Step(f"data folds {pair}", ("test 29 2",))
            for pair in (
                "u1.base+u1.test",
                "./u1.base+./u1.test",
                "u1.base.gz+u1.test.gz",
            )
        ),
    ),
    Case(
        "path-odd",
        {
            **dict.fromkeys(ODD, TEXT),
            "d:r/x/r.csv": TEXT,
            "c++/train.csv": TEXT,
            "c++/test.csv": "1,9,3,5\n2,9,3,5\n",
        },
        (
            *(Step(f"data show {name}", READ) for name in (*ODD, "d:r/x/r.csv")),
            Step("data show c++/train.csv+c++/test.csv", ("ratings 31",)),
        ),
    ),
    Case(
        "split-pairs",
        {"train.csv": TEXT, "overlap.csv": "user,item,rating\n1,1,3\n1,2,4\n"},
        (Step("data show overlap.csv", ("ratings 2",)),),
    ),
    Case("seeds", {"a.csv": TEXT}, (Step("data show a.csv", READ),)),
    Case(
        "resume",
        {"bad.py": "class Bad:\n    def fit(self): ...\n"},
        (Step("data show bad.py", ("Say which is which, as in --columns",), 1),),
    ),
    Case(
        "stray-quotes",
        {"ratings.csv": TEXT.replace("\n2,3,", '\n"2,3,').replace("\n5,3,", '\n5",3,')},
        (
            Step("data show ratings.csv", ("lines 9 to ", "quote"), 1),
            Step("run -d ratings.csv -m bias", ("lines 9 to ", "quote"), 1),
        ),
    ),
]

# Models, runs and comparisons.

MEAN = """
import numpy as np


class Mean:
    def fit(self, train, context):
        self.mean = float(train.values.mean())

    def predict(self, history, users, items):
        return np.full(len(users), self.mean, np.float32)
"""
MINE = f"""{MEAN}

class Mine(Mean):
    def __init__(self, k: int = 1) -> None:
        self.k = k

    def predict(self, history, users, items):
        return super().predict(history, users, items) + np.float32(self.k * 0.1)

    def state(self):
        return {{"mean": np.array(self.mean)}}

    def restore(self, state):
        self.mean = float(state["mean"])
"""
ANNOTATED = f"""{MEAN}

class L(Mean):
    def __init__(self, layers: list[int] = [64, 32]):
        assert layers == [64, 32]


class N(Mean):
    def __init__(self, depth=None):
        assert depth == 3 and isinstance(depth, int)


class T(Mean):
    def __init__(self, layers: tuple[int, ...] = (64, 32)):
        assert isinstance(layers, tuple)


from dataclasses import dataclass, field


@dataclass
class DC(Mean):
    layers: list = field(default_factory=lambda: [1, 2])
"""
SPAWN = f"""{MEAN}

def work(x):
    return x + 1


class Spawn(Mean):
    def fit(self, train, context):
        import multiprocessing

        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.map(work, [1, 2]) == [2, 3]
        super().fit(train, context)
"""
TUNED = """
import numpy as np

from benchbox import ModelSpec, Options, hookimpl
from benchbox.models import Span


class ToyOptions(Options, frozen=True):
    k: float = 1.0


class Toy:
    def __init__(self, options):
        self.k = options.k

    def fit(self, train, context):
        self.mean = float(train.values.mean())

    def predict(self, history, users, items):
        if self.k > 5:
            return np.full(len(users), np.nan)
        if self.k < 0.3:
            raise ValueError("k too small")
        return np.full(len(users), self.mean + self.k - 1, np.float32)


@hookimpl
def benchbox_models():
    space = {"k": Span(0.01, 100.0, log=True)}
    target = f"{__file__}:Toy"
    return [
        ModelSpec(
            name="toy", target=target, summary="s", options=ToyOptions, search=space
        )
    ]
"""
OLD_PLUGIN = TUNED.replace("benchbox.models import Span", "benchbox.search import Span")
RUN = "run -d ratings.csv --seeds 1 --threads 1"
PAIRS = "user,item\n1,1\n"
SGD = "biased-mf-sgd:optimizer=sgd,learning_rate="
MANY = [(u, i, 1 + (u * i) % 5, u + i) for u in range(40) for i in range(20)]
LONG = "y" * 300
GONE = "mine.py, is gone. Put it there or beside the folder of the model"
CODED = [(u, i, -1 if n % 4 == 0 else r + 4, t) for n, (u, i, r, t) in enumerate(ROWS)]
JESTER = [(u, i, 99 if n % 4 == 0 else r, t) for n, (u, i, r, t) in enumerate(ROWS)]


def benchmarks(**figures: list[float]) -> str:
    """Return a file of pytest-benchmark with one benchmark."""
    info = {"folds": {"k1": "aa"}, **figures} if figures else {}
    stats = {"data": [0.1, 0.11, 0.12, 0.1, 0.13]}
    found = {"fullname": "t.py::a", "name": "a", "stats": stats, "extra_info": info}
    return json.dumps({"benchmarks": [found]})


RUNS = [
    Case(
        "diverge",
        {"ratings.csv": table("{u},{i},{r}000000000,{t}", rows=MANY)},
        (
            Step(
                f"{RUN} -m bias -m {SGD}1000,shrink=false -m {SGD}1e20",
                (
                    f"not better than that: {SGD}1000,shrink=false",
                    "failed in 1 of its trials (holdout r0): predict returned NaN",
                ),
                1,
            ),
        ),
    ),
    Case(
        "edges",
        {
            "ms.csv": "user,item,rating,timestamp\na,x,1,1600000000123\n"
            "a,y,2,1600000000124\n",
            "s.csv": "user,item,rating\na,x,1\na,y,2\n",
            "ts.csv": "user,item,rating,timestamp\na,x,1,1e300\na,y,2,5\n",
            "good.json": benchmarks(rmse=[0.9, 0.91]),
            "zero.json": benchmarks(rmse=[0.9, 0.91]).replace("0.13", "0.0"),
            "negative.json": benchmarks(rmse=[-0.9, 0.91]),
        },
        (
            Step("data show ms.csv", ("milliseconds since 1970", "time 2020-09-13")),
            Step("data show s.csv", ("time none", "ratings 2")),
            Step("data show ts.csv", ("line 2: the timestamp is too large",), 1),
            Step("compare good.json zero.json", ("has a time of 0 s",), 2),
            Step("compare good.json negative.json", ("has no ratio",)),
        ),
    ),
    Case(
        "file-one-user",
        {"ratings.csv": table("7,{n},{r},{t}")},
        (Step(f"{RUN} -p kfold -m bias", ("k1, k2, k3, k4, k5", "bias")),),
    ),
    Case(
        "inf-options",
        {"ratings.csv": TEXT},
        (
            Step(f"{RUN} -m bias --memory-limit inf", ("memory_limit_gib is inf",), 2),
            Step(f"{RUN} -m bias:user_damping=inf", ("expected a finite number",), 2),
            Step(f"{RUN} -m bias:user_damping=nan", ("expected `float` >= 0.0",), 2),
            Step("run -d ratings.csv:scale=1-5/0 -m bias", ("step of a rating",), 2),
            Step("run -d ratings.csv:scale=1-5/-1 -m bias", ("step of a",), 2),
            Step(f"{TEMPORAL}:date=2001-09-13T12:00+09:00", ("later",)),
        ),
    ),
    Case(
        "kept",
        {
            "ratings.csv": TEXT,
            "pairs.csv": "userId,movieId,note\n1,1,x\n1,999,y\n",
            "pu.csv": "user,item\nZoë,1\n",
        },
        (
            Step("fit bias -d ratings.csv --out m", ("saved in m",)),
            Step("predict m pairs.csv", ("userId,movieId,note,prediction", "1,999,y,")),
            Step("predict m pairs.csv --out no/x.csv", ("There is no folder no",), 1),
            Step("predict m pu.csv", ("Zoë,1,",)),
        ),
    ),
    Case(
        "kept-moved",
        {"ratings.csv": TEXT, "p.csv": PAIRS, "home/mine.py": MINE},
        (
            Step("fit home/mine.py:Mine:k=2 -d ratings.csv --out home/m"),
            Step("predict home/m p.csv --trust", ("1,1,2.9241",)),
            Step(
                "predict home/m p.csv --code home/mine.py",
                ("has changed since Mine was fitted",),
                2,
                {"home/mine.py": MINE.replace("0.1", "1.0")},
            ),
            Step(
                "predict home/m p.csv --trust",
                ("Mine has no option 'k'. Its options: j.",),
                2,
                {"home/mine.py": MINE.replace("k: int", "j: int")},
            ),
            Step("predict home/m p.csv --trust", (GONE,), 2, {"home/mine.py": None}),
            Step(
                "predict home/m p.csv --code elsewhere/mine.py",
                ("1,1,2.9241",),
                files={"elsewhere/mine.py": MINE},
            ),
        ),
    ),
    Case(
        "os-errors",
        {"ratings.csv": TEXT},
        (
            Step(
                "fit bias -d ratings.csv --out ratings.csv/m",
                ("ratings.csv/m cannot be written: ",),
                1,
            ),
            Step(f"fit bias -d ratings.csv --out {LONG}", ("name too long",), 1),
            Step(f"report {LONG}", ("name too long",), 1),
        ),
    ),
    Case(
        "own-model",
        {
            "ratings.csv": TEXT,
            "ann.py": ANNOTATED,
            "mp.py": SPAWN,
            "sub/helper.py": MEAN,
            "sub/uses_helper.py": "from helper import Mean\n\n\nclass M(Mean): ...\n",
        },
        (
            Step(
                f"{RUN} -m ann.py:L -m ann.py:DC -m ann.py:N:depth=3 -m ann.py:T "
                f"-m sub/uses_helper.py:M -m mp.py:Spawn",
                ("[6/6]",),
            ),
        ),
    ),
    Case(
        "pytest-bench",
        {
            "a.json": benchmarks(rmse=[0.9, 0.91], mae=[0.7, 0.71]),
            "n.json": '{"benchmarks": []}',
            "noextra.json": benchmarks(),
        },
        (
            Step("compare a.json n.json", ("n.json has no results",), 2),
            Step(
                "compare a.json noextra.json",
                ("noextra.json does not have this metric", "rmse", "mae"),
                1,
            ),
        ),
    ),
    Case(
        "same-basename",
        {"x/ratings.csv": TEXT, "y/ratings.csv": table(rows=ROWS[3:])},
        (
            Step(
                "run -d x/ratings.csv -d y/ratings.csv -m bias --threads 1",
                ("x/ratings.csv · holdout", "y/ratings.csv · holdout"),
            ),
            Step("report last -f csv", ("x/ratings.csv,", "y/ratings.csv,")),
            Step("report last -f latex", ("x/ratings.csv", "y/ratings.csv")),
        ),
    ),
    Case(
        "sentinel",
        {
            "anime.csv": table("{u},{i},{r}", "user_id,anime_id,rating", rows=CODED),
            "jester.csv": table(rows=JESTER),
        },
        (
            Step(
                "data show anime.csv "
                "--columns user=user_id,item=anime_id,rating=rating",
                ("(27.6%) are -1", "as the option missing=-1 does"),
            ),
            Step("data show anime.csv:missing=-1", ("ratings 21", "scale 5–9")),
            Step("run -d jester.csv -m bias", ("are 99", "missing=99")),
            Step("data show jester.csv:missing=99", ("ratings 21", "scale 1–5")),
        ),
    ),
    Case(
        "sep-comma-space",
        {
            "ratings.csv": table("{u}, {i}, {r}, {t}", ", ".join(HEADER)),
            "p.csv": PAIRS,
            "p2.csv": "user, item\n1, 1\n",
        },
        (
            Step("fit bias -d ratings.csv --out m", ("saved in m",)),
            Step("predict m p.csv", ("user,item,prediction 1,1,",)),
            Step("predict m p2.csv", ("1,",)),
            Step("recommend m --user ' 6'", ("rating item",)),
        ),
    ),
    Case(
        "tune",
        {"ratings.csv": TEXT, "toy_plugin.py": TUNED, "old_plugin.py": OLD_PLUGIN},
        (
            Step(
                "--plugin toy_plugin.py tune -d ratings.csv -p kfold:n_folds=2 -m toy "
                "--budget-trials 3",
                ("tuned toy on k1", "tuned toy on k2", "in 3 trials"),
            ),
            Step("--plugin old_plugin.py list", ("toy",)),
        ),
    ),
    Case(
        "user-id-dot",
        {
            f"{name}.csv": table(
                f"{user},{{i}},{{r}}", "user,item,rating", rows=ROWS[:-2]
            )
            for name, user in {
                "email": "u{u}@shop.test",
                "float": "{u}.0",
                "dash": "-{u}",
                "slash": "dept/{u}",
            }.items()
        }
        | {"1.0": ""},
        tuple(
            step
            for name, user in {
                "email": "u6@shop.test",
                "float": "6.0",
                "slash": "dept/6",
            }.items()
            for step in (
                Step(f"fit bias -d {name}.csv --out m-{name}", ("saved",)),
                Step(f"recommend m-{name} --user {user}", ("rating item", "5")),
            )
        ),
    ),
]

CASES = [
    *COMPRESSION,
    *ENCODINGS,
    *ENDINGS,
    *FORMATS,
    *IDS,
    *RATINGS,
    *SEPARATORS,
    *TIMES,
    *NAMES,
    *RUNS,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_reported_case_is_read_or_refused_in_one_line(
    benchbox: Benchbox, tmp_path: Path, case: Case
) -> None:
    put(tmp_path, case.files)

    for step in case.steps:
        put(tmp_path, step.files)
        check(benchbox(step.line), step)


def test_the_case_seed_filename_has_one_figure_for_one_set_of_ratings(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    put(tmp_path, {"a.csv": TEXT, "b.csv": TEXT, "a.csv.gz": PACKED})

    done = benchbox(
        "run -d a.csv -d b.csv -d a.csv.gz -m biased-mf-sgd:epochs=2 --seeds 1 "
        "--threads 1"
    )

    assert len({trial.metrics["rmse"].value for trial in done.trials()}) == 1
    assert len(done.trials()) == 3


def test_the_case_locale_latin1_prints_all_signs(
    benchbox: Benchbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, {"ratings.csv": TEXT})
    out = tmp_path / "out.txt"

    with out.open("w", encoding="latin-1") as stream, monkeypatch.context() as context:
        context.setattr(sys, "stdout", stream)
        codes = [main(line.split()) for line in ("--help", f"{RUN} -m bias")]

    assert codes == [0, 0]
    printed = out.read_text(encoding="latin-1")
    assert "Usage: benchbox" in printed
    assert "*: best RMSE" in printed


def test_the_case_stderr_lost_runs_to_its_end(
    benchbox: Benchbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, {"ratings.csv": TEXT})
    reader, writer = os.pipe()
    os.close(reader)

    with open(writer, "w", buffering=1) as lost, monkeypatch.context() as context:
        context.setattr(sys, "stderr", lost)
        done = benchbox(f"{RUN} -v -p kfold:n_folds=2 -m bias -m global-mean")

    assert done.code == 0
    assert done.folder.read_run().status == "finished"


@pytest.mark.parametrize("points", ["", "[benchbox]\nfoo = bbfoo\n"])
def test_the_case_plugins_names_double_metadata(
    benchbox: Benchbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: str
) -> None:
    spec = 'ModelSpec(name="foo", target="bbfoo:Foo", summary="toy")'
    files = {
        "bbfoo.py": f"from benchbox import ModelSpec, hookimpl\n\n\n@hookimpl\n"
        f"def benchbox_models():\n    return [{spec}]\n",
        "zog-1.0.dist-info/METADATA": "Name: zog\nVersion: 1.0\n",
        "zog-1.0.dist-info/entry_points.txt": b"[x]\ncaf\xe9 = y\n",
        "foo-0.2.dist-info/METADATA": "Name: foo\nVersion: 0.2\n",
        "foo-0.2.dist-info/entry_points.txt": "[benchbox]\nfoo = bbfoo\n",
    }
    if points:
        files["foo-0.1.dist-info/METADATA"] = "Name: foo\nVersion: 0.1\n"
    files["foo-0.1.dist-info/entry_points.txt"] = points
    put(tmp_path / "site", files)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    done = benchbox("list models")

    assert done.code == 0
    assert "foo " in done.out
    assert "benchbox: plugin foo has the metadata of 2 versions" in done.err
