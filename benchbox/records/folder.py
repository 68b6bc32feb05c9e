"""Folder of a run, written so that a crash loses no finished trial."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.data import write_array
from benchbox.errors import ResultsError, error_line, printable
from benchbox.metrics import Distribution, from_table, table_of
from benchbox.ratings import Values
from benchbox.records.encoding import decoded, encoded, file_hash, read_whole
from benchbox.records.examination import Examined, examine
from benchbox.records.files import cannot_store
from benchbox.records.locks import is_locked, locked, running
from benchbox.records.manifest import MANIFEST, list_trial, manifest_of
from benchbox.records.names import (
    digest_file,
    distribution_file,
    reference_file,
    trial_name,
)
from benchbox.records.run import RunRecord
from benchbox.records.shelf import run_paths
from benchbox.records.study import STUDY, StudiesRecord, StudyRecord
from benchbox.records.trial import TrialRecord
from benchbox.targets import undisturbed

_PARTS = ("trials", "logs", "predictions", "references")


class RunFolder:
    """A run on disk. Everything in it is written whole and then renamed into place.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, parent: Path, run_id: str) -> "RunFolder":
        """Create the folder of a new run in *parent*.

        Raises:
            ResultsError: It cannot be made.
        """
        folder = cls(parent / run_id)
        try:
            for name in _PARTS:
                (folder.path / name).mkdir(parents=True)
        except OSError as error:
            raise cannot_store(folder.path, error) from error
        return folder

    def inner(self, name: str) -> "RunFolder":
        """Return a folder of records within this one; it is created if necessary.

        Raises:
            ResultsError: It cannot be made.
        """
        inner = RunFolder(self.path / name)
        try:
            for part in _PARTS:
                (inner.path / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_store(inner.path, error) from error
        return inner

    @classmethod
    def find(cls, name: str, parent: Path) -> "RunFolder":
        """Return the run *name*: a folder, the name of a run in *parent*, or ``last``.

        Raises:
            ResultsError: There is no such run.
        """
        runs = run_paths(parent)
        if name == "last" and runs:
            return cls(runs[-1])
        for path in (Path(name), parent / name):
            if (path / "run.json").is_file():
                return cls(path)
        if name == "last":
            raise ResultsError(
                f"There are no runs in {parent} yet. `benchbox run` makes one; --out "
                f"names another folder."
            )
        known = ", ".join(path.name for path in runs[-3:]) or "none"
        raise ResultsError(
            f"There is no run {name!r} in {parent}. Newest runs there: {known}."
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from carrying out this run meanwhile.

        The system releases the lock however this process ends.

        Raises:
            ResultsError: Another process carries it out.
        """
        try:
            with locked(self.path):
                yield
        except BlockingIOError:
            raise running(self.path) from None

    def is_running(self) -> bool:
        """Return whether a process carries out this run at the moment."""
        return is_locked(self.path)

    def write_run(self, record: RunRecord) -> None:
        """Write or replace the record of the run.

        A run of an earlier version, which had no manifest, gets one of its sound
        trials.
        """
        if not (self.path / MANIFEST).exists():
            self._begin_manifest(self.examine().records if self.has_run() else [])
        self._write("run.json", encoded(record))

    def clean(self) -> Examined:
        """Remove what a killed process left, and list only sound records from now on.

        Only the process that carries out the run may do that; see `locked`.

        Returns:
            What was found.

        Raises:
            ResultsError: The run, or what lists its trials, cannot be read or written.
        """
        for part in self.path.glob("*/.*.part"):
            part.unlink(missing_ok=True)
        found = self.examine()
        self._begin_manifest(found.records)
        return found

    def _begin_manifest(self, trials: Iterable[TrialRecord]) -> None:
        files = {
            name: self.path / "trials" / f"{name}.json"
            for name in map(trial_name, trials)
        }
        hashes = {name: file_hash(read_whole(file)) for name, file in files.items()}
        self._write(MANIFEST, manifest_of(hashes))

    def read_run(self) -> RunRecord:
        """Return the record of the run.

        Raises:
            ResultsError: It cannot be read or has another format.
        """
        record: RunRecord = self._record("run.json", RunRecord)
        return record

    def has_run(self) -> bool:
        """Return whether the folder contains a run."""
        return (self.path / "run.json").is_file()

    def write_trial(
        self,
        record: TrialRecord,
        predictions: Values | None,
        distribution: Distribution | None = None,
    ) -> None:
        """Write or replace what a trial predicted, if any, and then its record."""
        name = trial_name(record)
        if predictions is not None:
            self._write(f"predictions/{name}.npy", predictions)
        if distribution is not None:
            self._write(distribution_file(record), table_of(distribution))
        self._write_listed(record)

    def _write_listed(self, record: TrialRecord) -> None:
        name, content = trial_name(record), encoded(record)
        list_trial(self.path, name, file_hash(content))
        self._write(f"trials/{name}.json", content)

    def write_reference(self, record: TrialRecord, predictions: Values) -> None:
        """Write the bias model's predictions of the hidden ratings of a trial."""
        name = reference_file(record)
        digest = f"{predictions_digest(predictions)}\n"
        self._write(digest_file(name), digest.encode())
        self._write(name, predictions)

    def has_predictions(self, record: TrialRecord) -> bool:
        """Return whether a trial's predictions are stored."""
        return (self.path / f"predictions/{trial_name(record)}.npy").is_file()

    def has_reference(self, record: TrialRecord) -> bool:
        """Return whether the bias model's predictions for a trial's fold are stored."""
        return (self.path / reference_file(record)).is_file()

    def predictions(self, record: TrialRecord) -> Values:
        """Return a trial's predictions, unclipped, in the order of the hidden ratings.

        Raises:
            ResultsError: They were not stored or cannot be read.
        """
        name = f"predictions/{trial_name(record)}.npy"
        return self._load(name, record.n_hidden, record.predictions_digest)

    def distribution(self, record: TrialRecord) -> Distribution | None:
        """Return a trial's distributions, in the order of the hidden ratings.

        Returns:
            The distributions, unclipped; `None` if the model predicts none.

        Raises:
            ResultsError: They were not stored or cannot be read.
        """
        if not record.distribution_digest:
            return None
        name = distribution_file(record)
        table = self._array(name)
        self._verify(name, table, record.distribution_digest)
        return from_table(table, record.n_hidden)

    def reference(self, record: TrialRecord) -> Values:
        """Return the bias model's predictions of a trial's hidden ratings.

        Raises:
            ResultsError: They were not stored or cannot be read.
        """
        name, digest = reference_file(record), ""
        # Benchbox 0.1 wrote none.
        with suppress(FileNotFoundError, UnicodeDecodeError):
            digest = read_whole(self.path / digest_file(name)).decode().strip()
        return self._load(name, record.n_hidden, digest)

    def _load(self, name: str, n_hidden: int, digest: str) -> Values:
        values: Values = self._array(name)
        if values.shape != (n_hidden,) or values.dtype != np.float32:
            raise ResultsError(
                f"{self.path / name} holds {values.dtype} of shape {values.shape}, not "
                f"a float32 for each of {n_hidden} hidden ratings. It was changed by "
                f"hand."
            )
        self._verify(name, values, digest)
        return values

    def _array(self, name: str) -> NDArray[np.float32]:
        file = self.path / name
        try:
            content = read_whole(file)
        except FileNotFoundError:
            raise ResultsError(
                f"{file} is not there: the run did not keep its predictions. Run again "
                f"without --drop-predictions."
            ) from None
        try:
            found: NDArray[np.float32] = undisturbed(
                lambda: np.load(BytesIO(content), allow_pickle=False)
            )
        except Exception as error:  # noqa: BLE001 - damage shows in many ways
            raise ResultsError(f"{file} cannot be read: {error_line(error)}.") from None
        return found

    def _verify(self, name: str, values: NDArray[np.float32], digest: str) -> None:
        if digest and predictions_digest(values) != digest:
            raise ResultsError(
                f"{self.path / name} holds other predictions than the trial made. "
                f"Restore it, or run again."
            )

    def trials(self) -> list[TrialRecord]:
        """Return the records of all trials that have ended, ordered by file name.

        Raises:
            ResultsError: A record is missing, was changed or is no trial of this run.
        """
        found = self.examine()
        if found.left_out:
            n_more = len(found.left_out) - 1
            more = f" (And {n_more:,} more.)" if n_more else ""
            raise ResultsError(f"{found.left_out[0]}{more}")
        return found.records

    def examine(self, most: int | None = None) -> Examined:
        """Return the sound records of trials, and why others were left out.

        Args:
            most: Number of records to look at, the first by name; `None` for all.

        Raises:
            ResultsError: The run, or what lists its trials, cannot be read.
        """
        run = self.read_run() if self.has_run() else None
        return examine(self.path, run, most)

    def studies(self) -> list[StudyRecord]:
        """Return the searches of the run; empty if nothing was tuned.

        Raises:
            ResultsError: Their record cannot be read.
        """
        if not (self.path / STUDY).exists():
            return []
        record: StudiesRecord = self._record(STUDY, StudiesRecord)
        n_stages = len(self.read_run().stages)
        if any(not 0 <= study.stage < n_stages for study in record.studies):
            raise ResultsError(
                f"{self.path / STUDY} tells of other data sets than run.json. Restore "
                f"it."
            )
        return record.studies

    def write_studies(self, record: StudiesRecord) -> None:
        """Write the searches of the run."""
        text = msgspec.json.format(msgspec.json.encode(record), indent=1).decode()
        self.write_text(STUDY, f"{text}\n")

    def _record(self, name: str, kind: type[Any]) -> Any:
        try:
            return decoded(self.path / name, kind)
        except FileNotFoundError as error:
            raise ResultsError(
                f"{self.path / name} cannot be read: {error.strerror}."
            ) from error

    def n_stored(self) -> int:
        """Return how many records of trials there are, sound or not."""
        names = (path.name for path in (self.path / "trials").glob("*.json"))
        return sum(not name.startswith(".") for name in names)

    def log(self, record: TrialRecord) -> Path:
        """Return the path of a trial's log; its folder is created."""
        file = self.path / "logs" / f"{trial_name(record)}.log"
        # A folder that came in an archive may lack its empty parts.
        file.parent.mkdir(exist_ok=True)
        return file

    def write_text(self, name: str, text: str) -> None:
        """Write a derived file such as a table, with control characters spelt out."""
        self._write(name, printable(text).encode())

    def write_page(self, name: str, text: str) -> None:
        """Write a derived page, whose scripts must stay as they are."""
        self._write(name, text.encode())

    def _write(self, name: str, content: "bytes | Values") -> None:
        target = self.path / name
        part = target.with_name(f".{target.name}.part")
        try:
            if target.parent != self.path:
                target.parent.mkdir(exist_ok=True)
            with part.open("wb") as file:
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    write_array(file, content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise cannot_store(target, error) from error


def predictions_digest(predictions: NDArray[np.float32]) -> str:
    """Return the hash of predictions, which is equal only if all bytes are."""
    return blake2b(predictions.tobytes(), digest_size=16).hexdigest()


def new_run_id() -> str:
    """Return a name for a new run, made of the time so that names sort by it.

    It ends with the fraction of the second in 65,536ths, so that runs which start in
    the same second sort correctly too.
    """
    time = datetime.now(UTC)
    return f"{time:%Y%m%d-%H%M%S}-{(time.microsecond << 16) // 1_000_000:04x}"


def now() -> str:
    """Return the time, UTC, ISO 8601, in seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
