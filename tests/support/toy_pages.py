"""Toy pages: studies of toy runs, with everything a page can show."""

from pathlib import Path

from benchbox.models import EpochReport
from benchbox.records.folder import RunFolder
from benchbox.reports.pages import Study, study_of
from tests.support.toy_analyses import analysis, pair
from tests.support.toy_runs import toy_model, toy_run, toy_stage, toy_trials

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "a\"b'c`d",
    "=cmd()",
    "größe·模型·\u202egnp.exe",
    "{{ 7 * 7 }}{% raw %}",
    "x" * 300,
)
"""Names that are text everywhere, whatever they look like."""

SCORES = [
    [0.90, 0.91, 0.92, 0.93, 0.94],
    [0.90, 0.93, 0.95, 0.97, 0.99],
    [1.10, 1.11, 1.12, 1.13, 1.14],
    [0.50, 0.50, None, 0.50, None],
]

NAMES = ("autorec-user", "biased-mf", "global-mean", "unlucky")


def toy_study(
    parent: Path,
    names: tuple[str, ...] = NAMES,
    *,
    n_datasets: int = 1,
    log: str = "",
    with_statistics: bool = True,
) -> Study:
    """Return a study of a toy run with curves, logs and failures.

    Args:
        parent: Folder for the run.
        names: Names of the models.
        n_datasets: Number of data sets.
        log: Text of each log.
        with_statistics: Whether there are statistics of the stored predictions.
    """
    stages = [toy_stage(5, dataset=f"toys-{n}") for n in range(n_datasets)]
    run = toy_run([toy_model(name) for name in names], stages)
    folder = RunFolder.create(parent, run.id)
    folder.write_run(run)
    for stage in range(n_datasets):
        scores = [SCORES[n % len(SCORES)] for n in range(len(names))]
        for trial in toy_trials(run, scores):
            trial.stage, trial.curve = stage, toy_curve(30)
            folder.write_trial(trial, None)
            folder.log(trial).write_text(log)
    return study_of(
        [folder],
        [
            analysis(
                dict.fromkeys(names[:2], 0.9),
                [pair(*names[:2])],
                dataset=stage.dataset,
                folds=stage.folds,
                protocol_options=stage.protocol_options,
            )
            for stage in stages[:1]
            if with_statistics
        ],
        cards={},
    )


def toy_curve(n_epochs: int) -> list[EpochReport]:
    """Return reports of a fit that gets better all the time."""
    return [
        EpochReport(
            epoch=epoch, n_epochs=n_epochs, loss=1 / epoch, validation_rmse=1 / epoch
        )
        for epoch in range(1, n_epochs + 1)
    ]
