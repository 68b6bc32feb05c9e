"""Cards: what is written in TOML is what is offered, and slips are named."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.data.cards import DatasetCard, FeatureTable, RatingsTable
from benchbox.data.own_files import FileOptions
from benchbox.data.sources.licence import Licence
from benchbox.errors import DataError, PluginError
from benchbox.options import NoOptions
from benchbox.ratings import RatingScale

LEAST = 'name = "x"\ntitle = "X"\nsummary = "an x"\n'

names = st.text("abc.", min_size=3, max_size=9).filter(lambda name: name.strip("."))
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
files = st.dictionaries(names, digests, min_size=1, max_size=3)
sources = st.fixed_dictionaries(
    {"type": names, "files": files},
    optional={"folder": names, "n_bytes": st.integers()},
)
cards = st.builds(
    DatasetCard,
    name=names,
    title=st.text(),
    summary=st.text(),
    scale=st.none() | st.just(RatingScale(0.5, 5, 0.5)),
    n_users=st.none() | st.integers(1, 99),
    sources=st.lists(sources, max_size=3).map(tuple),
    duplicates=st.sampled_from(["error", "last", "mean"]),
    ratings=st.none() | st.builds(RatingsTable, file=names),
    items=st.none()
    | st.builds(FeatureTable, file=names, id=names, columns=st.just({"a": "b"})),
    default_folds=st.lists(names, max_size=2).map(tuple),
    expected_folds=st.dictionaries(names, st.dictionaries(names, digests), max_size=2),
    licence=st.builds(Licence, text=st.text(), redistributable=st.booleans()),
)


@given(card=cards)
def test_a_card_survives_being_written_and_read(card) -> None:
    written = msgspec.json.encode(card)

    assert msgspec.json.decode(written, type=DatasetCard) == card


def from_text(folder: Path, text: str) -> DatasetCard:
    (folder / "x.toml").write_text(text, encoding="utf-8")
    return DatasetCard.from_toml(folder / "x.toml")


def test_a_card_needs_three_lines(tmp_path) -> None:
    card = from_text(tmp_path, LEAST)

    assert (card.name, card.title, card.summary) == ("x", "X", "an x")
    assert card.scale is None
    assert card.options_type() is NoOptions
    assert card.duplicates == "error"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('titel = "X"', "unknown field `titel`"),
        ("n_users = 'many'", r"Expected `int \| null`.*n_users"),
        ("duplicates = 'first'", "Invalid enum value 'first'"),
        ("sources = ['url']", r"Expected `object`, got `str`.*sources"),
        ("[licence]\nterms = 'free'", r"text|unknown field `terms`"),
        (
            "[items]\nfile = 'f'\nid = 'i'\ncolumns = { a = 'b', c = 'b' }",
            "column 'b' is used twice",
        ),
        ("scale = { low = 1.0 }", "missing required field `high`"),
    ],
)
def test_a_slip_in_a_card_is_named_with_the_file(tmp_path, more, message) -> None:
    with pytest.raises(PluginError, match=message) as raised:
        from_text(tmp_path, f"{LEAST}{more}\n")

    assert str(raised.value).startswith("x.toml is not a data set card")
    assert "\n" not in str(raised.value)


def test_a_scale_that_falls_is_an_error(tmp_path) -> None:
    with pytest.raises(DataError, match="must be above the lowest"):
        from_text(tmp_path, f"{LEAST}scale = {{ low = 5.0, high = 1.0 }}\n")


def test_options_are_found_where_the_card_says(tmp_path) -> None:
    card = from_text(
        tmp_path, f'{LEAST}options = "benchbox.data.own_files:FileOptions"\n'
    )

    assert card.options_type() is FileOptions


def test_options_that_are_not_there_are_a_plugin_error(tmp_path) -> None:
    card = from_text(tmp_path, f'{LEAST}options = "benchbox.data.own_files:NoSuch"\n')

    with pytest.raises(PluginError, match=r"data set 'x' names .*NoSuch.*imported"):
        card.options_type()
