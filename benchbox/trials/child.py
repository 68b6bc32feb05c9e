"""Trial: what happens in the child process, from ratings to predictions."""

import errno
import traceback
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import isfinite
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from benchbox.data import map_array, map_ratings
from benchbox.errors import (
    BenchboxError,
    ModelError,
    error_line,
    message_of,
    one_line,
)
from benchbox.machine import (
    LapClock,
    PhaseClock,
    StepClock,
    adopt_orphans,
    await_afterwork,
    cache_flusher,
    device_named,
    is_out_of_memory,
    measure_latency,
    peak_memory_bytes,
    prepare_process,
    reset_peak_memory,
    settings_in_force,
    step_clock,
    summarise,
)
from benchbox.models import (
    EpochReport,
    FitContext,
    RatingModel,
    State,
    as_count,
    options_of,
    prepare_model,
    write_state,
)
from benchbox.options import Options, decode
from benchbox.ratings import Ratings, Values
from benchbox.records import (
    MOST_EPOCHS,
    MOST_NOTES,
    MOST_REASON_CHARACTERS,
    EpochEnded,
    Fitted,
    Loaded,
    Pairs,
    PhaseBegan,
    Predicted,
    Reply,
    Status,
    TrialJob,
    TrialMessage,
    TrialOutcome,
    Visible,
    within_bounds,
)
from benchbox.targets import (
    file_of,
    keep_importable,
    keep_on_path,
    resolve,
    source_files,
)
from benchbox.trials.answers import Call, answers, distributions, predicted
from benchbox.trials.confinement.state import is_confined
from benchbox.trials.predictions import write_distribution, write_predictions

if TYPE_CHECKING:
    from torch.nn import Parameter


_TO_BE_READY = ("load", "fit", "predict")
"""Phases from the data to the first predictions; what readies the device is none."""

_REFUSALS = (errno.EPERM, errno.EACCES, errno.EROFS)
_WHAT_IT_MAY = (
    "A trial may use its own files only, and no network or shared memory; see "
    "docs/trust.md"
)


class Channel(Protocol):
    """The child's line to its parent."""

    def send(self, message: Loaded | TrialMessage | Predicted) -> None:
        """Tell the parent how the trial gets on."""

    def receive(self) -> Reply:
        """Wait for the parent's answer to `Loaded`, `Fitted` or `Predicted`."""


def run_trial(job: TrialJob, channel: Channel) -> TrialOutcome:
    """Fit and predict as *job* says, and write the predictions to its folder.

    Whatever goes wrong in the model becomes the outcome's status and reason.

    Args:
        job: The trial.
        channel: Tells the parent of phases and epochs. Only when the fit is over
            does the parent answer with the pairs to predict.
    """
    outcome = TrialOutcome(idle_memory_bytes=_resident_bytes())
    device = device_named(job.device)
    clock = PhaseClock(device.synchronize, await_afterwork)
    # The boundary of the trial: what a model throws, whatever it is, is a row.
    try:
        _prepare(job, clock, outcome)
        _run(job, channel, clock, outcome)
    except BaseException as error:  # noqa: BLE001
        outcome.status, outcome.reason = _classify(error, job.target)
        outcome.device_is_full = device.is_accelerator and is_out_of_memory(error)
        with suppress(Exception):
            traceback.print_exc()
    outcome.wall_seconds = clock.wall_seconds
    outcome.cpu_seconds = clock.cpu_seconds
    peaks = device.memory_peaks()
    if peaks is not None:
        outcome.peak_accelerator_bytes = peaks.allocated_bytes
        outcome.reserved_accelerator_bytes = peaks.reserved_bytes
    return within_bounds(outcome)


def build_model(target: str, options_type: str, options: dict[str, Any]) -> RatingModel:
    """Import and build a model with its options.

    A class without an options record is called with its options as keywords.
    """
    if (file := file_of(target)) is not None:
        keep_on_path(file)
    factory: Callable[..., RatingModel] = resolve(target)
    if not options_type:
        return factory(**options_of(factory).arguments(options, target))
    kind: type[Options] = resolve(options_type)
    return factory(decode(kind, options, target))


def state_of(model: RatingModel) -> State:
    """Return what *model* has learned.

    Raises:
        ModelError: It does not offer that.
    """
    for method in ("state", "restore"):
        if not callable(getattr(model, method, None)):
            raise ModelError(
                f"{type(model).__name__} cannot be saved: it has no method {method!r}. "
                f"See benchbox.RatingModel."
            )
    state: State = model.state()  # type: ignore[attr-defined]
    return state


