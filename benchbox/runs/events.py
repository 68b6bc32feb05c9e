"""Calls the event hooks of plugins; their errors do not affect the run."""

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from copy import deepcopy
from typing import Any

from benchbox.errors import error_line
from benchbox.plugins import Offer, Registry
from benchbox.records import RunRecord, TrialNews, TrialRecord, TrialStart
from benchbox.runs.listener import Listener, Silent
from benchbox.runs.plan import PlannedTrial


class Events:
    """Calls the event hooks of all plugins.

    Args:
        registry: Installed plugins.
        notify: Shows a line the first time that a hook of a plugin fails.
    """

    def __init__(self, registry: Registry, notify: Callable[[str], None]) -> None:
        self._hooks = registry.events
        self._notify = notify
        self._failed: set[tuple[str, str]] = set()

    def tell(self, event: str, **facts: Any) -> None:
        """Call the hooks of *event*, one by one, with copies of *facts*."""
        for offer in self._hooks.get(event, ()):
            self._call(event, offer, facts)

    def _call(self, event: str, offer: Offer[Any], facts: dict[str, Any]) -> None:
        impl = offer.value
        wanted = {name: deepcopy(facts[name]) for name in impl.argnames}
        try:
            # What a plugin prints must not end up in the table.
            with redirect_stdout(sys.stderr):
                impl.function(**wanted)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001
            # A plugin that fails must not stop the run; report it once.
            if (event, str(offer.origin)) not in self._failed:
                self._failed.add((event, str(offer.origin)))
                self._notify(
                    f"plugin {offer.origin} fails in its hook benchbox_{event}: "
                    f"{error_line(error)}. The run continues without it."
                )


class TellingListener(Silent):
    """A listener that calls another one and the event hooks of plugins.

    Args:
        run: Record of the run.
        events: Calls the hooks.
        listener: The other listener.
    """

    def __init__(self, run: RunRecord, events: Events, listener: Listener) -> None:
        self._run, self._events, self._listener = run, events, listener

    def trial_started(self, trial: PlannedTrial) -> None:
        """Pass on that *trial* starts."""
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

    def trial_said(self, trial: PlannedTrial | None, message: TrialNews) -> None:
        """Pass on a message to the listener; plugins do not get it."""
        self._listener.trial_said(trial, message)

    def trial_ended(self, trial: PlannedTrial, record: TrialRecord) -> None:
        """Pass on how *trial* ended."""
        self._listener.trial_ended(trial, record)
        self._events.tell("trial_ended", run=self._run, trial=record)
