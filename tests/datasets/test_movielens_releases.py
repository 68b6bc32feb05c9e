"""MovieLens 1M to 32M and Latest Small, on small files in the published formats."""

from pathlib import Path

import msgspec
import pytest
from benchbox_datasets import benchbox_datasets

from benchbox.data.cards import DatasetCard
from benchbox.data.dataset import Dataset, load_dataset
from benchbox.data.sources.local_kinds import FolderSource
from benchbox.data.sources.remote_kinds import UrlSource
from benchbox.errors import DataError, SourceError
from benchbox.ratings import RatingScale
from tests.support.source_kinds import kind_of, sources_of

CARDS = {card.name: card for card in benchbox_datasets()}
WITH_COMMAS = ("ml-20m", "ml-25m", "ml-32m", "ml-latest-small")
WITH_COLONS = ("ml-1m", "ml-10m")

# All special cases of the published titles: a comma, quotes, letters beyond ASCII, an
# earlier title in parentheses, a span of years, a space at the end, and no year.
FILMS = [
    (1, "Toy Story (1995)", "Adventure|Animation|Children", "Toy Story", "1995"),
    (2, "Usual Suspects, The (1995)", "Crime", "Usual Suspects, The", "1995"),
    (
        29,
        "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
        "Drama",
        "City of Lost Children, The (Cité des enfants perdus, La)",
        "1995",
    ),
    (
        3,
        '"Great Performances" Cats (1998)',
        "Musical",
        '"Great Performances" Cats',
        "1998",
    ),
    (40, "Mission: Impossible (1996) ", "Action", "Mission: Impossible", "1996"),
    (7, "Babylon 5", "(no genres listed)", "Babylon 5", ""),
    (5, "2001 (1968)", "Sci-Fi", "2001", "1968"),
    (6, "Death Note: Desu nôto (2006–2007)", "", "Death Note: Desu nôto", "2006"),
    (8, "Going On (2014-)", "Drama", "Going On", "2014"),
]
# Latin-1 has no en dash.
LATIN = [film for film in FILMS if "–" not in film[1]]

RATINGS = [(1, 29, 3.5, 964982703), (1, 2, 4.0, 964981247), (12, 1, 0.5, 1112486027)]


def without_counts(name: str) -> DatasetCard:
    return msgspec.structs.replace(
        CARDS[name], n_users=None, n_items=None, n_ratings=None
    )


def write(path: Path, lines: list[str], newline: str, encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(line + newline for line in lines).encode(encoding))


def quoted(text: str) -> str:
    if "," not in text and '"' not in text:
        return text
    return '"' + text.replace('"', '""') + '"'


def write_with_commas(folder: Path, newline: str = "\n") -> None:
    ratings = [f"{u},{i},{r},{t}" for u, i, r, t in RATINGS]
    everything = [f"9,{film[0]},3.0,1000000000" for film in FILMS]
    write(
        folder / "ratings.csv",
        ["userId,movieId,rating,timestamp", *ratings, *everything],
        newline,
    )
    films = [f"{i},{quoted(title)},{genres}" for i, title, genres, *_ in FILMS]
    write(folder / "movies.csv", ["movieId,title,genres", *films], newline)


def write_with_colons(folder: Path, films, encoding: str, newline: str = "\n") -> None:
    ratings = [f"{u}::{i}::{max(r, 1):g}::{t}" for u, i, r, t in RATINGS]
    everything = [f"9::{film[0]}::3::1000000000" for film in films]
    write(folder / "ratings.dat", ratings + everything, newline)
    lines = [f"{i}::{title}::{genres}" for i, title, genres, *_ in films]
    write(folder / "movies.dat", lines, newline, encoding)


USERS = ["1::F::1::10::48067", "9::M::56::16::70072", "12::M::25::0::55117-1234"]


def write_ml_1m(folder: Path, newline: str = "\n", users=USERS) -> None:
    whole = [(u, i, float(int(r)), t) for u, i, r, t in RATINGS]
    write_with_colons(folder, LATIN, "latin-1", newline)
    lines = [f"{u}::{i}::{max(int(r), 1)}::{t}" for u, i, r, t in whole]
    lines += [f"9::{film[0]}::3::1000000000" for film in LATIN]
    write(folder / "ratings.dat", lines, newline)
    write(folder / "users.dat", users, newline)


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BENCHBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCHBOX_OFFLINE", "1")
    return tmp_path / "data"


def load(name: str, **settings: str) -> Dataset:
    card = without_counts(name)
    if name == "ml-latest-small":
        files = dict.fromkeys(card.sources[0]["files"], "")
        sources = ({"type": "folder", "files": files},)
        card = msgspec.structs.replace(card, sources=sources)
    return load_dataset(card, settings, kind_of=kind_of, notify=lambda line: None)


