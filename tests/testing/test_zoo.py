"""The zoo: every cheat is caught, and no check of the kit could be left out."""

from collections.abc import Iterator

import msgspec
import pytest

from benchbox import Capabilities, ModelSpec
from benchbox.testing.checks import Verdict, judge
from benchbox.testing.contracts import MODEL_CHECKS
from benchbox.testing.subject import ModelSubject
from tests.support import zoo_animals as zoo
from tests.support.heavy_options import HeavyOptions

VALIDATED = Capabilities(stochastic=False, uses_validation=True, refits=True)
TOLD = Capabilities(stochastic=False, uses_question_times=True)
SPREAD = Capabilities(stochastic=False, predicts_distribution=True)

CAUGHT_BY_ONE = {
    "spec-and-options": (
        zoo.spec(zoo.Honest, presets={"best": {"no_such_option": 1}}),
        "no option 'no_such_option'",
    ),
    "imports-nothing-heavy": (zoo.spec(zoo.Honest, options=HeavyOptions), "torch"),
    "answers": (zoo.spec(zoo.PicksEasyPairs), "no way to decline a pair"),
    "same-seed-same-bytes": (zoo.spec(zoo.SecretlyRandom), "stochastic=False"),
    "second-fit-forgets-the-first": (zoo.spec(zoo.WarmStarts), "left something behind"),
    "pairs-stand-alone": (zoo.spec(zoo.TunesOnWhatIsAsked), "each pair independently"),
    "inputs-stay-as-they-are": (zoo.spec(zoo.MutatesItsInput), "modified the pairs"),
    "unknown-users-and-items": (zoo.spec(zoo.KnowsWhomItSaw), "out of bounds"),
    "zero-is-a-rating": (zoo.spec(zoo.MasksByValue), "treats them as missing"),
    "one-rating-is-enough": (zoo.spec(zoo.NeedsTwo), "predicts [nan]"),
    "history-is-read": (
        zoo.spec(
            zoo.IgnoresHistory,
            capabilities=Capabilities(stochastic=False, inductive=True),
        ),
        "whatever their history",
    ),
    "timestamps-are-declared": (zoo.spec(zoo.ReadsTheClock), "uses_timestamps=True"),
    "question-times-are-used": (
        zoo.spec(zoo.IsToldAndDoesNotListen, capabilities=TOLD),
        "the same whenever it is asked",
    ),
    "distributions-are-sound": (
        zoo.spec(zoo.ForgetsItsSpread, capabilities=SPREAD),
        "After state() and restore(), distributions differ",
    ),
    "saved-and-restored": (zoo.spec(zoo.ForgetsItems), "After state() and restore()"),
    "process-as-it-was": (zoo.spec(zoo.ChangesTheDtype), "torch's default dtype"),
    "no-files-left": (zoo.spec(zoo.WritesResults), "must not write files"),
    "unclipped": (zoo.spec(zoo.Clips), "It clips its predictions"),
    "epochs-are-reported": (
        zoo.spec(zoo.TrainsOn, capabilities=VALIDATED),
        "it reported epoch 3",
    ),
    "says-what-records-hold": (zoo.spec(zoo.Miscounts), "epoch [3] of [2]"),
    "devices-declared": (
        zoo.spec(
            zoo.Honest,
            capabilities=msgspec.structs.replace(zoo.PLAIN, devices=("cpu", "gpu")),
        ),
        "There are no devices",
    ),
    "trial-as-here": (zoo.spec(zoo.Stale), "Store nothing outside the model"),
    "other-trials-do-not-matter": (zoo.spec(zoo.Memoriser), "remembers other trials"),
    "hidden-ratings-stay-hidden": (zoo.spec(zoo.ReadsTheData), "reads them from"),
    "memory-is-linear": (zoo.spec(zoo.Dense), "table of users × items"),
}
"""For each check an animal that it alone catches, and what it says of it."""

BY_THE_OTHER_PAIRS = {
    zoo.CountsWhatIsAsked: "passed in parts",
    zoo.NormalisesOverAChunk: "passed in parts",
    zoo.RanksWithinAChunk: "in another order",
    zoo.FavoursFavourites: "passed among others",
    zoo.KeepsItsFirstQuestion: "asked nothing before",
}
"""Animals that predict by the other pairs they are asked for, and what tells."""

