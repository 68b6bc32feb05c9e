"""Faulty cards and specs: each costs one line, and no other card or model."""

import re
from collections.abc import Iterable
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from benchbox import Capabilities, DatasetCard, ModelSpec, Options, hookimpl
from benchbox.models.search_space import OneOf, Span
from benchbox.targets import source_files
from tests.support.commands import Benchbox
from tests.support.entry_points import Point, found

FILES = {"r.csv": ""}


def url(**fields: Any) -> dict[str, Any]:
    return {"sources": ({"type": "url", "url": "http://x/r.csv", **fields},)}


CARDS: list[dict[str, Any]] = [
    {"title": 3},
    {"title": None},
    {"summary": 3},
    {"summary": "\udce9"},
    {"scale": "1-5"},
    {"scale": 3},
    {"n_users": "many"},
    {"n_items": 2.5},
    {"n_ratings": [3]},
    {"sources": None},
    {"sources": 3},
    {"sources": "url"},
    {"sources": ({},)},
    {"sources": (3,)},
    {"sources": ("url",)},
    {"sources": ({"type": "url"},)},
    {"sources": ({"type": 3},)},
    {"sources": ({"type": "nowhere"},)},
    {"sources": (DatasetCard,)},
    url(files=FILES, url=3),
    url(files=FILES, url="http://exa\udce9mple/"),
    url(files=3),
    url(files={"r.csv": 3}),
    url(files=FILES, n_bytes="many"),
    url(files=FILES, nonsense=3),
    {"sources": ({"type": "package", "package": 3, "files": FILES},)},
    {"reader": 3},
    {"options": 3},
    {"ratings": 3},
    {"ratings": {}},
    {"users": 3},
    {"items": {"file": "f", "id": "i", "columns": {"a": "b", "c": "b"}}},
    {"duplicates": "first"},
    {"default_protocol": 3},
    {"default_folds": 3},
    {"default_folds": (3,)},
    {"data_id": 3},
    {"expected_folds": 3},
    {"expected_folds": {"holdout": 3}},
    {"expected_folds": {"holdout": {"holdout": 3}}},
    {"licence": "MIT"},
    {"licence": None},
    {"citation": 3},
    {"name": 3},
    {"name": None},
    {"name": ""},
    {"name": "Acme"},
    {"name": "a\nb"},
    {"name": "a" * 20 + "_"},
]


def test_no_faulty_card_costs_more_than_a_line() -> None:
    for fields in CARDS:
        least = {"name": "acme", "title": "t", "summary": "s", "sources": ()}
        card = DatasetCard(**{**least, **fields})
        good = DatasetCard(name="good", title="t", summary="s")

        class Plugin:
            @hookimpl
            def benchbox_datasets(self) -> Iterable[DatasetCard]:
                return [card, good]  # noqa: B023

        registry = found(Point("a", Plugin()))

        assert len(registry.broken) == 1, fields
        assert registry.broken[0].reason.isprintable()
        assert registry.find("datasets", "good").value is good


class Opt(Options, frozen=True):
    k: int = 3


class Needy(Options, frozen=True):
    k: int


class Odd(Options, frozen=True):
    k: object = object


SPECS: list[tuple[dict[str, Any], str]] = [
    ({"target": 3}, "target is 3, not a text"),
    ({"target": ""}, "target is '', not 'package.module:Class'"),
    ({"target": "module"}, "not 'package.module:Class'"),
    ({"target": ":M"}, "not 'package.module:Class'"),
    ({"summary": None}, "summary is None, not a text"),
    ({"reference": 3}, "reference is 3, not a text"),
    ({"options": 3}, "options is 3, not a subclass of benchbox.Options"),
    ({"options": None}, "not a subclass of benchbox.Options"),
    ({"options": Opt()}, "not a subclass of benchbox.Options"),
    ({"options": int}, "not a subclass of benchbox.Options"),
    ({"options": Needy}, "options have no defaults that can be stored: Missing"),
    ({"options": Odd}, "options have no defaults that can be stored: Encoding"),
    ({"capabilities": "x"}, "capabilities: Expected"),
    ({"capabilities": Capabilities}, "capabilities: "),
    ({"capabilities": Capabilities(inductive="yes")}, "capabilities: Expected `bool`"),  # type: ignore[arg-type]
    ({"capabilities": Capabilities(devices=3)}, "capabilities: Expected `array`"),  # type: ignore[arg-type]
    ({"presets": 3}, "presets is 3, not a dict"),
    ({"presets": {"a": 3}}, "preset 'a' is 3, not a dict of options"),
    ({"presets": {3: {}}}, "preset 3 is {}, not a dict of options"),
    ({"presets": {"a": {"nope": 3}}}, "preset 'a' has no option 'nope'"),
    ({"presets": {"a": {"k": "x"}}}, "preset 'a' cannot take k=x"),
    ({"search": 3}, "search is 3, not a dict"),
    ({"search": {"nope": Span(1, 2)}}, "range for 'nope', which is no option"),
    ({"search": {"k": (1, 2)}}, r"search\['k'\] is \(1, 2\), not a Span or OneOf"),
    ({"search": {"k": OneOf((Opt,))}}, r"search\['k'\] cannot be stored: Encoding"),
    ({"cost_hint": "long"}, "cost_hint is 'long', not a number of seconds"),
    ({"cost_hint": nan}, "cost_hint is nan"),
    ({"cost_hint": inf}, "cost_hint is inf"),
    ({"cost_hint": -1}, "cost_hint is -1"),
    ({"by_default": "no"}, "by_default is 'no', not True or False"),
    ({"name": 3}, "the name 3"),
    ({"name": "Bad Name"}, "the name 'Bad Name'"),
]


@pytest.mark.parametrize(("fields", "says"), SPECS)
def test_a_faulty_model_costs_one_line(fields: dict[str, Any], says: str) -> None:
    least = {"name": "acme", "target": "acme:M", "summary": "s", "options": Opt}
    spec = ModelSpec(**{**least, **fields})

    class Plugin:
        @hookimpl
        def benchbox_models(self) -> Iterable[ModelSpec]:
            return [spec, ModelSpec(name="good", target="acme:M", summary="s")]

    registry = found(Point("a", Plugin()))

    (broken,) = registry.broken
    assert broken.reason.isprintable()
    assert re.search(says, broken.reason), broken.reason
    assert list(registry.offers["models"]) == ["good"]


def test_a_target_without_a_file_has_no_source() -> None:
    assert source_files("sys:path") == source_files("nowhere_at_all:M") == []


def test_a_faulty_card_and_model_stop_no_command(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    (tmp_path / "faulty.py").write_text(
        "from benchbox import DatasetCard, ModelSpec, hookimpl\n"
        "@hookimpl\ndef benchbox_datasets():\n"
        "    s = {'type': 'package', 'package': 'not_there', 'files': {'r.csv': ''}}\n"
        "    yield DatasetCard(name='acme', title='t', summary='s', sources=(s,))\n"
        "    yield DatasetCard(name='bits', title='t', summary='s', sources=3)\n"
        "@hookimpl\ndef benchbox_models():\n"
        "    yield ModelSpec(name='acme', target=3, summary='s')\n"
    )

    listed = benchbox("--plugin faulty.py list")
    run = benchbox("--plugin faulty.py run -d svd-toy -m bias --device cpu")

    assert (listed.code, run.code) == (0, 0)
    assert "acme" in listed.out
    assert "offers a faulty card: 'bits': sources is 3, not a list." in listed.err
    assert "offers a faulty model: 'acme': target is 3, not a text." in run.err
