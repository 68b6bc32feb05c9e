"""Renders tables as JSON, unrounded."""

from typing import Any

import msgspec

from benchbox.options import spell
from benchbox.records import RunRecord, StageRecord
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.other_pairs import verdict
from benchbox.reports.rows import Row
from benchbox.reports.warnings import audit_warnings


def render(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return run, definitions and rows as JSON."""
    content = {
        "format": run.format,
        "run": run.id,
        "status": run.status,
        "metrics": run.metrics,
        "environment": run.environment,
        "tables": [_board(board) for board in boards],
    }
    encoded = msgspec.json.encode(content)
    return msgspec.json.format(encoded, indent=2).decode()


def definition(run: RunRecord, stage: StageRecord) -> dict[str, Any]:
    """Return the fields that identify a stage, the first in each line of figures."""
    return {
        "run": run.id,
        "dataset": spell(stage.dataset, stage.dataset_options),
        "protocol": spell(stage.protocol, stage.protocol_options),
        "flaw": stage.flaw,
    }


def row_values(run: RunRecord, board: Leaderboard, row: Row) -> dict[str, Any]:
    """Return a row with data set, protocol and folds, one value per key."""
    stage = board.stage
    shared = {
        "folds": " ".join(fold.name for fold in stage.folds),
        "n_hidden": sum(fold.n_hidden for fold in stage.folds),
        "clipped": run.config.clip,
        "warnings": "; ".join(audit_warnings(stage)),
    }
    # Figures that do not measure prediction quality get their own columns.
    prefix = "flawed_" if stage.flaw else ""
    return definition(run, stage) | shared | flat(row, prefix)


def flat(row: Row, prefix: str = "") -> dict[str, Any]:
    """Return a row with one value per key, metrics first.

    Args:
        row: The row.
        prefix: Prefix for the names of all scores.
    """
    values: dict[str, Any] = {"model": row.label}
    for metric, summary in row.summaries.items():
        name = prefix + metric
        values[name] = summary.mean
        values[f"{name}_fold_deviation"] = summary.fold_deviation
        values[f"{name}_seed_deviation"] = summary.seed_deviation
    values |= {
        "coverage": row.coverage,
        "fit_seconds": row.fit_seconds,
        "ready_seconds": row.ready_seconds,
        "predict_seconds": row.predict_seconds,
        "total_seconds": row.total_seconds,
        "tuning_seconds": row.tuning_seconds,
        "pairs_per_second": row.pairs_per_second,
        "row_seconds": row.row_seconds,
        "energy_joules": row.energy_joules,
        "is_on_front": row.is_on_front,
        "n_disturbed": row.n_disturbed,
        "n_together": row.n_together,
        "n_hastened": row.n_hastened,
        "asked_again": verdict(row.asked_again),
        "device": row.device,
        "peak_memory_bytes": row.peak_memory_bytes,
        "peak_accelerator_bytes": row.peak_accelerator_bytes,
        "n_parameters": row.n_parameters,
        "n_ok": row.n_ok,
        "n_trials": row.n_trials,
        "asks_times": row.asks_times,
        "mark": row.mark,
        "flag": row.flag,
        f"{prefix}behind_low": row.behind.low if row.behind else None,
        f"{prefix}behind_high": row.behind.high if row.behind else None,
        **row.more,
    }
    return values


def _board(board: Leaderboard) -> dict[str, Any]:
    return {
        "stage": board.stage,
        "warnings": audit_warnings(board.stage),
        "reference": board.reference,
        "machines": board.machines,
        "rows": [flat(row) for row in board.rows],
        "troubles": board.troubles,
    }