def count_parameters(model: RatingModel) -> int | None:
    """Return how many numbers *model* has learned; `None` if it cannot be told.

    Raises:
        ModelError: What it states is not a count.
    """
    stated = getattr(model, "n_parameters", None)
    # A method of that name is none of ours.
    if stated is not None and not callable(stated):
        return as_count(stated, "n_parameters")
    counts = [parameter.numel() for parameter in _parameters(model)]
    return sum(counts) if counts else None


def _prepare(job: TrialJob, clock: PhaseClock, outcome: TrialOutcome) -> None:
    device = device_named(job.device)
    prepare_process(
        device=device,
        precision=job.precision,
        n_threads=job.n_threads,
        seed=job.seed,
    )
    if device.is_accelerator:
        with clock.phase("start"):
            device.warm_up()
        outcome.missing = device.missing()
    outcome.settings = settings_in_force(device)
    adopt_orphans()
    reset_peak_memory()


def _run(
    job: TrialJob, channel: Channel, clock: PhaseClock, outcome: TrialOutcome
) -> None:
    channel.send(PhaseBegan(phase="load"))
    with clock.phase("load"):
        if (file := file_of(job.target)) is not None:
            keep_importable(file, Path(job.out))
        model = build_model(job.target, job.options_type, job.options)
        prepare_model(model, job.device)
    # Only now: what gets ready before the fit must not learn.
    channel.send(Loaded())
    visible = channel.receive()
    assert isinstance(visible, Visible)
    with clock.phase("load"):
        train = map_ratings(Path(visible.train))
    channel.send(PhaseBegan(phase="fit"))
    steps = step_clock(device_named(job.device))
    with clock.phase("fit"):
        _fit(job, model, train, visible, channel, outcome, steps)
    if steps.n_steps:
        outcome.n_steps, outcome.steps = steps.n_steps, summarise(steps.seconds())
    outcome.n_parameters = count_parameters(model)
    outcome.parameter_bytes = _parameter_bytes(model)
    if job.keep is not None:
        write_state(Path(job.keep), state_of(model))
        return
    # Only now may this process learn which pairs it will be asked for.
    channel.send(Fitted())
    pairs = channel.receive()
    assert isinstance(pairs, Pairs)
    history = map_ratings(Path(visible.history))
    ask = partial(answers, model, history, chunk_size=job.chunk_size)
    channel.send(PhaseBegan(phase="predict"))
    predictions = ask(pairs, make=partial(_timed, clock, outcome))
    distribution = None
    if job.distribution:
        channel.send(PhaseBegan(phase="distribution"))
        distribution = distributions(
            model, history, pairs, job.chunk_size, partial(clock.phase, "distribution")
        )
    channel.send(PhaseBegan(phase="end"))
    if job.latency and len(predictions):
        # What empties the caches is as large as they are, and no memory of the model.
        outcome.peak_memory_bytes = peak_memory_bytes(getrusage(RUSAGE_SELF))
        with clock.phase("latency"):
            outcome.latency = measure_latency(
                partial(predicted, model, history),
                [map_array(file) for file in pairs.files],
                n_items=train.n_items,
                flush=cache_flusher(device_named(job.device)),
            )
    write_predictions(Path(job.out), predictions)
    if distribution is not None:
        write_distribution(Path(job.out), distribution)
    _answer_again(ask, channel, Path(job.out))


def _timed(clock: PhaseClock, outcome: TrialOutcome, call: Call) -> NDArray[Any]:
    with clock.phase("predict"):
        # Inside the clock: the numbers must have reached the host.
        answered = call()
    if outcome.ready_seconds is None:
        outcome.ready_seconds = sum(map(clock.wall_seconds.__getitem__, _TO_BE_READY))
    return answered


def _answer_again(
    ask: Callable[[Pairs], Values], channel: Channel, folder: Path
) -> None:
    """Answer whatever else the parent asks, by the same calls and in no clock."""
    said = Predicted()
    while True:
        channel.send(said)
        asked = channel.receive()
        if not isinstance(asked, Pairs):
            return
        # Its predictions are with the parent; what it throws now costs the test only.
        try:
            write_predictions(folder, ask(asked))
            said = Predicted()
        except BaseException as error:  # noqa: BLE001
            said = Predicted(
                trouble=one_line(error_line(error), MOST_REASON_CHARACTERS)
            )


