"""Ratings as people have them are read by one rule, or refused in one clear line."""

import bz2
import gzip
import io
import pickle
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.support.commands import Benchbox, Done

HEADER = "user,item,rating,timestamp"
ROWS = [
    (user, item, 1 + (user * item) % 5, 1_000_000_000 + 86_400 * user + item)
    for user in range(1, 7)
    for item in range(1, 6)
    if (user, item) != (6, 5)
]
AS_ALWAYS = {"users": "6", "items": "5", "ratings": "29 (96.67% of all pairs)"}


def lines(rows=ROWS, delimiter: str = ",", header: str = HEADER) -> list[str]:
    body = [delimiter.join(map(str, row)) for row in rows]
    return [header.replace(",", delimiter), *body] if header else body


def text(rows=ROWS, delimiter: str = ",", header: str = HEADER) -> str:
    return "\n".join(lines(rows, delimiter, header)) + "\n"


def show(
    benchbox: Benchbox, folder: Path, content: str | bytes, name: str = "r.csv"
) -> Done:
    file, _, _ = name.partition(":")
    data = content.encode() if isinstance(content, str) else content
    (folder / file).write_bytes(data)
    return benchbox(f"data show '{folder / file}{name[len(file) :]}'")


def facts(done: Done) -> dict[str, str]:
    assert done.code == 0, done.err
    rows = (line.split("  ", 1) for line in done.out.splitlines() if "  " in line)
    return {what.strip(): found.strip() for what, found in rows}


def notes(done: Done) -> str:
    assert done.code == 0, done.err
    return " ".join(done.out.split("cite")[1].split())


def assert_as_always(done: Done) -> None:
    found = facts(done)
    assert {what: found[what] for what in AS_ALWAYS} == AS_ALWAYS


def refusal(done: Done) -> str:
    assert done.code != 0, done.out
    assert done.err.startswith("benchbox: ")
    assert len(done.err.splitlines()) == 1
    return done.err


FRACTIONS = [(user, item, value / 2, time) for user, item, value, time in ROWS]
LARGE = [(user, item, value * 10**9, time) for user, item, value, time in ROWS]
BINARY = [(user, item, value % 2, time) for user, item, value, time in ROWS]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.csv", text()),
        ("r.csv", text(header="")),
        ("r.csv", "\ufeff" + text()),
        ("r.csv", "\ufeff" + text(header="")),
        ("r.csv", text() + "\n"),
        ("r.csv", text().rstrip("\n")),
        ("r.csv", text().replace("\n", "\r")),
        ("r.csv", text().replace("\n", "\r\n")),
        ("r.csv", text().replace("\n", "\r\n", 3)),
        ("r.csv", text(delimiter="::", header="")),
        ("r.dat", text(delimiter="::", header="")),
        ("r.txt", text(delimiter="|")),
        ("r.txt", text(delimiter=" ", header="")),
        ("r.csv", text(FRACTIONS)),
        ("r.csv", text(LARGE)),
        ("r.csv", text(BINARY)),
        ("r.csv", text([(u, i, f"+{r}", t) for u, i, r, t in ROWS])),
        ("r.csv", text([(u, i, f"{r}e0", t) for u, i, r, t in ROWS])),
        ("r.csv", text([(u, i, -r, t) for u, i, r, t in ROWS])),
        ("r.csv", text([(f"{u}.0", i, r, t) for u, i, r, t in ROWS])),
        ("r.csv", text([(-u, i, r, t) for u, i, r, t in ROWS])),
        ("r.csv", text([(f"00{u}", i, r, t) for u, i, r, t in ROWS])),
        ("r.csv", text([(2**31 + u, i, r, t) for u, i, r, t in ROWS])),
        ("r.csv", text([(10**30 + u, i, r, t) for u, i, r, t in ROWS])),
        ("r.csv", text([(f"Zoë {u} 映画", i, r, t) for u, i, r, t in ROWS])),
        ("r.csv", text([(f'"Smith, {u}"', i, r, t) for u, i, r, t in ROWS])),
        ("r.csv", text([("nan" if u == 1 else u, *rest) for u, *rest in ROWS])),
        ("r.csv", text([("null" if u == 1 else u, *rest) for u, *rest in ROWS])),
    ],
)
def test_usual_files_are_read(benchbox, tmp_path, name, content) -> None:
    assert_as_always(show(benchbox, tmp_path, content, name))


