"""One trial of a worker: its files, and what it says and waits for."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Lock, Thread

import msgspec

from benchbox.data import cache_folder
from benchbox.errors import BenchboxError, error_line, os_error_line
from benchbox.metrics import MOST_STEPS
from benchbox.records import (
    Access,
    Pairs,
    Predicted,
    TrialJob,
    TrialNews,
    TrialOutcome,
    new_folder,
    read_regular,
    remove_tree,
)
from benchbox.targets import file_of, source_digest
from benchbox.trials.executors.cluster.parcels import (
    Code,
    Parcel,
    packed,
    unpack,
    within_folder,
)
from benchbox.trials.executors.cluster.words import (
    Answered,
    Asked,
    Heard,
    Order,
    Over,
)
from benchbox.trials.executors.local import LocalExecutor
from benchbox.trials.predictions import DISTRIBUTION, PREDICTIONS

_FOLDERS = ("train", "history", "validation", "validation_history", "refit")
"""Fields of a job that name folders of ratings."""

FILES = frozenset({PREDICTIONS, DISTRIBUTION})
"""Names of the files that a trial answers with."""

_HEADER_BYTES = 128
"""Of a file of predictions; see `benchbox.trials.predictions`."""


class Trial:
    """A trial that runs in a thread, while the runner asks what there is to hear.

    Attributes:
        kept: The state of its model, if the job is to keep it.

    Args:
        local: Runs it.
        order: The trial.
        parcels: Its folders of ratings, and its code if that is a file.
        scratch: Folder for its files.
    """

    def __init__(
        self,
        local: LocalExecutor,
        order: Order,
        parcels: Sequence[Parcel],
        scratch: Path,
    ) -> None:
        self.kept: Parcel = {}
        self._local, self._order, self._parcels = local, order, parcels
        self._scratch, self._place = scratch, new_folder(scratch)
        self._told: Queue[TrialNews | Answered | Over] = Queue()
        self._answers: Queue[Asked | None] = Queue()
        self._stop, self._reading = Event(), Lock()
        self._n_read = self._n_asked = 0
        self._rest = b""
        self._job = order.job
        self._thread = Thread(target=self._to_its_end, name="trial", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End it, if it runs, and wait for that."""
        self._stop.set()
        self._answers.put(None)
        self._thread.join()

    def answer(self, asked: Asked | None) -> None:
        """Hand over what it waits for."""
        self._answers.put(asked)

    def heard(self, seconds: float) -> Heard:
        """Return what there is to tell, after a wait of at most so many seconds."""
        news: list[TrialNews] = []
        answered: Answered | None = None
        over: Over | None = None
        with suppress(Empty):
            item = self._told.get(timeout=seconds)
            while True:
                if isinstance(item, Over):
                    over = item
                elif isinstance(item, Answered):
                    answered = item
                else:
                    news.append(item)
                item = self._told.get_nowait()
        return Heard(news=news, printed=self._printed(), answered=answered, over=over)

    def _to_its_end(self) -> None:
        try:
            over = self._run()
        except KeyboardInterrupt:
            over = _failed("the runner has stopped it")
        except OSError as error:
            over = _failed(f"its files could not be written: {os_error_line(error)}")
        except BenchboxError as error:
            over = _failed(error_line(error))
        except Exception as error:  # noqa: BLE001
            # A bug: the runner must hear of it, and not wait for ever.
            over = _failed(f"the worker failed: {error_line(error)}")
        self._rest, self._parcels = self._printed(), ()
        remove_tree(self._place)
        self._told.put(over)

    def _run(self) -> Over:
        code = self._order.code
        job = self._unpacked()
        if lacks := _lacks(code):
            return Over(lacks=lacks)
        finished = self._local.run(
            job,
            log=self._log,
            listen=self._told.put,
            hand_pairs=self._hand_pairs if self._order.is_asked else None,
            ask_again=self._ask_again,
            memory_limit_bytes=self._order.memory_limit_bytes,
            stop=self._stop,
        )
        if job.keep is not None and finished.outcome.status == "ok":
            self.kept = packed(Path(job.keep))
        return Over.of(finished)

    def _unpacked(self) -> TrialJob:
        """Write the files of the trial, and return the job with their places here."""
        job = self._order.job
        places: dict[str, str | None] = {}
        for number, parcel in enumerate(self._parcels):
            names = [name for name in _FOLDERS if getattr(job, name) == str(number)]
            if names:
                folder = self._place / str(number)
                unpack(parcel, folder)
                places |= dict.fromkeys(names, str(folder))
        own = {name: self._place / name for name in ("out", "asked", "keep")}
        for folder in own.values():
            folder.mkdir()
        code = unpacked_code(self._scratch, self._order.code, self._parcels)
        self._job = msgspec.structs.replace(
            job,
            **places,
            target=code.target,
            options_type=code.options_type,
            out=str(own["out"]),
            asked=str(own["asked"]),
            keep=None if job.keep is None else str(own["keep"]),
            access=_access(job),
        )
        return self._job

    def _hand_pairs(self) -> Pairs:
        asked = self._answers.get()
        if asked is None:
            raise KeyboardInterrupt
        return self._written(asked)

    def _ask_again(self, said: Predicted) -> Pairs | None:
        self._told.put(Answered(said=said, files=self._files()))
        asked = self._answers.get()
        if self._stop.is_set():
            raise KeyboardInterrupt
        return None if asked is None else self._written(asked)

    def _written(self, asked: Asked) -> Pairs:
        columns = asked.columns
        self._n_asked = len(columns[0])
        folder = new_folder(Path(self._job.asked))
        return Pairs.written(folder, *columns, chunk_size=asked.chunk_size)

    def _files(self) -> dict[str, bytes]:
        """Return the files that the trial wrote, as far as they can be right."""
        most = {PREDICTIONS: _HEADER_BYTES + 4 * self._n_asked}
        if self._job.distribution:
            most[DISTRIBUTION] = _HEADER_BYTES + 4 * (self._n_asked + 1) * MOST_STEPS
        found = {}
        for name, n_bytes in most.items():
            try:
                found[name] = read_regular(Path(self._job.out, name), n_bytes)
            except FileNotFoundError:
                continue
            except OSError:
                # The runner refuses it, as it would what is there.
                found[name] = b""
        return found

    @property
    def _log(self) -> Path:
        return self._place / "log"

    def _printed(self) -> bytes:
        """Return what the model has printed since this was last asked."""
        with self._reading:
            found, self._rest = self._rest, b""
            with suppress(OSError), self._log.open("rb") as log:
                log.seek(self._n_read)
                new = log.read()
                self._n_read += len(new)
                found += new
            return found


