"""`benchbox new`: create a small plugin package with a model or a data set."""

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

# Where each template goes. The suffix .txt keeps tools from treating the templates as
# benchbox's own code.
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
    """Create a plugin package with a model or a data set called NAME.

    The new folder benchbox-NAME contains a working example to change, the contract
    tests, a benchmark and a GitHub workflow.
    """
    folder = Path(f"benchbox-{name}")
    _check(kind, name, folder, installed())
    for place, text in package(kind, name).items():
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    use = f"run -m {name} -m bias" if kind == "model" else f"run -m bias -d {name}"
    say(
        f"Created {folder}. Next:\n"
        f"  pip install --editable ./{folder}\n"
        f"  pytest {folder}\n"
        f"  benchbox {use}"
    )


def package(kind: str, name: str) -> dict[str, str]:
    """Return the text of each file of a new package, by path within the package."""
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
    """Refuse names that would give an unusable package.

    Raises:
        UsageError: The name is invalid or already taken.
    """
    if name.startswith("benchbox-"):
        raise UsageError(
            f"The package name gets the prefix benchbox- anyway: leave it out of "
            f"{name!r}."
        )
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UsageError(
            f"{name!r} is not a valid name. Names are lower-case letters and digits, "
            f"separated by hyphens, and begin with a letter, as in damped-mean."
        )
    if taken := registry.offers[f"{kind}s"].get(name):
        what = "model" if kind == "model" else "data set"
        raise UsageError(
            f"{taken[0].origin} already offers a {what} {name!r}. Choose another name."
        )
    if folder.exists():
        raise UsageError(f"{str(folder)!r} exists already. Choose another name.")
