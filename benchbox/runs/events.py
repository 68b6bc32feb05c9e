"""Events: telling plugins of a run, which no fault of theirs can harm."""

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from copy import deepcopy
from typing import Any

from benchbox.plugins import Offer, Registry
from benchbox.records import RunRecord, TrialMessage, TrialRecord, TrialStart
from benchbox.runs.listener import Listener, Silent
from benchbox.runs.plan import PlannedTrial
from benchbox.text import error_line


class Events:
    """Tells the plugins that want to know of a run's events.

    Args:
        registry: The plugins.
        notify: Takes a line for each function that failed, the first time.
    """

    def __init__(self, registry: Registry, notify: Callable[[str], None]) -> None:
        self._hooks = registry.events
        self._notify = notify
        self._failed: set[tuple[str, str]] = set()

    def tell(self, event: str, **facts: Any) -> None:
        """Tell of *event*, one plugin after the other; each gets copies."""
        for offer in self._hooks.get(event, ()):
            self._call(event, offer, facts)

    def _call(self, event: str, offer: Offer[Any], facts: dict[str, Any]) -> None:
        impl = offer.value
        wanted = {name: deepcopy(facts[name]) for name in impl.argnames}
        try:
            # What a plugin prints must not get into the table.
            with redirect_stdout(sys.stderr):
                impl.function(**wanted)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # A journal that fails must not cost the run; said once, it is known.
            if (event, str(offer.origin)) not in self._failed:
                self._failed.add((event, str(offer.origin)))
                self._notify(
                    f"plugin {offer.origin} fails in its hook benchbox_{event}: "
                    f"{error_line(error)}. The run goes on without it."
                )


class TellingListener(Silent):
    """A listener that passes on what it hears, and tells plugins of trials.

    Args:
        run: The run.
        events: Tells the plugins.
        listener: Whoever else listens.
    """

    def __init__(self, run: RunRecord, events: Events, listener: Listener) -> None:
        self._run, self._events, self._listener = run, events, listener

    def trial_started(self, trial: PlannedTrial) -> None:
        """Pass on that *trial* begins."""
        self._listener.trial_started(trial)
        start = TrialStart(
            key=trial.key,
            stage=trial.stage_number,
            model=trial.model_number,
            label=trial.model.label,
            fold=trial.fold.name,
            replicate=trial.replicate,
            seed=trial.seed,
            device=trial.device,
        )
        self._events.tell("trial_started", run=self._run, trial=start)

    def trial_said(self, message: TrialMessage) -> None:
        """Pass on a message; plugins are not told."""
        self._listener.trial_said(message)

    def trial_ended(self, trial: PlannedTrial, record: TrialRecord) -> None:
        """Pass on how *trial* ended."""
        self._listener.trial_ended(trial, record)
        self._events.tell("trial_ended", run=self._run, trial=record)
