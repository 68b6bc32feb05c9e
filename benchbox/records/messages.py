"""Messages between the runner, the zygote and trials; one type for each message.

Each group below is a tagged union: the field ``kind`` says which type a message has.
Decoding refuses everything else.
"""

from pathlib import Path
from typing import Any, Literal, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.data import save_array
from benchbox.machine import FoundDevices
from benchbox.models import Capabilities
from benchbox.ratings import IndexArray
from benchbox.records.access import Access
from benchbox.records.trial_job import TrialJob, TrialOutcome


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of all messages."""


# A trial tells the runner how it gets on, and asks what to predict.


class Confined(_Message, frozen=True, tag="confined"):
    """The trial has confined itself; its first message, before any code of a model.

    Attributes:
        by: What is enforced.
    """

    by: str


class PhaseBegan(_Message, frozen=True, tag="phase"):
    """A phase of the trial has started.

    Attributes:
        phase: ``load``, ``fit``, ``predict``, ``distribution`` or ``end``.
    """

    phase: str


class EpochEnded(_Message, frozen=True, tag="epoch"):
    """Epoch number ``epoch`` of at most ``of`` has ended.

    Attributes:
        epoch: Number of the epoch, from 1.
        of: Number of epochs at most.
        validation_rmse: RMSE on the validation ratings; `None` without any.
    """

    epoch: int
    of: int
    validation_rmse: float | None = None


class Loaded(_Message, frozen=True, tag="loaded"):
    """The model is built and prepared; the trial waits for its ratings."""


class Visible(_Message, frozen=True, tag="visible"):
    """Where the ratings of a trial are, as the fields of `TrialJob` by these names."""

    train: str
    history: str
    validation: str | None = None
    validation_history: str | None = None
    refit: str | None = None


class Fitted(_Message, frozen=True, tag="fitted"):
    """The fit is over; the trial waits for the pairs to predict."""


class Pairs(_Message, frozen=True, tag="pairs"):
    """The pairs to predict, as paths of files with an array each.

    Attributes:
        users: File with the user index of each pair, int32.
        items: File with the item index of each pair, int32.
        timestamps: File that says when each question is asked, int64; empty for a model
            that is not told.
        chunk_size: Pairs per call of `predict`; 0 for as many as the job says.
    """

    users: str
    items: str
    timestamps: str = ""
    chunk_size: int = 0

    @classmethod
    def written(
        cls,
        folder: Path,
        users: IndexArray,
        items: IndexArray,
        timestamps: NDArray[np.int64] | None = None,
        *,
        chunk_size: int = 0,
    ) -> Self:
        """Write the pairs into *folder* and return the message with their paths.

        Args:
            folder: An existing folder.
            users: User index per pair, shape ``(n,)``.
            items: Item index per pair, shape ``(n,)``.
            timestamps: When each question is asked, in seconds since 1970, shape
                ``(n,)``; `None` for a model that is not told.
            chunk_size: Pairs per call of `predict`; 0 for as many as the job says.
        """
        columns = {"users": users, "items": items, "timestamps": timestamps}
        files = {}
        for name, column in columns.items():
            if column is not None:
                files[name] = str(folder / f"{name}.npy")
                save_array(Path(files[name]), column)
        return cls(**files, chunk_size=chunk_size)

    @property
    def files(self) -> list[Path]:
        """The files, in the order of the arguments of `RatingModel.predict`."""
        return [Path(f) for f in (self.users, self.items, self.timestamps) if f]


class Predicted(_Message, frozen=True, tag="predicted"):
    """The predictions of the last pairs are written; the trial waits for more.

    Attributes:
        trouble: Why there are none, if the model failed when it was asked again.
    """

    trouble: str = ""


class Enough(_Message, frozen=True, tag="enough"):
    """The runner has no more pairs to predict."""


Reply = Visible | Pairs | Enough
"""What the runner says to a trial."""


class Concluded(_Message, frozen=True, tag="concluded"):
    """The trial is over; its last message."""

    outcome: TrialOutcome


class Waits(_Message, frozen=True, tag="waits"):
    """The executor cannot start the trial yet.

    Attributes:
        what: What is missing, such as ``"memory: it may take 3 GiB"``.
    """

    what: str


TrialMessage = PhaseBegan | EpochEnded | Fitted
"""What a trial says while it runs."""

TrialNews = TrialMessage | Waits
"""What is heard of a trial."""

ChildMessage = Confined | Loaded | TrialMessage | Predicted | Concluded
"""All that the process of a trial says."""


# The runner asks a fresh child a question.


class DevicesQuestion(_Message, frozen=True, tag="devices"):
    """Which accelerators does this machine have?

    Attributes:
        tries: Whether to use each, to see what it lacks; this takes about a second.
    """

    tries: bool = False


class Devices(_Message, frozen=True, tag="devices-found"):
    """The accelerators of this machine.

    Attributes:
        accelerators: Their kind and names.
        lacks: What each was found to lack, and why, by its name.
    """

    accelerators: FoundDevices
    lacks: dict[str, dict[str, str]] = {}


class ModelQuestion(_Message, frozen=True, tag="describe"):
    """Which model is this class in a file?

    Attributes:
        target: The class, as ``"file.py:Class"``.
        settings: Options as text, from the command line.
        access: What its code may read and reach.
        scratch: Folder that its code may write to; the executor makes it.
    """

    target: str
    settings: dict[str, str]
    access: Access = Access()
    scratch: str = ""


class Described(_Message, frozen=True, tag="described"):
    """Description of a model class in a file.

    Attributes:
        summary: First line of its docstring.
        capabilities: Its class attribute ``capabilities``, or the defaults.
        options_type: Its options record as ``"file.py:Class"``; empty for keywords.
        options: All options, with defaults filled in.
        search: Its class attribute ``search``, as plain values.
        error: Why it cannot be used as a model; empty if it can.
        fault: What is at fault then: the ``call`` that names it, the ``class``, or the
            ``import`` of its file.
    """

    summary: str = ""
    capabilities: Capabilities = Capabilities()
    options_type: str = ""
    options: dict[str, Any] = {}
    search: dict[str, Any] = {}
    error: str = ""
    fault: Literal["", "call", "class", "import"] = ""


Question = DevicesQuestion | ModelQuestion
Answer = Devices | Described


# The runner has the zygote start children, and hears when they start and end.


class SearchPath(_Message, frozen=True, tag="path"):
    """Where the zygote and its children find the same code as the runner.

    Attributes:
        path: The runner's ``sys.path``.
        accelerators: Class of each kind of accelerator, as ``"package.module:Class"``.
        dies_with: Process id of the runner, if the zygote must not outlive the thread
            that started it; 0 if that thread may end before the runner does.
    """

    path: list[str]
    accelerators: dict[str, str]
    dies_with: int = 0


class Ready(_Message, frozen=True, tag="ready"):
    """The zygote has imported what it shares with its children.

    Attributes:
        pid: Its process id.
    """

    pid: int


class TrialTask(_Message, frozen=True, tag="trial"):
    """Run a trial."""

    job: TrialJob


class QuestionTask(_Message, frozen=True, tag="question"):
    """Answer a question."""

    question: Question


class Started(_Message, frozen=True, tag="started"):
    """A child was started."""

    pid: int


class Ended(_Message, frozen=True, tag="ended"):
    """A child has ended.

    Attributes:
        pid: Its process id.
        status: Its exit code, or the negated number of the signal that ended it.
        peak_memory_bytes: Its largest resident set.
    """

    pid: int
    status: int
    peak_memory_bytes: int


Task = TrialTask | QuestionTask
ZygoteMessage = Ready | Started | Ended
