"""The command that runs one trial of a stored run again."""

import shlex
from collections.abc import Iterator

from benchbox.options import spell
from benchbox.records import PlannedModel, RunRecord, TrialRecord


def rerun(run: RunRecord, trial: TrialRecord) -> str:
    """Return the command line that fits and scores a trial again, with its seed.

    Its predictions are the same on the same kind of machine, with the same versions.
    """
    model = run.models[trial.model]
    words = ["benchbox", "run", "-m", _model(model, trial), *_stage(run, trial.stage)]
    words += ["-f", trial.fold, "--seed", str(run.config.seed)]
    # The seed of a fit is drawn from its number, so the fits before it run again, too.
    words += ["--seeds", str(trial.replicate + 1), "--threads", str(run.n_threads)]
    words += ["--device", trial.device.partition(":")[0], *_settings(run)]
    return shlex.join(words)


def _model(model: PlannedModel, trial: TrialRecord) -> str:
    is_file = model.target.partition(":")[0].endswith(".py")
    return spell(model.target if is_file else model.name, model.changed | trial.tuned)


def _stage(run: RunRecord, number: int) -> Iterator[str]:
    stage = run.stages[number]
    asked = [
        (data, protocol)
        for data in run.config.datasets
        for protocol in run.config.protocols or ("",)
    ]
    dataset = spell(stage.dataset, stage.dataset_options)
    protocol = spell(stage.protocol, stage.protocol_options)
    if stage.case is not None:
        dataset, protocol = stage.case.dataset, stage.case.protocol
    elif len(asked) == len(run.stages):
        # Own files are named by their paths.
        dataset, protocol = asked[number][0], asked[number][1] or protocol
    yield from ("-d", dataset, "-p", protocol)
    if run.config.columns:
        yield from ("--columns", run.config.columns)


def _settings(run: RunRecord) -> Iterator[str]:
    if run.config.precision != "float32":
        yield from ("--precision", run.config.precision)
    if not run.config.clip:
        yield "--no-clip"
