"""Kinds of source: all come through one hook, and unknown ones are named."""

from pathlib import Path
from typing import Any, ClassVar

import pytest

from benchbox import DatasetCard, hookimpl
from benchbox.data.dataset import locate
from benchbox.data.sources.declared import SourceKind
from benchbox.data.sources.kinds import SOURCE_KINDS
from benchbox.data.sources.source import RemoteFiles
from benchbox.errors import PluginError, UsageError
from benchbox.plugins.registry import Registry
from tests.support.entry_points import Point, found


class Shop(RemoteFiles, frozen=True, kw_only=True, tag="shop"):
    """A source that is never open."""

    title: ClassVar[str] = "the shop"
    street: str

    def fetch(self, into: Path, notify: Any) -> None:
        """Fetch nothing."""


def offering(source: Any = Shop) -> Any:
    class Plugin:
        @hookimpl
        def benchbox_sources(self) -> list[SourceKind]:
            return [SourceKind(source=source, summary="a shop")]

    return Plugin()


def card(*sources: dict[str, Any], name: str = "toys") -> DatasetCard:
    return DatasetCard(name=name, title="Toys", summary="toys", sources=sources)


def carrying(*cards: DatasetCard) -> Any:
    class Plugin:
        @hookimpl
        def benchbox_datasets(self) -> list[DatasetCard]:
            return list(cards)

    return Plugin()


SHOP = {"type": "shop", "street": "High Street", "files": {"r.csv": ""}}
FOLDER = {"type": "folder", "files": {"r.csv": ""}}


def reasons(registry: Registry) -> list[str]:
    return [broken.reason for broken in registry.broken]


def test_the_core_offers_its_kinds_through_the_same_hook() -> None:
    offers = found().all("sources")

    assert tuple(offer.value for offer in offers) == SOURCE_KINDS
    assert {offer.origin.package for offer in offers} == {"benchbox-recsys"}


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_a_card_may_ask_for_a_kind_of_another_plugin_whichever_loads_first(
    names: tuple[str, str],
) -> None:
    registry = found(Point(names[0], offering()), Point(names[1], carrying(card(SHOP))))

    assert registry.broken == []
    origin = locate(card(SHOP), kind_of=registry.source_kind).origin
    assert origin == "the shop"


def test_a_card_that_asks_for_an_unknown_kind_costs_one_line_and_no_other_card() -> (
    None
):
    registry = found(
        Point("data", carrying(card(FOLDER), card(FOLDER, SHOP, name="others")))
    )

    assert reasons(registry) == [
        "offers a faulty card: Data set 'others' has a source of type 'shop' "
        "that cannot be used: No kind of source named 'shop'. Available: folder, "
        "package, path, url, wheel."
    ]
    assert len(registry.all("datasets")) == 2
    there = locate(card(FOLDER, SHOP), kind_of=registry.source_kind)
    assert not there.is_here
    assert there.origin == "nowhere"
    assert "No kind of source named 'shop'" in there.reasons[0]


def test_a_slip_in_what_a_kind_asks_for_costs_one_line_too() -> None:
    slip = {"type": "shop", "road": "High Street", "files": {"r.csv": ""}}
    registry = found(Point("a", offering()), Point("b", carrying(card(slip))))

    (reason,) = reasons(registry)
    assert "of type 'shop' that cannot be used: Object" in reason


@pytest.mark.parametrize("sources", [3, ("url",), (Shop,), ({},)])
def test_whatever_a_card_made_in_python_holds_costs_one_line(sources: Any) -> None:
    wrong = DatasetCard(name="toys", title="Toys", summary="toys", sources=sources)
    registry = found(Point("a", carrying(wrong)), Point("b", carrying(card(FOLDER))))

    (reason,) = reasons(registry)
    assert reason.startswith("offers a faulty card: ")


def test_a_kind_that_two_plugins_offer_is_nobodys() -> None:
    registry = found(
        Point("a", offering(), package="acme"),
        Point("b", offering(), package="bits"),
        Point("c", carrying(card(SHOP))),
    )

    with pytest.raises(PluginError, match=r"acme.*bits.*both offer a kind of source"):
        registry.source_kind("shop")
    (reason,) = reasons(registry)
    assert "both offer a kind of source named 'shop'" in reason


def test_a_name_close_to_a_known_kind_is_suggested() -> None:
    with pytest.raises(UsageError, match="Did you mean 'folder'"):
        found().source_kind("fodler")


def test_a_plugin_whose_class_is_no_source_is_broken_and_its_cards_say_so() -> None:
    class Closed(RemoteFiles, frozen=True, kw_only=True, tag="shop"):
        pass

    registry = found(Point("a", offering(Closed)), Point("b", carrying(card(SHOP))))

    lacking, unusable = reasons(registry)
    assert "fails in its hook benchbox_sources: PluginError: Closed lacks" in lacking
    assert "No kind of source named 'shop'" in unusable


def test_what_is_no_kind_of_source_is_refused() -> None:
    class Plugin:
        @hookimpl
        def benchbox_sources(self) -> list[Any]:
            return [Shop]

    (reason,) = reasons(found(Point("a", Plugin())))

    assert "instead of a SourceKind" in reason


def test_a_tag_is_a_name_like_any_other() -> None:
    class Loud(Shop, frozen=True, kw_only=True, tag="My Shop"):
        pass

    (reason,) = reasons(found(Point("a", offering(Loud))))

    assert "the name 'My Shop'" in reason
