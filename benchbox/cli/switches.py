"""Switches: the options by which any command is told which plugins to load."""

from pathlib import Path
from typing import Any

import click

WITHOUT = "benchbox.without"
"""In a context's ``meta``: names of plugins to leave out."""

FILES = "benchbox.files"
"""In a context's ``meta``: files to load as plugins."""


def with_switches(command: click.Command, *, shown: bool = False) -> click.Command:
    """Let *command*, and the commands below it, take the options on plugins.

    Args:
        command: May be given again; it gets the options once.
        shown: Whether its help shows them, as that of ``benchbox`` itself does.
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
            help="Leave out a plugin, by package or entry point; repeatable. Also: "
            "BENCHBOX_WITHOUT=NAME,…",
            **shared,
        ),
        click.Option(
            ["--no-plugins"],
            is_flag=True,
            callback=_leave_out_all,
            help="Leave out all plugins but benchbox's own. Also: BENCHBOX_WITHOUT=*",
            **shared,
        ),
        click.Option(
            ["--plugin"],
            multiple=True,
            type=click.Path(path_type=Path),
            metavar="FILE",
            callback=_load_besides,
            help="Load a Python file as a plugin; repeatable.",
            **shared,
        ),
    ]


# Both `benchbox --without x list` and `benchbox list --without x` are meant, so what
# was said at either place is gathered in what the contexts share.


def _leave_out(context: click.Context, _: click.Parameter, names: Any) -> None:
    context.meta[WITHOUT] = (*context.meta.get(WITHOUT, ()), *names)


def _leave_out_all(context: click.Context, _: click.Parameter, chosen: bool) -> None:
    if chosen:
        context.meta[WITHOUT] = (*context.meta.get(WITHOUT, ()), "*")


def _load_besides(context: click.Context, _: click.Parameter, files: Any) -> None:
    context.meta[FILES] = (*context.meta.get(FILES, ()), *files)
