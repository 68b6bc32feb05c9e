"""Models: a contract of two methods, the record that offers one, a fit's context."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal, Protocol, SupportsFloat

import msgspec

from benchbox.errors import ModelError
from benchbox.models.numbers import as_count, as_number, as_text
from benchbox.models.search_space import SearchSpace
from benchbox.options import NoOptions, Options
from benchbox.ratings import IndexArray, Ratings, Values
from benchbox.text import one_line, shown

# Share of an error by which it must fall to have fallen.
_SLIGHT = 1e-4

Precision = Literal["float32", "tf32", "bfloat16"]
"""Arithmetic of matrix products, from exact to fast."""


class RatingModel(Protocol):
    """What a model must have. Nobody inherits from it.

    A model is built as ``Model(options)`` with the options its `ModelSpec` names.
    It may state ``n_parameters``, how many numbers it has learned; without it, the
    parameters of the torch modules it holds are counted. It can be kept and used later
    if it has ``state()``, which returns all that `predict` needs as arrays and numbers
    by name (`benchbox.models.State`), and ``restore(state)``, which takes them back in
    a model built with the same options. With a method ``prepare()`` it may import and
    compile what `fit` needs: that is called before the clock of the fit starts, and
    not at all when a kept model is used.
    """

    def fit(self, train: Ratings, context: "FitContext") -> None:
        """Learn from *train*; a second call forgets the first."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        """Predict the rating of each pair, shape ``(n,)``, unclipped and finite.

        Args:
            history: Every visible rating of the asked users, over the same indexes
                as the training ratings. Under new-user protocols these users were
                not trained on.
            users: User index per pair, shape ``(n,)``.
            items: Item index per pair, shape ``(n,)``.
        """


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a model can do, so that the runner neither wrongs it nor trusts it too far.

    Attributes:
        inductive: It predicts for users it was not trained on, from their history.
        handles_cold_users: It answers for users with no visible rating.
        handles_cold_items: It answers for items with no training rating.
        uses_features: It reads user or item features.
        uses_timestamps: It reads timestamps.
        uses_validation: It wants validation ratings, carved from the training ones.
        refits: After a fit with validation ratings it is fitted again on all
            training ratings, for the epochs that fit chose.
        stochastic: Its result depends on the seed.
        devices: Kinds of device it runs on.
    """

    inductive: bool = False
    handles_cold_users: bool = True
    handles_cold_items: bool = True
    uses_features: bool = False
    uses_timestamps: bool = False
    uses_validation: bool = False
    refits: bool = False
    stochastic: bool = True
    devices: tuple[str, ...] = ("cpu",)


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """An offer of a model; making or listing one imports nothing heavy.

    Attributes:
        name: Name on the command line, kebab-case.
        target: Where the class is, as ``"package.module:Class"``.
        summary: One line for people.
        options: Record of its settings, from a module that imports no torch.
        capabilities: What the model can do.
        presets: Named settings, chosen as ``name:preset=...``.
        reference: Where the method is described, such as ``"doi:10.1145/..."``.
        search: What `benchbox tune` may try, by option; the defaults must be among it.
        cost_hint: Rough fit seconds per 100,000 ratings with default options on two
            cores, for the estimate of ``--dry-run``; `None` if unknown.
    """

    name: str
    target: str
    summary: str
    options: type[Options] = NoOptions
    capabilities: Capabilities = field(default_factory=Capabilities)
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reference: str = ""
    search: SearchSpace = field(default_factory=dict)
    cost_hint: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochReport:
    """What a model says about one epoch of its training.

    Attributes:
        epoch: Number of the epoch, from 1.
        n_epochs: Epochs planned at most.
        loss: Training loss of the epoch.
        validation_rmse: RMSE on the validation ratings, if there are any.
        wall_seconds: Since the epoch before was reported, or the fit began, with
            the accelerator waited for; the runner fills it in.
        cpu_seconds: Processor seconds since then.
    """

    epoch: int
    n_epochs: int
    loss: float | None = None
    validation_rmse: float | None = None
    wall_seconds: float | None = None
    cpu_seconds: float | None = None


Number = SupportsFloat
"""A number of any kind: Python's, NumPy's, or an array or tensor of shape ``()``."""

TimedStep = Callable[[], AbstractContextManager[None]]
"""Returns a context that times the training step in its block."""


