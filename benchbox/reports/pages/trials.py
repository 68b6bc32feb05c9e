"""What a page tells of each trial, as rows that its script shows when asked."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchbox.errors import one_line, printable
from benchbox.machine import Environment
from benchbox.options import spell
from benchbox.records import RunFolder, RunRecord, TrialRecord, trial_name
from benchbox.reports.pages.rerun import rerun
from benchbox.reports.pages.study import Study

_MOST_LINES = 25
"""Of a log: an error is at its end."""

_MOST_BYTES = 4_000
"""Of a log."""

_MOST_LOG_BYTES = 1_500_000
"""Of all logs in a page; trials that failed come first."""

_MOST_CHARACTERS = 2_000
"""Of a note or a reason, which models write."""


def trial_rows(study: Study) -> dict[str, Any]:
    """Return all trials as JSON; what many share is stored once.

    Returns:
        ``options`` and ``environments``, each a list of texts; ``metrics``, name and
        title of each; and ``trials``, which refer to the former two by index.
    """
    options: dict[str, int] = {}
    environments: dict[str, int] = {}
    tails = _tails(study)
    rows = []
    for run, trials in study.runs:
        told = {e.id: _told(e) for e in (*run.earlier_environments, run.environment)}
        for trial in trials:
            mine = told.get(trial.environment, told[run.environment.id])
            row = _row(run, trial)
            row["options"] = options.setdefault(_options(run, trial), len(options))
            row["environment"] = environments.setdefault(mine, len(environments))
            row["log"] = tails.get(id(trial), "")
            rows.append({key: value for key, value in row.items() if value != ""})
    return {
        "options": list(options),
        "environments": list(environments),
        "metrics": [[m.name, m.title, m.unit] for m in study.run.metrics],
        "trials": rows,
    }


def _row(run: RunRecord, trial: TrialRecord) -> dict[str, Any]:
    stage = run.stages[trial.stage]
    return {
        "run": run.id,
        "stage": printable(stage.label),
        "model": trial.label,
        "fold": one_line(trial.fold),
        "fit": trial.replicate,
        "repeat": trial.repeat or "",
        "status": trial.status,
        "reason": one_line(trial.reason, _MOST_CHARACTERS),
        "seed": str(trial.seed),
        "device": trial.device,
        "scores": {
            name: round(score.value, 6)
            for name, score in trial.metrics.items()
            if score.value is not None
        },
        "seconds": {k: round(s, 4) for k, s in trial.wall_seconds.items()},
        "memory": trial.peak_memory_bytes or "",
        "epochs": trial.chosen_epoch or len(trial.curve) or "",
        "notes": _joined(trial.notes),
        "settings": _joined(trial.settings),
        "disturbed": "; ".join(trial.contended),
        "confined": trial.confined,
        "key": trial.key,
        "rerun": printable(rerun(run, trial)),
    }


def _joined(pairs: dict[str, str]) -> str:
    text = "; ".join(f"{name}: {value}" for name, value in pairs.items())
    return one_line(text, _MOST_CHARACTERS)


def _options(run: RunRecord, trial: TrialRecord) -> str:
    """Return all options in force, each on a line."""
    model = run.models[trial.model]
    in_force = model.options | trial.tuned
    lines = [one_line(spell("", {name: v}).lstrip(":")) for name, v in in_force.items()]
    return "\n".join(lines) or "(no options)"


def _told(environment: Environment) -> str:
    packages = ", ".join(f"{n} {v}" for n, v in environment.packages.items())
    commit = f" at {environment.commit}" if environment.commit else ""
    return printable(
        f"{environment.machine()}\n{environment.system}; Python {environment.python}; "
        f"benchbox {environment.benchbox}{commit}\n{packages}"
    )


def _tails(study: Study) -> dict[int, str]:
    """Return the end of each trial's log, failures first, as long as there is room."""
    asked = [
        (folder, trial)
        for folder, (_, trials) in zip(study.folders, study.runs, strict=True)
        for trial in trials
    ]
    asked.sort(key=lambda pair: pair[1].status == "ok")
    return dict(_within_bounds(asked))


def _within_bounds(
    asked: Sequence[tuple[RunFolder, TrialRecord]],
) -> Iterator[tuple[int, str]]:
    left = _MOST_LOG_BYTES
    for folder, trial in asked:
        tail = _tail(folder.path / "logs" / f"{trial_name(trial)}.log")
        left -= len(tail)
        if left < 0:
            return
        yield id(trial), tail


def _tail(file: Path) -> str:
    """Return the last lines of a log; empty if there is none."""
    try:
        with file.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(0, size - _MOST_BYTES))
            text = log.read().decode(errors="replace")
    except OSError:
        return ""
    lines = text.splitlines()
    # The first line may have begun earlier.
    lines = lines[1:] if size > _MOST_BYTES else lines
    return printable("\n".join(lines[-_MOST_LINES:]))
