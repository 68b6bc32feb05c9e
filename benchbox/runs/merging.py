"""Merges stored runs into a run of its own."""

import os
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

import msgspec

from benchbox.errors import ResultsError, UsageError, cannot_write
from benchbox.records import (
    MOST_LOG_BYTES,
    RunFolder,
    StudiesRecord,
    StudyRecord,
    TrialRecord,
    read_regular,
    remove_tree,
)
from benchbox.reports import Joined, join, write_tables


def merge_folders(folders: Sequence[RunFolder], out: Path) -> RunFolder:
    """Merge runs into the new folder *out*, with predictions, logs and searches.

    Args:
        folders: The runs, at least two.
        out: Folder of the new run; it must not exist.

    Raises:
        UsageError: There is only one run, or *out* exists.
        ResultsError: The runs' figures differ in their definitions, a run cannot be
            read, or *out* cannot be written.
    """
    if len(folders) < 2:
        raise UsageError("One run is nothing to merge. Name two or more.")
    if os.path.lexists(out):
        raise UsageError(f"{out} exists. Choose another folder for the merged run.")
    joined = join([(folder.read_run(), folder.trials()) for folder in folders])
    names = [run.id for run in joined.run.merged]
    command = shlex.join(["benchbox", "merge", *names, "--out", out.name])
    run = msgspec.structs.replace(joined.run, id=out.name, command=command)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made = Path(mkdtemp(prefix=f".{out.name[:80]}-", dir=out.parent))
    except OSError as error:
        raise ResultsError(cannot_write(out, error)) from error
    try:
        target = RunFolder(made)
        target.write_run(run)
        for trial, (number, origin) in zip(joined.trials, joined.origins, strict=True):
            _copy(folders[number], origin, target, trial)
        if studies := _studies(folders, joined):
            target.write_studies(
                StudiesRecord(
                    run=out.name,
                    stages=[stage.label for stage in run.stages],
                    seed=run.config.seed,
                    environment=run.environment.id,
                    studies=studies,
                )
            )
        write_tables(target)
        made.chmod(0o755)
        made.rename(out)
    except OSError as error:
        raise ResultsError(cannot_write(out, error)) from error
    finally:
        remove_tree(made)
    return RunFolder(out)


def _studies(folders: Sequence[RunFolder], joined: Joined) -> list[StudyRecord]:
    """Return the searches whose choices the merged trials have."""
    places = {
        (number, origin.stage, origin.label, origin.fold): trial.stage
        for trial, (number, origin) in zip(joined.trials, joined.origins, strict=True)
    }
    found = []
    for number, folder in enumerate(folders):
        for study in folder.studies():
            tuned = number, study.stage, f"{study.model} tuned", study.fold
            if (stage := places.get(tuned)) is not None:
                found.append(msgspec.structs.replace(study, stage=stage))
    return found


def _copy(
    source: RunFolder, origin: TrialRecord, target: RunFolder, trial: TrialRecord
) -> None:
    # What cannot be read as it was written is not taken over.
    if source.has_predictions(origin):
        target.write_trial(
            trial, source.predictions(origin), source.distribution(origin)
        )
        if source.has_reference(origin) and not target.has_reference(trial):
            target.write_reference(trial, source.reference(origin))
    else:
        target.write_trial(trial, None)
    with suppress(OSError):
        # Some more than a log can hold: it says what was cut.
        log = read_regular(source.log(origin), 2 * MOST_LOG_BYTES)
        target.log(trial).write_bytes(log)
