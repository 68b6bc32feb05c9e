"""Notes: the sentences beneath a table that make its numbers comparable."""

from collections.abc import Collection, Sequence

from benchbox.errors import counted
from benchbox.metrics import COVERAGE_80, CRPS, DISTRIBUTION_METRICS, LOG_SCORE, MAPE
from benchbox.options import spell
from benchbox.records import RunRecord, StageRecord, TrialRecord, trial_name
from benchbox.reports.columns import (
    EXACT,
    FLAGS,
    FRONT,
    HASTENED,
    LEAK,
    READY,
    TOGETHER,
    TOLD,
    WORSE,
    shown_metrics,
)
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.numbers import heading, score, seconds
from benchbox.reports.other_pairs import about_other_pairs
from benchbox.reports.rows import Flag
from benchbox.reports.warnings import audit_warnings, time_warnings


def notes(
    run: RunRecord,
    board: Leaderboard,
    *,
    best: str,
    tied: str,
    without: Collection[str] = (),
) -> list[str]:
    """Return the sentences beneath a table that make its numbers comparable.

    Args:
        run: The run.
        board: The table.
        best: How the format shows the best row.
        tied: How it shows a row that is not significantly worse than the best.
        without: Headings of columns that there was no room for, and so no need to
            explain.
    """
    flaw = board.stage.flaw
    return [
        *([f"⚠ These figures do not measure prediction: {flaw}."] if flaw else []),
        *(f"⚠ {m.title}: {m.flaw}." for m in shown_metrics(board) if m.flaw),
        *(f"⚠ In {text}." for text in audit_warnings(board.stage)),
        *board.stage.notes,
        what_was_scored(run, board.stage),
        _how_it_was_pooled(run, board, best, tied),
        *about_question_times(board),
        *_about_distributions(board, without),
        *_about_cold_pairs(board),
        *_about_zeros(board),
        *_about_the_reference(board),
        *_about_the_floor(board),
        *about_other_pairs({row.label: row.asked_again for row in board.rows}),
        *_about_the_front(board),
        *_about_devices(board),
        *board.remarks,
        *about_access(run, board.unconfined),
        *_about_tuning(board),
        *_about_timings(run, board, without),
        *_about_machines(board),
        *run.remarks,
        where_it_ran(run),
    ]


def troubles(board: Leaderboard) -> list[str]:
    """Return a line for each way a trial did not end well, with how often it did."""
    alike: dict[tuple[str, str, str], list[TrialRecord]] = {}
    for trial in board.troubles:
        alike.setdefault((trial.label, trial.status, trial.reason), []).append(trial)
    return [
        f"{label}: {status} in {len(trials)} of its trials ({trials[0].fold} "
        f"r{trials[0].replicate}{', …' if len(trials) > 1 else ''}): "
        f"{reason.removesuffix('.')}{_log_of(trials[0])}"
        for (label, status, reason), trials in alike.items()
    ]


def _log_of(trial: TrialRecord) -> str:
    """Return where to read more, within the folder of the run; a skip has no log."""
    if trial.status in ("skipped", "interrupted"):
        return ""
    return f". Log: logs/{trial_name(trial)}.log"


def title(stage: StageRecord) -> str:
    """Return the heading of a table, with a warning over a flawed protocol."""
    warning = "⚠ " if stage.flaw else ""
    name = spell(stage.dataset, stage.dataset_options)
    return f"{warning}{name} · {stage.protocol}{' (flawed)' if stage.flaw else ''}"


def _about_the_front(board: Leaderboard) -> list[str]:
    timed = [row for row in board.rows if row.total_seconds is not None]
    if sum(not row.is_contended for row in timed) < 2:
        return []
    return [
        f"{FRONT}: no other model has a better {board.metrics[0].title} and takes less "
        f"time from data to predictions (loading, preparation, fit and prediction)."
    ]


def about_question_times(board: Leaderboard) -> list[str]:
    """Return which models are told when each question is asked, and what follows."""
    told = [row.label for row in board.rows if row.asks_times]
    if not told:
        return []
    warned = [f"⚠ {TOLD} In {text}." for text in time_warnings(board.stage)]
    return [f"{when_asked(told)} Each kind has its own best, ties and front.", *warned]


def when_asked(labels: Sequence[str]) -> str:
    """Return the sentences on models that are told when each question is asked."""
    return (
        f"{TOLD}: is told when each question is asked, which the other models are not: "
        f"{', '.join(labels)}. This is another task, so these models are compared only "
        f"among themselves."
    )


