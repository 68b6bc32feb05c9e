"""When a saved model is asked: now, at a given time, or as a column says."""

from datetime import UTC, datetime

import click

from benchbox.cli.common import complain_of
from benchbox.data import times_of
from benchbox.errors import DataError, UsageError, shown
from benchbox.runs import SavedModel

at_option = click.option(
    "--at",
    metavar="TIME",
    help="When the question is asked, for a model that is told: a date, or a date and "
    "time, in UTC if it has no zone, or seconds since 1970.  [default: now]",
)


def seconds_at(text: str | None) -> int | None:
    """Return the value of ``--at`` in seconds since 1970; `None` if it is not given.

    Raises:
        UsageError: It is no time.
    """
    if text is None:
        return None
    try:
        return int(times_of([text.strip()], lambda row: "--at").seconds[0])
    except DataError:
        raise UsageError(
            f"--at {shown(text)} is no time. Write seconds since 1970, or a date as in "
            f"2001-10-28 or 2001-10-28T14:29:08Z."
        ) from None


def tell_of_now(model: SavedModel) -> None:
    """Say that a model is asked as of now, and how far its ratings reach."""
    times = model.ratings.timestamps
    assert times is not None
    complain_of(
        f"asked as of now, {datetime.now(UTC):%Y-%m-%d}; {model.record.model.label} "
        f"was fitted to ratings up to {day_of(int(times.max()))}. --at names another "
        f"time."
    )


def day_of(seconds: int) -> str:
    """Return the day of a time, UTC, as in ``2001-10-28``."""
    return str(datetime.fromtimestamp(seconds, UTC).date())
