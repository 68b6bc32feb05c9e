"""Hearing: the runner's side of one trial that runs on another machine."""

from collections.abc import Callable, Sequence
from pathlib import Path

from benchbox.records import Fitted, Pairs, TrialJob
from benchbox.trials.executors.api import AskAgain, Listen
from benchbox.trials.executors.cluster.trial import FILES
from benchbox.trials.executors.cluster.words import Answered, Asked, Heard


class Hearing:
    """What the runner hears of one trial, and tells it.

    Attributes:
        job: The trial.
        listen: Takes its messages.
        handed: The pairs it was asked first; `None` so far.
    """

    def __init__(
        self,
        job: TrialJob,
        log: Path | None,
        listen: Listen,
        hand_pairs: Callable[[], Pairs | Asked] | None,
        ask_again: AskAgain | None,
    ) -> None:
        self.job, self.listen = job, listen
        self.handed: Asked | None = None
        self._log, self._hand_pairs, self._ask_again = log, hand_pairs, ask_again

    def take(self, heard: Heard) -> Sequence[Asked | None]:
        """Pass on what was heard; return the answers that the trial waits for."""
        answers: list[Asked | None] = []
        if self._log is not None:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as log:
                log.write(heard.printed)
        for news in heard.news:
            self.listen(news)
            if isinstance(news, Fitted) and self._hand_pairs is not None:
                pairs = self._hand_pairs()
                self.handed = pairs if isinstance(pairs, Asked) else Asked.read(pairs)
                answers.append(self.handed)
        if heard.answered is not None:
            answers.append(self._answered(heard.answered))
        return answers

    def _answered(self, answered: Answered) -> Asked | None:
        if self._log is not None:
            for name in FILES & answered.files.keys():
                Path(self.job.out, name).write_bytes(answered.files[name])
        more = None if self._ask_again is None else self._ask_again(answered.said)
        return None if more is None else Asked.read(more)
