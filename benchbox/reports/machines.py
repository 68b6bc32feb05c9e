"""The machines that trials ran on."""

from collections.abc import Sequence

from benchbox.records import RunRecord, TrialRecord

_THREADS = "torch threads"
"""Name of a setting that trials report."""


def several_machines(run: RunRecord, trials: Sequence[TrialRecord]) -> list[str]:
    """Return the machines of trials, each with its threads, if there are several.

    Machines of one kind count as one.

    Args:
        run: The run.
        trials: Some of its trials.
    """
    environments = {e.id: e for e in (*run.earlier_environments, run.environment)}
    places = {
        (t.environment, t.settings.get(_THREADS, str(run.n_threads)))
        for t in trials
        if t.status == "ok"
    }
    found: dict[tuple[str, str], str] = {}
    for environment, threads in sorted(places):
        here = environments.get(environment, run.environment)
        text = f"{here.machine()}, with {_THREADS} {threads}"
        found.setdefault((here.fingerprint, threads), text)
    return list(found.values()) if len(found) > 1 else []
