"""Canary: new hidden ratings change nothing that models see or predict."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from benchbox.errors import ProtocolError
from benchbox.protocols.audit.canary import redraw_hidden
from benchbox.protocols.bundled import PROTOCOLS
from benchbox.protocols.flawed import FLAWED
from benchbox.protocols.folds import Fold, carve_validation, make_folds
from benchbox.ratings import Ratings
from tests.support.commands import Benchbox
from tests.support.toys import ratings, seeds, tiny_ratings

SOUND = [protocol for protocol in PROTOCOLS if protocol.name != "official"]


def folds_of_all(data: Ratings) -> list[Fold]:
    folds = []
    for protocol in SOUND:
        try:
            folds += make_folds(data, protocol, protocol.options(), {})
        except ProtocolError:
            continue
    return folds


def columns(seen: Ratings) -> list[bytes]:
    return [
        getattr(seen, name).tobytes()
        for name in ("users", "items", "values", "timestamps", "rows")
    ]


@given(data=ratings(min_size=12), seed=seeds)
def test_visible_ratings_stay_the_same_and_hidden_ones_stay_on_the_scale(
    data: Ratings, seed: int
) -> None:
    for fold in folds_of_all(data):
        other = redraw_hidden(fold, seed)

        for part in ("train", "history"):
            assert columns(getattr(fold, part)) == columns(getattr(other, part))
        assert fold.hidden.users.tolist() == other.hidden.users.tolist()
        assert fold.hidden.items.tolist() == other.hidden.items.tolist()
        assert other.hidden.values.min() >= data.scale.low
        assert other.hidden.values.max() <= data.scale.high
        assert (other.id == fold.id) == (
            other.hidden.values.tolist() == fold.hidden.values.tolist()
        )


@given(seed=seeds)
def test_validation_is_the_same_whatever_is_hidden(seed: int) -> None:
    for fold in folds_of_all(tiny_ratings(100)):
        seen, again = (
            carve_validation(each, seed) for each in (fold, redraw_hidden(fold, 1))
        )

        for part in ("train", "validation", "validation_history"):
            assert columns(getattr(seen, part)) == columns(getattr(again, part))


def test_every_step_of_the_scale_is_drawn_about_equally_often() -> None:
    data = tiny_ratings(4000)
    hidden = {"half": np.arange(2000)}
    (fold,) = make_folds(data, PROTOCOLS[0], PROTOCOLS[0].options(), hidden)

    values, counts = np.unique(redraw_hidden(fold, 3).hidden.values, return_counts=True)

    assert values.tolist() == [0, 1, 2, 3, 4]
    assert counts.min() > 300


def test_visible_ratings_of_a_flawed_protocol_keep_their_values() -> None:
    data = tiny_ratings(40)
    (fold,) = make_folds(data, FLAWED[0], FLAWED[0].options(), {})

    assert redraw_hidden(fold, 7).id == fold.id


def test_redrawn_values_are_pinned() -> None:
    (fold,) = make_folds(tiny_ratings(40), SOUND[0], SOUND[0].options(), {})

    assert redraw_hidden(fold, 0).hidden.values.tolist() == [3, 2, 4, 1]


@pytest.mark.parametrize(
    "models",
    [
        "-m bias -m svd -m biased-mf-sgd:epochs=2",
        pytest.param("-m biased-mf -m autorec-user:epochs=2", marks=pytest.mark.slow),
    ],
)
def test_no_prediction_of_a_run_depends_on_the_hidden_ratings(
    benchbox: Benchbox, tmp_path: Path, models: str
) -> None:
    users, items = np.divmod(np.arange(400), 20)
    values = np.random.default_rng(1).integers(1, 6, 400)
    lines = [f"u{u},i{i},{v}" for u, i, v in zip(users, items, values, strict=True)]
    shown, hidden = lines[::2] + lines[1::4], lines[3::4]
    other = [f"{line[:-1]}{6 - int(line[-1])}" for line in hidden]
    made = []
    for name, truths in (("one", hidden), ("other", other)):
        folder = tmp_path / name
        folder.mkdir()
        for file, rows in (("train.csv", shown), ("test.csv", truths)):
            (folder / file).write_text("\n".join(["user,item,rating", *rows]))
        done = benchbox(
            f"run -d {folder}/train.csv+{folder}/test.csv:scale=1-5 {models} --seeds 1"
        )
        assert done.code == 0
        files = sorted((done.folder.path / "predictions").iterdir())
        made.append([file.read_bytes() for file in files])

    assert len(made[0]) == models.count("-m ")
    assert made[0] == made[1]
