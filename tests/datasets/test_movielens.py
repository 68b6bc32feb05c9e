"""MovieLens 100K's reader, on small files in the two published formats."""

from pathlib import Path

import numpy as np
import pytest
from benchbox_datasets.movielens import GENRES, read_ml_100k

from benchbox.data.indexing import align
from benchbox.data.raw import RawRatings
from benchbox.errors import DataError

N_USERS, N_ITEMS = 4, 25

# The publisher's titles, and RecBole's version of them with its two mistakes.
TITLES = {
    1: ("Toy Story (1995)", "Toy Story", "1995"),
    2: ("unknown", "unkonwn", "unkonwn"),
    3: ("Great (Giving) (1995) (V)", "Great (Giving) (1995)", "V"),
    4: ("Misérables, Les (1998)", "Misérables, Les", "1998"),
}


def rating_lines() -> list[str]:
    pairs = np.random.default_rng(0).permutation(N_USERS * N_ITEMS)
    return [
        f"{p // N_ITEMS + 1}\t{p % N_ITEMS + 1}\t{p % 5 + 1}\t{880000000 + p}"
        for p in pairs.tolist()
    ]


def title_of(item: int) -> tuple[str, str, str]:
    return TITLES.get(item, (f"Film {item} (1990)", f"Film {item}", "1990"))


def genres_of(item: int) -> list[str]:
    return [GENRES[item % 19]] if item % 2 else sorted({GENRES[3], GENRES[8]})


def users_text(delimiter: str) -> str:
    rows = [f"{u}|{20 + u}|F|writer|0123{u}" for u in range(1, N_USERS + 1)]
    return "\n".join(rows).replace("|", delimiter) + "\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.fixture
def published(tmp_path: Path) -> dict[str, Path]:
    items = ""
    for item in range(1, N_ITEMS + 1):
        flags = "|".join(str(int(g in genres_of(item))) for g in GENRES)
        items += f"{item}|{title_of(item)[0]}|01-Jan-1995||http://x|{flags}\n"
    return {
        "u.data": write(tmp_path / "u.data", "\n".join(rating_lines()) + "\n"),
        "u.user": write(tmp_path / "u.user", users_text("|")),
        "u.item": write(tmp_path / "u.item", items, "latin-1"),
    }


@pytest.fixture
def copied(tmp_path: Path) -> dict[str, Path]:
    ratings = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"]
    users = "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
    items = (
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    )
    for item in range(1, N_ITEMS + 1):
        _, title, year = title_of(item)
        items += f"{item}\t{title}\t{year}\t{' '.join(genres_of(item))}\n"
    return {
        "ml-100k.inter": write(
            tmp_path / "ml-100k.inter", "\n".join(ratings + rating_lines()) + "\n"
        ),
        "ml-100k.user": write(tmp_path / "ml-100k.user", users + users_text("\t")),
        "ml-100k.item": write(tmp_path / "ml-100k.item", items),
    }


def read(files: dict[str, Path]) -> RawRatings:
    return read_ml_100k(files, None, None)


def test_both_formats_hold_the_same(published, copied) -> None:
    one, other = read(published), read(copied)

    assert one.values.tolist() == other.values.tolist()
    assert one.timestamps.tolist() == other.timestamps.tolist()
    ids = [str(item) for item in range(1, N_ITEMS + 1)]
    for what in ("user_features", "item_features"):
        first, second = (align(getattr(raw, what), ids, what) for raw in (one, other))
        assert list(first) == list(second)
        for name in first:
            np.testing.assert_array_equal(first[name], second[name])


def test_titles_years_and_genres_are_separated(published) -> None:
    features = read(published).item_features.columns

    assert features["title"][:4].tolist() == [
        "Toy Story",
        "unknown",
        "Great (Giving) (1995)".removesuffix(" (1995)"),
        "Misérables, Les",
    ]
    assert features["year"][:4].tolist() == ["1995", "", "1995", "1998"]
    assert features["genres"][0] == GENRES[1]
    assert features["genres"][1] == f"{GENRES[3]}|{GENRES[8]}"


def test_ages_are_numbers_and_zip_codes_are_not(published) -> None:
    features = read(published).user_features.columns

    assert features["age"].tolist() == [21, 22, 23, 24]
    assert features["zip_code"][0] == "01231"


def test_the_official_folds_are_fifths_of_the_file(published) -> None:
    folds = read(published).folds

    assert list(folds) == ["u1", "u2", "u3", "u4", "u5"]
    assert folds["u2"].tolist() == list(range(20, 40))


def split_files(folder: Path, test: list[str], base: list[str]) -> dict[str, Path]:
    return {
        "ua.test": write(folder / "ua.test", "\n".join(test) + "\n"),
        "ua.base": write(folder / "ua.base", "\n".join(base) + "\n"),
    }


def given_ten() -> tuple[list[str], list[str]]:
    test: list[str] = []
    base: list[str] = []
    for user in range(1, N_USERS + 1):
        lines = sorted(x for x in rating_lines() if x.startswith(f"{user}\t"))
        test += lines[:10]
        base += lines[10:]
    return test, base


def test_ua_is_there_if_its_files_are(published, tmp_path) -> None:
    test, base = given_ten()

    raw = read({**published, **split_files(tmp_path, test, base)})

    lines = rating_lines()
    assert sorted(lines[row] for row in raw.folds["ua"]) == sorted(test)
    assert "ub" not in raw.folds


def test_a_line_that_is_not_a_rating_is_refused(published, tmp_path) -> None:
    test, base = given_ten()
    user, item, rating, time = test[3].split("\t")
    test[3] = "\t".join([user, item, str(int(rating) % 5 + 1), time])

    with pytest.raises(DataError, match=r"ua\.test, line 4 is not a rating"):
        read({**published, **split_files(tmp_path, test, base)})


def test_parts_that_overlap_or_miss_a_rating_are_refused(published, tmp_path) -> None:
    test, base = given_ten()

    with pytest.raises(DataError, match="each of the 100 ratings"):
        read({**published, **split_files(tmp_path, test, [*base[1:], test[0]])})


def test_a_number_other_than_ten_per_user_is_refused(published, tmp_path) -> None:
    test, base = given_ten()

    with pytest.raises(DataError, match=r"ua\.test has 9 ratings of user '1'"):
        read({**published, **split_files(tmp_path, test[1:], [*base, test[0]])})


def test_a_fold_file_without_numbers_for_ids_is_refused(published, tmp_path) -> None:
    test, base = given_ten()
    test[0] = "x" + test[0]

    with pytest.raises(DataError, match="an id that is not a number"):
        read({**published, **split_files(tmp_path, test, base)})
