"""Checks the order of a trial's messages, and keeps what they said."""

from benchbox.models import LARGEST_COUNT
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

_NEXT = {
    "": ("load",),
    "loaded": ("fit",),
    "fitted": ("predict",),
    "predict": ("distribution", "end"),
    "distribution": ("end",),
}
"""The phases that may begin in each state of a trial."""


class Conversation:
    """Checks the messages of one trial.

    The model's code runs in the process that speaks, and can make it say anything.

    Attributes:
        outcome: What the trial said of itself at its end; `None` so far.
        confined: How it is confined; empty so far.

    Args:
        keeps_model: Whether the trial ends with the fit.
    """

    def __init__(self, *, keeps_model: bool) -> None:
        self.outcome: TrialOutcome | None = None
        self.confined = ""
        self._state = ""
        self._last_state = "fit" if keeps_model else "predicted"
        self._n_epochs = self._n_answers = 0

    def take(self, message: ChildMessage) -> None:
        """Check and keep *message*.

        Raises:
            LineError: It is not the trial's turn to say that.
        """
        if self.outcome is not None:
            raise LineError("spoke on after its last message")
        if isinstance(message, Confined):
            self._take_confinement(message)
        elif isinstance(message, PhaseBegan):
            self._take_phase(message.phase)
        elif isinstance(message, EpochEnded):
            self._take_epoch(message)
        elif isinstance(message, Loaded):
            self._take_loaded()
        elif isinstance(message, Fitted):
            self._take_fitted()
        elif isinstance(message, Predicted):
            self._take_predicted()
        else:
            self._take_conclusion(message)

    def _take_confinement(self, message: Confined) -> None:
        # Once only, and first: what follows can be the words of a model.
        if self.confined or self._state:
            raise LineError(f"told {self._when()} how it is confined")
        self.confined = message.by

    def _take_phase(self, phase: str) -> None:
        if phase not in _NEXT.get(self._state, ()):
            raise LineError(f"began phase {phase[:20]!r} {self._when()}")
        self._state = phase

    def _take_epoch(self, message: EpochEnded) -> None:
        if self._state != "fit":
            raise LineError(f"reported an epoch {self._when()}")
        if not (
            1 <= message.epoch <= LARGEST_COUNT and 0 <= message.of <= LARGEST_COUNT
        ):
            raise LineError("reported an epoch whose number is out of range")
        self._n_epochs += 1
        # A fit that chooses its epochs is followed by another.
        if self._n_epochs > 2 * MOST_EPOCHS:
            raise LineError(f"reported more than {MOST_EPOCHS:,} epochs")

    def _take_loaded(self) -> None:
        if self._state != "load":
            raise LineError(f"asked for its ratings {self._when()}")
        self._state = "loaded"

    def _take_fitted(self) -> None:
        if self._state != "fit" or self._last_state == "fit":
            raise LineError(f"asked for pairs {self._when()}")
        self._state = "fitted"

    def _take_predicted(self) -> None:
        if self._state not in ("end", "predicted"):
            raise LineError(f"said that it has predicted {self._when()}")
        self._n_answers += 1
        if self._n_answers > MOST_QUESTIONS:
            raise LineError(f"said more than {MOST_QUESTIONS} times that it predicted")
        self._state = "predicted"

    def _take_conclusion(self, message: Concluded) -> None:
        if message.outcome.status == "ok" and self._state != self._last_state:
            raise LineError(f"said that it ended well {self._when()}")
        self.outcome = message.outcome

    def _when(self) -> str:
        return f"in phase {self._state!r}" if self._state else "before its first phase"
