"""Tells the records of a run's trials from those that do not belong to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchbox.errors import ResultsError, counted
from benchbox.records.encoding import decoded
from benchbox.records.manifest import MANIFEST, Listed, read_manifest
from benchbox.records.names import trial_name
from benchbox.records.run import RESULT_FORMAT, RunRecord
from benchbox.records.trial import TrialRecord


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found in a folder of records.

    Attributes:
        records: Sound records of trials, ordered by file name.
        left_out: A sentence for each record that is missing, was changed or belongs
            elsewhere. It names the file.
    """

    records: list[TrialRecord]
    left_out: list[str]


def examine(folder: Path, run: RunRecord | None, most: int | None = None) -> Examined:
    """Read the records of trials in *folder*, and leave out those that do not belong.

    Args:
        folder: Folder of the run.
        run: Record of the run; `None` for a folder without one, such as a search's.
        most: Number of records to look at, the first by name; `None` for all.

    Raises:
        ResultsError: The manifest is missing or cannot be read.
    """
    # Before the manifest, which may grow meanwhile.
    there = _names_in(folder / "trials")
    found = _Examination(folder, run, _listed(folder, run))
    return found.of(there, most)


class _Examination:
    def __init__(
        self, folder: Path, run: RunRecord | None, listed: Listed | None
    ) -> None:
        self._folder, self._run, self._listed = folder, run, listed
        self._is_over = run is not None and run.status == "finished"
        self._n_planned = 0 if run is None else run.n_trials

    def of(self, there: list[str], most: int | None) -> Examined:
        records: list[TrialRecord] = []
        left_out = [*self._strays(there)]
        names = there if self._listed is None else sorted(self._listed.hashes)
        for name in names[:most]:
            try:
                record = self._record(name)
            except ResultsError as error:
                left_out.append(str(error))
                continue
            if record is not None:
                records.append(record)
        n_known = len(records) + len(left_out)
        n_read = len(names[:most])
        if n_read == len(names) and self._is_over and n_known < self._n_planned:
            left_out.append(
                f"{self._folder}: of {counted(self._n_planned, 'planned trial')}, "
                f"{self._n_planned - n_known} have no record, though the run is "
                f"finished. Restore them, or run them again with --resume."
            )
        return Examined(records, left_out)

    def _strays(self, there: list[str]) -> Iterator[str]:
        if self._listed is None:
            return
        for name in there:
            if name not in self._listed.hashes:
                yield (
                    f"{self._file(name)} is not in the manifest of the run: a copy, or "
                    f"from another run. Remove it."
                )
        for place in self._listed.broken:
            yield f"Line {place} of {self._folder / MANIFEST} was changed. Restore it."

    def _record(self, name: str) -> TrialRecord | None:
        file = self._file(name)
        try:
            record: TrialRecord = decoded(file, TrialRecord, self._expected(name))
        except FileNotFoundError:
            if self._is_pending(name):
                return None
            raise ResultsError(
                f"{file} is in the manifest of the run, but not there. Restore it, or "
                f"run it again with --resume."
            ) from None
        except ResultsError:
            earlier = self._listed.before.get(name, "") if self._listed else ""
            if not (earlier and self._is_pending(name)):
                raise
            record = decoded(file, TrialRecord, earlier)
        if trial_name(record) != name:
            raise ResultsError(
                f"{file} is the record of trial {trial_name(record)}: a copy, or "
                f"renamed. Remove it, or give it back that name."
            )
        if why := self._disagreement(record):
            raise ResultsError(
                f"{file} is no trial of run {self._run.id if self._run else ''}: {why}."
            )
        return record

    def _file(self, name: str) -> Path:
        return self._folder / "trials" / f"{name}.json"

    def _expected(self, name: str) -> str:
        return self._listed.hashes[name] if self._listed else ""

    def _is_pending(self, name: str) -> bool:
        """Return whether a record is about to be written, or was when the run died."""
        return (
            self._listed is not None and name == self._listed.last and not self._is_over
        )

    def _disagreement(self, record: TrialRecord) -> str:
        """Return how a record disagrees with its run, in words; empty if it agrees."""
        run = self._run
        if run is None:
            return ""
        if not (
            0 <= record.stage < len(run.stages) and 0 <= record.model < len(run.models)
        ):
            return (
                f"the run has {len(run.stages)} stages and {len(run.models)} models, "
                f"and this is of stage {record.stage} and model {record.model}"
            )
        label = self._labels[record.model]
        if record.label != label:
            return f"it is of {record.label}, and the run has {label} in its place"
        if record.model not in self._participants[record.stage]:
            return f"{label} takes no part in stage {record.stage}"
        if record.replicate < 0 or record.repeat < 0:
            return f"it is fit {record.replicate}, repeat {record.repeat}"
        return _other_fold(self._folds[record.stage].get(record.fold), record)

    @cached_property
    def _labels(self) -> list[str]:
        return [model.label for model in self._run.models] if self._run else []

    @cached_property
    def _participants(self) -> list[set[int]]:
        run = self._run
        return [{*s.participants(run)} for s in run.stages] if run else []

    @cached_property
    def _folds(self) -> list[dict[str, tuple[str, int]]]:
        stages = self._run.stages if self._run else []
        return [{f.name: (f.id, f.n_hidden) for f in stage.folds} for stage in stages]


def _other_fold(fold: tuple[str, int] | None, record: TrialRecord) -> str:
    """Return how the fold of a record is another than its run's; empty if it is not."""
    its_id, n_hidden = fold or ("none", 0)
    if its_id != record.fold_id:
        return (
            f"it was scored on fold {record.fold!r} with id {record.fold_id}, and the "
            f"run shows {its_id}, which has other ratings"
        )
    if n_hidden != record.n_hidden:
        return f"its fold has {n_hidden} hidden ratings, not {record.n_hidden}"
    return ""


def _names_in(trials: Path) -> list[str]:
    # Some systems put files of their own wherever one looks.
    paths = (path for path in trials.glob("*.json") if not path.name.startswith("."))
    return sorted(path.stem for path in paths)


def _listed(folder: Path, run: RunRecord | None) -> Listed | None:
    try:
        return read_manifest(folder)
    except FileNotFoundError:
        # Runs of format 1 had none, and searches have one from their first trial on.
        if run is None or run.format < RESULT_FORMAT:
            return None
        raise ResultsError(
            f"{folder / MANIFEST} is not there, so nothing says which trials are those "
            f"of the run. Restore it, or run again."
        ) from None
