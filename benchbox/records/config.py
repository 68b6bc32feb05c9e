"""Configuration: what the user asked for, in a run or a suite file."""

import msgspec

from benchbox.models import Capabilities, Precision


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some models on one data set under one protocol, as a part of a suite.

    Attributes:
        title: What it looks into, in a few words.
        dataset: Data set, as on the command line.
        protocol: Protocol, as on the command line.
        models: Models, as on the command line.
        instead: Data sets to take where the files of that are not at hand: the first
            of them that is, or else the last.
        folds: Folds by name; none means the data set's default folds.
        claims: Names of published figures to show beside ours.
    """

    title: str
    dataset: str
    protocol: str
    models: tuple[str, ...]
    instead: tuple[str, ...] = ()
    folds: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()


class TuningBudget(msgspec.Struct, frozen=True, kw_only=True):
    """What each model may spend on its options, on each fold.

    Attributes:
        trials: Options tried at most, the ones in force included.
        seconds: Wall-clock seconds of these trials; the last is ended when they are up.
        metric: Name of the metric to choose by.
    """

    trials: int = 20
    seconds: float | None = None
    metric: str = "rmse"


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the user asked for; the fields of a suite file.

    Attributes:
        models: Choices such as ``autorec-user:hidden_units=300``; none means all.
        datasets: Data sets by name, or files of ratings.
        protocols: Choices such as ``kfold:n_folds=10``; none means each data set's own.
        cases: Instead of these three: models, data set and protocol of each part.
        folds: Folds by name; none means the data set's default folds.
        columns: Names of the columns of own files.
        seed: Root of all model seeds.
        seeds: How often a stochastic model is fitted on each fold.
        repeats: How often each of these fits is done, for its timing alone: the
            predictions must be the same each time.
        latency: Whether single calls of `predict` are timed as well.
        device: ``auto``, ``cpu`` or an accelerator such as ``cuda:0``.
        precision: Arithmetic of matrix products in torch.
        threads: Threads per trial; 0 means every processor.
        time_limit_seconds: Limit of one trial.
        memory_limit_gib: Limit of one trial.
        clip: Whether predictions are moved onto the rating scale before scoring.
        keep_predictions: Whether predictions are stored.
        tuning: How to choose options on validation ratings, if at all.
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
    memory_limit_gib: float | None = None
    clip: bool = True
    keep_predictions: bool = True
    tuning: TuningBudget | None = None

    def n_fits(self, model: Capabilities) -> int:
        """Return with how many seeds a model is fitted on each fold."""
        return self.seeds if model.stochastic else 1

    def n_trials(self, model: Capabilities) -> int:
        """Return how many trials a model has on each fold."""
        return self.n_fits(model) * self.repeats
