"""The contract between models and benchbox: protocol, spec and fit context."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal, Protocol, Self, SupportsFloat

import msgspec
import numpy as np

from benchbox.errors import ModelError, one_line, shown
from benchbox.models.numbers import as_count, as_number, as_text
from benchbox.models.search_space import SearchSpace
from benchbox.options import NoOptions, Options
from benchbox.ratings import IndexArray, Ratings, Values

# An error has fallen if it is lower by more than this fraction.
_SLIGHT = 1e-4

Precision = Literal["float32", "tf32", "bfloat16"]
"""Arithmetic of matrix products, from the most exact to the fastest."""


class RatingModel(Protocol):
    """The methods a model must have; it need not inherit from this class.

    A model is built as ``Model(options)``, with the options record its `ModelSpec`
    names. It may also have:

    - ``n_parameters``: the number of learned parameters. Without it, the parameters of
      the model's torch modules are counted.
    - ``state()`` and ``restore(state)``, so that a fitted model can be saved and used
      later. ``state()`` returns all that `predict` needs, as arrays and numbers by name
      (`benchbox.models.State`); ``restore(state)`` loads it into a model built with
      the same options.
    - ``predict_distribution(history, users, items)``, if its capabilities say
      ``predicts_distribution``, with the same arguments as `predict`. It returns a
      `StepDistribution` or a `NormalDistribution` of each pair's rating, and is called
      after `predict`, in chunks.
    - ``prepare(device)`` or ``prepare()``: imports and compiles what a `fit` on that
      device needs. It is called before the fit is timed, and not when a saved model is
      used.
    """

    def fit(self, train: Ratings, context: "FitContext") -> None:
        """Learn from *train*; a second call starts from scratch."""

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        """Predict the rating of each pair, shape ``(n,)``, unclipped and finite.

        If the model's capabilities say ``uses_question_times``, it is called as
        ``predict(history, users, items, timestamps)``: *timestamps* tells when each
        question is asked, in seconds since 1970, int64, shape ``(n,)``.

        Args:
            history: All visible ratings of these users, with the same indexes as the
                training ratings. Under new-user protocols, the model was not trained
                on these users.
            users: User index per pair, shape ``(n,)``.
            items: Item index per pair, shape ``(n,)``.
        """


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a model can do, so that the runner asks it for no more and no less.

    Attributes:
        inductive: Whether it predicts for users it was not trained on, from their
            history.
        handles_cold_users: Whether it predicts for users without visible ratings.
        handles_cold_items: Whether it predicts for items without training ratings.
        predicts_distribution: Whether it has a method ``predict_distribution``.
        uses_features: Whether it reads user or item features.
        uses_timestamps: Whether it reads the timestamps of visible ratings.
        uses_question_times: Whether `predict` is also told when each question is
            asked. This is known whenever one asks, but it is further information:
            tables mark such figures, and compare them only with each other. It has
            timestamps of visible ratings, too, as it is skipped where there are none.
        uses_validation: Whether it needs validation ratings, which are split off the
            training ratings.
        refits: Whether, after a fit with validation ratings, it is fitted again on all
            training ratings, for the number of epochs chosen by that fit.
        stochastic: Whether its result depends on the seed.
        devices: Kinds of device it runs on.
        halves_batches: Whether it may be fitted with half its option ``batch_size``
            where an accelerator has too little memory. The record says so, and so does
            a line below the table.
    """

    inductive: bool = False
    handles_cold_users: bool = True
    handles_cold_items: bool = True
    predicts_distribution: bool = False
    uses_features: bool = False
    uses_timestamps: bool = False
    uses_question_times: bool = False
    uses_validation: bool = False
    refits: bool = False
    stochastic: bool = True
    devices: tuple[str, ...] = ("cpu",)
    """``accelerator`` stands for every kind of accelerator that torch has."""
    halves_batches: bool = False

    @property
    def needs_timestamps(self) -> bool:
        """Whether it is skipped on data without timestamps."""
        return self.uses_timestamps or self.uses_question_times

    def under(self, options: Options) -> Self:
        """Return these capabilities without those that *options* do not use."""
        off = dict.fromkeys(options.unused_capabilities, False)
        if not options.asks_validation:
            off |= {"uses_validation": False, "refits": False}
        return msgspec.structs.replace(self, **off)


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """Describes a model; making or listing a spec imports nothing heavy.

    Attributes:
        name: Name on the command line, kebab-case.
        target: Class of the model, as ``"package.module:Class"``.
        summary: One-line description.
        options: Options record, from a module that does not import torch.
        capabilities: What the model can do.
        presets: Option values by preset name, chosen as ``name:preset=...``.
        reference: Publication of the method, such as ``"doi:10.1145/..."``.
        search: Values that `benchbox tune` may try, by option, defaults included.
        cost_hint: Rough fit time in seconds per 100,000 ratings, with default options
            on two cores, for the estimate of ``--dry-run``; `None` if unknown.
        by_default: Whether a run that names no models includes it; ``-m all`` always
            does.
        requires: Distributions, as pip names them, that the model needs beside those
            of its own package. Without them, it is listed with the line that installs
            them, and skipped with that reason. Their versions are in the run's record.
        install: What to type to install them, such as ``pip install 'acme[torch]'``;
            by default ``pip install`` with their names.
        known_breaches: Promises of the contract that the model breaks, and why, by the
            name of their check in `benchbox.testing`. They are shown to users.
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
    by_default: bool = True
    requires: tuple[str, ...] = ()
    install: str = ""
    known_breaches: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochReport:
    """A model's report about one epoch of its training.

    Attributes:
        epoch: Number of the epoch, from 1.
        n_epochs: Maximum number of epochs.
        loss: Training loss of the epoch.
        validation_rmse: RMSE on the validation ratings, if there are any.
        wall_seconds: Wall-clock seconds since the previous report, or the start of the
            fit, including work on the accelerator; set by the runner.
        cpu_seconds: Processor seconds over the same time; set by the runner.
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
"""Returns a context manager that times the training step in its block."""