def _about_devices(board: Leaderboard) -> list[str]:
    """Return which models used an accelerator, since others may have used none."""
    by_device: dict[str, list[str]] = {}
    for row in board.rows:
        if row.device:
            by_device.setdefault(row.device, []).append(row.label)
    on_cpu = by_device.pop("cpu", [])
    if not by_device:
        return []
    if not on_cpu and len(by_device) == 1:
        return [f"All models were fitted on {' '.join(by_device)}."]
    parts = [f"on {name}: {', '.join(labels)}" for name, labels in by_device.items()]
    rest = ["on the CPU: all others"] if on_cpu else []
    return [f"Fitted {'; '.join([*parts, *rest])}."]


def about_access(run: RunRecord, unconfined: str) -> list[str]:
    """Return what models could read and reach beside their own files, if anything.

    Args:
        run: The run.
        unconfined: What a trial says that nothing kept from other files; else empty.
    """
    said = []
    if unconfined:
        said.append(
            f"⚠ Trials were not confined ({unconfined}): nothing but good manners kept "
            f"models from the hidden ratings on this machine."
        )
    read, network = run.config.allow_read, run.config.allow_network
    allowed = [f"read {path}" for path in read] + ["use the network"] * network
    if allowed:
        said.append(f"⚠ Models were allowed to {' and to '.join(allowed)}.")
    return said


def _about_tuning(board: Leaderboard) -> list[str]:
    if all(row.tuning_seconds is None for row in board.rows):
        return []
    return [
        "tuning s: seconds per fold to choose the model's options on validation "
        "ratings, not included in fit s."
    ]


def _about_timings(
    run: RunRecord, board: Leaderboard, without: Collection[str]
) -> list[str]:
    """Return what is not in the timings, and what should not be."""
    said = []
    labels = {row.label for row in board.rows}
    timed = {} if board.machines else run.first_use_seconds
    first_use = {k: s for k, s in timed.items() if k in labels}
    if first_use:
        longest = max(first_use, key=lambda label: first_use[label])
        said.append(
            f"Not included in these times: the first use of each model (compilation, "
            f"loading of libraries), {seconds(sum(first_use.values()))} s in total, "
            f"at most {seconds(first_use[longest])} s ({longest})."
        )
    if READY not in without and any(r.ready_seconds is not None for r in board.rows):
        said.append(
            f"{READY}: from the data to the first predictions, that is the import and "
            f"preparation of the model, its fit, and the first call of predict."
        )
    hastened = [row for row in board.rows if row.n_hastened]
    if hastened:
        which = ", ".join(row.label for row in hastened)
        said.append(
            f"{HASTENED} {counted(sum(row.n_hastened for row in hastened), 'repeat')} "
            f"took less than a tenth of the first fit with the same seed, so something "
            f"of it may have been kept, and their times are not those of a fit: "
            f"{which}."
        )
    trials = counted(sum(row.n_ok for row in board.rows), "trial")
    rows = () if board.machines else board.rows
    together = sum(row.n_together for row in rows)
    if together:
        said.append(
            f"{TOGETHER} {together} of {trials} ran at the same time as others of this "
            f"run (`--jobs`). Times marked so are too long, and compare with no "
            f"others. Accuracy does not depend on it."
        )
    disturbed = sum(row.n_disturbed for row in rows) - together
    if disturbed > 0:
        said.append(
            f"Other work used the machine during {disturbed} of {trials}, so "
            f"their timings may be too long (see `benchbox doctor`)."
        )
    return said


def _about_machines(board: Leaderboard) -> list[str]:
    if not board.machines:
        return []
    return [
        f"Times and memory are left out, since they compare on one machine only, and "
        f"these trials ran on several: {'; '.join(board.machines)}. The report of each "
        f"run alone shows them."
    ]


def what_was_scored(run: RunRecord, stage: StageRecord) -> str:
    """Return the definition that all figures of a stage share, in a sentence."""
    hidden = sum(fold.n_hidden for fold in stage.folds)
    folds = ", ".join(fold.name for fold in stage.folds)
    clipping = f"clipped to {stage.scale}" if run.config.clip else "not clipped"
    standard = "standard split" if stage.standard else "own split"
    ids = " ".join(fold.id[:8] for fold in stage.folds[:5])
    more = " …" if len(stage.folds) > 5 else ""
    return (
        f"{spell(stage.protocol, stage.protocol_options)}: "
        f"{'folds' if len(stage.folds) > 1 else 'fold'} {folds} ({standard}, "
        f"ids {ids}{more}). Each model and seed is scored on "
        f"{counted(hidden, 'hidden rating')}; predictions are {clipping}."
    )


