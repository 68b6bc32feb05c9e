"""Folds of one's own: training, validation and hidden ratings from several files."""

from pathlib import Path

import numpy as np
import pytest

from benchbox.data import data_id
from benchbox.data.dataset import Dataset, load_dataset
from benchbox.data.own_files import card_for_files
from benchbox.errors import DataError
from benchbox.protocols import carve_validation, make_folds
from benchbox.protocols.bundled import PROTOCOLS
from tests.support.source_kinds import kind_of

OFFICIAL = PROTOCOLS[0]
ROWS = [
    (f"{user}", f"i{item}", 1 + (user * item) % 5, 1000 + user + item)
    for user in range(1, 11)
    for item in range(1, 7)
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, rows, n_columns: int = 4) -> None:
    lines = [",".join(map(str, row[:n_columns])) for row in rows]
    Path(name).write_text("\n".join(lines) + "\n")


def write_folds(n_folds: int, order: np.random.Generator) -> None:
    for k in range(n_folds):
        for name, part in (
            (f"u{k + 1}.base", [r for n, r in enumerate(ROWS) if n % n_folds != k]),
            (f"u{k + 1}.test", ROWS[k::n_folds]),
        ):
            write(name, [part[place] for place in order.permutation(len(part))])


def load(text: str, **settings: str) -> Dataset:
    return load_dataset(
        card_for_files(text), settings, kind_of=kind_of, notify=pytest.fail
    )


def hidden(dataset: Dataset, fold: str) -> set[tuple[str, str]]:
    frame = dataset.ratings.to_frame().iloc[dataset.folds[fold]]
    return set(zip(frame.user, frame.item, strict=True))


def pairs(rows) -> set[tuple[str, str]]:
    return {row[:2] for row in rows}


def test_several_folds_are_one_table_that_ships_them_all() -> None:
    write("all.csv", ROWS)
    write_folds(3, np.random.default_rng(1))

    dataset = load("u*.base+u*.test")

    assert data_id(dataset.ratings) == data_id(load("all.csv").ratings)
    assert list(dataset.folds) == ["u1", "u2", "u3"]
    for k in range(3):
        assert hidden(dataset, f"u{k + 1}") == pairs(ROWS[k::3])


def test_one_of_several_folds_is_the_fold_of_its_own_pair() -> None:
    write_folds(2, np.random.default_rng(2))

    both, alone = load("u1.base+u1.test,u2.base+u2.test"), load("u2.base+u2.test")

    assert hidden(both, "u2") == hidden(alone, "test")
    assert both.card.default_protocol == "official"


def test_a_slice_cuts_all_folds() -> None:
    write_folds(2, np.random.default_rng(3))

    dataset = load("u*.base+u*.test", users_below="4")

    assert hidden(dataset, "u2") == {p for p in pairs(ROWS[1::2]) if int(p[0]) < 4}


@pytest.mark.parametrize(
    "rows",
    [
        ROWS[:-1],
        [*ROWS[:-1], ("99", "i1", 3, 1000)],
        [*ROWS[:-1], (*ROWS[-1][:2], 1 + ROWS[-1][2] % 5, ROWS[-1][3])],
        [*ROWS[:-1], (*ROWS[-1][:3], 5)],
    ],
    ids=["one fewer", "another user", "another rating", "another time"],
)
def test_folds_of_different_ratings_are_refused_with_a_line(rows) -> None:
    write_folds(2, np.random.default_rng(4))
    write("v.base", rows[10:])
    write("v.test", rows[:10])

    with pytest.raises(DataError, match=r"only one of them has [uv]\d?\.\w+, line \d+"):
        load("u1.base+u1.test,v.base+v.test")


def write_three() -> None:
    write("train.csv", ROWS[20:])
    write("valid.csv", ROWS[10:20])
    write("test.csv", ROWS[:10])


def test_the_second_of_three_files_is_the_validation_of_the_fold() -> None:
    write_three()
    dataset = load("train.csv+valid.csv+test.csv")
    (fold,) = make_folds(
        dataset.ratings,
        OFFICIAL,
        OFFICIAL.options(),
        dataset.folds,
        dataset.validation,
    )

    for seed in (0, 7):
        visible = carve_validation(fold, seed)
        found = [
            {(str(u), str(i)) for u, i in part.to_frame()[["user", "item"]].to_numpy()}
            for part in (visible.train, visible.validation, fold.hidden)
        ]
        assert found == [pairs(ROWS[20:]), pairs(ROWS[10:20]), pairs(ROWS[:10])]
    assert len(fold.train) == 50


def test_other_validation_ratings_make_another_fold() -> None:
    ids = []
    for n_train in (20, 30, 30):
        write("train.csv", ROWS[n_train:])
        write("valid.csv", ROWS[10:n_train])
        write("test.csv", ROWS[:10])
        dataset = load("train.csv+valid.csv+test.csv")
        (fold,) = make_folds(
            dataset.ratings,
            OFFICIAL,
            OFFICIAL.options(),
            dataset.folds,
            dataset.validation,
        )
        ids.append(fold.id)

    assert ids[0] != ids[1] == ids[2]


def test_a_rating_in_two_of_three_files_is_refused() -> None:
    write_three()
    write("valid.csv", ROWS[9:20])

    with pytest.raises(DataError, match=r"test\.csv, line 10"):
        load("train.csv+valid.csv+test.csv")


def test_validation_survives_the_cache(monkeypatch) -> None:
    monkeypatch.setattr("benchbox.data.parsed_cache.MIN_BYTES", 0)
    write_three()

    first, again = (load("train.csv+valid.csv+test.csv") for _ in range(2))

    assert len(first.validation["test"]) == 10
    assert np.array_equal(first.validation["test"], again.validation["test"])
    assert first.described == again.described
