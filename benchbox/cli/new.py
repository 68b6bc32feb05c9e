"""`benchbox new`: create a small plugin package with a model or a data set."""

import json
import keyword
import re
import subprocess
from importlib.resources import files
from pathlib import Path

import click

from benchbox.cli.common import say
from benchbox.cli.installed import installed
from benchbox.errors import UsageError
from benchbox.machine import requirement_of
from benchbox.plugins import Registry

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

# Where each template goes. The suffix .txt keeps tools from treating the templates as
# benchbox's own code.
_WORKFLOW = ".github/workflows/benchmark.yml"
_SHARED = {"workflow.yml.txt": _WORKFLOW}
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
@click.option(
    "--benchbox",
    "source",
    metavar="WHERE",
    help="What pip installs benchbox from in the workflow: a name, a git URL or a path "
    "in the repository.  [default: where this one came from]",
)
def command(kind: str, name: str, source: str | None) -> None:
    """Create a plugin package with a model or a data set called NAME.

    The new folder benchbox-NAME contains a working example to change, the contract
    tests, a benchmark and a GitHub workflow.
    """
    folder = Path(f"benchbox-{name}")
    _check(kind, name, folder, installed())
    source = source or _own_source()
    for place, text in package(kind, name, source).items():
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    use = f"run -m {name} -m bias" if kind == "model" else f"run -m bias -d {name}"
    say(
        f"Created {folder}. Next, where benchbox is installed:\n"
        f"  pip install --editable './{folder}[test]'\n"
        f"  pytest {folder}\n"
        f"  benchbox {use}"
    )
    if Path(source).is_absolute():
        say(
            f"\n{_WORKFLOW} installs benchbox from {source}, which only this machine "
            f"has.\nState there where else it can be had, such as git+https://…"
        )


def package(kind: str, name: str, source: str) -> dict[str, str]:
    """Return the text of each file of a new package, by path within the package.

    Args:
        kind: ``model`` or ``dataset``.
        name: Name of the model or data set.
        source: What pip installs benchbox from in the workflow.
    """
    templates = files("benchbox.cli") / "templates"
    return {
        _filled(place, name): _filled(
            (templates / template).read_text(encoding="utf-8"), name
        ).replace('"__BENCHBOX__"', json.dumps(source))
        for template, place in _FILES[kind].items()
    }


def _own_source() -> str:
    """Return what pip can install this benchbox from, if possible on any machine."""
    source = requirement_of("benchbox-recsys")
    if not Path(source).is_absolute():
        return source
    asked = ["git", "-C", source, "remote", "get-url", "origin"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
    except OSError:
        return source
    url = done.stdout.strip()
    return f"git+{url}" if url.startswith(("https://", "ssh://")) else source


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
