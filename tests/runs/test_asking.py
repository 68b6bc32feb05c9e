"""Asking: predictions that depend on the other pairs asked for are found out."""

from pathlib import Path

import numpy as np
import pytest

from benchbox.errors import ModelError
from benchbox.models.contract import FitContext
from benchbox.ratings import Ratings, Values
from benchbox.records import AskedAgain, Pairs, Predicted, TrialJob, gravest
from benchbox.runs import asking
from benchbox.runs.asking import Asking, Known, PairsAsked
from benchbox.testing.made_up import made_up_ratings
from benchbox.trials.answers import answers
from benchbox.trials.predictions import PREDICTIONS, write_predictions
from tests.support import zoo_animals as zoo
from tests.support.commands import Benchbox

DEPEND = [
    zoo.CountsWhatIsAsked,
    zoo.NormalisesOverAChunk,
    zoo.RanksWithinAChunk,
    zoo.FavoursFavourites,
    zoo.TunesOnWhatIsAsked,
]


class Trial:
    """A trial in this process."""

    def __init__(self, animal: type, folder: Path, n_pairs: int = 2000) -> None:
        self.ratings = made_up_ratings(60, 50, seed=1)
        self.model, self.n_questions = animal(None), 0
        self.model.fit(self.ratings, FitContext(seed=3))
        job = TrialJob(
            target="",
            options_type="",
            options={},
            train="",
            history="",
            out=str(folder / "out"),
            asked=str(folder / "asked"),
        )
        for name in ("out", "asked"):
            (folder / name).mkdir()
        self.folder = folder / "out"
        draw = np.random.Generator(np.random.PCG64(2))
        # Few items are asked for often, as in any test set.
        items = np.minimum(draw.geometric(0.1, n_pairs), 50) - 1
        self.asked = PairsAsked(
            draw.integers(60, size=n_pairs).astype(np.int32), items.astype(np.int32)
        )
        known = Known(np.arange(60), np.arange(50))
        self.asking = Asking(job, self.asked, known, self.ratings.scale, seed=4)

    def answer(self, pairs: Pairs) -> Predicted:
        self.n_questions += 1
        try:
            predictions = answers(self.model, self.ratings, pairs, 1 << 18)
        except AttributeError as error:
            return Predicted(trouble=str(error))
        write_predictions(self.folder, predictions)
        return Predicted()

    def run(self) -> AskedAgain:
        question: Pairs | None = self.asking.hand_pairs()
        while question is not None:
            question = self.asking.ask_again(self.answer(question))
        assert self.asking.finding is not None
        return self.asking.finding

    def first_answer(self) -> Values:
        pairs = self.asked.users, self.asked.items
        return np.asarray(self.model.predict(self.ratings, *pairs), dtype=np.float32)


@pytest.fixture(autouse=True)
def plenty_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_LEAST_SECONDS", 3600.0)


@pytest.mark.parametrize("animal", DEPEND, ids=lambda animal: animal.__name__)
def test_predictions_that_depend_on_the_other_pairs_are_found_out(
    animal: type, tmp_path: Path
) -> None:
    trial = Trial(animal, tmp_path)

    found = trial.run()

    assert found.verdict == "depends"
    assert found.n_pairs == 200
    assert found.n_moved > 4
    assert found.largest_change is not None
    assert found.largest_change > 0.01


@pytest.mark.parametrize(
    "animal", [zoo.Honest, zoo.RoundsByTheSizeOfACall], ids=lambda one: one.__name__
)
def test_a_model_that_predicts_each_pair_by_itself_is_not(
    animal: type, tmp_path: Path
) -> None:
    trial = Trial(animal, tmp_path)

    found = trial.run()

    assert (found.verdict, found.n_moved) == ("same", 0)
    # All pairs, the sample in one chunk, and in several.
    assert trial.n_questions == 3


def test_noise_in_predictions_is_told_from_that(tmp_path: Path) -> None:
    assert Trial(zoo.DrawsItsPredictions, tmp_path).run().verdict == "varies"


def test_one_pair_that_rounding_moves_far_is_no_finding(tmp_path: Path) -> None:
    class Ties(zoo.Honest):
        def predict(
            self, history: Ratings, users: np.ndarray, items: np.ndarray
        ) -> Values:
            tied = (users == users_of_ties[0]) & (items == users_of_ties[1])
            step = 0.3 * tied * (len(users) > 1000)
            return super().predict(history, users, items) + step

    trial = Trial(Ties, tmp_path)
    users_of_ties = trial.asked.users[0], trial.asked.items[0]

    found = trial.run()

    assert (found.verdict, found.n_moved) == ("same", 0)
    assert found.largest_change == pytest.approx(0.3, abs=1e-4)


