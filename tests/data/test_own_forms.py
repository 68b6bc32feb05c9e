"""Own files of every usual form give the same ratings, and hostile ones an error."""

import bz2
import gzip
import io
import json
import lzma
import random
import zipfile
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

import benchbox
from benchbox.data import frames
from benchbox.data.dataset import Dataset, load_dataset
from benchbox.data.identity import data_id
from benchbox.data.own_files import card_for_files
from benchbox.data.tables import other_forms, unpacking
from benchbox.errors import BenchboxError, DataError, UsageError
from tests.support.damages import damaged
from tests.support.source_kinds import kind_of

ROWS = [("5", "10", 4.0), ("5", "9", 2.0), ("40", "10", 5.0), ("40", "7", 1.0)]
TEXT = "user,item,rating\n" + "".join(f"{u},{i},{r}\n" for u, i, r in ROWS)


def load(path: object, columns: str | None = None, **settings: str) -> Dataset:
    card = card_for_files(str(path), columns)
    return load_dataset(card, settings, kind_of=kind_of, notify=pytest.fail)


def rows_of(dataset: Dataset) -> set[tuple[str, str, float]]:
    frame = dataset.ratings.to_frame()
    return {(str(u), str(i), float(r)) for u, i, r in frame.iloc[:, :3].to_numpy()}


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, inner in files.items():
            archive.writestr(name, inner)
    return content.getvalue()


def packed(codec: str, content: bytes) -> bytes:
    return pa.Codec(codec).compress(content, asbytes=True)


def as_parquet() -> bytes:
    content = io.BytesIO()
    pd.DataFrame(ROWS, columns=["user", "item", "rating"]).to_parquet(content)
    return content.getvalue()


def lines(*texts: str) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


