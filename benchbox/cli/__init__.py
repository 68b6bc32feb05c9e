"""The command `benchbox`: its commands, how errors are printed, and exit codes."""

import os
import sys
from importlib import import_module
from typing import Any

import click

from benchbox.cli.common import HelpfulGroup, complain_of
from benchbox.cli.interruptions import interruptible
from benchbox.cli.streams import steady_streams
from benchbox.cli.switches import with_switches
from benchbox.errors import BenchboxError, message_of, os_error_line

_COMMANDS = {
    "run": "Fit models and compare their predictions of hidden ratings.",
    "tune": "Tune models on validation ratings, then compare them.",
    "list": "List the installed models, data sets, protocols and metrics.",
    "compare": "Show what got better or worse between two runs.",
    "report": "Print the tables of a finished or interrupted run.",
    "merge": "Make one run of several, on other folds, seeds, models or machines.",
    "runs": "List, show and delete stored runs.",
    "plot": "Save a figure of a run for a paper, as SVG, PNG or PDF.",
    "stats": "Show confidence intervals, model comparisons and errors by slice.",
    "data": "Download, show, split, audit and remove data sets.",
    "fit": "Fit a model to all ratings of a data set and save it.",
    "predict": "Predict ratings with a saved model.",
    "recommend": "Recommend items to a user with a saved model.",
    "serve": "Try a saved model on a page of this machine.",
    "new": "Create a plugin package with a model or a data set.",
    "plugins": "List and test the installed plugins.",
    "verify": "Reproduce published figures and compare them with ours.",
    "doctor": "Check that this machine is ready to run benchmarks.",
}

_INTERRUPTED = 130


class _LazyGroup(HelpfulGroup):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(f"benchbox.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return with_switches(command)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        # The summaries are listed above so that `--help` imports no command.
        with formatter.section("Commands"):
            formatter.write_dl([*_COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from benchbox.errors import nearest

            raise click.UsageError(
                f"There is no command {args[0]!r}.{nearest(args[0], _COMMANDS)} "
                f"Commands: {', '.join(_COMMANDS)}."
            )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            os.getcwd()
        except FileNotFoundError:
            raise BenchboxError(
                "The folder you are in no longer exists. Change to another one."
            ) from None
        try:
            return super().invoke(ctx)
        except OSError as error:
            # Click would take that of any pipe for one of standard output.
            raise BenchboxError(os_error_line(error)) from error


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 success, 1 something failed, 2 wrong usage, 130 interrupted.",
)
@click.version_option(package_name="benchbox-recsys", prog_name="benchbox")
def _benchbox() -> None:
    """Benchmark rating-prediction models: accuracy on hidden ratings, time, memory."""


with_switches(_benchbox, shown=True)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    An expected error is printed as one line on standard error, and so is whatever the
    system refuses (any `OSError`). Anything else is a bug in benchbox and is printed
    with its traceback.
    """
    if sys.platform not in ("linux", "darwin"):
        return _complain(f"benchbox runs on Linux and macOS, not on {sys.platform}.", 2)
    with steady_streams(), interruptible():
        return _main(arguments)


def _main(arguments: list[str] | None) -> int:
    try:
        code = _benchbox.main(arguments, prog_name="benchbox", standalone_mode=False)
        sys.stdout.flush()
    except BenchboxError as error:
        return _complain(str(error), error.exit_code)
    except click.UsageError as error:
        return _complain(error.format_message(), 2)
    except click.ClickException as error:
        return _complain(error.format_message(), 1)
    except MemoryError as error:
        return _complain(f"Out of memory: {message_of(error) or 'no more is left'}.", 1)
    except (click.Abort, KeyboardInterrupt):
        return _complain("Interrupted.", _INTERRUPTED)
    except OSError as error:
        # Only standard output is left: what commands do is in `_LazyGroup.invoke`.
        return _complain(os_error_line(error), 1)
    return code if isinstance(code, int) else 0


def _complain(text: str, code: int) -> int:
    complain_of(" ".join(text.split()))
    return code