def test_a_model_that_fails_when_asked_again_keeps_its_predictions(
    tmp_path: Path,
) -> None:
    trial = Trial(zoo.AnswersOnce, tmp_path)
    expected = trial.first_answer()
    trial.model.fit(trial.ratings, FitContext(seed=3))

    found = trial.run()

    assert found.verdict == "untested"
    assert "failed when asked again" in found.reason
    assert trial.asking.predictions.tobytes() == expected.tobytes()


def test_what_is_written_later_changes_no_prediction(tmp_path: Path) -> None:
    trial = Trial(zoo.Honest, tmp_path)
    trial.run()
    (tmp_path / "out" / PREDICTIONS).unlink()

    assert trial.asking.predictions.tobytes() == trial.first_answer().tobytes()


def test_predictions_that_break_the_contract_are_not_asked_for_again(
    tmp_path: Path,
) -> None:
    trial = Trial(zoo.Honest, tmp_path)
    trial.asking.hand_pairs()

    assert trial.asking.ask_again(Predicted()) is None
    with pytest.raises(ModelError, match="left no predictions"):
        _ = trial.asking.predictions


def test_a_slow_prediction_is_not_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(asking, "_MOST_SHARE", 0.0)
    trial = Trial(zoo.CountsWhatIsAsked, tmp_path)

    found = trial.run()

    assert (found.verdict, trial.n_questions) == ("untested", 1)
    assert "too long" in found.reason


def test_a_costly_answer_ends_the_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = Trial(zoo.Honest, tmp_path)
    second = trial.asking.ask_again(trial.answer(trial.asking.hand_pairs()))
    assert second is not None
    monkeypatch.setattr(asking, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(asking, "_MOST_SHARE", 0.0)

    assert trial.asking.ask_again(trial.answer(second)) is None
    assert trial.asking.finding is not None
    assert trial.asking.finding.verdict == "same"


def test_the_sample_is_asked_for_in_other_company_each_time(tmp_path: Path) -> None:
    trial = Trial(zoo.Honest, tmp_path)
    seen = []
    question: Pairs | None = trial.asking.hand_pairs()
    while question is not None:
        pairs = [np.load(file) for file in (question.users, question.items)]
        seen.append((question.chunk_size, list(zip(*pairs, strict=True))))
        question = trial.asking.ask_again(trial.answer(question))

    (_, every), (one, once), (several, again) = seen
    assert (len(once), len(again)) == (300, 300)
    assert one == 300
    assert several == 75
    sample = set(every) & set(once) & set(again)
    assert len(sample) > 100
    assert [pair for pair in once if pair in sample] != [
        pair for pair in again if pair in sample
    ]
    # Mostly of few items.
    assert len({item for _, item in set(again) - set(every)}) <= 8


@pytest.mark.parametrize("n_pairs", [0, 1])
def test_few_pairs_are_asked_for_again_too(tmp_path: Path, n_pairs: int) -> None:
    assert Trial(zoo.Honest, tmp_path, n_pairs).run().verdict == "same"


def test_the_gravest_finding_speaks_for_a_model() -> None:
    same, depends = AskedAgain(verdict="same"), AskedAgain(verdict="depends")

    assert gravest([None, same, depends, same]) == depends
    assert gravest([AskedAgain(verdict="untested"), same]) == same
    assert gravest([None]) is None


CHEATS = ["counts", "rank"]
FAIR = ["alone"]


def test_a_run_marks_who_predicts_by_the_other_pairs(benchbox: Benchbox) -> None:
    mark = "⚠"
    one_of_each = [
        f"-m planted.py:UsesTheQuestion:how={how}" for how in [*CHEATS, *FAIR, "noise"]
    ]
    done = benchbox(
        f"run -d synthetic:n_users=80,n_items=60,n_ratings=2000 -p holdout "
        f"-m bias --seeds 1 {' '.join(one_of_each)}"
    )

    assert done.code == 0, done.err
    found = {
        label.rpartition("=")[2]: trial.asked_again
        for label, trial in done.by_label().items()
    }
    verdicts = {name: one and one.verdict for name, one in found.items()}
    assert verdicts == {
        "bias": "same",
        **dict.fromkeys(CHEATS, "depends"),
        **dict.fromkeys(FAIR, "same"),
        "noise": "varies",
    }
    texts = [done.out, (done.folder.path / "table.md").read_text()]
    for command in ("report -f table", "stats", "stats -f markdown"):
        texts.append(benchbox(f"{command} last").out)
    for text in texts:
        said = " ".join(text.split())
        assert f"{mark} Predictions depend on which other pairs" in said
        assert "Predictions change from call to call" in said
        for how in [*CHEATS, *FAIR, "noise"]:
            rows = [line for line in text.splitlines() if f"how={how} " in line]
            assert any(mark in row for row in rows) == (how in CHEATS), (how, text)


def test_repeats_are_asked_once(benchbox: Benchbox) -> None:
    done = benchbox("run -d svd-toy -p holdout --seeds 1 --repeats 2 -m bias")

    asked = {trial.repeat: trial.asked_again for trial in done.trials()}
    assert asked[0] is not None
    assert asked[1] is None
