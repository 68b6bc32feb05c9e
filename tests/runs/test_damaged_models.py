"""Saved models: whatever damage is done to one is one line, never other predictions."""

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchbox.errors import BenchboxError
from benchbox.plugins.registry import discover
from benchbox.runs.api import fit
from benchbox.runs.saved.model import SavedModel
from benchbox.runs.trust import Trust
from tests.support.damages import DAMAGES, Damage, cut, flip_last, make_pipe

ARCHIVE = Path(__file__).parents[1] / "fixtures" / "written-by-0.1.zip"


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


RECORDS: dict[str, Callable[[dict[str, Any]], object]] = {
    "another format": lambda r: r.update(format=2),
    "no format": lambda r: r.pop("format"),
    "another data id": lambda r: r.update(data_id="0" * 32),
    "fewer ratings": lambda r: r.update(n_ratings=1),
    "no model": lambda r: r.pop("model"),
    "a number for a model": lambda r: r.update(model=1),
    "other options": lambda r: r["model"]["options"].update(epochs=3),
    "unknown options": lambda r: r["model"]["options"].update(surprise=1),
    "no options": lambda r: r["model"].update(options={}),
    "other factors": lambda r: r["model"]["options"].update(n_factors=3),
    "another activation": lambda r: r["model"]["options"].update(activation="relu"),
    "another model": lambda r: r["model"].update(
        target="benchbox_baselines.means:ItemMean",
        options_type="benchbox.options:NoOptions",
    ),
    "no such module": lambda r: r["model"].update(target="no_such_module:Model"),
    "a target of no form": lambda r: r["model"].update(target="nonsense"),
    "a class of the system": lambda r: r["model"].update(target="os:system"),
    "an endless number": lambda r: r.update(seed=10**400),
    "text for seconds": lambda r: r.update(fit_seconds="long"),
}


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "saved"
    choice = "biased-mf-sgd:epochs=2,n_factors=4"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHBOX_OFFLINE", "1")
        patch.setenv("BENCHBOX_CACHE", str(folder.parent / "cache"))
        fit(choice, "svd-toy", folder, threads=1, device="cpu")
    return folder


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model saved by benchbox 0.1, which saved no digests of its files."""
    folder = tmp_path_factory.mktemp("old")
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder)
    return folder / "model"


def predicted(folder: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    saved = SavedModel.load(folder, Trust(discover()))
    users = [str(name) for name in list(saved.catalogue.user_places)[:5]]
    return saved.predict(users, saved.catalogue.item_ids[:5])


def outcome(folder: Path) -> "np.ndarray[Any, np.dtype[np.float32]] | str":
    """Return the predictions of a saved model, or the line that says what is wrong."""
    try:
        return predicted(folder)
    except BenchboxError as error:
        said = str(error)
    assert len(said.splitlines()) == 1
    return said


def cases() -> Iterator[Any]:
    parts = ("model.json", "state/state.safetensors")
    ratings = ("users", "items", "values", "timestamps", "user_ids", "item_ids")
    names = [*parts, "ratings/shape.json", *(f"ratings/{name}.npy" for name in ratings)]
    for damage in DAMAGES:
        for name in names:
            # A tenth of them always, the rest in the slow environment.
            quick = name in ("model.json", "state/state.safetensors") and damage in (
                cut,
                flip_last,
                make_pipe,
            )
            marks = [] if quick else [pytest.mark.slow]
            yield pytest.param(
                damage, name, id=f"{damage.__name__}-{name}", marks=marks
            )


@pytest.mark.parametrize(("damage", "name"), list(cases()))
def test_a_damaged_file_is_one_line(
    new: Path, tmp_path: Path, damage: Damage, name: str
) -> None:
    folder = Path(shutil.copytree(new, tmp_path / "saved"))
    if not (folder / name).exists():
        pytest.skip("the data have no such column")

    damage(folder / name)
    said = outcome(folder)

    assert isinstance(said, str)
    assert "damaged" in said or "not a saved model" in said


@pytest.mark.parametrize("change", RECORDS.values(), ids=RECORDS)
def test_a_changed_record_is_one_line(new: Path, tmp_path: Path, change: Any) -> None:
    folder = Path(shutil.copytree(new, tmp_path / "saved"))
    record = json.loads((folder / "model.json").read_text())
    change(record)
    (folder / "model.json").write_text(json.dumps(record))

    assert isinstance(outcome(folder), str)


@pytest.mark.slow
@pytest.mark.parametrize("change", RECORDS.values(), ids=RECORDS)
def test_a_record_changed_with_its_digest_is_one_line_or_what_it_says(
    new: Path, tmp_path: Path, change: Any
) -> None:
    folder = Path(shutil.copytree(new, tmp_path / "saved"))
    record = json.loads((folder / "model.json").read_text())
    change(record)
    record.pop("digest")
    (folder / "model.json").write_text(json.dumps(record))

    outcome(folder)


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_to_a_model_saved_by_0_1_is_one_line_or_leaves_numbers(
    old: Path, tmp_path: Path, damage: Damage
) -> None:
    for file in files_of(old):
        folder = Path(shutil.copytree(old, tmp_path / file.stem))
        damage(folder / file.relative_to(old))

        said = outcome(folder)

        # Of the state no digest was saved; of the ratings their id was.
        if not isinstance(said, str) and file.parent.name != "state":
            assert np.array_equal(said, predicted(old))


def test_a_model_saved_by_0_1_is_loaded(old: Path) -> None:
    assert np.isfinite(predicted(old)).all()


def test_a_file_that_was_added_is_named(new: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(new, tmp_path / "saved"))
    np.save(folder / "ratings" / "timestamps.npy", np.zeros(3, dtype=np.int64))
    (folder / "ratings" / ".DS_Store").write_bytes(b"")

    said = outcome(folder)

    assert isinstance(said, str)
    assert "ratings/timestamps.npy was" in said


def test_a_sound_model_predicts_the_same_wherever_it_lies(
    new: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(new, tmp_path / "moved"))

    assert np.array_equal(predicted(folder), predicted(new))
