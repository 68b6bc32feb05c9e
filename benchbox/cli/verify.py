"""`benchbox verify`: reproduce published figures and compare them with ours."""

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from benchbox.cli.common import (
    execution_of,
    execution_options,
    hand_out,
    json_option,
    say,
    to_json,
)
from benchbox.cli.installed import installed
from benchbox.cli.progress import TrialProgress
from benchbox.cli.run import session_of
from benchbox.errors import DataError, SourceError, UsageError, counted
from benchbox.machine import DEVICE_HELP
from benchbox.options import split_choice
from benchbox.plugins import VARIANT, Checked, Claim, Registry, check, unchecked
from benchbox.records import RunConfig, RunFolder, new_run_id
from benchbox.reports import (
    TextTable,
    fitted,
    leaderboards,
    paragraph,
    remark,
    terminal_width,
)
from benchbox.runs import Plan, Session, analysed

_HEADINGS = (
    "claim",
    "data",
    "metric",
    "published",
    "ours",
    "difference",
    "tolerance",
    "verdict",
)


@click.command("verify")
@click.option(
    "-d",
    "--dataset",
    "datasets",
    multiple=True,
    help="Check only claims about this data set; repeatable.",
)
@click.option(
    "--claim", "names", multiple=True, help="Check only this claim; repeatable."
)
@click.option("--device", default="auto", show_default=True, help=DEVICE_HELP)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="Folder of the runs.",
)
@execution_options
@json_option
def command(
    datasets: tuple[str, ...],
    names: tuple[str, ...],
    device: str,
    out: Path,
    as_json: bool,
    **how: Any,
) -> int:
    """Reproduce published figures and compare them with ours.

    Claims whose data set is neither on this machine nor can be downloaded are listed
    as "no data". The exit code is 1 if a figure differs and the claim does not explain
    why.
    """
    execution = execution_of(how)
    registry = installed()
    wanted = _chosen(registry, datasets, names)
    checked: list[Checked] = []
    progress = TrialProgress()
    with progress, session_of(registry, progress, execution) as session:
        for _, group in groupby(sorted(wanted, key=_key), key=_key):
            claims = list(group)
            try:
                checked += _checked(claims, session, out, device)
            except (SourceError, DataError) as error:
                for claim in claims:
                    checked += unchecked(claim, str(error))
    flawed = {o.value.name: o.value.flaw for o in registry.all("protocols")}
    flaws = [flawed.get(split_choice(one.claim.protocol)[0], "") for one in checked]
    if as_json:
        hand_out(to_json(_records(checked, flaws), indent=1))
    else:
        say(_table(checked, flaws))
    return int(any(one.verdict in ("differs", "failed") for one in checked))


def _chosen(
    registry: Registry, datasets: tuple[str, ...], names: tuple[str, ...]
) -> list[Claim]:
    claims: list[Claim] = [offer.value for offer in registry.all("claims")]
    for name in names:
        registry.find("claims", name)
    known = {split_choice(claim.dataset)[0] for claim in claims}
    for name in datasets:
        if name not in known:
            raise UsageError(
                f"No claim is about the data set {name!r}. There are claims about: "
                f"{', '.join(sorted(known)) or 'nothing'}."
            )
    return [
        claim
        for claim in claims
        if (not names or claim.name in names)
        and (not datasets or split_choice(claim.dataset)[0] in datasets)
    ]


def _key(claim: Claim) -> tuple[str, str, tuple[str, ...], int, bool]:
    return claim.setting


