"""`benchbox data`: download, show, split, audit and remove data sets."""

from typing import TYPE_CHECKING, Any

import click

from benchbox.cli.common import (
    COLUMNS_HELP,
    HelpfulGroup,
    hand_out,
    json_option,
    notify,
    say,
)
from benchbox.cli.common import to_json as as_text
from benchbox.cli.folds import audit, folds
from benchbox.cli.installed import installed
from benchbox.data import DatasetCard, cache_folder, clean, fetch, load_dataset, locate
from benchbox.options import decode, spell, to_json
from benchbox.protocols import data_findings
from benchbox.runs import find_dataset

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchbox.data import Dataset, Whereabouts

Facts = list[tuple[str, str]]
"""Names of facts about a data set, and what is known of them."""

_columns = click.option(
    "--columns",
    default="",
    help=COLUMNS_HELP,
)


@click.group("data", cls=HelpfulGroup)
def command() -> None:
    """Download, show, split, audit and remove data sets."""


command.add_command(folds)
command.add_command(audit)


@command.command("path")
def path() -> None:
    """Print the folder for downloads."""
    say(cache_folder())


@command.command("fetch")
@click.argument("names", nargs=-1, required=True)
def fetch_command(names: tuple[str, ...]) -> None:
    """Download and verify the data sets NAMES, for later runs."""
    registry = installed()
    for name in names:
        card, settings = find_dataset(name, registry)
        fetched = fetch(card, settings, kind_of=registry.source_kind, notify=notify)
        say(f"{card.name}: {fetched.origin}")


@command.command("show")
@click.argument("name")
@_columns
@json_option
def show(name: str, columns: str, as_json: bool) -> None:
    """Show the statistics, folds, origin and licence of the data set NAME.

    Nothing is downloaded. If the files are not on this machine, only what the data
    set's card says is shown, with the place the files would come from.
    """
    registry = installed()
    card, settings = find_dataset(name, registry, columns)
    kind_of = registry.source_kind
    found = locate(card, settings, kind_of=kind_of)
    if found.is_here:
        dataset = load_dataset(card, settings, kind_of=kind_of, notify=notify)
        facts = _description(dataset)
    else:
        decode(card.options_type(), settings, f"Data set {card.name!r}")
        facts = _card_alone(card, spell(card.name, settings), found)
    if as_json:
        hand_out(as_text(_record(card, facts)))
    else:
        say(_sheet(card, facts))


@command.command("clean")
@click.argument("names", nargs=-1)
def clean_command(names: tuple[str, ...]) -> None:
    """Delete downloaded and cached files of the data sets NAMES, or of all."""
    registry = installed()
    cards = [find_dataset(name, registry)[0] for name in names]
    freed = sum(map(clean, cards)) if cards else clean()
    say(f"Freed {freed / 2**20:.1f} MiB in {cache_folder()}.")


def _description(dataset: "Dataset") -> Facts:
    import numpy as np

    from benchbox.arrays.grouping import tally

    card, ratings = dataset.card, dataset.ratings
    by_user = tally(ratings.users, ratings.n_users)
    by_item = tally(ratings.items, ratings.n_items)
    facts = [
        ("users", f"{ratings.n_users:,}"),
        ("items", f"{ratings.n_items:,}"),
        ("ratings", f"{len(ratings):,} ({ratings.density:.2%} of all pairs)"),
        ("scale", f"{ratings.scale}, mean {ratings.values.mean(dtype=float):.4f}"),
        ("ratings per user", f"median {np.median(by_user):g}, {_range(by_user)}"),
        ("ratings per item", f"median {np.median(by_item):g}, {_range(by_item)}"),
        ("time", _period(dataset)),
        ("user features", ", ".join(ratings.user_features or ()) or "none"),
        ("item features", ", ".join(ratings.item_features or ()) or "none"),
        ("own folds", ", ".join(dataset.folds) or "none"),
        ("origin", dataset.origin),
        *dataset.described.items(),
        *_terms(card),
    ]
    if dataset.noise_floor is not None:
        facts.insert(4, ("noise floor", f"RMSE {dataset.noise_floor:.4f}"))
    facts += [("warning", f"{found.text}.") for found in data_findings(ratings)]
    return [*facts, *(("note", note) for note in dataset.notes)]


def _card_alone(card: DatasetCard, text: str, found: "Whereabouts") -> Facts:
    counts = (
        ("users", card.n_users),
        ("items", card.n_items),
        ("ratings", card.n_ratings),
    )
    fetching = "" if found.origin == "nowhere" else f"benchbox data fetch {text}; or "
    return [
        *(
            (what, f"{n:,}, according to the card")
            for what, n in counts
            if n is not None
        ),
        ("scale", str(card.scale or "as found")),
        ("files", f"not on this machine: {'; '.join(dict.fromkeys(found.reasons))}"),
        ("would come from", found.origin),
        ("to get them", f"{fetching}{found.advice}."),
        *_terms(card),
    ]


def _terms(card: DatasetCard) -> list[tuple[str, str]]:
    # If the card does not say, assume no.
    redistributable = "yes" if card.licence.redistributable else "no, or unknown"
    return [
        ("options", ", ".join(to_json(card.options_type()())) or "none"),
        ("protocol", card.default_protocol),
        ("licence", f"{card.licence.text} {card.licence.url}".strip()),
        ("redistributable", redistributable),
        ("cite", card.citation or "–"),
    ]


def _record(card: DatasetCard, facts: Facts) -> dict[str, Any]:
    """Return the facts by name, for JSON; of some there may be several."""
    found: dict[str, Any] = {"name": card.name, "title": card.title}
    found |= {"warning": [], "note": []}
    for what, text in facts:
        if what in ("warning", "note"):
            found[what].append(text)
        else:
            found[what] = text
    return found


def _sheet(card: DatasetCard, facts: Facts) -> str:
    from textwrap import TextWrapper

    from benchbox.reports import terminal_width

    width, margin = terminal_width(), max(len(what) for what, _ in facts) + 2
    # Addresses stay whole, to be copied.
    folded = TextWrapper(
        max(20, min(width - margin, 80)), break_long_words=False, break_on_hyphens=False
    )
    lines = [card.title, ""]
    for what, found in facts:
        for number, line in enumerate(folded.wrap(found) or [""]):
            name = "" if number else what
            # What is too long for its place begins further left.
            place = margin if name else min(margin, max(0, width - len(line)))
            lines.append(f"{name:{place}}{line}".rstrip())
    return "\n".join(lines)


def _range(counts: "NDArray[np.int64]") -> str:
    return f"{counts.min():,} to {counts.max():,}"


def _period(dataset: "Dataset") -> str:
    from datetime import UTC, datetime

    times = dataset.ratings.timestamps
    if times is None:
        return "none"
    first, last = int(times.min()), int(times.max())
    try:
        days = (datetime.fromtimestamp(t, UTC).date() for t in (first, last))
        return " to ".join(map(str, days))
    except (OverflowError, ValueError, OSError):
        # The reader of a plugin may give anything.
        return f"{first} to {last}, which cannot be seconds since 1970"