def unpacked_code(scratch: Path, code: Code, parcels: Sequence[Parcel]) -> Code:
    """Return *code* with its place here; a file comes with the last of *parcels*.

    It has the same place for all trials, so that what compilers keep of it holds.
    """
    if file_of(code.target) is None:
        return code
    folder = scratch / "code" / (code.digest or "unknown")
    unpack(parcels[-1], folder)
    return msgspec.structs.replace(
        code,
        target=within_folder(code.target, folder),
        options_type=within_folder(code.options_type, folder),
    )


def _access(job: TrialJob) -> Access:
    """Return what a trial may read here, where other files must be hidden from it."""
    cache = cache_folder()
    data = os.environ.get("BENCHBOX_DATA")
    own = [cache, *([Path(data).expanduser()] if data else [])]
    hidden = [os.fsencode(os.path.realpath(place)) for place in own]
    kept = Path(job.access.compiled).name
    return msgspec.structs.replace(
        job.access,
        hidden=tuple(dict.fromkeys((*job.access.hidden, *hidden))),
        compiled=str(cache / "compiled" / kept) if kept else "",
    )


def _lacks(code: Code) -> str:
    """Return what differs here from the code that the runner has; empty if none."""
    if not code.digest or file_of(code.target) is not None:
        return ""
    here = source_digest(code.target)
    if here == code.digest:
        return ""
    what = f"{code.distribution} {code.version}".strip() or code.target
    return f"has another source of {what}" if here else f"lacks {what}"


def _failed(reason: str) -> Over:
    return Over(outcome=TrialOutcome(status="failed", reason=reason))