def _checked(
    claims: list[Claim], session: Session, out: Path, device: str
) -> list[Checked]:
    """Check claims that share a setting, in one run."""
    first = claims[0]
    models = tuple(dict.fromkeys(claim.model for claim in claims))
    config = RunConfig(
        models=models,
        datasets=(first.dataset,),
        protocols=(first.protocol,),
        folds=first.folds,
        seeds=first.seeds,
        clip=first.clip,
        device=device,
    )
    plan = session.plan(config)
    folder = RunFolder.create(out, new_run_id())
    record = session.carry_out(plan, folder)
    if record.status != "finished":
        raise KeyboardInterrupt
    (board,) = leaderboards(record, folder.trials())
    labels = dict(zip(models, (model.label for model in plan.models), strict=True))
    rows = {row.label: row for row in board.rows}
    variants = _variants(claims, plan, folder, session)
    checked = []
    for claim in claims:
        label = labels[claim.model]
        found = {name: s.mean for name, s in rows[label].summaries.items()}
        checked += check(claim, found | variants.get(label, {}))
    return checked


def _variants(
    claims: list[Claim], plan: Plan, folder: RunFolder, session: Session
) -> dict[str, dict[str, float]]:
    """Return each model's RMSE by other definitions, if a claim asks for one.

    They are computed from the stored predictions, and named ``rmse:`` and the name of
    the definition.
    """
    if not any(
        name.startswith(VARIANT) for claim in claims for name in claim.published
    ):
        return {}
    _, (analysis,) = analysed(folder, session.registry, lambda n: plan.stages[n].folds)
    return {
        model.label: {
            f"{VARIANT}{name}": value
            for name, value in model.variants.items()
            if value is not None
        }
        for model in analysis.models
    }


def _table(checked: list[Checked], flaws: list[str]) -> str:
    width = terminal_width()
    table = fitted(_text_table(checked, flaws), width)
    warning = [
        "⚠ Flawed protocol: the figure does not measure how well ratings are predicted."
    ]
    notes = [_counted(checked), *(warning if any(flaws) else []), *_explained(checked)]
    return "\n".join(
        [
            table.text,
            "",
            *remark(table.left_out, width, "verify --json"),
            *(paragraph(note, width, indent=2) for note in notes),
        ]
    )


def _text_table(checked: list[Checked], flaws: list[str]) -> TextTable:
    return TextTable(
        headings=_HEADINGS,
        rows=[
            [
                f"⚠ {one.claim.name}" if flaw else one.claim.name,
                one.claim.dataset,
                one.metric,
                f"{one.published:.5g}",
                _figure(one.ours),
                _figure(one.difference, "+"),
                f"{one.claim.tolerance:g}",
                one.verdict,
            ]
            for one, flaw in zip(checked, flaws, strict=True)
        ],
        words=(0, 1, 2, 7),
        # Drop the tolerance first, then the data: the claim's name hints at it.
        gives_way=(6, 1),
    )


def _figure(value: float | None, sign: str = "") -> str:
    """Return four decimals, or four significant digits if *value* is small."""
    if value is None:
        return "–"
    return f"{value:{sign}.4f}" if abs(value) >= 0.01 else f"{value:{sign}.4g}"


def _counted(checked: list[Checked]) -> str:
    counts: dict[str, int] = {}
    for one in checked:
        counts[one.verdict] = counts.get(one.verdict, 0) + 1
    parts = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    return f"{counted(len(checked), 'published figure')}: {parts or 'none'}."


def _explained(checked: list[Checked]) -> list[str]:
    """Return a paragraph for each claim that does not simply agree."""
    lines: dict[str, str] = {}
    for one in checked:
        if one.verdict == "explained":
            lines[one.claim.name] = one.claim.explanation
        elif one.verdict == "differs":
            lines[one.claim.name] = (
                f"measured as: {one.claim.definition} ({one.claim.source})"
            )
        elif one.reason:
            lines[one.claim.name] = one.reason
    reasons: dict[str, list[str]] = {}
    for name, reason in lines.items():
        reasons.setdefault(reason, []).append(name)
    return [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]


def _records(checked: list[Checked], flaws: list[str]) -> list[Mapping[str, object]]:
    import msgspec

    return [
        {
            **msgspec.to_builtins(one.claim),
            "metric": one.metric,
            "published": one.published,
            "ours": one.ours,
            "difference": one.difference,
            "verdict": one.verdict,
            "reason": one.reason,
            "flaw": flaw,
        }
        for one, flaw in zip(checked, flaws, strict=True)
    ]