def test_a_separator_at_the_end_of_lines_is_one_more_column(benchbox, tmp_path) -> None:
    content = text(delimiter="\t").replace("\n", "\t\n")

    assert_as_always(show(benchbox, tmp_path, content, "r.tsv"))


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ("9,9,nan,9", "line 31: the rating 'nan' is not a finite number"),
        ("9,9,inf,9", "line 31: the rating 'inf' is not a finite number"),
        ("9,9,,9", "line 31: the rating '' is not a finite number"),
        ("9,9,good,9", "line 31: the rating 'good' is not a finite number"),
        ("9,9,True,9", "line 31: the rating 'True' is not a finite number"),
        ("9,9,1/5,9", "line 31: the rating '1/5' is not a finite number"),
        ("9,9,0x1,9", "line 31: the rating '0x1' is not a finite number"),
        ("9,9,1_0,9", "line 31: the rating '1_0' is not a finite number"),
        ('9,9,"1,100",9', "line 31: the rating '1,100' is not a finite number"),
        ("9,9,٣,9", "line 31: the rating '٣' is not written in the digits 0 to 9"),
        ("9,9,３,9", "line 31: the rating '３' is not written in the digits 0 to 9"),
        ("9,9,1e39,9", "line 31: the rating '1e39' is too large: ratings are stored"),
        ("9,9,-1e39,9", "line 31: the rating '-1e39' is too large"),
        ("9,9,1e999,9", "line 31: the rating '1e999' is too large"),
        ("9,9,3", "line 31 has 3 columns instead of 4"),
        (" ", "line 31 has 1 column instead of 4"),
        ("1,1,3,9", "User '1' rates item '1' twice"),
        ("1 ,1,3,9", "User '1' rates item '1' twice"),
        (" ,1,3,9", "line 31: the user id is empty"),
        ("9,9\0,3,9", r"line 31: the item id '9\x00' has a NUL character in it"),
        ("9,\0,3,9", r"line 31: the item id '\x00' has a NUL character in it"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(
    benchbox, tmp_path, last, message
) -> None:
    assert message in refusal(show(benchbox, tmp_path, f"{text()}{last}\n"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "r.csv is empty"),
        ("\n\n\n", "r.csv is empty"),
        (" \n \n", "r.csv is empty"),
        ("\0\0\0\0", "its first line has NUL characters"),
        ("user,item\0,rating\n1,2,3\n", "its first line has NUL characters"),
        (HEADER, "has a header but no ratings"),
        (HEADER + "\n", "has a header but no ratings"),
        (text(ROWS[:1]), "so the rating scale cannot be guessed"),
        (f"# made, by me, 2020\n{text()}", "line 2 has 4 columns instead of 3"),
    ],
)
def test_files_without_ratings_are_refused(
    benchbox, tmp_path, content, message
) -> None:
    assert message in refusal(show(benchbox, tmp_path, content))


# Stray quotes.


def stray(first: int, last: int, opens: str, closes: str) -> str:
    content = lines([(f"u{u}", f"i{i}", r) for u, i, r, _ in ROWS], header="")
    content[first - 1] = content[first - 1].replace(*opens.split())
    content[last - 1] = content[last - 1].replace(*closes.split())
    return "\n".join(content) + "\n"


@pytest.mark.parametrize(
    ("opens", "closes", "what"),
    [
        ('u "u', ', ",', "user id"),
        ('i "i', ', ",', "user id"),
        (',i ,"i', 'u u"', "item id"),
    ],
)
@pytest.mark.parametrize("separator", [",", ";"])
def test_a_stray_quote_that_swallows_rows_is_named_with_both_lines(
    benchbox, tmp_path, opens, closes, what, separator
) -> None:
    content = stray(4, 20, opens, closes).replace(",", separator)

    line = refusal(show(benchbox, tmp_path, content))

    assert "r.csv, line" in line
    assert "4 to 20" in line or "line 4 has" in line or "column" in line


def test_an_id_with_a_line_break_is_refused_with_both_lines(benchbox, tmp_path) -> None:
    content = f'{text()}"7\n8",3,4,9\n'

    line = refusal(show(benchbox, tmp_path, content))

    assert "lines 31 to 32: the user id '7\\n8' has a line break in it" in line
    assert "quote" in line


def test_a_quote_that_is_never_closed_is_named(benchbox, tmp_path) -> None:
    content = text().replace("\n3,1,", '\n"3,1,')

    line = refusal(show(benchbox, tmp_path, content))

    assert 'lines 12 to 30: a quote (") makes one field of several rows' in line