CAUGHT = {
    zoo.CentresInPlace: "modified the values",
    zoo.CountsTrials: "Two fits with one seed differ",
    zoo.PreparesForRatings: "Make it prepare(device) or prepare()",
    zoo.Unseeded: "Two fits with one seed differ",
    zoo.DrawsGlobally: "numpy's generator",
    zoo.NotesATable: "must be a text or a number",
    zoo.CountsInTruths: "n_parameters is True; it must be a whole number",
}
"""Animals that more than one check catches."""

CAUGHT_IN_A_TRIAL = {
    zoo.WorksOn: "kept working for",
    zoo.LeavesAProcess: "kept working for",
}
"""Animals that leave something at work, which a trial waits for in vain."""


@pytest.fixture(autouse=True)
def no_memory() -> Iterator[None]:
    zoo.MEMO.unlink(missing_ok=True)
    yield
    zoo.MEMO.unlink(missing_ok=True)


def broken(spec: ModelSpec) -> dict[str, Verdict]:
    verdicts = judge(MODEL_CHECKS, ModelSubject(spec=spec))
    return {v.check.name: v for v in verdicts if v.status == "broken"}


def test_an_honest_model_breaks_no_promise() -> None:
    assert not broken(zoo.spec(zoo.Honest))


@pytest.mark.slow
def test_a_model_that_is_told_when_it_is_asked_and_uses_it_breaks_no_promise() -> None:
    assert not broken(zoo.spec(zoo.KnowsWhen, capabilities=TOLD))


@pytest.mark.slow
def test_a_model_that_gives_sound_distributions_breaks_no_promise() -> None:
    assert not broken(zoo.spec(zoo.GivesANormal, capabilities=SPREAD))


TIMED = Capabilities(stochastic=False, uses_timestamps=True)


def test_a_model_that_reads_timestamps_and_says_so_breaks_no_promise() -> None:
    assert not broken(zoo.spec(zoo.ReadsTheClock, capabilities=TIMED))


def test_a_model_that_says_it_reads_timestamps_and_does_not_is_caught() -> None:
    verdicts = broken(zoo.spec(zoo.Honest, capabilities=TIMED))

    assert list(verdicts) == ["timestamps-are-declared"]
    assert "change nothing" in verdicts["timestamps-are-declared"].reason


def test_there_is_an_animal_for_every_check_of_the_kit() -> None:
    assert [check.name for check in MODEL_CHECKS] == list(CAUGHT_BY_ONE)


@pytest.mark.parametrize("name", CAUGHT_BY_ONE)
def test_each_check_catches_a_cheat_for_the_right_reason(name: str) -> None:
    spec, reason = CAUGHT_BY_ONE[name]
    (check,) = [check for check in MODEL_CHECKS if check.name == name]

    (verdict,) = judge([check], ModelSubject(spec=spec))

    assert verdict.status == "broken"
    assert reason in verdict.reason


@pytest.mark.slow
@pytest.mark.parametrize("name", CAUGHT_BY_ONE)
def test_without_this_check_a_cheat_would_pass(name: str) -> None:
    """No other check of the kit catches the animal."""
    spec, reason = CAUGHT_BY_ONE[name]

    verdicts = broken(spec)

    assert list(verdicts) == [name], [v.reason for v in verdicts.values()]
    assert reason in verdicts[name].reason


@pytest.mark.parametrize(
    "animal", BY_THE_OTHER_PAIRS, ids=lambda animal: animal.__name__
)
def test_what_depends_on_the_other_pairs_is_caught(animal: type) -> None:
    (check,) = [check for check in MODEL_CHECKS if check.name == "pairs-stand-alone"]

    (verdict,) = judge([check], ModelSubject(spec=zoo.spec(animal)))

    assert BY_THE_OTHER_PAIRS[animal] in verdict.reason


@pytest.mark.parametrize("animal", CAUGHT, ids=lambda animal: animal.__name__)
def test_a_cheat_is_caught_for_the_right_reason(animal: type) -> None:
    reasons = [verdict.reason for verdict in broken(zoo.spec(animal)).values()]

    assert any(CAUGHT[animal] in reason for reason in reasons), reasons


@pytest.mark.parametrize(
    "animal", CAUGHT_IN_A_TRIAL, ids=lambda animal: animal.__name__
)
def test_what_works_on_after_a_fit_fails_its_trial(animal: type) -> None:
    (check,) = [check for check in MODEL_CHECKS if check.name == "trial-as-here"]
    subject = ModelSubject(spec=zoo.spec(animal))

    (verdict,) = judge([check], subject)

    assert CAUGHT_IN_A_TRIAL[animal] in verdict.reason