@dataclass(frozen=True, kw_only=True)
class FitContext:
    """The circumstances of one fit.

    Attributes:
        seed: Seed of everything random in the model.
        device: Where to train, such as ``"cpu"`` or ``"cuda:0"``.
        n_threads: Threads the trial may use; torch is set already.
        precision: Arithmetic to train in; torch's ``set_float32_matmul_precision`` is
            set accordingly. With ``bfloat16`` a model may also run under
            ``torch.autocast``; weights and sums over ratings stay float32.
        validation: Ratings to choose epochs by, if the spec asks for them.
        validation_history: What `predict` may see while predicting ``validation``.
        epochs: Epochs to train for exactly, in a refit; no early stopping then.
        time_limit_seconds: Wall-clock seconds after which the trial is ended.
        on_report: Takes each `EpochReport`; the runner sets it.
        on_note: Takes each fact a model notes; the runner sets it.
        time_step: Times a training step; the runner sets it.
    """

    seed: int = 0
    device: str = "cpu"
    n_threads: int = 1
    precision: Precision = "float32"
    validation: Ratings | None = None
    validation_history: Ratings | None = None
    epochs: int | None = None
    time_limit_seconds: float | None = None
    on_report: Callable[[EpochReport], None] | None = None
    on_note: Callable[[str, str], None] | None = None
    time_step: TimedStep | None = None

    def step(self) -> AbstractContextManager[None]:
        """Return a context for one training step, so that steps are timed.

        On an accelerator the device itself measures it; nothing waits for it then.
        """
        return nullcontext() if self.time_step is None else self.time_step()

    def note(self, name: str, value: str | Number) -> None:
        """Record a choice the model made by itself, such as an algorithm.

        It must follow from data and options, never from a clock.

        Args:
            name: What was chosen.
            value: The choice: a text, or a number of any kind.

        Raises:
            ModelError: The name is no text, or the value is neither text nor number.
        """
        if not isinstance(name, str):
            raise ModelError(f"note({shown(name)}, …): the name must be a text.")
        text = as_text(value, f"note({shown(name)}, …)")
        if self.on_note is not None:
            self.on_note(one_line(name), text)

    def report(
        self,
        epoch: Number,
        n_epochs: Number,
        *,
        loss: Number | None = None,
        validation_rmse: Number | None = None,
    ) -> None:
        """Say that an epoch has ended: for curves, for progress and for the refit.

        The refit trains for the epoch whose ``validation_rmse`` was lowest.

        Args:
            epoch: Number of the epoch, from 1. Here and below, a number of NumPy or a
                tensor of shape ``()`` will do.
            n_epochs: Epochs planned at most.
            loss: Training loss of the epoch.
            validation_rmse: RMSE on the validation ratings, if there are any.

        Raises:
            ModelError: A value is no number, or an epoch is no whole number from 1.
        """
        report = EpochReport(
            epoch=as_count(epoch, "the epoch of report()", least=1),
            n_epochs=as_count(n_epochs, "n_epochs of report()"),
            loss=_number_or_none(loss, "loss"),
            validation_rmse=_number_or_none(validation_rmse, "validation_rmse"),
        )
        if self.on_report is not None:
            self.on_report(report)


def _number_or_none(value: Number | None, name: str) -> float | None:
    return None if value is None else as_number(value, f"{name} of report()")


class EarlyStopping:
    """Patience: stop once the validation error has not fallen for a while.

    Falls of less than a ten-thousandth in all do not count as falling: they would
    prolong training on many ratings for what no comparison can show.

    Attributes:
        best_epoch: Epoch with the lowest error so far; 0 before the first.
        best_value: That error.
    """

    def __init__(self, patience: int) -> None:
        self.best_epoch = 0
        self.best_value = inf
        self._patience = patience
        self._last_fall = 0
        self._fallen_to = inf

    def improved(self, epoch: int, value: float) -> bool:
        """Note the validation error of *epoch*; return whether it is the lowest yet."""
        if value < self._fallen_to * (1 - _SLIGHT):
            self._last_fall, self._fallen_to = epoch, value
        if not value < self.best_value:
            return False
        self.best_epoch, self.best_value = epoch, value
        return True

    def should_stop(self, epoch: int) -> bool:
        """Return whether *epoch* is the last worth training."""
        return epoch - self._last_fall >= self._patience
