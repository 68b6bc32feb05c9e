"""Goodbooks-10k, on small files in the published format."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from benchbox_datasets import benchbox_datasets
from benchbox_datasets.goodbooks import ENGLISH
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchbox.data.cards import DatasetCard
from benchbox.data.dataset import Dataset, load_dataset
from benchbox.data.identity import data_id
from benchbox.errors import DataError
from tests.support.source_kinds import kind_of

(CARD,) = (card for card in benchbox_datasets() if card.name == "goodbooks-10k")

HEADER = (
    "book_id,goodreads_book_id,best_book_id,work_id,books_count,isbn,isbn13,authors,"
    "original_publication_year,original_title,title,language_code,average_rating,"
    "ratings_count,work_ratings_count,work_text_reviews_count,ratings_1,ratings_2,"
    "ratings_3,ratings_4,ratings_5,image_url,small_image_url"
)

# id, authors, year, original title, title, language; each may be missing.
BOOKS = [
    (1, "Stephen King", "1975.0", "Salem's Lot", "'Salem's Lot", "eng"),
    (2, "Anonymous, N.K. Sandars", "-1750.0", "", "The Epic, Part 1", "en-US"),
    (3, "Anonymous", "", "", 'The "Epic"', ""),
    (4, "Gabriel García Márquez", "1967.0", "Cien años", "Cien años", "spa"),
    (5, "Stephen King", "1991.0", "Salem's Lot", "'Salem's Lot", "en-GB"),
    (6, "Elsewhere", "1999.0", "Lot", "'Salem's Lot", "spa"),
    (7, "Nobody", "2001.0", "", "", "en"),
    (10, "Nobody", "2002.0", "", "", "en-CA"),
]
RATINGS = [(1, 5, 2), (1, 4, 3), (1, 1, 4), (2, 6, 1), (2, 2, 5), (11, 6, 3)]
RATINGS += [(11, 5, 1), (11, 7, 2), (11, 10, 5), (12, 3, 4)]


def quoted(text: str) -> str:
    if "," not in text and '"' not in text:
        return text
    return '"' + text.replace('"', '""') + '"'


def write(folder: Path, books=BOOKS, ratings=RATINGS, newline: str = "\n") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [HEADER]
    for book, authors, year, original, title, language in books:
        named = ",".join(map(quoted, (authors, year, original, title, language)))
        lines.append(f"{book},9,9,9,3,0439,9.78E+12,{named},4.3,7,7,7,1,1,1,1,3,u,u")
    (folder / "books.csv").write_bytes(
        "".join(line + newline for line in lines).encode()
    )
    lines = ["user_id,book_id,rating", *(f"{u},{b},{r}" for u, b, r in ratings)]
    (folder / "ratings.csv").write_bytes(
        "".join(line + newline for line in lines).encode()
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))
    monkeypatch.setenv("BENCHBOX_CACHE", str(tmp_path / "cache"))
    write(tmp_path / "goodbooks-10k")
    return tmp_path / "goodbooks-10k"


def without_proof(card: DatasetCard) -> DatasetCard:
    files = dict.fromkeys(card.sources[0]["files"], "")
    sources = ({"type": "folder", "files": files},)
    return msgspec.structs.replace(
        card, sources=sources, n_users=None, n_items=None, n_ratings=None
    )


def load(**options: str) -> Dataset:
    return load_dataset(
        without_proof(CARD), options, kind_of=kind_of, notify=lambda line: None
    )


def rated(dataset: Dataset) -> set[tuple[str, str, float]]:
    return set(dataset.ratings.to_frame().itertuples(index=False, name=None))


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "dos"])
def test_all_ratings_are_there_with_facts_about_the_books(folder, newline) -> None:
    write(folder, newline=newline)

    ratings = load().ratings

    assert len(ratings) == len(RATINGS)
    assert ratings.item_ids.tolist() == ["1", "2", "3", "4", "5", "6", "7", "10"]
    features = {name: column.tolist() for name, column in ratings.item_features.items()}
    assert list(features) == ["title", "year", "authors", "language", "original_title"]
    assert features["title"][:3] == ["'Salem's Lot", "The Epic, Part 1", 'The "Epic"']
    assert features["year"][:4] == ["1975", "-1750", "", "1967"]
    assert features["authors"][3] == "Gabriel García Márquez"
    assert features["language"][2] == ""
    assert features["original_title"][0] == "Salem's Lot"


def test_counts_of_ratings_are_not_features(folder) -> None:
    assert not [name for name in load().ratings.item_features if "rating" in name]


def test_only_books_known_to_be_english_are_left(folder) -> None:
    dataset = load(english="true")

    assert dataset.ratings.item_ids.tolist() == ["1", "2", "5", "7", "10"]
    assert set(dataset.ratings.item_features["language"]) <= set(ENGLISH)
    # User 12 rated no English book.
    assert dataset.ratings.user_ids.tolist() == ["1", "2", "11"]


def test_books_of_one_title_become_the_one_with_the_lowest_id(folder) -> None:
    dataset = load(merge_titles="true")

    assert dataset.ratings.item_ids.tolist() == ["1", "2", "3", "4", "7", "10"]
    assert dataset.ratings.item_features["year"][0] == "1975"


def test_the_last_of_several_ratings_of_one_title_counts(folder) -> None:
    dataset = load(merge_titles="true")

    found = {(u, r) for u, i, r in rated(dataset) if i == "1"}
    assert found == {("1", 4.0), ("2", 1.0), ("11", 1.0)}


def test_books_without_a_title_are_not_one_book(folder) -> None:
    ids = load(merge_titles="true").ratings.item_ids.tolist()

    assert {"7", "10"} <= set(ids)


def test_a_title_is_merged_into_a_rated_book(folder) -> None:
    write(folder, ratings=[r for r in RATINGS if r[1] != 1])

    assert load(merge_titles="true").ratings.item_ids[0] == "2"
    assert "5" in load(merge_titles="true").ratings.item_ids
    assert "6" not in load(merge_titles="true").ratings.item_ids


def test_english_books_are_selected_before_titles_are_merged(folder) -> None:
    # The book with the lowest id of its title is Spanish.
    books = [(0, "Traducido", "1980.0", "", "'Salem's Lot", "spa"), *BOOKS]
    write(folder, books, [*RATINGS, (2, 0, 1)])

    dataset = load(english="true", merge_titles="true")

    assert dataset.ratings.item_ids.tolist() == ["1", "2", "7", "10"]
    assert {(u, r) for u, i, r in rated(dataset) if i == "1"} == {
        ("1", 4.0),
        ("11", 1.0),
    }


def test_subsets_count_a_merged_title_once(folder) -> None:
    users = load(merge_titles="true", min_user_ratings="3").ratings.user_ids

    # User 1 rated three books, but two titles.
    assert users.tolist() == ["11"]


def test_without_options_the_data_are_those_of_the_file(folder) -> None:
    plain = load()

    assert plain.as_published
    assert data_id(plain.ratings) != data_id(load(english="true").ratings)
    assert data_id(plain.ratings) == data_id(load(english="false").ratings)


@pytest.mark.parametrize("option", ["english", "merge_titles"])
def test_a_rated_book_missing_from_books_csv_is_named_if_needed(folder, option) -> None:
    write(folder, ratings=[*RATINGS, (1, 77, 5)])

    assert len(load().ratings) == len(RATINGS) + 1
    with pytest.raises(
        DataError, match=r"Book '77' is rated, but it is not in books\.csv"
    ):
        load(**{option: "true"})


def test_data_without_english_books_are_refused(folder) -> None:
    write(folder, BOOKS, [(1, 4, 3), (2, 6, 1)])

    with pytest.raises(DataError, match="No rated book is English"):
        load(english="true")


def test_a_pair_rated_twice_in_the_file_is_still_refused(folder) -> None:
    write(folder, ratings=[*RATINGS, RATINGS[0]])

    with pytest.raises(DataError, match="User '1' rates item '5' twice"):
        load()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), n_titles=st.integers(1, 5))
def test_merging_keeps_one_rating_per_user_and_title(folder, seed, n_titles) -> None:
    rng = np.random.default_rng(seed)
    titles = [f"T{n}" for n in rng.integers(n_titles, size=8)]
    books = [(n, "A", "2000.0", "", title, "eng") for n, title in enumerate(titles)]
    pairs = rng.permutation(40)[: rng.integers(1, 40)].tolist()
    ratings = [(p // 8, p % 8, 1 + p % 5) for p in pairs]
    write(folder, books, ratings)

    dataset = load(merge_titles="true")

    expected = {(str(u), titles[b]): float(r) for u, b, r in ratings}
    found = {(user, titles[int(book)]): rating for user, book, rating in rated(dataset)}
    assert found == expected
    assert len(dataset.ratings) == len(expected)
