"""Options that several commands share, and printing to standard error."""

from pathlib import Path

import click


def notify(text: str) -> None:
    """Print *text* to standard error."""
    click.echo(text, err=True)


def complain_of(text: str) -> None:
    """Print *text* to standard error, with the prefix ``benchbox:``."""
    notify(f"benchbox: {text}")


results_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="Folder of the runs.",
)
protocols_option = click.option(
    "-p",
    "--protocol",
    "protocols",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="Evaluation protocol; repeatable. Default: each data set's own.",
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(min=0),
    help="Threads per trial; 0: one per processor.  [default: 0]",
)
executor_option = click.option(
    "--executor",
    default="local",
    show_default=True,
    metavar="NAME",
    help="Executor that runs the trials: local, or one from a plugin.",
)
resume_option = click.option(
    "--resume",
    metavar="RUN",
    help='Continue an interrupted run, given by folder, name or "last".',
)
verbose_option = click.option(
    "-v", "--verbose", is_flag=True, help="Print a line for each trial."
)
