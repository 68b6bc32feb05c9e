"""Options that several commands share, and printing to standard error."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Any

import click

from benchbox.errors import UsageError, printable

if TYPE_CHECKING:
    from benchbox.runs import Execution

_WHOLE = 1_000
"""Characters, so that click does not cut a sentence short."""


class HelpfulGroup(click.Group):
    """A group that prints its help, with nothing cut, when no command is given.

    Click prints it then too, but as a result up to version 8.1, and as a wrong usage
    since.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Print the help if there are no arguments."""
        if not args and not ctx.resilient_parsing:
            say(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands, each with its whole first sentence."""
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            assert command is not None
            rows.append((name, command.get_short_help_str(_WHOLE)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def say(text: object, *, err: bool = False) -> None:
    """Print *text*, with control characters spelt out: some of it others wrote.

    Args:
        text: What to print.
        err: Whether it goes to standard error.
    """
    click.echo(printable(str(text)), err=err)


def hand_out(text: str) -> None:
    """Print the lines of *text* as data.

    Where a program reads them, they are as they are, and in UTF-8 whatever the locale.
    """
    if sys.stdout.isatty():
        text = printable(text)
    takes_bytes = hasattr(sys.stdout, "buffer") and not sys.stdout.isatty()
    click.echo(text.encode() if takes_bytes else text, nl=False)


def to_json(content: object, indent: int = 2) -> str:
    """Return *content* as JSON in lines, the last with a line break too."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(content), indent=indent).decode()
    return printable(text) + "\n"


def format_or_json(form: str, as_json: bool) -> str:
    """Return the chosen format, where ``--json`` is short for ``--format json``.

    Args:
        form: Format chosen, ``table`` by default.
        as_json: Whether ``--json`` was given.

    Raises:
        UsageError: Both were given, and differ.
    """
    if as_json and form not in ("table", "json"):
        raise UsageError(f"Choose one of --json and --format {form}.")
    return "json" if as_json else form


def notify(text: str) -> None:
    """Print *text* to standard error, where a terminal breaks lines between words."""
    say(_wrapped(text), err=True)


def _wrapped(text: str) -> str:
    """Return *text* as wide as the terminal that standard error is, if it is one."""
    try:
        width = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return text
    # Paths and addresses stay whole, to be copied.
    whole = TextWrapper(width, break_on_hyphens=False, break_long_words=False)
    return "\n".join(whole.fill(line) for line in text.splitlines()) if width else text


def complain_of(text: str) -> None:
    """Print *text* to standard error, with the prefix ``benchbox:``."""
    notify(f"benchbox: {text}")


COLUMNS_HELP = (
    "Columns of your own files that are not recognised: user=…,item=…,rating=…,"
    "timestamp=…; their names, or without a header their numbers from 0. "
    "timestamp=- reads no times."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
    help="Evaluation protocol; repeatable; files:DIR for folds in a folder of lists. "
    "Default: each data set's own.",
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(min=0),
    help="Threads per trial; 0: one per processor.  [default: 0]",
)
_executor_option = click.option(
    "--executor",
    default="local",
    show_default=True,
    metavar="NAME",
    help="Executor that runs the trials: local, ray (a cluster), or one from a plugin.",
)
_address_option = click.option(
    "--ray-address",
    default="",
    metavar="auto|HOST:PORT",
    help="Ray cluster of --executor ray; auto: that of this machine.  [default: auto]",
)
_jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Trials to run at once on a machine; they share the processors unless their "
    "threads are given. Accuracy stays the same; times are marked as contended (⊘) and "
    "are not compared.",
)


def executor_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where trials run."""
    return _executor_option(_address_option(command))


def execution_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how trials are carried out; see `execution_of`."""
    return executor_options(_jobs_option(command))


def execution_of(chosen: dict[str, Any]) -> "Execution":
    """Return how trials are carried out, and remove that from the options *chosen*."""
    from benchbox.runs import Execution

    return Execution(
        chosen.pop("executor"), chosen.pop("jobs", 1), chosen.pop("ray_address")
    )


resume_option = click.option(
    "--resume",
    metavar="RUN",
    help='Continue an interrupted run, given by folder, name or "last".',
)
rerun_option = click.option(
    "--rerun",
    metavar="failed|all|none|MODEL",
    help="Which trials of the run to --resume are run again although they have ended; "
    "MODEL: those of a model, and failed ones.  [default: failed]",
)
code_option = click.option(
    "--code",
    "code",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="A Python file that may run if the record names it; repeatable.",
)
trust_option = click.option(
    "--trust", is_flag=True, help="Run whatever code the record names."
)
allow_read_option = click.option(
    "--allow-read",
    multiple=True,
    type=click.Path(exists=True, resolve_path=True),
    metavar="PATH",
    help="Let models read this file or folder, such as pretrained weights; repeatable.",
)
allow_network_option = click.option(
    "--allow-network",
    is_flag=True,
    default=None,
    help="Let models use the network.",
)
quiet_option = click.option(
    "-q", "--quiet", is_flag=True, help="Print the table alone, without progress."
)
verbose_option = click.option(
    "-v", "--verbose", is_flag=True, help="Print a line for each trial."
)


def check_resume(
    resume: str | None,
    others: bool,
    rerun: str | None,
    code: tuple[Path, ...],
    trust: bool,
) -> None:
    """Check that the options of a run go together.

    Args:
        resume: Run to continue, if any.
        others: Whether settings of a new run are given.
        rerun: Which trials are run again.
        code: Files that may run.
        trust: Whether whatever a record names may run.

    Raises:
        UsageError: They do not.
    """
    if resume is not None and others:
        raise UsageError("--resume continues a run as it was; leave out other options.")
    if resume is None and (rerun or code or trust):
        raise UsageError("--rerun, --code and --trust are about the run to --resume.")
