"""Cache of parsed data: it holds what was read, and never for another file."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from benchbox.data import parsed_cache
from benchbox.data.dataset import clean, load_dataset
from benchbox.data.identity import data_id
from benchbox.data.own_files import card_for_files
from benchbox.options import NoOptions
from benchbox.protocols.bundled import PROTOCOLS
from benchbox.protocols.folds import make_folds
from tests.support.source_kinds import kind_of

LINES = "".join(
    f"{u},{i},{(u + i) % 5 + 1},{100 + u}\n" for u in range(9) for i in range(7)
)


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("BENCHBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(parsed_cache, "MIN_BYTES", 1)
    return tmp_path / "cache" / "parsed"


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """Names of the files that were really read."""
    from benchbox.data import own_files

    read: list[str] = []
    really = own_files.read_chosen

    def noted(table, choice, layout):
        read.append(table.path.name)
        return really(table, choice, layout)

    monkeypatch.setattr(own_files, "read_chosen", noted)
    return read


def file_of(folder: Path, lines: str = LINES, name: str = "r.csv") -> Path:
    path = folder / name
    path.write_text(lines)
    return path


def load(path: Path | str, **settings: str):
    return load_dataset(
        card_for_files(str(path)), settings, kind_of=kind_of, notify=pytest.fail
    )


def read_anew(path: Path | str):
    """Read *path* without the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsed_cache, "MIN_BYTES", 1 << 30)
        return load(path)


def entries(root: Path) -> list[Path]:
    return sorted(root.glob("*/*"))


def test_what_is_kept_comes_back_the_same_at_once_and_later(tmp_path, reads) -> None:
    path = file_of(tmp_path)
    one = read_anew(path)

    for other in (load(path), load(path)):
        assert reads == ["r.csv", "r.csv"]
        assert data_id(one.ratings) == data_id(other.ratings)
        for name in ("users", "items", "values", "timestamps", "rows", "user_ids"):
            first, second = (getattr(d.ratings, name) for d in (one, other))
            assert first.dtype == second.dtype
            assert first.tolist() == second.tolist()
        assert isinstance(other.ratings.values, np.memmap)
        assert not other.ratings.values.flags.writeable
        assert one.ratings.scale == other.ratings.scale


def test_the_folds_of_mapped_ratings_are_the_same(tmp_path) -> None:
    path = file_of(tmp_path)
    one, other = read_anew(path), load(path)

    for protocol in PROTOCOLS[1:]:
        ids = [
            [f.id for f in make_folds(d.ratings, protocol, protocol.options(), {})]
            for d in (one, other)
        ]
        assert ids[0] == ids[1]


def test_shipped_folds_come_back(tmp_path, reads) -> None:
    file_of(tmp_path)
    file_of(tmp_path, "20,1,3,5\n21,2,3,5\n", "t.csv")
    pair = f"{tmp_path}/r.csv+{tmp_path}/t.csv"
    one, kept, other = read_anew(pair), load(pair), load(pair)

    assert len(reads) == 4
    assert one.folds["test"].tolist() == kept.folds["test"].tolist()
    assert one.folds["test"].tolist() == other.folds["test"].tolist()


def test_a_changed_file_is_read_anew(tmp_path) -> None:
    path = file_of(tmp_path)
    load(path)
    file_of(tmp_path, LINES.replace("0,0,1,", "0,0,5,"))

    assert load(path).ratings.values[0] == 5


def test_a_file_that_changes_while_it_is_read_is_not_kept(
    tmp_path, monkeypatch, root
) -> None:
    from benchbox.data import own_files

    path = file_of(tmp_path)
    really = own_files.read_chosen

    def slow(table, choice, layout):
        raw = really(table, choice, layout)
        file_of(tmp_path, LINES + "50,1,3,5\n")
        return raw

    monkeypatch.setattr(own_files, "read_chosen", slow)
    load(path)

    assert entries(root) == []


def test_other_options_are_another_entry(tmp_path, root) -> None:
    path = file_of(tmp_path)

    assert load(path, scale="1-5").ratings.scale.high == 5
    assert load(path, scale="1-9").ratings.scale.high == 9
    assert len(entries(root)) == 2


def test_other_columns_are_another_entry(tmp_path) -> None:
    path = file_of(tmp_path)
    load(path)
    card = card_for_files(str(path), "item,user,rating,timestamp")

    assert load_dataset(card, kind_of=kind_of, notify=pytest.fail).ratings.n_users == 7


@pytest.fixture
def core(tmp_path, monkeypatch) -> Path:
    """A copy of benchbox, to be edited; its code is what the key is of."""
    copy = tmp_path / "benchbox"
    shutil.copytree(parsed_cache._HOME, copy)
    monkeypatch.setattr(parsed_cache, "_HOME", copy)
    return copy


def edit(file: Path) -> None:
    assert file.exists()
    file.write_text(f"{file.read_text()}\n# Edited.\n")


