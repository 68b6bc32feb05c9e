"""The documentation: its commands run, its copies are fresh, every public name is told.

`tox -e docs` builds the pages, and checks the links between them.
"""

import ast
import inspect
import json
import re
import shlex
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.studies import defaults

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def site() -> Iterator[None]:
    sys.path.insert(0, str(DOCS / "site"))
    yield
    sys.path.remove(str(DOCS / "site"))


# Commands.

_TESTED = re.compile(r"<!-- tested(?:: (\S+))? -->\n```\w+\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize(
    "page", [pytest.param("first-table.md", marks=pytest.mark.slow), "your-model.md"]
)
def test_the_commands_of_a_page_run_one_after_another(page, benchbox, tmp_path) -> None:
    blocks = _TESTED.findall((DOCS / page).read_text())
    if page == "first-table.md":
        # The commands of this page are about the last run.
        blocks += _TESTED.findall((DOCS / "report.md").read_text())

    for file, text in blocks:
        if file:
            (tmp_path / file).write_text(text)
            continue
        for line in text.splitlines():
            program, *words = shlex.split(line, comments=True)
            assert program == "benchbox"

            done = benchbox(shlex.join(words))

            assert done.code == 0, f"{line}\n{done.err}"
    assert len(blocks) >= 3


def test_the_page_of_commands_shows_their_help_as_it_is(site) -> None:
    from command_pages import PAGE, command_page

    assert PAGE.read_text() == command_page(), "python docs/site/command_pages.py"


def test_every_page_is_listed_in_the_index() -> None:
    index = (DOCS / "index.md").read_text()

    pages = {page.stem for page in DOCS.glob("*.md")} - {"index"}
    assert {page for page in pages if f"\n{page}\n" not in index} == set()


@pytest.mark.parametrize(
    ("record", "mark", "columns", "n_lines"),
    [
        ("ml-100k-defaults", "published", "rmse,mae,fit-s,ready-s,pairs-s", 59),
        ("ml-100k-u1-tuned", "tuned", "rmse,mae", 102),
    ],
)
def test_a_published_table_is_what_its_record_says(
    benchbox, record, mark, columns, n_lines
) -> None:
    folder = DOCS.parent / "results/published" / record

    done = benchbox(f"report {folder} --format markdown --columns {columns}")

    assert done.code == 0, done.err
    table = [line for line in done.out.splitlines() if line.startswith("|")]
    _, _, after = (DOCS / "rivals.md").read_text().partition(f"<!-- {mark} -->\n")
    assert len(table) == n_lines
    assert after.splitlines()[: len(table)] == table


def test_the_table_of_defaults_is_that_of_the_study_and_no_model_is_behind() -> None:
    stored = (DOCS.parent / "results/published/defaults.json").read_text()
    page = (DOCS / "defaults.md").read_text()

    found = json.loads(stored)
    whole = [each for each in found if len(each["models"]) > 20]
    parts = [each for each in found if each not in whole]

    assert len(whole) >= 8
    assert defaults.table(whole) in page
    assert defaults.table(parts) in page
    assert [defaults.behind(each["models"]) for each in found] == [[]] * len(found)


# Public names.

_ARRAYS = ("IndexArray", "Values", "Positions", "NDArray", "Texts", "ArrayLike")


_QUANTITY = re.compile(
    r"(^|_)(seconds|bytes|gib|mib|ms|joules|time|duration|memory|latency|timeout)(_|$)"
)
_UNITS = re.compile(r"second|byte|MiB|GiB|joule|millisecond|1970", re.IGNORECASE)


def _without_unit(name: str, kind: str, told: str) -> bool:
    """Return whether a number of a physical quantity has a unit nowhere."""
    is_number = re.search(r"\b(int|float)\b", kind) is not None
    is_quantity = _QUANTITY.search(name) is not None
    return is_number and is_quantity and not _UNITS.search(name + told)


def _members(name, value) -> Iterator[tuple[str, object, object]]:
    """Yield a function, or the public methods of a class, each with its class."""
    if not inspect.isclass(value):
        yield name, value, None
        return
    for own, member in vars(value).items():
        function = getattr(member, "fget", getattr(member, "__func__", member))
        if inspect.isfunction(function) and not own.startswith("_"):
            yield f"{name}.{own}", function, value


def _lacks(function, owner) -> Iterator[str]:
    """Yield what the docstring of a function leaves untold, as far as code shows it."""
    own = inspect.getdoc(function) or ""
    if not own:
        yield "says nothing"
    told = own + (inspect.getdoc(owner) or "" if owner else "")
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    raised = (n.exc for n in ast.walk(node) if isinstance(n, ast.Raise))
    if any(isinstance(e, ast.Call) for e in raised) and "Raises:" not in told:
        yield "does not tell its errors"
    arguments = [*node.args.args, *node.args.kwonlyargs]
    kinds = [ast.unparse(a.annotation) for a in arguments if a.annotation]
    named = [(a.arg, ast.unparse(a.annotation)) for a in arguments if a.annotation]
    named.append((node.name, ast.unparse(node.returns) if node.returns else ""))
    if any(_without_unit(name, kind, told) for name, kind in named):
        yield "does not tell the unit of a number"
    if "shape" not in told and any(k in kind for kind in kinds for k in _ARRAYS):
        yield "does not tell the shape of an array"


def test_a_number_with_a_unit_has_it_in_its_name_or_its_text() -> None:
    assert _without_unit("memory", "int | None", "What it took.")
    assert not _without_unit("memory", "int", "What it took, in bytes.")
    assert not _without_unit("memory_bytes", "int", "")
    assert not _without_unit("uses_time", "bool", "")


def test_every_public_name_tells_what_it_is_its_shapes_units_and_errors(site) -> None:
    from api_pages import DOORS, is_data, public_names, text_of_data

    lacking, n_checked = [], 0
    for door in DOORS:
        for name, value in public_names(door).items():
            n_checked += 1
            if is_data(value):
                if not text_of_data(name, value):
                    lacking.append(f"{door}.{name} says nothing")
                continue
            if not inspect.getdoc(value):
                lacking.append(f"{door}.{name} says nothing")
            fields = vars(value).get("__annotations__", {}).items()
            told = inspect.getdoc(value) or ""
            lacking += [
                f"{door}.{name}.{field} does not tell its unit"
                for field, kind in fields
                if _without_unit(field, str(kind), told)
            ]
            for full, function, owner in _members(f"{door}.{name}", value):
                lacking += [f"{full} {what}" for what in _lacks(function, owner)]
    assert lacking == []
    assert n_checked > 200


def test_every_bundled_model_names_its_source() -> None:
    from benchbox.plugins import discover

    specs = [offer.value for offer in discover().all("models")]
    plain = {"global-mean", "user-mean", "item-mean"}

    assert {s.name for s in specs if not s.reference and s.by_default} <= plain
    assert all(spec.summary for spec in specs)