def _fit(
    job: TrialJob,
    model: RatingModel,
    train: Ratings,
    visible: Visible,
    channel: Channel,
    outcome: TrialOutcome,
    steps: StepClock,
) -> None:
    laps = LapClock(device_named(job.device).synchronize)

    def note(curve: list[EpochReport], report: EpochReport) -> None:
        if len(curve) == MOST_EPOCHS:
            raise ModelError(f"it reported more than {MOST_EPOCHS:,} epochs.")
        wall, cpu = laps.lap()
        curve.append(replace(report, wall_seconds=wall, cpu_seconds=cpu))
        channel.send(
            EpochEnded(
                epoch=report.epoch,
                of=report.n_epochs,
                validation_rmse=report.validation_rmse,
            )
        )

    context = FitContext(
        seed=job.seed,
        device=job.device,
        n_threads=job.n_threads,
        precision=job.precision,
        time_limit_seconds=job.time_limit_seconds,
        on_report=partial(note, outcome.curve),
        on_note=partial(_note, outcome.notes),
        time_step=steps.step,
    )
    if not visible.validation or not visible.validation_history:
        _call_fit(model, train, context)
        return
    choosing = replace(
        context,
        validation=map_ratings(Path(visible.validation)),
        validation_history=map_ratings(Path(visible.validation_history)),
    )
    _call_fit(model, train, choosing)
    outcome.chosen_epoch = _best_epoch(outcome.curve)
    if visible.refit and outcome.chosen_epoch:
        again = replace(
            context,
            epochs=outcome.chosen_epoch,
            on_report=partial(note, outcome.refit_curve),
        )
        ratings = map_ratings(Path(visible.refit))
        laps.lap()
        _call_fit(model, ratings, again)


def _call_fit(model: RatingModel, train: Ratings, context: FitContext) -> None:
    """Fit the model.

    Raises:
        ModelError: Its `fit` is a generator or a coroutine, of which nothing has run.
    """
    returned: object = model.fit(train, context)  # type: ignore[func-returns-value]
    if isinstance(returned, Generator | Coroutine):
        # Otherwise Python would complain of it in the log.
        returned.close()
        raise ModelError(
            f"fit returned a {type(returned).__name__}, so it did not run. Write it "
            f"without yield and async."
        )


def _note(notes: dict[str, str], name: str, text: str) -> None:
    if name not in notes and len(notes) == MOST_NOTES:
        raise ModelError(f"it made more than {MOST_NOTES} notes.")
    notes[name] = text


def _best_epoch(curve: list[EpochReport]) -> int | None:
    judged = {
        report.epoch: report.validation_rmse
        for report in curve
        if report.validation_rmse is not None and isfinite(report.validation_rmse)
    }
    return min(judged, key=lambda epoch: (judged[epoch], epoch)) if judged else None


def _classify(error: BaseException, target: str) -> tuple[Status, str]:
    text, place = message_of(error), _place(error, target)
    reason = text if isinstance(error, BenchboxError) else error_line(error)
    reason = f"{reason.removesuffix('.')} {place}" if place else reason
    # torch reports a failed allocation as a plain RuntimeError on the CPU.
    short = isinstance(error, MemoryError) or "can't allocate memory" in text
    if short or is_out_of_memory(error):
        return "out-of-memory", reason
    if is_confined() and getattr(error, "errno", None) in _REFUSALS:
        return "failed", f"{reason}. {_WHAT_IT_MAY}"
    return "failed", reason


def _place(error: BaseException, target: str) -> str:
    """Return the line of the model's own code an error came from, if it did."""
    with suppress(Exception):
        own = {file.resolve() for file in source_files(target)}
        for step in reversed(traceback.extract_tb(error.__traceback__)):
            file = Path(step.filename)
            if file.resolve() in own:
                return f"({file.name}, line {step.lineno})"
    return ""


def _parameter_bytes(model: RatingModel) -> int | None:
    sizes = [p.numel() * p.element_size() for p in _parameters(model)]
    return sum(sizes) if sizes else None


def _parameters(model: RatingModel) -> "list[Parameter]":
    from torch.nn import Module

    modules = [part for part in vars(model).values() if isinstance(part, Module)]
    return [parameter for module in modules for parameter in module.parameters()]


def _resident_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)
