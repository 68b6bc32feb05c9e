"""Groups of commands without a command print their help, whatever click does then."""

from collections.abc import Iterator

import click
import pytest

from benchbox.cli import _benchbox, main
from tests.support.commands import Benchbox


def groups(group: click.Group, *words: str) -> Iterator[tuple[str, ...]]:
    """Yield the words that name each group, and each group within it."""
    yield words
    context = click.Context(group)
    for name in group.list_commands(context):
        inner = group.get_command(context, name)
        if isinstance(inner, click.Group):
            yield from groups(inner, *words, name)


GROUPS = [*groups(_benchbox)]


def test_all_groups_are_found() -> None:
    assert {(), ("data",), ("plugins",)} <= {*GROUPS}


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_a_group_without_a_command_prints_its_help(
    benchbox: Benchbox, words: tuple[str, ...]
) -> None:
    done = benchbox(" ".join(words))

    assert done.code == 0
    assert done.err == ""
    assert done.out == benchbox(" ".join([*words, "--help"])).out
    assert len(done.out.splitlines()) > 5
    assert "..." not in done.out.replace("[ARGS]...", "")


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_no_version_of_click_is_asked_what_to_do_then(
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real = click.Group.parse_args

    def as_in_8_2(self: click.Group, ctx: click.Context, args: list[str]) -> list[str]:
        if not args:
            raise click.UsageError(ctx.get_help(), ctx)
        return real(self, ctx, args)

    monkeypatch.setattr(click.Group, "parse_args", as_in_8_2)

    assert main([*words]) == 0
    assert "Usage:" in capsys.readouterr().out


def test_help_is_still_printed_once_every_command_has_been_imported(
    benchbox: Benchbox,
) -> None:
    benchbox("list")  # Its module is called like a built-in function.

    assert "Commands:" in benchbox("--help").out