def test_a_quote_in_the_header_is_named_too(benchbox, tmp_path) -> None:
    line = refusal(show(benchbox, tmp_path, f'"{text()}'))

    assert 'lines 1 to 30: a quote (") makes one field of several rows' in line


def test_a_quote_in_a_rating_is_named_too(benchbox, tmp_path) -> None:
    content = 'user,item,rating\n1,1,3\n1,2,"4\n2,1,5"\n2,3,1\n'

    line = refusal(show(benchbox, tmp_path, content))

    assert 'lines 3 to 4: a quote (") makes one field of several rows' in line


def titled(titles: dict[int, str]) -> str:
    body = [
        f"{u},{i},{r},{titles.get(n, 'title')}" for n, (u, i, r, _) in enumerate(ROWS)
    ]
    return "\n".join(["user,item,rating,title", *body]) + "\n"


@pytest.mark.parametrize(
    "titles",
    [{3: '"12 inch', 9: 'single"'}, {3: '"12 inch', 9: 'single" mix'}, {3: '"12 inch'}],
)
@pytest.mark.parametrize("separator", [",", ";", "::", "\t"])
def test_rows_within_a_quoted_title_are_named_too(
    benchbox, tmp_path, titles, separator
) -> None:
    content = titled(titles).replace(",", separator)
    if separator not in ",;":
        content = content.replace("title", '"title"', 1)
        content = content.replace(f"user{separator}", f'"user"{separator}')
        content = content.replace(f"item{separator}", f'"item"{separator}')
        content = content.replace(f"rating{separator}", f'"rating"{separator}')

    line = refusal(show(benchbox, tmp_path, content))

    assert "lines 5 to " in line
    assert 'a quote (") makes one field of several rows' in line


def test_titles_may_have_quotes_and_line_breaks(benchbox, tmp_path) -> None:
    titles = {1: '"12"" mix"', 2: '7" single', 4: '"two\nlines, one title"'}

    done = show(benchbox, tmp_path, titled(titles))

    assert_as_always(done)
    assert "1 row has line breaks within quotes; the longest goes from line 6" in (
        notes(done)
    )


# Ids.


def test_blanks_around_ids_are_no_part_of_them(benchbox, tmp_path) -> None:
    rows = [(f"{u} " if i % 2 else u, i, r, t) for u, i, r, t in ROWS]

    done = show(benchbox, tmp_path, text(rows))

    assert_as_always(done)
    assert (
        "In 17 of 29 rows there are blanks around the user id, such as around '1'. "
        "They are not part of the id. Without them, 6 ids are the same as others."
    ) in notes(done)


@pytest.mark.parametrize("blank", [" ", "\t", "\u00a0", "\u3000"])
def test_all_kinds_of_blanks_are_blanks(benchbox, tmp_path, blank) -> None:
    rows = [(u, f"{blank}{i}{blank}", r, t) for u, i, r, t in ROWS]

    assert_as_always(show(benchbox, tmp_path, text(rows)))


def test_parquet_obeys_the_same_rule(benchbox, tmp_path) -> None:
    users = [f"{u} " if i % 2 else str(u) for u, i, *_ in ROWS]
    frame = pd.DataFrame(ROWS, columns=HEADER.split(","))
    frame.assign(user=users).to_parquet(tmp_path / "r.parquet")

    done = benchbox(f"data show {tmp_path / 'r.parquet'}")

    assert_as_always(done)
    assert "blanks around the user id" in notes(done)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("", "is empty"),
        (" ", "is empty"),
        ("9\0", "has a NUL character in it"),
        ("9\n", "has a line break in it"),
    ],
)
def test_parquet_refuses_the_same_ids(benchbox, tmp_path, wrong, message) -> None:
    frame = pd.DataFrame(ROWS, columns=HEADER.split(","))
    frame["item"] = [wrong if n == 3 else str(i) for n, i in enumerate(frame["item"])]
    frame.to_parquet(tmp_path / "r.parquet")

    line = refusal(benchbox(f"data show {tmp_path / 'r.parquet'}"))

    assert "r.parquet, row 4: the item id" in line
    assert message in line


def test_ratings_that_are_given_twice_are_counted(benchbox, tmp_path) -> None:
    content = text([*ROWS, ROWS[0], ROWS[3]])

    done = show(benchbox, tmp_path, content, "r.csv:duplicates=last")

    assert "2 rows rate an item again for the same user; the latest rating" in (
        notes(done)
    )


