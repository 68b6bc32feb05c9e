"""Recognises files that are not tables of text, and says what to do with them."""

import re
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from benchbox.errors import DataError

HEAD_BYTES = 512
"""How much of the beginning of a file is needed to recognise it."""

_ONE_RATING = "Write one rating per line, as in user,item,rating"
_TO_TEXT = "Save it as CSV or Parquet with the program that wrote it"
_WITH_PANDAS = (
    "Convert it, as in pandas.read_{}('{{name}}').to_parquet('ratings.parquet')"
)

# First bytes, what they tell of, and what to do.
_KINDS = (
    (b"PK\x05\x06", "an empty zip archive", "Give a file with ratings"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it and give the file inside"),
    (b"Rar!\x1a\x07", "a RAR archive", "Unpack it and give the file inside"),
    (b"\x1f\x9d", "packed with compress", "Unpack it first, as in gunzip {name}"),
    (b"PAR1", "a packed Parquet file", "Unpack it first"),
    (b"ARROW1\0\0", "a Feather file", _WITH_PANDAS.format("feather")),
    (b"FEA1", "a Feather file", _WITH_PANDAS.format("feather")),
    (b"ORC", "an ORC file", _WITH_PANDAS.format("orc")),
    (b"Obj\x01", "an Avro file", _TO_TEXT),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _WITH_PANDAS.format("hdf")),
    (b"\x93NUMPY", "a NumPy array", _ONE_RATING),
    (b"MATLAB 5.0 MAT-file", "a MATLAB file", _TO_TEXT),
    (b"SQLite format 3\0", "an SQLite database", "Export the table of ratings as CSV"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel file", "Save it as CSV"),
    (b"RDX2\n", "an R data file", "Save the ratings in R with write.csv"),
    (b"RDX3\n", "an R data file", "Save the ratings in R with write.csv"),
    (b"X\n\0\0\0", "an R data file", "Save the ratings in R with write.csv"),
    (b"%PDF-", "a PDF document", "Give a table of ratings as CSV or Parquet"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05][^\n]", re.DOTALL)
_TAR_MARK = slice(257, 262)

_WEB_PAGE = re.compile(r"<(!doctype\s+html|html|head)\b", re.IGNORECASE)
# What the first line looks like.
_TEXTS = (
    (
        _WEB_PAGE,
        "a web page",
        "The download may have failed; get the file itself",
    ),
    (re.compile(r"<\?xml\b"), "an XML file", _TO_TEXT),
    (re.compile(r"@relation\b", re.IGNORECASE), "an ARFF file of Weka", _TO_TEXT),
    (
        re.compile(r"version https://git-lfs\.github\.com/"),
        "a pointer to a file in Git LFS",
        "Get the file itself with git lfs pull",
    ),
)


def refuse_foreign(path: Path, head: bytes) -> None:
    """Refuse a file whose first bytes, *head*, show that it is no table of text.

    Raises:
        DataError: It is none; says what it is, and what to do.
    """
    if head.startswith(b"PK\x03\x04"):
        _refuse_zip(path)
    for mark, what, advice in _KINDS:
        if head.startswith(mark):
            raise _foreign(path, what, advice)
    if head[_TAR_MARK] == b"ustar":
        raise _foreign(path, "a tar archive", "Unpack it and give the file inside")
    if _PICKLE.match(head):
        raise _foreign(
            path,
            "a Python pickle, which is not opened since it can run any code",
            _TO_TEXT,
        )


def refuse_packed_twice(path: Path, head: bytes) -> None:
    """Refuse a packed file whose content begins with *head*, which is an archive.

    Raises:
        DataError: It is one.
    """
    if head.startswith(b"PK\x03\x04"):
        raise _foreign(path, "a zip archive that is packed again", "Unpack it first")


def refuse_foreign_text(path: Path, line: str) -> None:
    """Refuse a file whose first line shows that it holds no table with named columns.

    Raises:
        DataError: It holds none; says what it is, and what to do.
    """
    if "\0" in line:
        raise _foreign(
            path, "no table of text: its first line has NUL characters", _TO_TEXT
        )
    for pattern, what, advice in _TEXTS:
        if pattern.match(line.lstrip("\ufeff \t")):
            raise _foreign(path, what, advice)


def _refuse_zip(path: Path) -> None:
    try:
        with ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
    except (BadZipFile, OSError):
        names = []
    if any(name.startswith("xl/") for name in names):
        raise _foreign(path, "an Excel file", "Save it as CSV")
    if "content.xml" in names:
        raise _foreign(path, "an OpenDocument file", "Save it as CSV")
    if names and all(name.endswith(".npy") for name in names):
        raise _foreign(path, "an archive of NumPy arrays", _ONE_RATING)
    if any(name.endswith("data.pkl") for name in names):
        raise _foreign(path, "a file of torch.save", _ONE_RATING)


def _foreign(path: Path, what: str, advice: str) -> DataError:
    return DataError(f"{path.name} is {what}. {advice.format(name=path.name)}.")
