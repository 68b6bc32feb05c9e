"""Cards of other publishers, on small files in exactly their formats."""

import gzip
import io
import random
import tarfile
import zipfile
from pathlib import Path

import h5py
import msgspec
import numpy as np
import openpyxl
import pytest
from benchbox_datasets import benchbox_datasets
from benchbox_datasets.choices import AmazonOptions

from benchbox.data.dataset import Dataset, load_dataset, locate
from benchbox.data.own_files import card_for_files
from benchbox.data.sources.local_kinds import FolderSource
from benchbox.errors import BenchboxError, DataError, UsageError
from benchbox.options import Options
from tests.support.damages import damaged
from tests.support.source_kinds import kind_of, sources_of

CARDS = {card.name: card for card in benchbox_datasets()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BENCHBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCHBOX_OFFLINE", "1")
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def load(name: str, **settings: str) -> Dataset:
    """Load a data set from local files of any content: without hashes and counts."""
    card = CARDS[name]
    local = [
        {**source, "files": dict.fromkeys(source["files"], "")}
        for source in card.sources
        if source["type"] == "folder"
    ]
    card = msgspec.structs.replace(
        card,
        sources=tuple(local),
        digests={},
        n_users=None,
        n_items=None,
        n_ratings=None,
    )
    return load_dataset(card, settings, kind_of=kind_of, notify=lambda line: None)


def rows_of(dataset: Dataset) -> set[tuple[str, str, float]]:
    frame = dataset.ratings.to_frame()
    return {(str(u), str(i), float(r)) for u, i, r in frame.iloc[:, :3].to_numpy()}


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, inner in files.items():
            archive.writestr(name, inner)
    return content.getvalue()


def sheet(rows: list[list[object]]) -> bytes:
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(content)
    return content.getvalue()


def monti(path: Path, size: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Write a file as MATLAB 7.3 does: HDF5 below a header, columns first."""
    rng = np.random.default_rng(3)
    ratings = np.where(
        rng.random((size, size)) < 0.5, rng.integers(1, 6, (size, size)), 0
    )
    test = (ratings > 0) & (rng.random((size, size)) < 0.3)
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, matrix in (
            ("M", ratings),
            ("Otraining", (ratings > 0) & ~test),
            ("Otest", test),
            ("W_users", np.zeros((size, size))),
        ):
            file[name] = matrix.T.astype(float)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return ratings, test


NETFLIX = {
    "training_set/mv_0000001.txt": b"1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n",
    "training_set/mv_0000002.txt": b"2:\n822109,4,2005-09-05\n",
}


def tarred(files: dict[str, bytes], link: str = "") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, inner in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(inner)
            archive.addfile(member, io.BytesIO(inner))
        if link:
            member = tarfile.TarInfo("training_set/mv_0000003.txt")
            member.type, member.linkname = tarfile.SYMTYPE, link
            archive.addfile(member)
    return content.getvalue()


def beers(overall: str) -> bytes:
    lines = [
        {"beer/beerId": "47986", "review/overall": overall, "review/time": "1234817823"}
        | {"review/profileName": "stcules", "review/text": 'It\'s a "beer", 4/5.\t'},
        {"beer/beerId": "48213", "review/overall": overall, "review/time": "1235915097"}
        | {"review/profileName": "", "review/text": "nobody's"},
    ]
    return gzip.compress("".join(f"{line!r}\n" for line in lines).encode())


def write(folder: Path, name: str, files: dict[str, bytes]) -> None:
    place = folder / name
    place.mkdir(exist_ok=True)
    for file, content in files.items():
        (place / file).write_bytes(content)


JOKES = [[2, -7.82, 99, 8.79], [3, 4.08, -0.29, 6.36]]

FILES: dict[str, tuple[dict[str, bytes], set[tuple[str, str, float]]]] = {
    "filmtrust": (
        {"ratings.txt": b"1 1 2\n1 2 4\n2 1 3.5\n"},
        {("1", "1", 2.0), ("1", "2", 4.0), ("2", "1", 3.5)},
    ),
    "ciaodvd": (
        {"movie-ratings.txt": b"1,1,1,2,5,2003-01-23\n2,1,1,3,4,2004-02-01\n"},
        {("1", "1", 5.0), ("2", "1", 4.0)},
    ),
    "jester-1": (
        {
            f"jester_dataset_1_{k}.zip": zipped({f"jester-data-{k}.xls": sheet([row])})
            for k, row in ((1, JOKES[0]), (2, JOKES[1]), (3, [1, 99, 99, -9.5]))
        },
        {("1", "1", -7.82), ("1", "3", 8.79), ("3", "3", -9.5)}
        | {("2", "1", 4.08), ("2", "2", -0.29), ("2", "3", 6.36)},
    ),
    "jester-2": (
        {
            "jester_dataset_2.zip": zipped(
                {"jester_ratings.dat": b"1\t\t5\t\t0.219\n1\t\t7\t\t-9.281\n"}
            )
        },
        {("1", "5", 0.219), ("1", "7", -9.281)},
    ),
    "jester-3": (
        {"JesterDataset3.zip": zipped({"FINAL jester 2006-15.xls": sheet(JOKES)})},
        {("1", "1", -7.82), ("1", "3", 8.79)}
        | {("2", "1", 4.08), ("2", "2", -0.29), ("2", "3", 6.36)},
    ),
    "jester-4": (
        {
            "JesterDataset4.zip": zipped(
                {"[final] - Transformed Jester Data - .xlsx": sheet(JOKES)}
            )
        },
        {("1", "1", -7.82), ("1", "3", 8.79)}
        | {("2", "1", 4.08), ("2", "2", -0.29), ("2", "3", 6.36)},
    ),
    "book-crossing": (
        {"Ratings.csv": b"User-ID;ISBN;Rating\n276725;034545104X;0\n276726;0155;5\n"},
        {("276726", "0155", 5.0)},
    ),
    "myanimelist": (
        {"rating.csv": b"user_id,anime_id,rating\n1,20,-1\n1,24,8\n5,24,10\n"},
        {("1", "24", 8.0), ("5", "24", 10.0)},
    ),
    "amazon-2023": (
        {
            "All_Beauty.csv.gz": gzip.compress(
                b"user_id,parent_asin,rating,timestamp\n"
                b"AGKH,B01CUPMQZE,4.0,1526512230864\nAFSK,B0094D5Z2W,1.0,1449515424000\n"
            )
        },
        {("AGKH", "B01CUPMQZE", 4.0), ("AFSK", "B0094D5Z2W", 1.0)},
    ),
    "goodreads": (
        {
            "goodreads_interactions_poetry.json.gz": gzip.compress(
                b'{"user_id": "8842281e", "book_id": "1384", "review_id": "1bad", '
                b'"is_read": true, "rating": 4, "review_text_incomplete": "", '
                b'"date_added": "Wed May 09 09:33:44 -0700 2007"}\n'
                b'{"user_id": "8842281e", "book_id": "1376", "review_id": "eb6e", '
                b'"is_read": false, "rating": 0, "review_text_incomplete": ""}\n'
            )
        },
        {("8842281e", "1384", 4.0)},
    ),
    "beeradvocate": (
        {"beeradvocate.json.gz": beers("1.5")},
        {("stcules", "47986", 1.5)},
    ),
    "ratebeer": ({"ratebeer.json.gz": beers("13/20")}, {("stcules", "47986", 13.0)}),
    "libimseti": (
        {"out.libimseti": b"% bip weighted\n% 2 220970 220970\n1 133 8\n1 720 6\n"},
        {("1", "133", 8.0), ("1", "720", 6.0)},
    ),
    "netflix-prize": (
        {"training_set.tar": tarred(NETFLIX), "probe.txt": b"1:\n822109\n"},
        {("1488844", "1", 3.0), ("822109", "1", 5.0), ("822109", "2", 4.0)},
    ),
}


def test_every_published_card_is_tested_here_or_beside() -> None:
    beside = {"goodbooks-10k", "svd-toy", "synthetic"}
    movielens = {name for name in CARDS if name.startswith("ml-")}

    tested = {*FILES, "douban", "flixster", "yahoo-music"}
    assert set(CARDS) == tested | beside | movielens


@pytest.mark.parametrize("name", FILES)
def test_a_file_in_the_published_format_is_read(folder, name) -> None:
    files, expected = FILES[name]
    write(folder, name, files)

    dataset = load(name)

    found = {(u, i, round(r, 4)) for u, i, r in rows_of(dataset)}
    assert found == {(u, i, round(r, 4)) for u, i, r in expected}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_refused_in_one_line_or_read(folder, name) -> None:
    """Cut, changed, doubled: an error of benchbox, or ratings; no other exception."""
    rng = random.Random(name)
    files, _ = FILES[name]
    for _ in range(25):
        changed = dict(files)
        file = rng.choice(list(files))
        scraps = [b"\0", b"\xff", b'"', b"\n", b"nan"]
        changed[file] = damaged(files[file], rng, scraps)
        write(folder, name, changed)

        try:
            dataset = load(name)
        except BenchboxError as error:
            # That is how an exception in the code of a reader is reported.
            if error.__cause__ is not None:
                raise
        else:
            assert len(dataset.ratings)


@pytest.mark.parametrize("name", ["douban", "flixster", "yahoo-music"])
def test_a_file_of_monti_is_read_with_its_split(folder, name) -> None:
    (folder / name).mkdir()
    ratings, test = monti(folder / name / "training_test_dataset.mat")

    dataset = load(name)

    users, items = np.nonzero(ratings)
    assert rows_of(dataset) == {
        (str(u + 1), str(i + 1), float(ratings[u, i]))
        for u, i in zip(users, items, strict=True)
    }
    hidden = dataset.ratings.take(dataset.folds["monti"])
    pairs = {
        (int(hidden.user_ids[u]) - 1, int(hidden.item_ids[i]) - 1)
        for u, i in zip(hidden.users, hidden.items, strict=True)
    }
    assert pairs == set(zip(*map(list, np.nonzero(test)), strict=True))
    assert dataset.card.default_protocol == "official"


def test_a_file_of_monti_is_an_own_file_with_its_split_too(tmp_path) -> None:
    path = tmp_path / "mine.mat"
    _, test = monti(path)

    card = card_for_files(str(path), None)
    dataset = load_dataset(card, {}, kind_of=kind_of, notify=pytest.fail)

    assert card.default_protocol == "official"
    assert len(dataset.folds["monti"]) == np.count_nonzero(test)


@pytest.mark.parametrize(
    "flaw", ["external", "soft link", "no split", "overlap", "cut"]
)
def test_a_flawed_or_hostile_file_of_monti_is_refused(folder, flaw, tmp_path) -> None:
    (folder / "douban").mkdir()
    path = folder / "douban" / "training_test_dataset.mat"
    monti(path)
    if flaw == "cut":
        path.write_bytes(path.read_bytes()[:900])
    else:
        with h5py.File(path, "r+") as file:
            if flaw == "external":
                (tmp_path / "secret").write_bytes(b"\0" * 8 * 36)
                del file["M"]
                file.create_dataset(
                    "M", (6, 6), "f8", external=str(tmp_path / "secret")
                )
            elif flaw == "soft link":
                del file["M"]
                file["M"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/M")
            elif flaw == "no split":
                file["Otest"][:] = 0
            else:
                file["Otest"][:] = file["Otraining"][:]

    with pytest.raises(DataError):
        load("douban")


def test_the_real_file_of_flixster_has_the_published_sizes(monkeypatch) -> None:
    import os

    place = Path(os.environ.get("BENCHBOX_DATA", "/nonexistent")) / "monti/flixster.mat"
    if not place.is_file():
        pytest.skip("BENCHBOX_DATA has no monti/flixster.mat")

    dataset = load_dataset(CARDS["flixster"], kind_of=kind_of, notify=pytest.fail)

    n_hidden = len(dataset.folds["monti"])
    assert (len(dataset.ratings) - n_hidden, n_hidden) == (23_556, 2_617)


def test_the_probe_set_is_the_fold_of_netflix(folder) -> None:
    write(folder, "netflix-prize", FILES["netflix-prize"][0])

    dataset = load("netflix-prize")

    hidden = dataset.ratings.take(dataset.folds["probe"])
    assert hidden.values.tolist() == [5.0]
    assert dataset.ratings.timestamps is not None
    assert dataset.card.default_protocol == "official"


def test_netflix_is_read_from_the_copy_in_four_files_too(folder) -> None:
    whole = b"".join(NETFLIX.values())
    parts = {f"combined_data_{k}.txt": b"" for k in (2, 3, 4)}
    write(folder, "netflix-prize", {"combined_data_1.txt": whole, **parts})
    write(folder, "netflix-prize", {"probe.txt": b"1:\n822109\n"})

    assert rows_of(load("netflix-prize")) == FILES["netflix-prize"][1]


def test_links_in_the_archive_of_netflix_are_not_followed(folder, tmp_path) -> None:
    (tmp_path / "secret").write_bytes(b"3:\n7,1,2005-01-01\n")
    archive = tarred(NETFLIX, link=str(tmp_path / "secret"))
    write(
        folder,
        "netflix-prize",
        {"training_set.tar": archive, "probe.txt": b"1:\n822109\n"},
    )

    assert rows_of(load("netflix-prize")) == FILES["netflix-prize"][1]


def test_a_probe_pair_that_nobody_rated_is_refused(folder) -> None:
    files = {"training_set.tar": tarred(NETFLIX), "probe.txt": b"1:\n7\n"}
    write(folder, "netflix-prize", files)

    with pytest.raises(DataError, match="1 pairs that the training set does not rate"):
        load("netflix-prize")


def test_rows_that_mean_not_rated_are_left_out_with_a_note(folder) -> None:
    write(folder, "book-crossing", FILES["book-crossing"][0])

    dataset = load("book-crossing")
    whole = load("book-crossing", unrated="true")

    assert "Left out: 1 rating of 0 (missing)." in dataset.notes
    assert len(whole.ratings) == 2
    assert whole.ratings.scale.low == 0


def test_book_crossing_is_read_as_its_authors_published_it(folder) -> None:
    text = '"User-ID";"ISBN";"Book-Rating"\r\n"276725";"034545104X";"0"\r\n'
    text += '"276726";"0155é";"5"\r\n'
    write(folder, "book-crossing", {"BX-Book-Ratings.csv": text.encode("latin-1")})

    assert rows_of(load("book-crossing")) == {("276726", "0155é", 5.0)}


def test_an_option_chooses_the_file(folder) -> None:
    content = FILES["amazon-2023"][0]["All_Beauty.csv.gz"]
    write(folder, "amazon-2023", {"Gift_Cards.csv.gz": content})

    assert len(load("amazon-2023", category="Gift_Cards").ratings) == 2
    with pytest.raises(UsageError, match="is not one of All_Beauty"):
        load("amazon-2023", category="Gift_Card")


def test_known_hashes_belong_to_the_chosen_file() -> None:
    card = CARDS["amazon-2023"]

    def hashes(options: Options) -> list[dict[str, str]]:
        return [source["files"] for source in card.sources_for(options)]

    known = card.digests["Gift_Cards.csv.gz"]
    assert (
        hashes(AmazonOptions(category="Gift_Cards"))
        == [{"Gift_Cards.csv.gz": known}] * 2
    )
    assert hashes(AmazonOptions(category="Books")) == [{"Books.csv.gz": ""}] * 2


def test_a_reviewer_without_a_name_is_left_out_with_a_note(folder) -> None:
    write(folder, "ratebeer", FILES["ratebeer"][0])

    notes = load("ratebeer").notes

    assert "1 review without a user, beer, rating or time left out." in notes


@pytest.mark.parametrize("name", ["netflix-prize", "myanimelist"])
def test_what_may_not_be_downloaded_comes_from_a_folder_alone(folder, name) -> None:
    assert all(isinstance(s, FolderSource) for s in sources_of(CARDS[name]))
    assert not locate(CARDS[name], kind_of=kind_of).is_here


def test_a_file_is_verified_by_its_git_id(folder) -> None:
    write(folder, "goodbooks-10k", {"ratings.csv": b"user_id,book_id,rating\n1,2,3\n"})
    write(folder, "goodbooks-10k", {"books.csv": b"book_id\n2\n"})

    with pytest.raises(
        DataError, match=r"its Git blob id is git:.*, expected git:0d24"
    ):
        load_dataset(CARDS["goodbooks-10k"], kind_of=kind_of, notify=lambda line: None)