def test_a_run_says_what_was_found_as_well(benchbox, tmp_path) -> None:
    rows = [(f"{u} ", i, r, t) for u, i, r, t in ROWS]
    (tmp_path / "r.csv").write_text(text(rows))

    done = benchbox(f"run -d {tmp_path / 'r.csv'} -m global-mean")

    assert "r.csv: In 29 of 29 rows there are blanks around the user id" in done.err


def test_ids_of_any_length_take_no_more_than_their_own_space(
    benchbox, tmp_path
) -> None:
    long = "x" * 200_000
    rows = [(n, n % 7, n % 5, n) for n in range(3000)]

    tracemalloc.start()
    done = show(benchbox, tmp_path, text([*rows, (long, 1, 3, 4), (7, long, 3, 4)]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert facts(done)["users"] == "3,001"
    assert peak < 100 << 20  # In an array of fixed width: 2.4 GB.


# Separators and numbers.


@pytest.mark.parametrize("options", ["", ":delimiter=space"])
@pytest.mark.parametrize(
    ("blanks", "around"), [("   ", ""), (" ", " "), ("  ", "  "), (" \t", "")]
)
def test_runs_of_blanks_separate_fields(
    benchbox, tmp_path, options, blanks, around
) -> None:
    if "\t" in blanks and not options:
        return
    content = "\n".join(
        around + line + around for line in lines(delimiter=blanks, header="")
    )

    assert_as_always(show(benchbox, tmp_path, content, f"r.txt{options}"))


def test_tabs_with_blanks_beside_them_separate_fields(benchbox, tmp_path) -> None:
    content = text(delimiter="\t", header="").replace("\t", " \t", 40)

    assert_as_always(show(benchbox, tmp_path, content, "r.txt"))


@pytest.mark.parametrize("delimiter", ["\t", "|", " ", ";", ",", "::"])
@pytest.mark.parametrize("header", [HEADER, ""])
def test_quoted_fields_are_read_with_any_separator(
    benchbox, tmp_path, delimiter, header
) -> None:
    rows = [tuple(f'"{field}"' for field in row) for row in ROWS]
    quoted = ",".join(f'"{name}"' for name in header.split(",")) if header else ""

    done = show(benchbox, tmp_path, text(rows, delimiter, quoted), "r.txt")

    assert_as_always(done)


def test_a_decimal_comma_is_recognised_and_said(benchbox, tmp_path) -> None:
    rows = [(u, i, f"{r},5", t) for u, i, r, t in ROWS]
    content = text(rows, ";")

    guessed = show(benchbox, tmp_path, content)
    stated = show(benchbox, tmp_path, content, "r.csv:decimal=comma")
    line = refusal(show(benchbox, tmp_path, content, "r.csv:decimal=point"))

    for done in (guessed, stated):
        assert facts(done)["scale"].startswith("1.5–5.5")
    assert "decimal comma" in guessed.out
    assert "decimal comma" not in stated.out
    assert "line 2: the rating '2,5' has a decimal comma" in line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("decimal=x", "decimal point 'x' is unknown"),
        ("scale=1-5/0", "step of a rating scale must be above 0"),
        ("scale=1-5/-1", "step of a rating scale must be above 0"),
        ("scale=1-5/9", "step of a rating scale must be above 0 and at most the range"),
        ("scale=5-1", "highest rating of a scale must be above the lowest"),
        ("scale=1-" + "9" * 50, "goes beyond the numbers that ratings are stored in"),
        ("scale=1-" + "9" * 500, "goes beyond the numbers that ratings are stored in"),
        ("scale=1-inf", "is not a rating scale"),
        ("encoding=latin-99", "no text encoding 'latin-99'"),
        ("encoding=base64", "no text encoding 'base64'"),
    ],
)
def test_options_that_make_no_sense_are_one_line(
    benchbox, tmp_path, options, message
) -> None:
    assert message in refusal(show(benchbox, tmp_path, text(), f"r.csv:{options}"))


# Files that are packed.


def packed(codec: str, content: str = text()) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(content.encode())
    return sink.getvalue().to_pybytes()


CODECS = {"gzip": ".gz", "bz2": ".bz2", "zstd": ".zst", "lz4": ".lz4"}