OBJECTS = [{"user_id": u, "item_id": i, "stars": r, "tags": ["x"]} for u, i, r in ROWS]
MATRIX = "user,7,9,10\n5,,2,4\n40,1,,5\n"
FORMS = {
    "ratings.csv": TEXT.encode(),
    "ratings.csv.gz": gzip.compress(TEXT.encode()),
    "ratings.csv.bz2": bz2.compress(TEXT.encode()),
    "ratings.csv.xz": lzma.compress(TEXT.encode()),
    "ratings.csv.zst": packed("zstd", TEXT.encode()),
    "ratings.csv.lz4": packed("lz4", TEXT.encode()),
    "ratings.csv.br": packed("brotli", TEXT.encode()),
    "ratings.parquet": as_parquet(),
    "ratings.zip": zipped({"in/ratings.csv": TEXT.encode()}),
    "more.zip": zipped({"ratings.csv": TEXT.encode(), "README.txt": b"hello"}),
    "semicolons.csv": TEXT.replace(",", ";").encode(),
    "commas.csv": TEXT.replace(",", ";").replace(".", ",").encode(),
    "comments.csv": b"# of 2020\n# by hand\n" + TEXT.encode(),
    "lines.jsonl": lines(*map(json.dumps, OBJECTS)),
    "list.json": json.dumps(OBJECTS, indent=2).encode(),
    "python.json": lines(*map(repr, OBJECTS)),
    "packed.json.gz": gzip.compress(lines(*map(json.dumps, OBJECTS))),
    "matrix.csv": MATRIX.encode(),
    "index.csv": MATRIX.replace("user", "").encode(),
    "matrix.tsv": MATRIX.replace(",", "\t").encode(),
    "commas in a matrix.csv": b"user;7;9;10\n5;;2,0;4,0\n40;1,0;;5,0\n",
    "train.libfm": lines(*(f"{r:g} {u}:1 {i}:1" for u, i, r in ROWS)),
    "train.svm": lines(*(f"{r} {u}:1.0 {i}:1.0 # x" for u, i, r in ROWS)),
    "ratings.mtx": lines(
        "%%MatrixMarket matrix coordinate real general",
        "% a comment",
        f"40 10 {len(ROWS)}",
        *(f"{u} {i} {r:g}" for u, i, r in ROWS),
    ),
    "out.konect": lines("% bip weighted", *(f"{u} {i} {r:g}" for u, i, r in ROWS)),
    "surprise.txt": lines(*(f"{u} {i} {r}" for u, i, r in ROWS)),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_same_ratings_in_any_form_are_the_same_data(tmp_path, name) -> None:
    (tmp_path / name).write_bytes(FORMS[name])

    dataset = load(tmp_path / name)

    assert rows_of(dataset) == set(ROWS)


FILMS = "1:\n6,3,2005-09-06\n7,5,2005-05-13\n2:\n6,4,2005-09-05\n"


def test_films_in_the_format_of_netflix_are_read(tmp_path) -> None:
    path = tmp_path / "films.txt"
    path.write_text(FILMS)

    dataset = load(path)

    assert rows_of(dataset) == {("6", "1", 3.0), ("7", "1", 5.0), ("6", "2", 4.0)}
    assert dataset.ratings.timestamps is not None


EXPORTS = {
    "goodreads": (
        "Book Id,Title,Author,ISBN,ISBN13,My Rating,Average Rating,Date Read,"
        'Date Added,Exclusive Shelf\n11,"A, B",C,="03",="97",4,4.1,,2020/05/04,read\n'
        "12,D,E,,,0,3.9,,2020/05/05,to-read\n",
        {("ann", "11", 4.0)},
    ),
    "letterboxd": (
        "Date,Name,Year,Letterboxd URI,Rating\n2021-01-02,A,1999,https://boxd.it/2a,4.5\n",
        {("ann", "https://boxd.it/2a", 4.5)},
    ),
    "imdb": (
        "Const,Your Rating,Date Rated,Title,URL,Title Type,IMDb Rating,Year\n"
        "tt0111161,10,2020-03-01,X,https://www.imdb.com/title/tt0111161/,movie,9.3,1994\n",
        {("ann", "tt0111161", 10.0)},
    ),
}


@pytest.mark.parametrize("site", EXPORTS)
def test_an_export_is_read_as_the_ratings_of_one_user(tmp_path, site) -> None:
    text, expected = EXPORTS[site]
    (tmp_path / "ann.csv").write_text(text)

    dataset = load(tmp_path / "ann.csv")

    assert rows_of(dataset) == expected
    assert dataset.ratings.timestamps is not None
    assert "one user" in "".join(dataset.notes)


FRAIL = (
    FORMS
    | {"films.txt": FILMS.encode()}
    | {f"{site}.csv": text.encode() for site, (text, _) in EXPORTS.items()}
)


@pytest.mark.parametrize("name", FRAIL)
def test_a_damaged_file_is_an_error_or_ratings(tmp_path, name) -> None:
    rng = random.Random(name)
    for _ in range(25):
        content = damaged(FRAIL[name], rng, [b"\0", b"\xff", b'"', b"{", b"1e9"])
        (tmp_path / name).write_bytes(content)

        check_error_or_ratings(tmp_path / name)


def check_error_or_ratings(path: object) -> None:
    try:
        dataset = load(path)
    except BenchboxError as error:
        if "\n" in str(error):
            raise
    else:
        assert len(dataset.ratings)


def test_a_folder_of_exports_has_a_user_for_each(tmp_path) -> None:
    text, _ = EXPORTS["letterboxd"]
    (tmp_path / "ann.csv").write_text(text)
    (tmp_path / "bob.csv").write_text(text.replace("4.5", "2"))
    (tmp_path / "notes.md").write_text("mine")

    assert rows_of(load(f"{tmp_path}")) == {
        ("ann", "https://boxd.it/2a", 4.5),
        ("bob", "https://boxd.it/2a", 2.0),
    }


def test_what_the_user_states_as_missing_replaces_what_an_export_means(
    tmp_path,
) -> None:
    (tmp_path / "ann.csv").write_text(EXPORTS["goodreads"][0])

    assert rows_of(load(tmp_path / "ann.csv", missing="4", scale="0-5")) == {
        ("ann", "12", 0.0)
    }


def test_partitioned_parquet_is_one_table(tmp_path) -> None:
    frame = pd.DataFrame(ROWS, columns=["user", "item", "rating"])
    frame["year"] = [2019, 2020, 2019, 2020]
    frame.to_parquet(tmp_path / "set", partition_cols=["year"], index=False)
    (tmp_path / "set" / "_SUCCESS").touch()

    assert rows_of(load(tmp_path / "set")) == set(ROWS)


def test_a_column_may_be_in_the_names_of_the_folders(tmp_path) -> None:
    frame = pd.DataFrame(ROWS, columns=["user", "item", "rating"])
    frame.to_parquet(tmp_path / "set", partition_cols=["user"], index=False)

    assert rows_of(load(tmp_path / "set")) == set(ROWS)


@pytest.fixture
def parts(tmp_path):
    """Return a folder with the rows in three files, one of them empty."""
    folder = tmp_path / "set"
    folder.mkdir()
    frame = pd.DataFrame(ROWS, columns=["user", "item", "rating"])
    for n, some in enumerate((frame[:1], frame[:0], frame[1:])):
        some.to_parquet(folder / f"part-{n}.parquet", index=False)
    (folder / "_SUCCESS").touch()
    return folder


@pytest.mark.parametrize("text", ["", "/part-*.parquet", "/*"])
def test_several_files_of_parquet_are_one_table_in_the_order_of_names(
    parts, text
) -> None:
    dataset = load(f"{parts}{text}")

    frame = dataset.ratings.to_frame()
    by_row = np.argsort(dataset.ratings.rows)
    assert [tuple(row) for row in frame.iloc[by_row].values] == ROWS


def test_several_files_of_text_are_one_table(tmp_path) -> None:
    for n, row in enumerate(ROWS):
        text = ",".join(map(str, row))
        (tmp_path / f"part-{n}.csv").write_text(f"user,item,rating\n{text}\n")

    assert rows_of(load(tmp_path / "part-*.csv")) == set(ROWS)


@pytest.mark.parametrize("text", ["", "/part-*.parquet"])
def test_an_error_names_the_file_among_several_of_parquet(parts, text) -> None:
    frame = pd.read_parquet(parts / "part-2.parquet")
    frame.loc[1, "rating"] = np.nan
    frame.to_parquet(parts / "part-2.parquet", index=False)

    with pytest.raises(DataError, match=r"^set/part-2\.parquet, row \d: the rating"):
        load(f"{parts}{text}")


@pytest.mark.parametrize("text", ["", "/part-*.parquet"])
@pytest.mark.parametrize("n", [0, 2])
def test_a_damaged_file_among_several_is_named(parts, text, n) -> None:
    (parts / f"part-{n}.parquet").write_bytes(b"PAR1, but no more")

    with pytest.raises(DataError, match=rf"set/part-{n}\.parquet is not a Parquet"):
        load(f"{parts}{text}")


def test_a_file_of_other_types_among_several_is_named(parts) -> None:
    table = pa.table({"user": [[1]], "item": ["a"], "rating": [1.0]})
    parquet.write_table(table, parts / "part-2.parquet")

    with pytest.raises(DataError, match=r"set/part-2\.parquet"):
        load(parts)


def write_lenskit(folder) -> None:
    tables = {
        "user": {"user_id": [40, 5]},
        "item": {"item_id": [10, 9, 7]},
        "rating": {
            "user_num": pa.array([1, 1, 0, 0], pa.int32()),
            "item_num": pa.array([0, 1, 0, 2], pa.int32()),
            "rating": pa.array([4, 2, 5, 1], pa.float32()),
        },
    }
    for name, table in tables.items():
        parquet.write_table(pa.table(table), folder / f"{name}.parquet")
    (folder / "schema.json").write_text("{}")


def test_a_data_set_that_lenskit_saved_is_read(tmp_path) -> None:
    write_lenskit(tmp_path)

    assert rows_of(load(f"{tmp_path}/")) == set(ROWS)


def test_a_number_of_lenskit_without_an_id_is_said_so(tmp_path) -> None:
    write_lenskit(tmp_path)
    parquet.write_table(pa.table({"item_id": [10]}), tmp_path / "item.parquet")

    with pytest.raises(DataError, match="item_num points beyond the item table"):
        load(f"{tmp_path}/")


@pytest.mark.parametrize("name", ["user", "item"])
def test_a_data_set_of_lenskit_without_ids_is_refused(tmp_path, name) -> None:
    write_lenskit(tmp_path)
    parquet.write_table(pa.table({"x": [1]}), tmp_path / f"{name}.parquet")

    with pytest.raises(DataError, match=rf"looks like .* but lacks {name}_id"):
        load(f"{tmp_path}/")


@pytest.mark.parametrize("name", ["user", "item", "rating"])
def test_a_damaged_data_set_of_lenskit_is_an_error_or_ratings(tmp_path, name) -> None:
    rng = random.Random(name)
    for _ in range(15):
        write_lenskit(tmp_path)
        file = tmp_path / f"{name}.parquet"
        file.write_bytes(damaged(file.read_bytes(), rng, [b"\0", b"\xff"]))

        check_error_or_ratings(f"{tmp_path}/")


def test_an_empty_folder_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="has no files of ratings"):
        load(f"{tmp_path}/")


