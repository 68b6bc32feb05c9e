"""Checklists for reproducibility, filled in as far as the records of a run can tell.

The questions are those of the ACM on artifacts (Artifact Review and Badging 1.1) and
of the paper checklist of NeurIPS (2024), in our words, as far as they are about
experiments.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from benchbox.data import DatasetCard
from benchbox.errors import counted
from benchbox.records import NOT_ENFORCED, RunRecord, StudyRecord, TrialRecord
from benchbox.reports.numbers import seconds
from benchbox.reports.pages.sources import Source, sources_of
from benchbox.reports.paper.parts import Part

Answer = Literal["yes", "partly", "no", "yours"]
"""``yours``: no record can tell; the authors must answer."""

_Line = tuple[str, Answer, str]
"""What is asked, the answer, and what it rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What the answers are drawn from."""

    run: RunRecord
    trials: Sequence[TrialRecord]
    studies: Sequence[StudyRecord]
    sources: Sequence[Source]

    @property
    def without_repeats(self) -> list[TrialRecord]:
        return [trial for trial in self.trials if not trial.repeat]


def checklist(
    run: RunRecord,
    trials: Sequence[TrialRecord],
    studies: Sequence[StudyRecord],
    cards: Mapping[str, DatasetCard],
) -> list[Part]:
    """Return the checklists of ACM and NeurIPS, answered from the records of a run.

    Args:
        run: The run.
        trials: Its trials.
        studies: Its searches for options; empty without tuning.
        cards: Installed data sets by name.
    """
    facts = _Facts(
        run=run, trials=trials, studies=studies, sources=sources_of(run.stages, cards)
    )
    headings = ["item", "answer", "what the records say"]
    return [
        Part(
            title="NeurIPS paper checklist: experiments",
            headings=headings,
            rows=[[*line] for line in _neurips(facts)],
            notes=[
                "yours: no record can tell. The other items (claims, limitations, "
                "theory, ethics, impact, safeguards, new assets, people, use of "
                "language models) are about the paper, and not about its experiments."
            ],
        ),
        Part(
            title="ACM artifact review and badging",
            headings=headings,
            rows=[[*line] for line in _acm(facts)],
        ),
        Part(
            title="Evaluation of recommenders",
            headings=headings,
            rows=[[*line] for line in _own(facts)],
        ),
    ]


def _neurips(facts: _Facts) -> Iterator[_Line]:
    run = facts.run
    yield "4. Can the results be reproduced?", *_reproducible(facts)
    yield "5. Are data and code open?", *_open(facts)
    yield (
        "6. Are splits, options and how they were chosen stated?",
        "yes",
        f"Splits by fold id, all options in force, and {_how_chosen(facts)}. See "
        f"report --appendix.",
    )
    yield "7. Are there error bars, and is their kind stated?", *_error_bars(facts)
    spent = sum(trial.seconds for trial in facts.trials)
    searched = sum(study.seconds for study in facts.studies)
    tuning = f", and {seconds(searched)} s of tuning" if facts.studies else ""
    yield (
        "8. Are the computing resources stated?",
        "partly",
        f"{run.environment.machine()}, {counted(run.n_threads, 'thread')} per trial; "
        f"{counted(len(facts.trials), 'trial')}, {seconds(spent)} s{tuning}. Add what "
        f"earlier experiments took that are not in the paper.",
    )
    yield "12. Are the owners of data credited, and licences named?", *_credits(facts)


def _credits(facts: _Facts) -> tuple[Answer, str]:
    said = [f"{s.name}: {s.licence}" for s in facts.sources if s.licence]
    unlicensed = [s.name for s in facts.sources if not s.licence]
    uncited = [s.name for s in facts.sources if not s.citation]
    if unlicensed:
        said.append(f"Name the licence of {', '.join(unlicensed)}.")
    if uncited:
        said.append(f"No publication is known for {', '.join(uncited)}.")
    if len(uncited) < len(facts.sources):
        said.append("Citations: report --format bibtex.")
    if len(unlicensed) == len(facts.sources):
        return "yours", " ".join(said)
    return "partly" if unlicensed else "yes", " ".join(said)


def _reproducible(facts: _Facts) -> tuple[Answer, str]:
    run, here = facts.run, facts.run.environment
    lacking = []
    if here.commit.endswith("+"):
        lacking.append("benchbox ran from a checkout with uncommitted changes")
    lacking += [
        f"{m.label} has no hash of its source"
        for m in run.models
        if not m.source_digest
    ]
    if run.earlier_environments:
        lacking.append("the run was continued on another machine or software")
    said = (
        f"{run.command}, seed {run.config.seed}, benchbox {here.benchbox}, torch "
        f"{here.packages.get('torch', '?')}; fold ids, sources and predictions by hash."
    )
    doubts = f" But: {'; '.join(lacking)}." if lacking else ""
    return "partly" if lacking else "yes", said + doubts


def _open(facts: _Facts) -> tuple[Answer, str]:
    own = [s.name for s in facts.sources if not s.licence]
    files = [m.label for m in facts.run.models if not m.version]
    said = []
    if own:
        said.append(f"Say where to get {', '.join(own)}.")
    if files:
        said.append(f"Publish the code of {', '.join(files)}.")
    packages = sorted(
        {f"{m.package} {m.version}" for m in facts.run.models if m.version}
    )
    if packages:
        said.append(f"From packages: {', '.join(packages)}.")
    return "partly" if own or files else "yes", " ".join(said)


def _how_chosen(facts: _Facts) -> str:
    if not facts.studies:
        return "no search for them in this run; say why the options are what they are"
    budget = facts.studies[0].budget
    return (
        f"a search with {counted(budget.trials, 'setting')} per model and fold, on "
        f"validation ratings"
    )


def _error_bars(facts: _Facts) -> tuple[Answer, str]:
    folds = [len(stage.folds) for stage in facts.run.stages]
    seeds = f"{counted(facts.run.config.seeds, 'seed')} per fold of a stochastic model"
    if max(folds) < 2:
        return (
            "partly",
            f"A single fold gives no interval over folds; {seeds}. benchbox stats "
            f"computes intervals over users.",
        )
    return (
        "yes" if min(folds) > 1 else "partly",
        f"± is the standard deviation over folds, no interval. Ties rest on paired "
        f"95 % intervals over folds (Nadeau and Bengio), corrected for the number of "
        f"models; {seeds}.",
    )


def _acm(facts: _Facts) -> Iterator[_Line]:
    n_ok = sum(trial.status == "ok" for trial in facts.trials)
    is_whole = n_ok == facts.run.n_trials
    yield (
        "Documented: is there an inventory, and how to run it?",
        "yes",
        "run.json lists settings, models, folds and metrics; each trial tells the "
        "command that runs it again (report.html).",
    )
    yield (
        "Consistent: do the artifacts yield the results of the paper?",
        "yes",
        "Tables are made from the records, which carry hashes; benchbox report makes "
        "them again.",
    )
    yield (
        "Complete: are all parts of the results there?",
        "yes" if is_whole else "partly",
        f"{n_ok} of {facts.run.n_trials} trials succeeded; predictions are "
        f"{'stored' if facts.run.config.keep_predictions else 'not stored'}.",
    )
    yield (
        "Exercisable: can they be run again?",
        "yes" if facts.run.status == "finished" else "partly",
        f"The run is {facts.run.status}; benchbox compare sets a new run beside it.",
    )
    yield "Reusable: is it easy for others to build on them?", "yours", ""
    yield "Available: are they in an archive with an identifier?", "yours", ""
    yield "Reproduced: did others get the results with these artifacts?", "yours", ""
    yield "Replicated: did others get them without these artifacts?", "yours", ""


def _own(facts: _Facts) -> Iterator[_Line]:
    trials = [t for t in facts.without_repeats if t.status == "ok"]
    free = [t for t in trials if not t.confined or t.confined.startswith(NOT_ENFORCED)]
    yield (
        "Were the hidden ratings out of reach of the models?",
        "partly" if free else "yes",
        f"The system did not enforce it in {len(free)} of "
        f"{counted(len(trials), 'trial')}."
        if free
        else "Each trial ran confined, in a process without them.",
    )
    found = [f for s in facts.run.stages for fold in s.folds for f in fold.findings]
    grave = sorted({f.text for f in found if f.severity != "note"})
    flawed = sorted({s.protocol for s in facts.run.stages if s.flaw})
    yield (
        "Was each split checked for leaks?",
        "yes",
        " ".join(
            [
                f"Findings: {'; '.join(grave) or 'none that casts doubt'}.",
                *([f"Flawed protocols: {', '.join(flawed)}."] if flawed else []),
            ]
        ),
    )
    yield "Did baselines get the same search for options as the rest?", *_tuned(facts)
    n_hidden = sum(trial.n_hidden for trial in trials)
    n_answered = sum(trial.n_answered for trial in trials)
    yield (
        "Is every hidden rating in the score?",
        "yes",
        f"Models predicted {n_answered:,} of {n_hidden:,}; the bias model filled in "
        f"the rest.",
    )
    disturbed = sum(bool(trial.contended) for trial in facts.trials)
    together = sum(trial.ran_beside_others for trial in facts.trials)
    yield (
        "Were timings undisturbed?",
        "partly" if disturbed else "yes",
        f"Other work disturbed {disturbed} of {counted(len(facts.trials), 'trial')}."
        + f" Of these, {together} ran at the same time as others of the run."
        * bool(together),
    )


def _tuned(facts: _Facts) -> tuple[Answer, str]:
    searched = {study.model.removesuffix(" tuned") for study in facts.studies}
    if not searched:
        return "no", "No model was tuned in this run."
    labels = {m.label.removesuffix(" tuned") for m in facts.run.models}
    others = sorted(labels - searched)
    said = f"The same budget for {', '.join(sorted(searched))}."
    if not others:
        return "yes", said
    return "partly", f"{said} Not tuned: {', '.join(others)}."