@pytest.mark.parametrize(
    "file",
    [
        "data/indexing.py",
        "data/tables/fast_text.py",
        "ratings.py",
        "arrays/parallel.py",
    ],
)
def test_code_that_decides_the_arrays_is_another_entry(
    tmp_path, core, reads, file
) -> None:
    path = file_of(tmp_path)
    load(path)
    edit(core / file)
    load(path)

    assert len(reads) == 2


@pytest.mark.parametrize("file", ["reports/columns.py", "cli/list.py", "__init__.py"])
def test_other_code_of_benchbox_makes_nothing_stale(
    tmp_path, core, reads, file
) -> None:
    path = file_of(tmp_path)
    load(path)
    edit(core / file)
    load(path)

    assert len(reads) == 1


def test_what_data_imports_from_the_ground_decides_or_does_not_touch_the_arrays() -> (
    None
):
    """A module that this fails for belongs to what decides, or to the others here."""
    code = "\n".join(f.read_text() for f in parsed_cache._HOME.glob("data/**/*.py"))
    ground = set(re.findall(r"^\s*from benchbox\.(\w+)", code, flags=re.MULTILINE))
    deciding = {name.removesuffix(".py") for name in parsed_cache._DECIDING}

    assert ground == deciding | {"errors", "options", "targets"}


def key_by(reader: str, path: Path) -> str | None:
    card = structs.replace(card_for_files(str(path)), reader=reader)
    return parsed_cache.key_of(card, NoOptions(), {"train": path})


@pytest.mark.parametrize("module", ["acme_reader.py", "acme_reader/books.py"])
def test_the_code_of_the_reader_counts(tmp_path, monkeypatch, module) -> None:
    file = tmp_path / "site" / module
    file.parent.mkdir(parents=True)
    file.write_text("def read(files, card, options): ...\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    reader = module.removesuffix(".py").replace("/", ".") + ":read"
    before = key_by(reader, file_of(tmp_path))
    edit(file)

    assert before is not None
    assert key_by(reader, file_of(tmp_path)) != before


@pytest.mark.parametrize("reader", ["no_such_package:read", "__main__:read", "sys:x"])
def test_nothing_is_kept_of_what_unknown_code_reads(
    tmp_path, monkeypatch, reader
) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)

    assert key_by(reader, file_of(tmp_path)) is None


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", None])
@pytest.mark.parametrize("column", ["users", "timestamps"])
def test_a_damaged_entry_is_read_anew_and_replaced(
    tmp_path, root, column, damage
) -> None:
    path = file_of(tmp_path)
    load(path)
    (file,) = root.glob(f"*/*/ratings/{column}.npy")
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)

    assert load(path).ratings.timestamps is not None
    assert isinstance(load(path).ratings.users, np.memmap)


def altered_value(entry: Path) -> None:
    values = np.load(entry / "ratings" / "values.npy")
    values[0] = 6 - values[0]
    np.save(entry / "ratings" / "values.npy", values)


def swapped_columns(entry: Path) -> None:
    users, items = (entry / "ratings" / f"{side}.npy" for side in ("users", "items"))
    users.rename(entry / "swap")
    items.rename(users)
    (entry / "swap").rename(items)


def another_scale(entry: Path) -> None:
    shape = entry / "ratings" / "shape.json"
    shape.write_text(shape.read_text().replace('"high":5', '"high":9'))


def no_timestamps(entry: Path) -> None:
    (entry / "ratings" / "timestamps.npy").unlink()


def features(entry: Path) -> None:
    folder = entry / "ratings" / "item_features"
    folder.mkdir()
    np.save(folder / "0.npy", np.zeros(7))
    (folder / "names.json").write_text('["size"]')


def a_link(entry: Path) -> None:
    values = entry / "ratings" / "values.npy"
    values.rename(entry.parent / "elsewhere.npy")
    values.symlink_to(entry.parent / "elsewhere.npy")


def another_data_id(entry: Path) -> None:
    file = entry / "entry.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"data_id": "0" * 32}))


def a_noise_floor(entry: Path) -> None:
    file = entry / "entry.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"noise_floor": 0.1}))


def deep_json(entry: Path) -> None:
    (entry / "entry.json").write_text("[" * 100_000)


def a_list(entry: Path) -> None:
    (entry / "entry.json").write_text("[]")


def no_text(entry: Path) -> None:
    (entry / "entry.json").write_bytes(b"\xff\xfe")


@pytest.mark.parametrize(
    "alter",
    [
        altered_value,
        swapped_columns,
        another_scale,
        no_timestamps,
        features,
        a_link,
        another_data_id,
        a_noise_floor,
        deep_json,
        a_list,
        no_text,
    ],
)
def test_an_entry_that_was_altered_is_never_taken_for_the_data(
    tmp_path, root, reads, alter
) -> None:
    path = file_of(tmp_path)
    first = load(path).ratings
    values, identity = first.values.tolist(), data_id(first)
    (entry,) = entries(root)
    alter(entry)

    again = load(path)

    assert reads == ["r.csv", "r.csv"]
    assert again.ratings.values.tolist() == values
    assert data_id(again.ratings) == identity
    assert again.noise_floor is None
    assert isinstance(load(path).ratings.values, np.memmap)