FRAME = pd.DataFrame(ROWS, columns=["user", "item", "rating"])


@pytest.mark.parametrize(
    "frame", [FRAME, pl.DataFrame(FRAME), pl.LazyFrame(FRAME), pa.table(dict(FRAME))]
)
def test_a_data_frame_is_a_data_set(frame, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("BENCHBOX_CACHE", str(tmp_path))

    dataset = benchbox.load_dataset(frame)

    assert rows_of(dataset) == set(ROWS)
    assert list(tmp_path.glob("frames/*.parquet"))
    assert frames.clean() > 0


def test_what_is_no_data_set_is_refused() -> None:
    with pytest.raises(UsageError, match="is not a data set"):
        benchbox.load_dataset(7)


def test_a_matrix_without_a_header_asks_for_its_first_column(tmp_path) -> None:
    path = tmp_path / "jokes.csv"
    path.write_text("2,-7.82,99,8.79\n1,99,0.5,99\n")
    expected = {("1", "1", -7.82), ("1", "3", 8.79), ("2", "2", 0.5)}

    with pytest.raises(DataError, match="Say so: first=ids, first=counts"):
        load(path, layout="matrix")
    found = rows_of(load(path, layout="matrix", first="counts", missing="99"))

    assert {(u, i, round(r, 4)) for u, i, r in found} == expected


def test_a_matrix_may_have_an_item_in_each_row(tmp_path) -> None:
    path = tmp_path / "films.csv"
    path.write_text("item,5,40\n7,,1\n9,2,\n10,4,5\n")

    dataset = load(path, layout="matrix", rows="items")

    assert rows_of(dataset) == set(ROWS)


def test_a_matrix_may_be_all_ratings(tmp_path) -> None:
    path = tmp_path / "grid.csv"
    path.write_text("4,,5\n,1,2\n")

    found = rows_of(load(path, layout="matrix", first="ratings"))

    assert found == {("1", "1", 4), ("1", "3", 5), ("2", "2", 1), ("2", "3", 2)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("4,1\nfour,2\n", "in the first column, .*'four'"),
        ("4,1\n5,inf\n", "line 2, column 2: the rating is not a finite number"),
        (",\n,\n", "has no ratings"),
    ],
)
def test_a_grid_that_is_none_is_refused(tmp_path, text: str, told: str) -> None:
    path = tmp_path / "grid.csv"
    path.write_text(text)

    with pytest.raises(DataError, match=told):
        load(path, layout="matrix", first="ratings")


