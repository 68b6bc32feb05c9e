"""`benchbox list KIND NAME`: what options mean and how they are written."""

import json
import re
from typing import Annotated, Literal

import pytest
from msgspec import Meta

from benchbox.cli.details import describe, options_type
from benchbox.models import ModelSpec
from benchbox.options import Options, decode, split_choice
from benchbox.plugins import Offer, discover
from benchbox.plugins.registry import Origin
from tests.support.commands import Benchbox

REGISTRY = discover()
WITH_OPTIONS = [
    (kind, offer)
    for kind in ("models", "datasets", "protocols")
    for offer in REGISTRY.all(kind)
    if (options_type(offer.value) or Options).__struct_fields__
]


class Toy(Options, frozen=True):
    """Options of a toy.

    Attributes:
        widths: Width of each layer, as in ``20-10``,
            from the first to the last.
        share: A share.
        kind: Its kind.
        name: Its name; nothing by default.

    Raises:
        ValueError: Never.
    """

    widths: tuple[Annotated[int, Meta(ge=1)], ...] = (20, 10)
    share: Annotated[float, Meta(ge=0, lt=1)] = 0.5
    kind: Literal["a", "b"] = "a"
    name: str | None = None


def toy() -> Offer[ModelSpec]:
    spec = ModelSpec(name="toy", target="x:Y", summary="a toy", options=Toy)
    return Offer(spec, Origin("box", "1.0", "toys"))


def test_an_option_has_its_default_its_values_and_its_meaning() -> None:
    text = describe(toy(), "models", 80)

    assert text.splitlines()[:2] == ["toy: a toy", "from box 1.0"]
    assert "widths=20-10  (list of: whole number from 1; as in 20-10)" in text
    assert "    Width of each layer, as in 20-10, from the first to the last." in text
    assert "share=0.5  (number from 0 and below 1)" in text
    assert "kind=a  (a or b)" in text
    assert "name=null  (text or null)" in text
    assert "Its name; nothing by default.\n" in text
    assert text.endswith(
        "Write options after the name, and lists with dashes:\n"
        "  -m toy:share=0.5,kind=a\n  -m toy:widths=20-10"
    )
    assert "Raises" not in text


@pytest.mark.parametrize(
    ("kind", "offer"), WITH_OPTIONS, ids=[o.value.name for _, o in WITH_OPTIONS]
)
def test_every_option_of_every_plugin_is_explained_within_the_width(
    kind: str, offer: Offer[ModelSpec]
) -> None:
    text = describe(offer, kind, 80)

    assert max(map(len, text.splitlines())) <= 80
    lines = text.splitlines()
    record = options_type(offer.value)
    assert record is not None
    for name in record.__struct_fields__:
        (place,) = (n for n, ln in enumerate(lines) if ln.startswith(f"  {name}="))
        more = lines[place + 1 : place + 4]
        assert any(line.startswith("    ") for line in more), name


@pytest.mark.parametrize(
    ("kind", "offer"), WITH_OPTIONS, ids=[o.value.name for _, o in WITH_OPTIONS]
)
def test_what_is_shown_as_a_way_to_write_options_is_accepted(
    kind: str, offer: Offer[ModelSpec]
) -> None:
    text = describe(offer, kind, 200)

    record = options_type(offer.value)
    assert record is not None
    examples = re.findall(r"^  -[mdp] (\S+:\S+)$", text, re.MULTILINE)
    assert examples
    for written in examples:
        name, settings = split_choice(written)
        assert name == offer.value.name
        if "…" not in written and "a-b" not in written:
            decode(record, settings, name)


def test_one_model_is_shown_in_detail(benchbox: Benchbox) -> None:
    done = benchbox("list models autorec-user")

    assert done.code == 0
    assert "hidden_units=50  (list of: whole number from 1; as in 20-10)" in done.out
    assert "preset=published  (short for " in done.out


def test_what_has_no_options_says_so(benchbox: Benchbox) -> None:
    assert "It has no options." in benchbox("list models global-mean").out


def test_one_model_as_json_is_one_record(benchbox: Benchbox) -> None:
    assert json.loads(benchbox("list models svd --json").out)["name"] == "svd"


def test_a_misspelt_name_gets_a_hint(benchbox: Benchbox) -> None:
    done = benchbox("list models autorec-usr")

    assert done.code == 2
    assert "Did you mean 'autorec-user'?" in done.err


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("line", ["list models", "plugins list", "list claims"])
def test_lists_fit_the_terminal_and_say_what_they_leave_out(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch, line: str, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))

    lines = benchbox(line).out.splitlines()

    assert max(map(len, lines)) <= columns
    heading = {"plugins list": "version"}.get(line, "from")
    is_left_out = (
        f"Not shown: {heading} (see {line.split(' ', maxsplit=1)[0]}" in lines[-1]
    )
    assert is_left_out != (heading in lines[0].split())