@pytest.mark.parametrize("codec", CODECS)
def test_packed_files_are_read_whatever_their_name(benchbox, tmp_path, codec) -> None:
    named = show(benchbox, tmp_path, packed(codec), f"r.csv{CODECS[codec]}")
    hidden = show(benchbox, tmp_path, packed(codec), "r.csv")

    assert_as_always(named)
    assert_as_always(hidden)
    assert "packed" not in notes(named)
    assert f"packed with {codec}, though its name" in notes(hidden)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda whole: whole[: len(whole) // 2], "is cut short"),
        (lambda whole: whole[:-1], "is cut short"),
        (lambda whole: whole + b"junk" * 9, "is damaged, or something follows"),
        (lambda whole: text().encode(), "is not packed with"),
    ],
)
def test_damaged_packed_files_are_one_line(
    benchbox, tmp_path, codec, damage, message
) -> None:
    name = f"r.csv{CODECS[codec]}"

    line = refusal(show(benchbox, tmp_path, damage(packed(codec)), name))

    assert f"{name} {message}" in line


def test_a_file_that_is_cut_after_its_head_is_one_line(benchbox, tmp_path) -> None:
    rows = [(n, n * 7919 % 1009, n % 5, n) for n in range(50_000)]
    whole = gzip.compress(text(rows).encode())

    line = refusal(show(benchbox, tmp_path, whole[:-2000], "r.csv.gz"))

    assert "r.csv.gz is cut short" in line


@pytest.mark.parametrize("codec", CODECS)
def test_a_packed_file_cut_anywhere_is_one_line(benchbox, tmp_path, codec) -> None:
    whole = packed(codec)

    for n_bytes in (5, 9, 20):
        name = f"r.csv{CODECS[codec]}"
        assert name in refusal(show(benchbox, tmp_path, whole[:n_bytes], name))


def test_a_packed_file_changed_anywhere_is_never_a_traceback(
    benchbox, tmp_path
) -> None:
    whole = packed("gzip")

    for place in range(0, len(whole), 7):
        damaged = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        done = show(benchbox, tmp_path, damaged, "r.csv.gz")
        assert done.code == 0 or refusal(done)


def test_files_packed_in_several_parts_are_read(benchbox, tmp_path) -> None:
    parts = [text()[:100], text()[100:]]
    whole = b"".join(gzip.compress(part.encode()) for part in parts)

    assert_as_always(show(benchbox, tmp_path, whole, "r.csv.gz"))


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            # With a date of its own: the bytes name the test, in every process alike.
            archive.writestr(zipfile.ZipInfo(name), text())
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("ratings.csv")
        entry.size = len(text())
        archive.addfile(entry, io.BytesIO(text().encode()))
    return buffer.getvalue()


def fed(write) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


FRAME = pd.DataFrame(ROWS, columns=HEADER.split(","))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.csv", zipped("ratings.csv")[:60], "a damaged zip archive"),
        ("r.xlsx", zipped("xl/workbook.xml"), "an Excel file. Save it as CSV"),
        ("r.ods", zipped("mimetype", "content.xml"), "an OpenDocument file"),
        ("r.pt", zipped("archive/data.pkl"), "a file of torch.save"),
        ("r.arff", "@RELATION ratings\n", "an ARFF file"),
        ("r.csv", zipped("a.npy"), "an archive of NumPy arrays"),
        ("r.tar", tarred(), "a tar archive"),
        ("r.tar.gz", gzip.compress(tarred()), "a tar archive"),
        ("r.csv", bz2.compress(zipped("a.csv")), "a zip archive"),
        ("r.feather", fed(FRAME.to_feather), "a Feather file. Convert it"),
        ("r.csv", fed(FRAME.to_feather), "a Feather file. Convert it"),
        ("r.parquet.gz", gzip.compress(fed(FRAME.to_parquet)), "packed Parquet file"),
        ("r.pkl", pickle.dumps(ROWS), "a Python pickle"),
        ("r.pkl.gz", gzip.compress(pickle.dumps(ROWS)), "a Python pickle"),
        ("r.csv", fed(lambda file: np.save(file, np.eye(3))), "a NumPy array"),
        ("r.csv", b"SQLite format 3\0...", "an SQLite database"),
        ("r.csv", b"\x89HDF\r\n\x1a\n...", "an HDF5 file"),
        ("r.csv", b"%PDF-1.7 ...", "a PDF document"),
        ("r.json", "[\n {}\n]\n", "r.json is JSON"),
        ("r.csv", "<!DOCTYPE html>\n<html>\n", "a web page"),
        ("r.mtx", "%%MatrixMarket matrix\n2 2 1\n1 1 3\n", "a Matrix Market file"),
        ("r.csv", "version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ],
)
def test_files_of_other_kinds_are_named_with_what_to_do(
    benchbox, tmp_path, name, content, message
) -> None:
    assert message in refusal(show(benchbox, tmp_path, content, name))


