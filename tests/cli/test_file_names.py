"""The same ratings give the same figures, whatever their file is called."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.support.commands import Benchbox

DECIDED = ("key", "fold_id", "seed", "predictions_digest", "metrics")


def ratings() -> bytes:
    users, items = np.divmod(np.arange(300), 15)
    values = np.random.default_rng(3).integers(1, 6, 300)
    rows = zip(users.tolist(), items.tolist(), values.tolist(), strict=True)
    return "".join(
        ["user,item,rating\n", *(f"{u},{i},{v}\n" for u, i, v in rows)]
    ).encode()


@pytest.mark.slow
def test_a_name_a_folder_and_a_packer_change_no_figure(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.csv").write_bytes(ratings())
    (tmp_path / "folder" / "b.csv").write_bytes(ratings())
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(ratings()))

    found = []
    for name in ("a.csv", "folder/b.csv", "a.csv.gz"):
        done = benchbox(
            f"run -d {tmp_path / name} -m autorec-user:epochs=2 -m biased-mf --seeds 2"
        )
        assert done.code == 0, done.err
        found.append(
            [
                [getattr(trial, field) for field in DECIDED]
                for trial in sorted(done.folder.trials(), key=lambda t: t.key)
            ]
        )

    assert len(found[0]) == 4
    assert found[0] == found[1] == found[2]


def test_one_file_under_two_names_is_two_data_sets_of_a_resumed_run(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(ratings())
    begun = benchbox(f"run -d {tmp_path}/a.csv -d {tmp_path}/b.csv -m biased-mf")
    gone = list((begun.folder.path / "trials").glob("*s1-*"))
    for file in gone:
        file.unlink()

    done = benchbox("run --resume last")

    assert gone
    assert all(file.exists() for file in gone), done.err


def test_other_ratings_of_the_same_name_have_other_seeds(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    seeds = []
    fewer = b"".join(ratings().splitlines(keepends=True)[:-1])
    for text in (ratings(), fewer):
        (tmp_path / "a.csv").write_bytes(text)
        done = benchbox(f"run -d {tmp_path}/a.csv -m biased-mf --seeds 1")
        seeds += [trial.seed for trial in done.folder.trials()]

    assert seeds[0] != seeds[1]


def test_neither_names_of_a_folds_files_nor_hidden_pairs_change_a_seed(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    header, *lines = ratings().splitlines(keepends=True)
    seeds = set()
    for name, hidden in (("one", slice(7, None, 8)), ("two", slice(7, 200, 8))):
        train, test = tmp_path / f"{name}.train", tmp_path / f"{name}.test"
        train.write_bytes(b"".join([header, *lines[::2]]))
        test.write_bytes(b"".join([header, *lines[hidden]]))
        done = benchbox(f"run -d {train}+{test} -m biased-mf --seeds 1")
        assert done.code == 0, done.err
        seeds |= {trial.seed for trial in done.folder.trials()}

    assert len(seeds) == 1