@dataclass(frozen=True, kw_only=True)
class FitContext:
    """The settings of one fit, and callbacks into the runner.

    Attributes:
        seed: Seed for everything random in the model.
        device: Device to train on, as torch names it: ``"cpu"``, ``"cuda:0"`` or
            ``"mps"``; see `benchbox.models.is_accelerator`.
        n_threads: Number of threads to use; already set in torch.
        precision: Arithmetic to train in; torch's ``set_float32_matmul_precision`` is
            set accordingly. With ``bfloat16`` a model may also run under
            ``torch.autocast``; weights and sums over ratings stay float32.
        validation: Validation ratings, if the spec asks for them.
        validation_history: History for `predict` when it predicts ``validation``.
        epochs: Exact number of epochs in a refit, without early stopping; else `None`.
        time_limit_seconds: Wall-clock seconds after which the trial is stopped.
        on_report: Receives each `EpochReport`; set by the runner.
        on_note: Receives the name and value of each note; set by the runner.
        time_step: Times a training step; set by the runner.
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
        """Return a context manager that times one training step.

        On an accelerator, the device measures the time, without making the host wait.
        If torch cannot do this on a device, steps are not timed.
        """
        return nullcontext() if self.time_step is None else self.time_step()

    def note(self, name: str, value: str | Number) -> None:
        """Record a choice the model made automatically, such as an algorithm.

        The choice must depend only on data and options, never on timings.

        Args:
            name: What was chosen.
            value: The choice: a text, or a number of any kind.

        Raises:
            ModelError: The name is not a text, or the value is neither text nor number.
        """
        if not isinstance(name, str):
            raise ModelError(f"note({shown(name)}, …): the name must be a text.")
        text = as_text(value, f"note({shown(name)}, …)")
        if self.on_note is not None:
            self.on_note(one_line(name), text)

    def validation_error(
        self, predict: Callable[[Ratings, IndexArray, IndexArray], Values]
    ) -> float | None:
        """Return the RMSE of a model on the validation ratings; `None` without any.

        Args:
            predict: The model's `RatingModel.predict`: one prediction per pair, shape
                ``(n,)``. They are clipped, as those that a run scores.
        """
        hidden, history = self.validation, self.validation_history
        if hidden is None or history is None or not len(hidden):
            return None
        predicted = predict(history, hidden.users, hidden.items)
        error = hidden.scale.clip(predicted) - hidden.values
        return float(np.sqrt(np.mean(np.square(error), dtype=np.float64)))

    def report(
        self,
        epoch: Number,
        n_epochs: Number,
        *,
        loss: Number | None = None,
        validation_rmse: Number | None = None,
    ) -> None:
        """Report the end of an epoch, for training curves, progress and the refit.

        A refit trains up to the epoch with the lowest ``validation_rmse``.

        Args:
            epoch: Number of the epoch, from 1. A NumPy number or a tensor of shape
                ``()`` also works, here and below.
            n_epochs: Number of epochs planned.
            loss: Training loss of the epoch.
            validation_rmse: RMSE on the validation ratings, if there are any.

        Raises:
            ModelError: A value is not a number, or an epoch is not a whole number from
                1.
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
    """Decides when to stop because the validation error no longer falls.

    The patience counts from the last time the error fell by more than a ten-thousandth
    in total. Smaller gains would prolong training without any measurable benefit.

    Attributes:
        best_epoch: Epoch with the lowest error so far; 0 before the first.
        best_value: The lowest error so far.

    Args:
        patience: Number of epochs without such a fall after which to stop.
    """

    def __init__(self, patience: int) -> None:
        self.best_epoch = 0
        self.best_value = inf
        self._patience = patience
        self._last_fall = 0
        self._fallen_to = inf

    def improved(self, epoch: int, value: float) -> bool:
        """Add the validation error of *epoch*; return whether it is the lowest yet."""
        if value < self._fallen_to * (1 - _SLIGHT):
            self._last_fall, self._fallen_to = epoch, value
        if not value < self.best_value:
            return False
        self.best_epoch, self.best_value = epoch, value
        return True

    def should_stop(self, epoch: int) -> bool:
        """Return whether to stop after *epoch*."""
        return epoch - self._last_fall >= self._patience