def check_items(dataset: Dataset, films) -> None:
    features = dataset.ratings.item_features
    found = {
        item: (title, year, genres)
        for item, title, year, genres in zip(
            dataset.ratings.item_ids.tolist(),
            *(features[name].tolist() for name in ("title", "year", "genres")),
            strict=True,
        )
    }

    assert found == {
        str(i): (title, year, genres.replace("(no genres listed)", ""))
        for i, _, genres, title, year in films
    }


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "dos"])
@pytest.mark.parametrize("name", WITH_COMMAS)
def test_releases_in_csv_are_read_with_title_year_and_genres(
    data_folder, name, newline
) -> None:
    write_with_commas(data_folder / name, newline)

    dataset = load(name)

    check_items(dataset, FILMS)
    assert dataset.ratings.scale == RatingScale(0.5, 5, 0.5)
    assert dataset.ratings.user_ids.tolist() == ["1", "9", "12"]
    assert dataset.ratings.values[:2].tolist() == [4.0, 3.5]
    assert dataset.ratings.timestamps[-1] == 1112486027


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "dos"])
def test_ml_10m_is_utf_8_separated_by_colons(data_folder, newline) -> None:
    write_with_colons(data_folder / "ml-10m", FILMS, "utf-8", newline)

    dataset = load("ml-10m")

    check_items(dataset, FILMS)
    assert dataset.ratings.scale == RatingScale(0.5, 5, 0.5)
    assert dataset.ratings.values[:2].tolist() == [4.0, 3.5]
    assert dataset.ratings.user_features is None


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "dos"])
def test_ml_1m_is_latin_1_and_has_facts_about_users(data_folder, newline) -> None:
    write_ml_1m(data_folder / "ml-1m", newline)

    dataset = load("ml-1m")

    check_items(dataset, LATIN)
    users = dataset.ratings.user_features
    assert users["age"].tolist() == [1, 56, 25]
    assert users["gender"].tolist() == ["F", "M", "M"]
    assert users["occupation"].tolist() == ["K-12 student", "self-employed", "other"]
    assert users["zip_code"].tolist() == ["48067", "70072", "55117-1234"]


def test_ml_1m_is_read_in_whole_stars_only(data_folder) -> None:
    write_ml_1m(data_folder / "ml-1m")
    with (data_folder / "ml-1m" / "ratings.dat").open("a") as file:
        file.write("12::2::3.5::978300760\n")

    with pytest.raises(
        DataError, match=r"ratings\.dat, line 12: the rating 3\.5 is bet"
    ):
        load("ml-1m")


@pytest.mark.parametrize("code", ["21", "-1"])
def test_an_unknown_occupation_is_named(data_folder, code) -> None:
    users = [*USERS[:-1], f"12::M::25::{code}::55117"]
    write_ml_1m(data_folder / "ml-1m", users=users)

    with pytest.raises(DataError, match=f"User '12' has the occupation code {code}"):
        load("ml-1m")


@pytest.mark.parametrize("name", WITH_COLONS)
def test_colons_within_a_title_are_refused_by_line(data_folder, name) -> None:
    films = [*LATIN, (60, "Mission:: Impossible (1996)", "Action", "", "")]
    if name == "ml-1m":
        write_ml_1m(data_folder / name)
    write_with_colons(
        data_folder / name, films, "latin-1" if name == "ml-1m" else "utf-8"
    )

    with pytest.raises(
        DataError, match=r"movies\.dat, line 9 has 4 columns instead of 3"
    ):
        load(name)


def test_a_file_of_another_encoding_is_refused(data_folder) -> None:
    write_with_colons(data_folder / "ml-10m", LATIN, "latin-1")

    with pytest.raises(DataError, match=r"movies\.dat"):
        load("ml-10m")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("ml-20m", "ml-20m/ml-20m"),
        ("ml-10m", "ml-10M100K"),
        ("ml-10m", "ml-10m/ml-10M100K"),
    ],
)
def test_the_folder_that_an_archive_unpacks_to_is_found(
    data_folder, name, place
) -> None:
    write_with_commas(data_folder / place)
    write_with_colons(data_folder / place, FILMS, "utf-8")

    dataset = load(name)

    assert len(dataset.ratings) == len(RATINGS) + len(FILMS)
    assert dataset.origin == "local folder in BENCHBOX_DATA, unverified"


def test_a_folder_without_the_films_is_refused(data_folder) -> None:
    write_with_commas(data_folder / "ml-25m")
    (data_folder / "ml-25m" / "movies.csv").unlink()

    with pytest.raises(SourceError, match=r"ml-25m lacks movies\.csv"):
        load("ml-25m")


def test_ratings_of_another_release_are_recognized_by_their_counts(data_folder) -> None:
    write_with_commas(data_folder / "ml-20m")

    with pytest.raises(DataError, match=r"3 users, but its card says 138,493"):
        load_dataset(CARDS["ml-20m"], kind_of=kind_of, notify=lambda line: None)
    with pytest.raises(DataError, match=r"3 users, but its card says 138,493"):
        load_dataset(
            CARDS["ml-20m"],
            {"top_users": "1"},
            kind_of=kind_of,
            notify=lambda line: None,
        )


@pytest.mark.parametrize("name", WITH_COMMAS)
def test_a_release_can_be_reduced_to_a_subset(data_folder, name) -> None:
    write_with_commas(data_folder / name)

    dataset = load(name, users_below="10", items_below="8")

    assert dataset.ratings.user_ids.tolist() == ["1", "9"]
    assert dataset.ratings.item_ids.tolist() == ["1", "2", "3", "5", "6", "7"]
    assert dataset.ratings.item_features["title"][3] == "2001"
    assert not dataset.as_published


@pytest.mark.parametrize("name", [*WITH_COLONS, "ml-20m", "ml-25m", "ml-32m"])
def test_a_release_comes_from_its_publisher_and_its_archive_is_verified(name) -> None:
    folder, url = sources_of(CARDS[name])

    assert isinstance(folder, FolderSource)
    assert isinstance(url, UrlSource)
    assert url.url == f"https://files.grouplens.org/datasets/movielens/{name}.zip"
    assert len(bytes.fromhex(url.sha256)) == 32
    assert url.n_bytes
    assert folder.files == url.files
    assert not any("tag" in file or "genome" in file for file in url.files)
