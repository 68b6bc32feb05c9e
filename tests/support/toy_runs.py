"""Toy runs: records of runs that never took place, with scores chosen by hand."""

from collections.abc import Sequence
from typing import Any

from benchbox.machine.environment import Environment
from benchbox.metrics.metric import METRICS
from benchbox.models.contract import Capabilities
from benchbox.ratings import RatingScale
from benchbox.records.config import RunConfig
from benchbox.records.run import (
    FoldRecord,
    MetricRecord,
    PlannedModel,
    RunRecord,
    StageRecord,
)
from benchbox.records.trial import ScoreRecord, TrialRecord


def toy_model(name: str, *, stochastic: bool = False, **changed: Any) -> PlannedModel:
    """Return a model whose options are all given as *changed*."""
    return PlannedModel(
        name=name,
        target=f"toys.{name}:Toy",
        options_type="",
        options=changed,
        changed=changed,
        capabilities=Capabilities(stochastic=stochastic),
        package="toys",
        version="1.0",
        source_digest="",
    )


def toy_stage(n_folds: int = 5, **changes: Any) -> StageRecord:
    """Return a stage whose folds hide 20 ratings of 100 each."""
    values: dict[str, Any] = {
        "dataset": "toys",
        "dataset_options": {},
        "origin": "made up",
        "data_id": "d" * 32,
        "n_users": 10,
        "n_items": 10,
        "n_ratings": 100,
        "scale": RatingScale(1, 5, 1),
        "noise_floor": None,
        "protocol": "kfold",
        "protocol_options": {"n_folds": n_folds, "seed": 0},
        "cold_policy": "scored",
        "standard": False,
        "folds": [
            FoldRecord(
                name=f"k{k}",
                id=f"{k:032x}",
                n_train=80,
                n_hidden=20,
                n_cold_users=0,
                n_cold_items=0,
            )
            for k in range(1, n_folds + 1)
        ],
    }
    return StageRecord(**values | changes)


def toy_run(
    models: Sequence[PlannedModel],
    stages: Sequence[StageRecord] | None = None,
    *,
    first_use_seconds: dict[str, float] | None = None,
    **config: Any,
) -> RunRecord:
    """Return a run of *models*, of one toy stage unless others are given."""
    stages = [toy_stage()] if stages is None else list(stages)
    asked = RunConfig(**{"seeds": 1} | config)
    return RunRecord(
        id="20260102-030405-abcd",
        created="2026-01-02T03:04:05+00:00",
        config=asked,
        command="benchbox run",
        n_trials=sum(
            asked.n_trials(model.capabilities) * len(stage.folds)
            for model in models
            for stage in stages
        ),
        n_threads=2,
        models=list(models),
        stages=stages,
        metrics=[
            MetricRecord(
                name=m.name,
                title=m.title,
                unit=m.unit,
                higher_is_better=m.higher_is_better,
                pooling=m.pooling,
                definition=m.definition,
                target=m.target,
            )
            for m in METRICS
        ],
        first_use_seconds=first_use_seconds or {},
        environment=Environment(
            benchbox="0.1.0",
            commit="",
            python="3.11.7",
            system="Toy OS 1",
            cpu="Abacus",
            n_cpus=2,
            memory_bytes=8 * 2**30,
            packages={"torch": "2.9.0"},
        ),
    )


def toy_trial(
    run: RunRecord, rmse: float | None, *, model: int = 0, fold: int = 0, **changes: Any
) -> TrialRecord:
    """Return a trial that scored *rmse*, or that failed where there is none."""
    replicate, stage = changes.get("replicate", 0), changes.get("stage", 0)
    where = run.stages[stage].folds[fold]
    values: dict[str, Any] = {
        "key": f"{stage}{model}{fold}{replicate}",
        "stage": stage,
        "model": model,
        "label": run.models[model].label,
        "fold": where.name,
        "fold_id": where.id,
        "replicate": replicate,
        "seed": 7,
        "device": "cpu",
        "n_hidden": where.n_hidden,
        "status": "failed",
        "reason": "loss became NaN in epoch 3",
    }
    if rmse is not None:
        values |= {
            "status": "ok",
            "reason": "",
            "metrics": {
                "rmse": ScoreRecord(rmse, 20),
                "mae": ScoreRecord(rmse * 0.75, 20),
                "mape": ScoreRecord(rmse / 4, 20),
                "rmse-by-user": ScoreRecord(rmse * 0.9, 20),
                "rmse-by-item": ScoreRecord(rmse * 0.95, 20),
            },
            "n_answered": where.n_hidden,
            "wall_seconds": {"load": 0.25, "fit": 2.0, "predict": 0.5},
            "cpu_seconds": {"load": 0.25, "fit": 3.5, "predict": 0.5},
            "peak_memory_bytes": 200 * 2**20,
            "idle_memory_bytes": 150 * 2**20,
            "n_parameters": 12_345,
        }
    return TrialRecord(**values | changes)


def toy_trials(run: RunRecord, scores: Sequence[Sequence[float | None]]):
    """Return trials by model and fold, each with the RMSE at its place in *scores*."""
    return [
        toy_trial(run, rmse, model=model, fold=fold)
        for model, by_fold in enumerate(scores)
        for fold, rmse in enumerate(by_fold)
    ]