def test_a_matrix_in_a_binary_file_is_refused(tmp_path) -> None:
    path = tmp_path / "grid.parquet"
    pd.DataFrame({"a": [1.0], "b": [2.0]}).to_parquet(path)

    with pytest.raises(DataError, match="is no text, so it cannot be read as a matrix"):
        load(path, layout="matrix")


def test_a_wrong_cell_of_a_matrix_is_named(tmp_path) -> None:
    path = tmp_path / "matrix.csv"
    path.write_text(MATRIX.replace("40,1", "40,one"))

    with pytest.raises(DataError, match=r"matrix.csv, line 3: the rating in column 2"):
        load(path, layout="matrix")


def test_numbers_under_unknown_names_are_no_matrix(tmp_path) -> None:
    """Their meaning cannot be guessed: a rating per row, perhaps."""
    path = tmp_path / "odd.csv"
    path.write_text("who,what,value,when\n1,2,3,4\n5,6,7,8\n")

    with pytest.raises(DataError, match="has no column known as user or item"):
        load(path)


def test_random_matrices_are_read_back(tmp_path) -> None:
    rng = np.random.default_rng(0)
    for number in range(10):
        cells = np.where(rng.random((9, 7)) < 0.4, rng.integers(1, 6, (9, 7)), np.nan)
        cells[0, 0], cells[1, 1] = 1, 2
        frame = pd.DataFrame(cells, index=[f"u{k}" for k in range(9)])
        frame.columns = [f"i{k}" for k in range(7)]
        path = tmp_path / f"{number}.csv"
        frame.to_csv(path, index_label="user", na_rep=rng.choice(["", "NA", "-"]))

        long = frame.stack().dropna()
        assert rows_of(load(path)) == {(u, i, r) for (u, i), r in long.items()}


