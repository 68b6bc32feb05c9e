"""Writes `docs/commands.md`: the help of every command, as the command prints it.

``python docs/site/command_pages.py`` renews it; a test finds one that is out of date.
"""

from collections.abc import Iterator
from pathlib import Path

import click

PAGE = Path(__file__).parents[1] / "commands.md"

_HEAD = """\
# Commands

<!-- Written by docs/site/command_pages.py. -->

The help of every command, as `benchbox COMMAND --help` prints it.
[Shell completion](#shell-completion) is at the end.
"""

_TAIL = """\
## Shell completion

The shell can complete commands and options. For Bash (4.4 or later), Zsh and Fish, in
this order:

```sh
echo 'eval "$(_BENCHBOX_COMPLETE=bash_source benchbox)"' >> ~/.bashrc
echo 'eval "$(_BENCHBOX_COMPLETE=zsh_source benchbox)"' >> ~/.zshrc
_BENCHBOX_COMPLETE=fish_source benchbox > ~/.config/fish/completions/benchbox.fish
```

## Colour and width

`NO_COLOR=1` switches colour off, and so does a pipe. Tables fit the width of the
terminal, or of `COLUMNS`, by leaving out columns; `--format csv` and `json` have all.
Every command that prints data prints JSON with `--json`, for scripts.
"""


def command_page() -> str:
    """Return the page."""
    from benchbox.cli import _benchbox

    parts = [_HEAD]
    for words, command in _commands(_benchbox, ("benchbox",)):
        level = "#" * min(len(words) + 1, 3)
        name = " ".join(words)
        context = click.Context(
            command,
            info_name=name,
            terminal_width=88,
            # The first command's are those of all below it.
            help_option_names=["-h", "--help"],
        )
        text = command.get_help(context)
        parts.append(f"{level} {name}\n\n```text\n{text}\n```\n")
    return "\n".join([*parts, _TAIL])


def _commands(
    command: click.Command, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command, help_option_names=["-h", "--help"])
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _commands(inner, (*words, name))


if __name__ == "__main__":
    PAGE.write_text(command_page(), encoding="utf-8")