def test_parquet_needs_no_ending(benchbox, tmp_path) -> None:
    assert_as_always(show(benchbox, tmp_path, fed(FRAME.to_parquet), "r.csv"))


@pytest.mark.parametrize("damage", [slice(200), slice(4), slice(0)])
def test_a_damaged_parquet_file_is_one_line(benchbox, tmp_path, damage) -> None:
    content = fed(FRAME.to_parquet)[damage]

    line = refusal(show(benchbox, tmp_path, content, "r.parquet"))

    assert "r.parquet is not a Parquet file, or is damaged" in line


@pytest.mark.parametrize("header", ["", "who,m1,m2,m3,m4\n"])
def test_what_may_be_a_matrix_is_told_how_to_say_so(benchbox, tmp_path, header) -> None:
    content = f"{header}5,4,,3,1\n1,,,2,5\n"

    assert "layout=matrix" in refusal(show(benchbox, tmp_path, content))


def test_columns_of_words_are_no_matrix(benchbox, tmp_path) -> None:
    content = "who,what,when,how\nann,toys,today,well\n"

    assert "layout=matrix" not in refusal(show(benchbox, tmp_path, content))


# Encodings.


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_recognised_and_read_when_stated(
    benchbox, tmp_path, encoding
) -> None:
    content = text().encode(encoding)

    line = refusal(show(benchbox, tmp_path, content))
    done = show(benchbox, tmp_path, content, f"r.csv:encoding={encoding}")

    assert f"encoding={encoding}." in line
    assert "latin-1" not in line
    assert_as_always(done)


def test_utf_16_in_two_colons_and_in_blanks_is_read(benchbox, tmp_path) -> None:
    for delimiter in ("::", "  "):
        content = text(delimiter=delimiter, header="").encode("utf-16")

        assert_as_always(show(benchbox, tmp_path, content, "r.dat:encoding=utf-16"))


def test_latin_1_is_advised_where_it_may_be(benchbox, tmp_path) -> None:
    rows = [(f"Zoë {u}", i, r, t) for u, i, r, t in ROWS]
    content = text(rows).encode("latin-1")

    line = refusal(show(benchbox, tmp_path, content))
    done = show(benchbox, tmp_path, content, "r.csv:encoding=latin-1")

    assert "is not utf-8 text: byte 0xeb is invalid" in line
    assert "encoding=latin-1" in line
    assert_as_always(done)


# Pairs and users to predict for.


@pytest.fixture
def model(benchbox, tmp_path) -> Path:
    rows = [(f"u{u}@shop.test ", f" i{i}", r, t) for u, i, r, t in ROWS]
    (tmp_path / "r.csv").write_text(text(rows))
    done = benchbox(f"fit bias -d {tmp_path / 'r.csv'} --out {tmp_path / 'model'}")
    assert done.code == 0, done.err
    return tmp_path / "model"


@pytest.mark.parametrize(
    "pairs", ["user,item\nu1@shop.test,i1\n", "user, item\n u1@shop.test , i1\n"]
)
def test_pairs_obey_the_same_rule_for_ids(benchbox, tmp_path, model, pairs) -> None:
    (tmp_path / "pairs.csv").write_text(pairs)

    done = benchbox(f"predict {model} {tmp_path / 'pairs.csv'}")

    assert done.code == 0, done.err
    assert "u1@shop.test,i1,2." in done.out
    assert not done.err


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("u1@shop.test\0,i1", "line 2: the user id 'u1@shop.test\\x00' has a NUL"),
        (" ,i1", "line 2: the user id is empty"),
        ('"u1\nu2",i1', "lines 2 to 3: the user id 'u1\\nu2' has a line break"),
    ],
)
def test_pairs_refuse_the_same_ids(benchbox, tmp_path, model, row, message) -> None:
    (tmp_path / "pairs.csv").write_text(f"user,item\n{row}\n")

    assert message in refusal(benchbox(f"predict {model} {tmp_path / 'pairs.csv'}"))


def test_a_user_is_known_by_the_same_rule(benchbox, model) -> None:
    plain, padded = (
        benchbox(f"recommend {model} --user '{user}' --json")
        for user in ("u6@shop.test", " u6@shop.test ")
    )

    assert plain.code == 0, plain.err
    assert plain.out == padded.out
    assert "i5" in plain.out
