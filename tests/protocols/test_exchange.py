"""Exported folds: read back they are the same, and other tools' folds are read too."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchbox.cli import main
from benchbox.errors import DataError, UsageError
from benchbox.options import decode
from benchbox.protocols.bundled import PROTOCOLS
from benchbox.protocols.exchange import FILES, export_folds, import_folds
from benchbox.protocols.folds import Fold, make_folds
from benchbox.protocols.partition import Protocol
from benchbox.ratings import Ratings, RatingScale

DOCS = Path(__file__).parents[2] / "docs"


def folds_of(name: str, **options: str) -> list[Fold]:
    protocol = protocol_of(name)
    ratings = RATINGS
    chosen = decode(protocol.options, options, name)
    hidden = {"own": np.arange(0, len(ratings), 5)}
    validation = {"own": np.arange(1, len(ratings), 5)}
    return make_folds(ratings, protocol, chosen, hidden, validation)


def protocol_of(name: str) -> Protocol:
    return next(each for each in (*PROTOCOLS, FILES) if each.name == name)


def made_up() -> Ratings:
    rng = np.random.default_rng(1)
    cells = np.sort(rng.choice(30 * 20, 300, replace=False))
    return Ratings(
        users=(cells // 20).astype(np.int32),
        items=(cells % 20).astype(np.int32),
        values=rng.integers(1, 6, 300).astype(np.float32),
        timestamps=rng.permutation(300).astype(np.int64),
        rows=rng.permutation(300).astype(np.int64),
        n_users=30,
        n_items=20,
        scale=RatingScale(1, 5, 1),
        user_ids=np.array([f"user {n:02}" for n in range(30)], dtype=object),
        item_ids=np.array([f'é, "{n:02}"' for n in range(20)], dtype=object),
    )


RATINGS = made_up()


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("name", [each.name for each in PROTOCOLS])
def test_folds_read_back_are_the_same(tmp_path, name, form) -> None:
    folds = folds_of(name)

    export_folds("toy", folds, tmp_path / "out", form)
    again = import_folds(tmp_path / "out", RATINGS, protocol_of)

    assert [fold.id for fold in again] == [fold.id for fold in folds]
    for one, other in zip(folds, again, strict=True):
        assert one.protocol is other.protocol
        assert (one.roles == other.roles).all()
        assert one.partition.is_warm == other.partition.is_warm


def test_options_travel_with_the_folds(tmp_path) -> None:
    folds = folds_of("holdout", fraction="0.3")

    export_folds("toy", folds, tmp_path / "out")

    (again,) = import_folds(tmp_path / "out", RATINGS, protocol_of)
    assert (again.id, again.options) == (folds[0].id, folds[0].options)


def test_a_changed_list_is_refused(tmp_path) -> None:
    export_folds("toy", folds_of("holdout"), tmp_path / "out")
    path = tmp_path / "out" / "holdout.hidden.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))

    with pytest.raises(DataError, match=r"Fold 'holdout' of out was changed: its id"):
        import_folds(tmp_path / "out", RATINGS, protocol_of)


def test_folds_of_other_ratings_are_refused(tmp_path) -> None:
    export_folds("toy", folds_of("holdout"), tmp_path / "out")
    others = RATINGS.take(np.arange(len(RATINGS) - 1))

    with pytest.raises(DataError, match="splits other ratings: those of 'toy'"):
        import_folds(tmp_path / "out", others, protocol_of)


@pytest.mark.parametrize("place", ["../out/holdout.h", "\\u0000holdout.h"])
def test_a_manifest_that_names_other_folders_is_refused(tmp_path, place) -> None:
    export_folds("toy", folds_of("holdout"), tmp_path / "out")
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("holdout.h", place))

    with pytest.raises(DataError, match="names a file outside of its folder"):
        import_folds(tmp_path / "out", RATINGS, protocol_of)


def test_a_manifest_that_lacks_a_fold_is_refused(tmp_path) -> None:
    export_folds("toy", folds_of("kfold", n_folds="3"), tmp_path / "out")
    manifest = tmp_path / "out" / "manifest.json"
    found = json.loads(manifest.read_text())
    del found["folds"][1]
    manifest.write_text(json.dumps(found))

    with pytest.raises(DataError, match=r"out has k2\.\w+\.csv, which its manifest"):
        import_folds(tmp_path / "out", RATINGS, protocol_of)


@pytest.mark.parametrize("changes", [{}, {"name": "k6"}, {"id": ""}])
def test_a_manifest_with_a_fold_twice_is_refused(tmp_path, changes) -> None:
    export_folds("toy", folds_of("kfold", n_folds="3"), tmp_path / "out")
    manifest = tmp_path / "out" / "manifest.json"
    found = json.loads(manifest.read_text())
    found["folds"].append(found["folds"][-1] | changes)
    manifest.write_text(json.dumps(found))

    with pytest.raises(DataError, match=r"manifest\.json has fold '\w+' 2 times"):
        import_folds(tmp_path / "out", RATINGS, protocol_of)


@pytest.mark.parametrize("text", ["{}", "[", '{"format": 9}', "null"])
def test_a_damaged_manifest_is_refused(tmp_path, text) -> None:
    (tmp_path / "manifest.json").write_text(text)

    with pytest.raises(DataError, match=r"manifest\.json cannot be read"):
        import_folds(tmp_path, RATINGS, protocol_of)


def test_nothing_is_exported_to_a_folder_with_files(tmp_path) -> None:
    (tmp_path / "mine.txt").touch()

    with pytest.raises(UsageError, match="is not empty"):
        export_folds("toy", folds_of("holdout"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def pairs(positions: np.ndarray) -> pd.DataFrame:
    part = RATINGS.take(positions)
    return pd.DataFrame(
        {
            "user": part.user_ids[part.users],
            "item": part.item_ids[part.items],
            "rating": part.values,
        }
    )


HIDDEN = np.arange(0, len(RATINGS), 4)
SEEN = np.setdiff1d(np.arange(len(RATINGS)), HIDDEN)
LAYOUTS = {
    "train.csv and test.csv": ("train.csv", "test.csv", ["test"]),
    "named after the fold": ("u1.train.csv", "u1.test.csv", ["u1"]),
    "as MovieLens does": ("u1.base", "u1.test", ["u1"]),
    "a folder for each": ("fold-0/train.csv", "fold-0/test.csv", ["fold-0"]),
    "the part first": ("train_3.csv", "test_3.csv", ["3"]),
    "only what is hidden": ("", "k2.hidden.csv", ["k2"]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_folds_of_other_tools_are_read(tmp_path, layout) -> None:
    train, test, names = LAYOUTS[layout]
    for file, rows in ((train, SEEN), (test, HIDDEN)):
        if file:
            (tmp_path / file).parent.mkdir(exist_ok=True)
            frame = pairs(rows).sample(frac=1, random_state=1)
            if file.endswith(".csv"):
                frame.to_csv(tmp_path / file, index=False)
            else:
                rows = ["\t".join(map(str, row)) for row in frame.to_numpy().tolist()]
                (tmp_path / file).write_text("\n".join(rows))
    (tmp_path / "README.md").write_text("about train and test")

    folds = import_folds(tmp_path, RATINGS, protocol_of)

    assert [fold.name for fold in folds] == names
    assert folds[0].partition.hidden.tolist() == HIDDEN.tolist()
    assert folds[0].partition.train.tolist() == SEEN.tolist()
    assert folds[0].protocol is FILES


def test_ids_do_not_depend_on_who_wrote_the_lists(tmp_path) -> None:
    ids = set()
    for number, kind in enumerate(("csv", "parquet")):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        frame = pairs(HIDDEN)[:: 1 - 2 * number]
        path = folder / f"a.test.{kind}"
        frame.to_csv(path) if kind == "csv" else frame.to_parquet(path)
        ids |= {fold.id for fold in import_folds(folder, RATINGS, protocol_of)}

    assert len(ids) == 1


def test_validation_ratings_of_others_are_trained_on_too(tmp_path) -> None:
    for part, rows in (("train", SEEN[3:]), ("valid", SEEN[:3]), ("test", HIDDEN)):
        pairs(rows).to_csv(tmp_path / f"{part}.csv", index=False)

    (fold,) = import_folds(tmp_path, RATINGS, protocol_of)

    assert fold.partition.train.tolist() == SEEN.tolist()
    assert fold.partition.validation.tolist() == SEEN[:3].tolist()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda f: f.assign(item="nobody's"),
            r"test\.csv, line 2: the data set",
        ),
        (lambda f: pd.concat([f, f[:1]]), r"line \d+: this pair is listed twice"),
        (
            lambda f: f.rename(columns={"item": "x", "user": "y"}),
            "no columns called",
        ),
        (lambda f: f[:0], "has an empty list"),
    ],
)
def test_a_wrong_list_is_refused(tmp_path, change, reason) -> None:
    change(pairs(HIDDEN)).to_csv(tmp_path / "test.csv", index=False)

    with pytest.raises(DataError, match=reason):
        import_folds(tmp_path, RATINGS, protocol_of)


def test_a_hidden_rating_that_is_visible_is_refused(tmp_path) -> None:
    pairs(HIDDEN).to_csv(tmp_path / "test.csv", index=False)
    pairs(np.arange(len(RATINGS))).to_csv(tmp_path / "train.csv", index=False)

    with pytest.raises(DataError, match="that its train list has too"):
        import_folds(tmp_path, RATINGS, protocol_of)


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_a_folder_without_folds_is_refused(tmp_path, name) -> None:
    with pytest.raises(DataError, match=r"no files of folds|no folder"):
        import_folds(tmp_path / name, RATINGS, protocol_of)


def test_the_code_in_the_docs_reads_the_same_rows(
    tmp_path, monkeypatch, capsys
) -> None:
    """The split goes out, is read by pandas and scikit-learn, and comes back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCHBOX_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    drawn = np.sort(rng.choice(20 * 15, 160, replace=False))[::-1]
    frame = pd.DataFrame({"user": drawn // 15, "item": drawn % 15})
    frame["rating"] = rng.integers(1, 6, len(frame))
    frame.to_csv("ratings.csv", index=False)
    show = ["data", "folds", "ratings.csv", "-p"]
    assert main([*show, "kfold"]) == 0
    printed = ids_in(capsys.readouterr().out)
    assert main([*show, "kfold", "--export", "my-folds"]) == 0
    exported = json.loads(Path("my-folds/manifest.json").read_text())["folds"]
    capsys.readouterr()

    first, second = re.findall(
        r"```python\n(.*?)```", (DOCS / "splits.md").read_text(), re.DOTALL
    )
    names: dict[str, object] = {}
    exec(compile(first, "splits.md", "exec"), names)
    said = capsys.readouterr().out
    exec(compile(second, "splits.md", "exec"), names)

    assert [fold["id"] for fold in exported] == printed
    assert exported[0]["id"] in said
    assert main([*show, "files:my-folds"]) == 0
    assert ids_in(capsys.readouterr().out) == printed
    assert main([*show, "files:their-folds"]) == 0
    theirs = ids_in(capsys.readouterr().out)
    assert (
        main(
            [
                "data",
                "folds",
                "ratings.csv",
                "-p",
                "files:their-folds",
                "--export",
                "back",
            ]
        )
        == 0
    )
    assert main([*show, "files:back"]) == 0
    assert ids_in(capsys.readouterr().out)[3:] == theirs
    back = json.loads(Path("back/manifest.json").read_text())["folds"][0]
    text = pd.read_csv("their-folds/fold0.test.csv", dtype=str)
    lines = "\n".join(sorted(text["user"] + "\t" + text["item"]))
    digest = hashlib.sha256(lines.encode()).hexdigest()
    assert back["lists"]["hidden"]["pairs_id"] == digest


def ids_in(printed: str) -> list[str]:
    return re.findall(r"\b[0-9a-f]{32}\b", printed)