def test_small_files_are_not_kept(tmp_path, monkeypatch, root) -> None:
    monkeypatch.setattr(parsed_cache, "MIN_BYTES", 1 << 20)
    load(file_of(tmp_path))

    assert not root.exists()


def test_only_the_last_entries_of_a_data_set_stay(tmp_path, monkeypatch, root) -> None:
    monkeypatch.setattr(parsed_cache, "MAX_ENTRIES", 2)
    path = file_of(tmp_path)
    for high in (5, 6, 7):
        load(path, scale=f"1-{high}")

    assert len(entries(root)) == 2
    assert isinstance(load(path, scale="1-7").ratings.users, np.memmap)


def test_too_much_is_removed_and_the_newest_stays(tmp_path, monkeypatch, root) -> None:
    monkeypatch.setattr(parsed_cache, "MAX_BYTES", 1)
    load(file_of(tmp_path))
    load(file_of(tmp_path, name="s.csv"))

    assert [entry.parent.name for entry in entries(root)] == ["s.csv"]


def test_cleaning_removes_one_data_set_or_all(tmp_path, root) -> None:
    one, other = file_of(tmp_path), file_of(tmp_path, name="s.csv")
    load(one), load(other)

    assert clean(card_for_files(str(one))) > 0
    assert [entry.parent.name for entry in entries(root)] == ["s.csv"]
    assert clean() > 0
    assert entries(root) == []
    assert clean() == 0


def test_mapped_ratings_outlive_their_files(tmp_path) -> None:
    path = file_of(tmp_path)
    load(path)
    ratings = load(path).ratings
    clean()

    assert ratings.values.sum() == load(path).ratings.values.sum()


def test_a_cache_that_cannot_be_written_is_told_and_done_without(tmp_path) -> None:
    path = file_of(tmp_path)
    (tmp_path / "cache").touch()
    notes: list[str] = []

    dataset = load_dataset(
        card_for_files(str(path)), kind_of=kind_of, notify=notes.append
    )

    assert len(dataset.ratings) == 63
    assert len(notes) == 1
    assert "the next run reads it again" in notes[0]


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch, root) -> None:
    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parsed_cache, "write_ratings", full)
    notes: list[str] = []

    load_dataset(
        card_for_files(str(file_of(tmp_path))), kind_of=kind_of, notify=notes.append
    )

    assert "No space left" in notes[0]
    assert [p for p in root.iterdir() if p.is_dir()] == []


KILLED = """
import os, sys
from benchbox.data import parsed_cache
from benchbox.data.own_files import card_for_files
from benchbox.data.dataset import load_dataset
from benchbox.data.sources.kinds import SOURCE_KINDS
parsed_cache.MIN_BYTES = 1
kind_of = {kind.name: kind for kind in SOURCE_KINDS}.get
parsed_cache.data_id = lambda ratings: os.kill(os.getpid(), 9)
load_dataset(card_for_files(sys.argv[1]), kind_of=kind_of, notify=print)
"""


def test_what_a_killed_process_left_is_removed(tmp_path, root) -> None:
    path = file_of(tmp_path)
    done = subprocess.run([sys.executable, "-P", "-c", KILLED, str(path)], check=False)

    assert done.returncode == -signal.SIGKILL
    assert len(list(root.glob(".partial-*"))) == 1
    load(path)
    assert not list(root.glob(".partial-*"))
    assert len(entries(root)) == 1


MANY = """
import sys
from benchbox.data import parsed_cache
from benchbox.data.own_files import card_for_files
from benchbox.data.dataset import load_dataset
from benchbox.data.sources.kinds import SOURCE_KINDS
parsed_cache.MIN_BYTES = 1
kind_of = {kind.name: kind for kind in SOURCE_KINDS}.get
card = card_for_files(sys.argv[1])
print(load_dataset(card, kind_of=kind_of, notify=print).ratings.values.sum())
"""


def test_many_at_once_keep_one_entry(tmp_path, root) -> None:
    path = file_of(tmp_path)
    command = [sys.executable, "-P", "-c", MANY, str(path)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]

    said = {process.communicate()[0] for process in running}

    assert len(said) == 1
    assert len(entries(root)) == 1


def test_a_foreign_folder_is_left_alone(tmp_path, root) -> None:
    foreign = root / "thesis"
    foreign.mkdir(parents=True)

    assert clean() == 0
    assert foreign.exists()


def test_a_read_only_entry_serves(tmp_path, root, monkeypatch) -> None:
    path = file_of(tmp_path)
    load(path)

    def refused(*arguments, **named):
        raise PermissionError

    monkeypatch.setattr(os, "utime", refused)

    assert isinstance(load(path).ratings.users, np.memmap)
    shutil.rmtree(root)
