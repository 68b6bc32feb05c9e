"""Suggests which options to try next."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from benchbox.errors import UsageError
from benchbox.models import OneOf, SearchSpace, Span
from benchbox.records import Tried
from benchbox.seeding import derive_seed

_N_RANDOM = 4
"""Number of trials, the first included, before suggestions use earlier results."""


def needs_optuna() -> None:
    """Check that Optuna is installed.

    Raises:
        UsageError: It is not; the message says how to install it.
    """
    if find_spec("optuna") is None:
        raise UsageError(
            "Tuning needs Optuna, which is not installed: "
            "pip install 'benchbox-recsys[tune]'."
        )


def free_space(
    space: SearchSpace, fixed: Mapping[str, Any], options: Mapping[str, Any]
) -> SearchSpace:
    """Return the search space without the options in *fixed*, which the user has set.

    Options whose present value is outside their range are not searched either.
    """
    return {
        name: values
        for name, values in space.items()
        if name not in fixed and values.holds(options.get(name))
    }


def suggest(
    space: SearchSpace, tried: Sequence[Tried], *, seed: int, higher_is_better: bool
) -> dict[str, Any]:
    """Return the options to try next, by Optuna's tree-structured Parzen estimator.

    The result depends only on the arguments, so that an interrupted search continues
    as if it had not been interrupted.

    Args:
        space: Search space.
        tried: Settings tried so far, in order.
        seed: Seed of the search.
        higher_is_better: Whether higher values of the metric are better.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ranges = {name: _distribution(values) for name, values in space.items()}
    sampler = optuna.samplers.TPESampler(
        seed=derive_seed(seed, len(tried)) % 2**32, n_startup_trials=_N_RANDOM
    )
    study = optuna.create_study(
        direction="maximize" if higher_is_better else "minimize", sampler=sampler
    )
    for past in tried:
        ok = past.value is not None
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState[("COMPLETE" if ok else "FAIL")],
                value=past.value,
                params={k: _coded(space[k], v) for k, v in past.options.items()},
                distributions=ranges,
            )
        )
    asked = study.ask(ranges).params
    return {name: _decoded(space[name], value) for name, value in asked.items()}


def _distribution(values: Span | OneOf) -> Any:
    from optuna import distributions

    if isinstance(values, OneOf):
        # Optuna's categories must be scalars, but widths of layers are lists.
        return distributions.CategoricalDistribution(range(len(values.values)))
    if values.is_whole:
        return distributions.IntDistribution(
            int(values.low), int(values.high), log=values.log
        )
    return distributions.FloatDistribution(values.low, values.high, log=values.log)


def _coded(values: Span | OneOf, value: Any) -> Any:
    return values.place(value) if isinstance(values, OneOf) else value


def _decoded(values: Span | OneOf, code: Any) -> Any:
    if isinstance(values, OneOf):
        return values.values[code]
    return values.rounded(code)
