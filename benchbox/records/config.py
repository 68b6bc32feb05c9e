"""Settings of a run, as the user or a suite file gives them."""

import msgspec

from benchbox.models import Capabilities, Precision

SILENCE_SECONDS = 900.0
"""How long a trial may say, print and compute nothing, unless a run says otherwise."""


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of a suite: some models on one data set under one protocol.

    Attributes:
        title: What the case is about, in a few words.
        dataset: Data set, as on the command line.
        protocol: Protocol, as on the command line.
        models: Models, as on the command line.
        instead: Substitutes for a data set whose files are not on this machine. The
            first one on this machine is used, or else the last.
        folds: Names of folds; empty for the data set's default folds.
        claims: Names of claims whose published figures are shown beside ours.
    """

    title: str
    dataset: str
    protocol: str
    models: tuple[str, ...]
    instead: tuple[str, ...] = ()
    folds: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()


class TuningBudget(msgspec.Struct, frozen=True, kw_only=True):
    """Budget for tuning one model on one fold.

    Attributes:
        trials: Maximum number of settings to try, the model's own included.
        seconds: Maximum wall-clock seconds of these trials. The trial that runs when
            time is up is stopped. `None`: unlimited.
        metric: Name of the metric to optimise.
    """

    trials: int = 20
    seconds: float | None = None
    metric: str = "rmse"


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a run; these are also the fields of a suite file.

    Attributes:
        models: Models with options, such as ``autorec-user:hidden_units=300``; empty
            for those of a default run, ``all`` for every installed one.
        datasets: Names of data sets, or files of ratings.
        protocols: Protocols with options, such as ``kfold:n_folds=10``; empty for each
            data set's own.
        cases: Parts of a suite. They replace the three settings above.
        folds: Names of folds; empty for the data set's default folds.
        columns: Names of the columns in the user's own files.
        seed: Root seed, from which every model's seed is derived.
        seeds: Number of fits per fold of a stochastic model, each with its own seed.
        repeats: Number of repetitions of each fit, to measure its time. The predictions
            must be the same each time.
        latency: Whether to time single calls of `predict` as well.
        device: ``auto``, ``cpu`` or an accelerator such as ``cuda:0``.
        precision: Precision of torch's matrix products.
        threads: Threads per trial; 0 for one per processor.
        time_limit_seconds: Time limit of a trial, in seconds.
        silence_limit_seconds: Seconds after which a trial is stopped that says, prints
            and computes nothing; `None` for never.
        memory_limit_gib: Memory limit of a trial and all it starts, in GiB; `None`
            for what the machine can give. Trials tell it among their settings.
        clip: Whether to clip predictions to the rating scale before scoring.
        keep_predictions: Whether to store predictions.
        allow_read: Files and folders that models may read, beside their own.
        allow_network: Whether models may use the network.
        tuning: Budget for tuning; `None` for a run without tuning.
    """

    models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ("ml-100k",)
    protocols: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    folds: tuple[str, ...] = ()
    columns: str = ""
    seed: int = 0
    seeds: int = 2
    repeats: int = 1
    latency: bool = False
    device: str = "auto"
    precision: Precision = "float32"
    threads: int = 0
    time_limit_seconds: float | None = None
    silence_limit_seconds: float | None = SILENCE_SECONDS
    memory_limit_gib: float | None = None
    clip: bool = True
    keep_predictions: bool = True
    allow_read: tuple[str, ...] = ()
    allow_network: bool = False
    tuning: TuningBudget | None = None

    def n_fits(self, model: Capabilities) -> int:
        """Return the number of seeds with which a model is fitted on each fold."""
        return self.seeds if model.stochastic else 1

    def n_trials(self, model: Capabilities) -> int:
        """Return the number of trials of a model on each fold."""
        return self.n_fits(model) * self.repeats