def test_a_file_in_an_archive_must_be_named_if_it_cannot_be_guessed(tmp_path) -> None:
    path = tmp_path / "both.zip"
    path.write_bytes(zipped({"a.csv": TEXT.encode(), "b.csv": b"x"}))

    with pytest.raises(DataError, match=r"holds a\.csv, b\.csv\. Say which"):
        load(path)
    assert rows_of(load(path, member="a.csv")) == set(ROWS)


def test_no_path_in_an_archive_leads_out_of_it(tmp_path) -> None:
    """Nothing is written: the file is read in the archive."""
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "evil.zip"
    path.write_bytes(zipped({"../../ratings.csv": TEXT.encode()}))

    assert rows_of(load(path)) == set(ROWS)
    assert {p.name for p in tmp_path.rglob("*")} == {"in", "evil.zip"}


def test_a_link_in_an_archive_is_refused(tmp_path) -> None:
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        member = zipfile.ZipInfo("ratings.csv")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc/passwd")

    with pytest.raises(DataError, match=r"not opened: in it ratings\.csv is a link"):
        load(path)


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zst"])
def test_a_bomb_is_refused(tmp_path, monkeypatch, ending) -> None:
    pack = {
        "gz": gzip.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "zst": partial(packed, "zstd"),
    }
    monkeypatch.setattr(unpacking, "LEAST_BYTES", 1 << 20)
    path = tmp_path / f"bomb.csv.{ending}"
    path.write_bytes(pack[ending](TEXT.encode() + b"1,2,3\n" * 2_000_000))

    with pytest.raises(DataError, match="unpacks to more than 200 times its size"):
        load(path)


def test_a_bomb_in_an_archive_is_refused(tmp_path) -> None:
    path = tmp_path / "bomb.zip"
    path.write_bytes(zipped({"ratings.csv": b"1,2,3\n" * 2_000_000}))

    with pytest.raises(DataError, match="would take 11 MiB, packed in"):
        load(path)


def test_features_that_are_no_user_and_item_are_refused(tmp_path) -> None:
    path = tmp_path / "train.libfm"
    path.write_text("4 1:1 2:1\n5 1:1 2:1 3:0.5\n")

    with pytest.raises(DataError, match=r"line 2: .* Other features cannot be read"):
        load(path)


def test_a_matrix_market_file_cut_short_is_refused(tmp_path) -> None:
    path = tmp_path / "ratings.mtx"
    path.write_bytes(FORMS["ratings.mtx"][:-7])

    with pytest.raises(DataError, match="has 3 ratings, but states 4"):
        load(path)


def test_other_kinds_of_matrix_market_files_are_refused(tmp_path) -> None:
    path = tmp_path / "ratings.mtx"
    path.write_text("%%MatrixMarket matrix coordinate pattern general\n2 2 1\n1 1\n")

    with pytest.raises(DataError, match="not one of real numbers in coordinates"):
        load(path)


def test_ids_do_not_depend_on_the_form(tmp_path) -> None:
    ids = set()
    for name in ("ratings.csv", "lines.jsonl", "ratings.mtx", "train.libfm"):
        (tmp_path / name).write_bytes(FORMS[name])
        ids.add(data_id(load(tmp_path / name).ratings))

    assert len(ids) == 1


def test_json_is_read_in_blocks_whatever_the_types_in_each(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(other_forms, "_BLOCK_ROWS", 2)
    path = tmp_path / "lines.jsonl"
    objects = [{"user": int(u), "item": i, "rating": r} for u, i, r in ROWS]
    objects[1]["rating"], objects[3]["user"] = 2, "40"
    path.write_bytes(lines(*map(json.dumps, objects)))

    assert rows_of(load(path)) == set(ROWS)
