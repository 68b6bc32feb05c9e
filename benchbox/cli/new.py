"""`benchbox new`: write a small package that offers a model or a data set."""

import keyword
import re
from importlib.resources import files
from pathlib import Path

import click

from benchbox.cli.common import say
from benchbox.cli.installed import installed
from benchbox.errors import UsageError
from benchbox.plugins import Registry

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

# Where each template goes. That they end in .txt keeps them from being taken for code
# of benchbox.
_SHARED = {"workflow.yml.txt": ".github/workflows/benchmark.yml"}
_FILES = {
    "model": {
        "model/pyproject.toml.txt": "pyproject.toml",
        "model/README.md.txt": "README.md",
        "model/module.py.txt": "benchbox___MODULE__.py",
        "model/tests.py.txt": "tests/test___MODULE__.py",
        "model/benchmark.py.txt": "tests/test___MODULE___benchmark.py",
        **_SHARED,
    },
    "dataset": {
        "dataset/pyproject.toml.txt": "pyproject.toml",
        "dataset/README.md.txt": "README.md",
        "dataset/module.py.txt": "benchbox___MODULE__/__init__.py",
        "dataset/card.toml.txt": "benchbox___MODULE__/card.toml",
        "dataset/ratings.csv.txt": "benchbox___MODULE__/ratings.csv",
        "dataset/tests.py.txt": "tests/test___MODULE__.py",
        "dataset/benchmark.py.txt": "tests/test___MODULE___benchmark.py",
        **_SHARED,
    },
}


@click.command("new")
@click.argument("kind", type=click.Choice(list(_FILES)))
@click.argument("name")
def command(kind: str, name: str) -> None:
    """Write a package that offers a model or a data set called NAME.

    It goes into a new folder benchbox-NAME: a module to change, tests of every promise
    of the contract, a benchmark and a workflow for GitHub. Its tests pass at once.
    """
    folder = Path(f"benchbox-{name}")
    _check(kind, name, folder, installed())
    for place, text in package(kind, name).items():
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    use = f"run -m {name} -m bias" if kind == "model" else f"run -m bias -d {name}"
    say(
        f"{folder} is written. Next:\n"
        f"  pip install --editable ./{folder}\n"
        f"  pytest {folder}\n"
        f"  benchbox {use}"
    )


def package(kind: str, name: str) -> dict[str, str]:
    """Return the text of each file of a new package, by its place in the package."""
    templates = files("benchbox.cli") / "templates"
    return {
        _filled(place, name): _filled((templates / template).read_text(), name)
        for template, place in _FILES[kind].items()
    }


def _filled(text: str, name: str) -> str:
    words = {
        "__NAME__": name,
        "__MODULE__": name.replace("-", "_"),
        "__CLASS__": "".join(word.capitalize() for word in name.split("-")),
        "__TITLE__": name.replace("-", " ").capitalize(),
    }
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _check(kind: str, name: str, folder: Path, registry: Registry) -> None:
    """Refuse what would give a package that cannot be used.

    Raises:
        UsageError: The name cannot be used, or is taken.
    """
    if name.startswith("benchbox-"):
        raise UsageError(
            f"The package is called benchbox-NAME already: leave benchbox- out of "
            f"{name!r}."
        )
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UsageError(
            f"{name!r} cannot be a name. Names are lower-case letters and digits, "
            f"parted by hyphens, and begin with a letter, as in damped-mean."
        )
    if taken := registry.offers[f"{kind}s"].get(name):
        what = "model" if kind == "model" else "data set"
        raise UsageError(
            f"A {what} named {name!r} is offered by {taken[0].origin}. Choose another."
        )
    if folder.exists():
        raise UsageError(f"{str(folder)!r} exists already. Choose another name.")
