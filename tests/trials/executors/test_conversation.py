"""Conversation: a trial that says anything out of turn is not listened to."""

import pytest

from benchbox.records import (
    MOST_EPOCHS,
    MOST_QUESTIONS,
    ChildMessage,
    Concluded,
    Confined,
    EpochEnded,
    Fitted,
    Loaded,
    PhaseBegan,
    Predicted,
    TrialOutcome,
)
from benchbox.trials.executors.channel import LineError
from benchbox.trials.executors.conversation import Conversation

ENDED_WELL = Concluded(outcome=TrialOutcome(status="ok"))
LOADED = [Confined(by="landlock"), PhaseBegan(phase="load"), Loaded()]
FITTING = [*LOADED, PhaseBegan(phase="fit")]
PREDICTING = [*FITTING, Fitted(), PhaseBegan(phase="predict")]
EPOCH = EpochEnded(epoch=1, of=2)


def after(messages: list[ChildMessage], *, keeps_model: bool = False) -> Conversation:
    said = Conversation(keeps_model=keeps_model)
    for message in messages:
        said.take(message)
    return said


def test_a_trial_that_keeps_to_the_order_is_heard_to_its_end() -> None:
    end = PhaseBegan(phase="end")

    said = after([*PREDICTING, end, Predicted(), Predicted(), ENDED_WELL])

    assert said.outcome == ENDED_WELL.outcome
    assert said.confined == "landlock"
    assert after([*FITTING, EPOCH, ENDED_WELL], keeps_model=True).outcome is not None


@pytest.mark.parametrize(
    ("before", "message", "told"),
    [
        ([], PhaseBegan(phase="fit"), "began phase 'fit' before its first phase"),
        (LOADED, Confined(by="all"), "told in phase 'loaded' how it is confined"),
        (LOADED, EPOCH, "reported an epoch in phase 'loaded'"),
        (FITTING, EpochEnded(epoch=0, of=2), "an epoch whose number is out of range"),
        (FITTING, Loaded(), "asked for its ratings in phase 'fit'"),
        (LOADED, Fitted(), "asked for pairs in phase 'loaded'"),
        (PREDICTING, Predicted(), "said that it has predicted in phase 'predict'"),
        (FITTING, ENDED_WELL, "said that it ended well in phase 'fit'"),
    ],
)
def test_what_is_said_out_of_turn_is_refused(
    before: list[ChildMessage], message: ChildMessage, told: str
) -> None:
    said = after(before)

    with pytest.raises(LineError, match=told):
        said.take(message)


def test_a_trial_that_keeps_its_model_asks_for_no_pairs() -> None:
    with pytest.raises(LineError, match="asked for pairs"):
        after([*FITTING, Fitted()], keeps_model=True)


def test_nothing_is_taken_after_the_end_or_without_bounds() -> None:
    failed = Concluded(outcome=TrialOutcome(status="failed", reason="no"))
    with pytest.raises(LineError, match="spoke on after its last message"):
        after([*FITTING, failed, EPOCH])
    with pytest.raises(LineError, match="reported more than"):
        after([*FITTING, *[EPOCH] * (2 * MOST_EPOCHS + 1)])
    answers = [Predicted()] * (MOST_QUESTIONS + 1)
    with pytest.raises(LineError, match="times that it predicted"):
        after([*PREDICTING, PhaseBegan(phase="end"), *answers])
