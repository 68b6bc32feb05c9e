"""The options --without, --no-plugins and --plugin, which all commands accept."""

from pathlib import Path
from typing import Any

import click

WITHOUT = "benchbox.without"
"""Key in a context's ``meta``: names of plugins to leave out."""

FILES = "benchbox.files"
"""Key in a context's ``meta``: files to load as plugins."""


def with_switches(command: click.Command, *, shown: bool = False) -> click.Command:
    """Add the options about plugins to *command* and its subcommands.

    Args:
        command: Command to add them to. It gets them only once, even if given twice.
        shown: Whether its help shows them; that of ``benchbox`` itself does.
    """
    if not any(option.name == "no_plugins" for option in command.params):
        command.params += _switches(hidden=not shown)
    if isinstance(command, click.Group) and not shown:
        for inner in command.commands.values():
            with_switches(inner)
    return command


def _switches(*, hidden: bool) -> list[click.Parameter]:
    shared: dict[str, Any] = {"expose_value": False, "hidden": hidden}
    return [
        click.Option(
            ["--without"],
            multiple=True,
            metavar="NAME",
            callback=_leave_out,
            help="Do not load this plugin (package or entry point); repeatable. Same "
            "as BENCHBOX_WITHOUT=NAME,…",
            **shared,
        ),
        click.Option(
            ["--no-plugins"],
            is_flag=True,
            callback=_leave_out_all,
            help="Load only benchbox's own plugins. Same as BENCHBOX_WITHOUT=*",
            **shared,
        ),
        click.Option(
            ["--plugin"],
            multiple=True,
            type=click.Path(path_type=Path),
            metavar="FILE",
            callback=_load_besides,
            help="Also load this Python file as a plugin; repeatable.",
            **shared,
        ),
    ]


# `benchbox --without x list` and `benchbox list --without x` must both work, so the
# values of both places are collected in `meta`, which the contexts share.


def _leave_out(context: click.Context, _: click.Parameter, names: Any) -> None:
    context.meta[WITHOUT] = (*context.meta.get(WITHOUT, ()), *names)


def _leave_out_all(context: click.Context, _: click.Parameter, chosen: bool) -> None:
    if chosen:
        context.meta[WITHOUT] = (*context.meta.get(WITHOUT, ()), "*")


def _load_besides(context: click.Context, _: click.Parameter, files: Any) -> None:
    context.meta[FILES] = (*context.meta.get(FILES, ()), *files)
