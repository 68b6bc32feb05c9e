"""Statistics and pages of stored runs: what needs their data again."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchbox.analysis import Analysis, analyse, measures_of
from benchbox.data import DatasetCard, cache_folder
from benchbox.errors import BenchboxError, ResultsError, cannot_write
from benchbox.plugins import Registry
from benchbox.protocols import Fold
from benchbox.records import RunFolder, RunRecord, TrialRecord
from benchbox.reports import (
    REPORT_EXTRA,
    Part,
    appendix,
    can_draw,
    checklist,
    page,
    study_of,
)
from benchbox.runs.resolve import resolve_metrics
from benchbox.runs.stages import Notify, Stages

PAGE = "report.html"
"""The page of a run, in its folder."""

SWITCH = "BENCHBOX_REPORT"
"""Environment variable; ``off`` writes no page at the end of runs."""

_MOST_PREDICTIONS = 30_000_000
"""Of a run whose statistics are computed at its end; more would take minutes."""

FoldsOf = Callable[[int], Sequence[Fold]]
"""Returns the folds of a stage, by its number in the run."""


def analysed(
    folder: RunFolder,
    registry: Registry,
    folds_of: FoldsOf,
    metric: str = "",
    *,
    across_kinds: bool = False,
) -> tuple[RunRecord, list[Analysis]]:
    """Return the statistics of each stage of a run, from its stored predictions.

    Args:
        folder: The run.
        registry: Installed plugins.
        folds_of: Returns the folds of each stage.
        metric: Metric to compare models by; the run's first by default.
        across_kinds: Whether to compare models that are told when each question is
            asked with others, too.

    Raises:
        ResultsError: No trial succeeded, its predictions were not stored, or the data
            have changed.
        UsageError: Models cannot be compared by this metric.
        BenchboxError: The data cannot be loaded or split again.
    """
    run, trials = folder.read_run(), folder.trials()
    if not any(trial.status == "ok" for trial in trials):
        raise ResultsError(
            f"No trial of run {run.id} succeeded, so there is nothing to analyse."
        )
    measures = measures_of(run, resolve_metrics(registry), metric)
    return run, [
        analyse(
            run,
            number,
            folds_of(number),
            folder,
            trials,
            measures,
            across_kinds=across_kinds,
        )
        for number in range(len(run.stages))
    ]


def folds_again(run: RunRecord, registry: Registry, notify: Notify) -> FoldsOf:
    """Return how to load and split the data of a stored run again."""
    stages = Stages(registry, notify, run.config.columns)
    return lambda number: stages.rebuild(run, number).folds


def page_of(
    folders: Sequence[RunFolder],
    registry: Registry,
    notify: Notify,
    folds_of: FoldsOf | None = None,
) -> str:
    """Return the page of some runs as HTML.

    Where the data or the predictions are missing, the page says so, and lacks the
    statistics that need them.

    Args:
        folders: The runs, at least one.
        registry: Installed plugins.
        notify: Shows a line to the user.
        folds_of: Returns the folds of each stage, of a single run whose data are
            loaded; by default they are loaded again.

    Raises:
        ResultsError: The runs' figures differ in their definitions.
        UsageError: The packages of the extra ``report`` are not installed.
    """
    analyses: list[Analysis] = []
    missing: list[str] = []
    for folder in folders:
        run = folder.read_run()
        try:
            _check_size(run, folder.trials(), at_end=folds_of is not None)
            folds = folds_of or folds_again(run, registry, notify)
            analyses += analysed(folder, registry, folds)[1]
        except BenchboxError as error:
            missing.append(f"Without statistics over users and slices: {error}")
    study = study_of(
        folders,
        analyses,
        cards=_cards(registry),
        columns=[offer.value for offer in registry.all("columns")],
        without_statistics=" ".join(missing),
    )
    return page(study)


def write_page(
    folder: RunFolder, registry: Registry, notify: Notify, folds_of: FoldsOf
) -> None:
    """Write the page of a run that has ended into its folder.

    Without the packages for it, a line says once how to get them. What a page cannot
    show never fails a run.
    """
    if os.environ.get(SWITCH) == "off":
        return
    if not can_draw():
        if _is_first_time():
            notify(
                f"benchbox: for a page with charts beside the tables of each run: "
                f"{REPORT_EXTRA}. (This is said once.)"
            )
        return
    try:
        folder.write_page(PAGE, page_of([folder], registry, notify, folds_of))
    except BenchboxError as error:
        notify(f"benchbox: {PAGE} was not written: {error}")


def paper_parts(
    folders: Sequence[RunFolder],
    registry: Registry,
    *,
    with_appendix: bool,
    with_checklist: bool,
) -> list[Part]:
    """Return what a paper needs beside its tables, from the records of some runs.

    Args:
        folders: The runs.
        registry: Installed plugins, whose cards tell licences.
        with_appendix: Whether to tell splits, options, search spaces and budgets.
        with_checklist: Whether to fill in the checklists.
    """
    cards, parts = _cards(registry), []
    for folder in folders:
        run, trials, studies = folder.read_run(), folder.trials(), folder.studies()
        if with_appendix:
            parts += appendix(run, trials, studies)
        if with_checklist:
            parts += checklist(run, trials, studies, cards)
    return parts


def save_page(file: Path, text: str) -> None:
    """Write a page to a file that the user names.

    Raises:
        ResultsError: It cannot be written.
    """
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ResultsError(cannot_write(file, error)) from error


def _cards(registry: Registry) -> Mapping[str, DatasetCard]:
    return {offer.value.name: offer.value for offer in registry.all("datasets")}


def _check_size(run: RunRecord, trials: Sequence[TrialRecord], *, at_end: bool) -> None:
    """Refuse statistics that would hold up the end of a run for minutes."""
    n = sum(trial.n_hidden for trial in trials if not trial.repeat)
    if at_end and n > _MOST_PREDICTIONS:
        raise ResultsError(
            f"They take long for {n:,} predictions. For them, use: "
            f"benchbox report {run.id} --html {PAGE}"
        )


def _is_first_time() -> bool:
    """Return whether the user was not told yet, and remember that it is told now."""
    file = cache_folder() / "told-of-reports"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(exist_ok=False)
    except FileExistsError:
        return False
    except OSError:
        # A machine that keeps nothing would be told after every run.
        return False
    return True
