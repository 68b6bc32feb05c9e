"""Names of own files: a file that exists can be named, whatever its name holds."""

import os
from pathlib import Path

import pytest

from benchbox.data import load_dataset
from benchbox.data.file_names import (
    files_of,
    fold_names,
    is_file_choice,
    names_of,
    parts_of,
    spelt,
    split_settings,
)
from benchbox.data.own_files import card_for_files
from benchbox.errors import UsageError
from tests.support.source_kinds import kind_of

ROWS = "user,item,rating\n1,1,1\n1,2,5\n2,1,3\n"

ODD = (
    "a:b.csv",
    "a:b=c.csv",
    "2024-01-01T10:00:00.csv",
    "a,b.csv",
    "a+b.csv",
    "a=b.csv",
    "a b.csv",
    "a[1].csv",
    "what?.csv",
    "it's.csv",
    "#x.csv",
    "-x.csv",
    "UPPER.CSV",
    "a%20b.csv",
    "données.csv",
    "no-ending",
    os.fsdecode(b"lat\xe9.csv"),
    "c++/ratings.csv",
    "d:r/x,y/ratings.csv",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(ROWS)


@pytest.mark.parametrize("name", ODD)
def test_a_file_that_exists_can_be_named_and_read(folder, name) -> None:
    make(name)

    assert is_file_choice(spelt(name))
    assert split_settings(spelt(name)) == (spelt(name), "")
    assert files_of(spelt(name)) == ((spelt(name),),)
    dataset = load_dataset(
        card_for_files(spelt(name)), kind_of=kind_of, notify=pytest.fail
    )
    assert len(dataset.ratings) == 3
    assert dataset.name.isprintable()


@pytest.mark.parametrize("name", ODD)
def test_settings_can_follow_any_name(folder, name) -> None:
    make(name)

    text = f"{name}:scale=1-5,duplicates=last"

    assert split_settings(text) == (name, "scale=1-5,duplicates=last")


@pytest.mark.parametrize("name", ODD)
def test_any_two_files_can_be_a_pair(folder, name) -> None:
    make(name, "x:y+z,1.csv")

    assert files_of(f"{name}+x:y+z,1.csv") == ((name, "x:y+z,1.csv"),)
    assert split_settings(f"{name}+x:y+z,1.csv:encoding=latin-1")[1]


@pytest.mark.parametrize(
    "text",
    [
        "u1.base+u1.test",
        "u1.base.gz+u1.test.gz",
        "u1.base.gz+u1.test",
        "u1.base+va.lid+u1.test",
    ],
)
def test_files_without_a_usual_ending_are_a_fold_if_they_exist(folder, text) -> None:
    make(*text.split("+"))

    assert is_file_choice(text)
    assert files_of(text) == (tuple(text.split("+")),)


def test_a_misspelt_half_of_a_pair_is_told_by_its_own_name(folder) -> None:
    make("c++/u1.base", "u1.base")

    assert is_file_choice("u1.base+u1.tset")
    assert files_of("c++/u1.base+u1.tset") == (("c++/u1.base", "u1.tset"),)


@pytest.mark.parametrize("text", ["ml-100k", "ml-100k:top_users=5", "synthetic", "r:x"])
def test_names_of_data_sets_are_no_files(folder, text) -> None:
    assert not is_file_choice(split_settings(text)[0])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("u1.base+u1.test,u2.base+u2.test", ["u1", "u2"]),
        ("f/1/a.csv+f/1/b.csv,f/2/a.csv+f/2/b.csv", ["1", "2"]),
        ("f/1/a1.csv+f/1/b1.csv,f/2/a2.csv+f/2/b2.csv", ["1-b1", "2-b2"]),
        ("a.1.csv+b.1.csv,a.2.csv+b.2.csv", ["fold1", "fold2"]),
    ],
)
def test_folds_are_named_by_what_tells_them_apart(folder, text, names) -> None:
    for exist in (False, True):
        if exist:
            make(*text.replace("+", ",").split(","))
        folds = files_of(text)

        assert [len(files) for files in folds] == [2, 2]
        assert fold_names(folds) == names


def test_wildcards_name_the_folds_whose_files_all_exist(folder) -> None:
    make("u1.base", "u1.test", "u10.base", "u10.test", "u2.base", "u2.test", "u3.base")

    pairs = [(f"u{n}.base", f"u{n}.test") for n in (1, 2, 10)]
    assert list(files_of("u*.base+u*.test")) == pairs
    assert list(files_of("u?.base+u?.test")) == pairs[:2]
    assert list(files_of("u[2-9].base+u[2-9].test")) == pairs[1:2]
    assert is_file_choice("u*.base+u*.test")


def test_wildcards_without_a_plus_name_the_files_of_one_table(folder) -> None:
    make("part-0.parquet", "part-1.parquet", "part-10.parquet", "_part-2.parquet")
    (folder / "part-3.parquet").mkdir()

    assert files_of("part-*.parquet") == (("part-*.parquet",),)
    assert parts_of("part-*.parquet") == (
        "part-0.parquet",
        "part-1.parquet",
        "part-10.parquet",
    )
    assert parts_of("?part*") == ()
    assert is_file_choice("part-*.parquet")


def test_a_file_whose_name_has_a_wildcard_is_that_file(folder) -> None:
    make("a*.csv", "ab.csv")

    assert files_of("a*.csv") == (("a*.csv",),)
    assert parts_of("a*.csv") == ("a*.csv",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("v*.base+v*.test", "No files match"),
        ("*.csv", "Wildcards name several files of one table.* or several folds"),
        ("u*.base+u1.test", "each file of a fold has the same ones"),
        ("a.csv+b.csv+c.csv+d.csv", "train.csv\\+valid.csv\\+test.csv"),
        ("a.csv,b.csv", "separated by commas"),
    ],
)
def test_what_is_no_fold_is_a_usage_error(folder, text, says) -> None:
    make("u1.base", "u1.test")

    with pytest.raises(UsageError, match=says):
        files_of(text)


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["a.csv", "b.csv"], ["a.csv", "b.csv"]),
        (["x/r.csv", "y/r.csv"], ["x/r.csv", "y/r.csv"]),
        (["x/r.csv", "./x/r.csv"], ["r.csv", "r.csv"]),
        (["1/x/r.csv", "2/x/r.csv"], ["1/x/r.csv", "2/x/r.csv"]),
        (["x/r.csv", "y/r.csv", "s.csv"], ["x/r.csv", "y/r.csv", "s.csv"]),
        (["x/a+x/b", "y/a+y/b"], ["x/a+x/b", "y/a+y/b"]),
    ],
)
def test_files_of_one_name_are_told_apart_by_as_many_folders_as_it_takes(
    texts, names
) -> None:
    assert names_of([files_of(text) for text in texts]) == names


def test_a_file_beside_one_of_the_same_name_in_a_folder_is_told_apart(folder) -> None:
    one, other = names_of([files_of("r.csv"), files_of("x/r.csv")])

    assert (one, other) == (f"{folder.name}/r.csv", "x/r.csv")


def test_a_home_that_the_shell_left_is_found(folder, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(folder))

    files = card_for_files("~/a.csv+~/b.csv").sources[0]["files"]

    assert files == {"train": f"{folder}/a.csv", "test": f"{folder}/b.csv"}
