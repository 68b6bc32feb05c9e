"""A worker's trial: what it sends back is what can be right, and no more."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from benchbox.data.ratings_files import write_ratings
from benchbox.records import Fitted, Predicted, TrialJob, TrialOutcome
from benchbox.trials.executors.api import Finished
from benchbox.trials.executors.cluster.parcels import Code, packed
from benchbox.trials.executors.cluster.trial import Trial
from benchbox.trials.executors.cluster.words import Asked, Heard, Order
from benchbox.trials.executors.local import LocalExecutor
from benchbox.trials.predictions import DISTRIBUTION, PREDICTIONS
from tests.support.toys import tiny_ratings

PAIRS = Asked(
    users=np.arange(3, dtype=np.int32).tobytes(),
    items=np.arange(3, dtype=np.int32).tobytes(),
    timestamps=np.arange(3, dtype=np.int64).tobytes(),
    chunk_size=2,
)


class Answers:
    """Stands in for a local executor: it is asked once, and answers with files."""

    def __init__(self, **files: bytes) -> None:
        self._files = files
        self.asked: list[int] = []

    def run(self, job: TrialJob, **given: Any) -> Finished:
        given["listen"](Fitted())
        pairs = given["hand_pairs"]()
        self.asked = [len(np.load(file)) for file in pairs.files]
        for name, content in self._files.items():
            Path(job.out, f"{name}.npy").write_bytes(content)
        assert given["ask_again"](Predicted()) is None
        return Finished(outcome=TrialOutcome())


def begun(executor: Answers, folder: Path, *, asks: bool = True) -> Trial:
    write_ratings(folder / "train", tiny_ratings(8))
    job = TrialJob(
        target="benchbox.options:NoOptions",
        options_type="",
        options={},
        train="0",
        history="0",
        out="",
        distribution=True,
    )
    order = Order(
        job=job,
        code=Code(target=job.target),
        memory_limit_bytes=None,
        is_asked=asks,
    )
    local = cast(LocalExecutor, executor)
    trial = Trial(local, order, [packed(folder / "train")], folder / "scratch")
    trial.start()
    return trial


def heard(trial: Trial) -> Heard:
    return trial.heard(60.0)


def test_it_is_asked_by_value_and_answers_with_its_files(tmp_path: Path) -> None:
    answers = Answers(predictions=b"p" * 140, distribution=b"d")
    trial = begun(answers, tmp_path)
    assert heard(trial).news == [Fitted()]
    trial.answer(PAIRS)
    told = heard(trial)
    trial.answer(None)
    over = heard(trial).over

    assert answers.asked == [3, 3, 3]
    assert told.answered is not None
    assert told.answered.files == {PREDICTIONS: b"p" * 140, DISTRIBUTION: b"d"}
    assert over is not None
    assert over.outcome.status == "ok"
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("files", "sent"),
    [({}, {}), ({"predictions": b"p" * 141}, {PREDICTIONS: b""})],
)
def test_files_that_cannot_be_right_are_not_sent(
    tmp_path: Path, files: dict[str, bytes], sent: dict[str, bytes]
) -> None:
    trial = begun(Answers(**files), tmp_path)
    heard(trial)
    trial.answer(PAIRS)
    told = heard(trial)
    trial.answer(None)

    assert told.answered is not None
    assert told.answered.files == sent


@pytest.mark.parametrize("asked", [False, True])
def test_it_can_be_stopped_while_it_waits(tmp_path: Path, asked: bool) -> None:
    trial = begun(Answers(), tmp_path)
    heard(trial)
    if asked:
        trial.answer(PAIRS)
        heard(trial)
    trial.stop()
    over = heard(trial).over

    assert over is not None
    assert over.outcome.reason == "the runner has stopped it"