def _how_it_was_pooled(run: RunRecord, board: Leaderboard, best: str, tied: str) -> str:
    n_folds = len(board.stage.folds)
    n_seeds = run.config.seeds
    seeds = f"Stochastic models are fitted with {counted(n_seeds, 'seed')} per fold."
    if n_folds < 2:
        return (
            f"Metrics are computed over all hidden ratings of the fold. {seeds} "
            f"{best}: best {board.metrics[0].title}. A single fold gives no interval, "
            f"so no model is marked as tied; `benchbox stats` computes intervals over "
            f"users."
        )
    return (
        f"Metrics are computed over all hidden ratings of a fold; the table shows "
        f"their mean over {n_folds} folds, ± the standard deviation. {seeds} {best}: "
        f"best {board.metrics[0].title}. {tied}: not significantly worse (the paired "
        f"95 % interval over folds, corrected for the number of models, includes 0)."
    )


def _about_cold_pairs(board: Leaderboard) -> list[str]:
    users = sum(fold.n_cold_users for fold in board.stage.folds)
    items = sum(fold.n_cold_items for fold in board.stage.folds)
    if not users and not items:
        return []
    return [
        f"Hidden ratings of unseen users: {users:,}; of unseen items: {items:,} "
        f"({board.stage.cold_policy})."
    ]


def _about_distributions(board: Leaderboard, without: Collection[str]) -> list[str]:
    shown = {m.name for m in shown_metrics(board) if heading(m) not in without}
    if not shown & {metric.name for metric in DISTRIBUTION_METRICS}:
        return []
    return [
        f"{LOG_SCORE.title}, {CRPS.title} and {COVERAGE_80.title} score predicted "
        f"distributions, and are blank for models that predict none. The first two are "
        f"best when low; of the hidden ratings, 80 % should lie in the 80 % interval."
    ]


def _about_zeros(board: Leaderboard) -> list[str]:
    if board.stage.scale.low > 0 or MAPE.name not in {m.name for m in board.metrics}:
        return []
    return [
        f"The scale {board.stage.scale} includes 0 or negative ratings: {MAPE.title} "
        f"skips hidden ratings of 0, and those near 0 dominate it."
    ]


def _about_the_reference(board: Leaderboard) -> list[str]:
    if not board.reference:
        return []
    scores = ", ".join(
        f"{metric.title} {score(metric, board.reference[metric.name])}"
        for metric in board.metrics
        if metric.name in board.reference and metric.pooling == "rating"
    )
    worse = _flagged(board, WORSE)
    return [
        f"The bias model has {scores} on the same hidden ratings."
        f"{f' {FLAGS[WORSE]}: not better than that: {worse}.' if worse else ''}"
    ]


def _about_the_floor(board: Leaderboard) -> list[str]:
    floor, exact = board.stage.noise_floor, _flagged(board, EXACT)
    if floor is None and exact:
        return [
            f"{FLAGS[EXACT]} Every hidden rating of a fold is predicted exactly: "
            f"{exact}. Suspect a leak: the model has probably seen the hidden ratings."
        ]
    if floor is None:
        return []
    known = f"Noise in these ratings: no model can expect an RMSE below {floor:.4f}."
    below = _flagged(board, LEAK)
    if not below:
        return [known]
    return [
        f"{known} {FLAGS[LEAK]} Lower than chance allows: {below}. Suspect a leak: "
        f"the model has probably seen the hidden ratings."
    ]


def _flagged(board: Leaderboard, flag: Flag) -> str:
    return ", ".join(row.label for row in board.rows if row.flag == flag)


def where_it_ran(run: RunRecord) -> str:
    """Return the machine, the software and the name of a run, in a sentence."""
    here, precision = run.environment, run.config.precision
    products = "" if precision == "float32" else f"matrix products in {precision}; "
    threads = counted(run.n_threads, "thread")
    where = f"{here.machine()}; {threads}; "
    if any(e.fingerprint != here.fingerprint for e in run.earlier_environments):
        where = ""
    name = f"run {run.id}"
    if run.merged and " + ".join(one.id for one in run.merged) != run.id:
        name += f", merged from {' + '.join(one.id for one in run.merged)}"
    return (
        f"{where}{products}torch {here.packages.get('torch', '?')}, "
        f"benchbox {here.benchbox}; {name}."
    )
