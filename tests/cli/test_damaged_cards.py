"""Cards: whatever is wrong with one is one line, and the other data sets are listed."""

from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.commands import Benchbox

CARD = """\
name = "acme"
title = "Acme"
summary = "made-up ratings"
scale = { low = 1.0, high = 5.0, step = 1.0 }
n_users = 6
n_items = 5
n_ratings = 30
options = "benchbox.data.subsets:SliceOptions"
default_protocol = "kfold:n_folds=2"
default_folds = ["k1"]
citation = "Acme, 2026."
duplicates = "error"
fold_format = 2

[licence]
text = "CC0-1.0"
redistributable = true
url = "https://example.org/licence"

[[sources]]
type = "package"
package = "acme_data"
folder = "files"

[sources.files]
"all.csv" = "RATINGS"
"users.csv" = "USERS"

[ratings]
file = "all.csv"
columns = "user=u,item=i,rating=r"

[users]
file = "users.csv"
id = "u"
columns = { age = "age" }
integers = ["age"]

[expected_folds.holdout]
holdout = ""
"""

_PAIRS = [(user, item) for user in range(6) for item in range(5)]
RATINGS = "u,i,r\n" + "".join(f"u{u},i{i},{1 + (u + i) % 5}\n" for u, i in _PAIRS)
USERS = "u,age,word\n" + "".join(f"u{u},{20 + u},old\n" for u in range(6))
DIGESTS = {
    name: sha256(content.encode()).hexdigest()
    for name, content in (("RATINGS", RATINGS), ("USERS", USERS))
}

READERS = """
def raises(files, card, options): return {}["ratings"]
def exits(files, card, options): raise SystemExit(3)
def answers_nothing(files, card, options): return None
"""

ENDLESS = "9" * 5000

# What is replaced, and what by.
SLIPS: dict[str, tuple[str, str]] = {
    "no name": ('name = "acme"\n', ""),
    "an empty name": ('"acme"', '""'),
    "a name with a slash": ('"acme"', '"../acme"'),
    "a name that steers a terminal": ('"acme"', '"\\u001b[2Jacme"'),
    "a number for a name": ('"acme"', "7"),
    "the name of another card": ('"acme"', '"svd-toy"'),
    "no title": ('title = "Acme"\n', ""),
    "a title of 100,000 characters": ('"Acme"', '"' + "A" * 100_000 + '"'),
    "a title of two lines": ('"Acme"', '"A\\nB"'),
    "no summary": ('summary = "made-up ratings"\n', ""),
    "text for a scale": ("{ low = 1.0, high = 5.0, step = 1.0 }", '"1-5"'),
    "a scale that falls": ("low = 1.0", "low = 6.0"),
    "a scale without an end": ("high = 5.0, ", ""),
    "an endless scale": ("high = 5.0", "high = inf"),
    "a scale that is no number": ("low = 1.0", "low = nan"),
    "a step of 0": ("step = 1.0", "step = 0.0"),
    "a step with an unknown field": ("step = 1.0", "stride = 1.0"),
    "ratings off the scale": ("high = 5.0", "high = 3.0"),
    "text for a count": ("n_users = 6", 'n_users = "six"'),
    "a negative count": ("n_users = 6", "n_users = -6"),
    "another count": ("n_ratings = 30", "n_ratings = 31"),
    "an endless count": ("n_ratings = 30", f"n_ratings = {ENDLESS}"),
    "a fraction for a count": ("n_items = 5", "n_items = 5.5"),
    "options that are not there": ("subsets:SliceOptions", "subsets:NoSuch"),
    "options of the system": ("benchbox.data.subsets:SliceOptions", "os:system"),
    "options without a class": ("subsets:SliceOptions", "subsets"),
    **{
        f"a reader that {way}": (
            "n_users = 6",
            f'n_users = 6\nreader = "acme_data:{way}"',
        )
        for way in ("raises", "exits", "answers_nothing", "is_not_there")
    },
    "an unknown protocol": ("kfold:n_folds=2", "kfolds"),
    "a protocol with an unknown option": ("n_folds=2", "folds=2"),
    "folds that the protocol lacks": ('["k1"]', '["k9"]'),
    "text for a list of folds": ('["k1"]', '"k1"'),
    "an unknown rule for duplicates": ('duplicates = "error"', 'duplicates = "first"'),
    "an unknown field": ('citation = "', 'cite = "'),
    "a key twice": ("n_items = 5", "n_items = 5\nn_items = 5"),
    "no licence text": ('text = "CC0-1.0"\n', ""),
    "text for a yes or no": ("redistributable = true", 'redistributable = "yes"'),
    "an address that is none": ("https://example.org/licence", "http://["),
    "an unknown kind of source": ('type = "package"', 'type = "packet"'),
    "no kind of source": ('type = "package"\n', ""),
    "a package that is not there": ('"acme_data"', '"acme_dates"'),
    "a package that is no name": ('"acme_data"', '"../acme"'),
    "a package that ends Python": ('"acme_data"', '"acme_exits"'),
    "a folder outside of the package": ('"files"', '"../../files"'),
    "a folder that is not there": ('"files"', '"fields"'),
    "a source without files": (
        '[sources.files]\n"all.csv" = "RATINGS"\n"users.csv" = "USERS"\n',
        "",
    ),
    "a file outside of the folder": ('"all.csv" =', '"../all.csv" ='),
    "a file of the system": ('"all.csv" =', '"/etc/passwd" ='),
    "a file with another digest": ('"RATINGS"', f'"{"0" * 64}"'),
    "a digest that is none": ('"RATINGS"', '"zz"'),
    "a template without an end": ('file = "all.csv"\nc', 'file = "{all.csv"\nc'),
    "a template that calls": ('file = "all.csv"\nc', 'file = "{0.__class__}"\nc'),
    "ratings in no source": ('file = "all.csv"\nc', 'file = "some.csv"\nc'),
    "a column that is not there": ("rating=r", "rating=stars"),
    "a role that is none": ("rating=r", "stars=r"),
    "a column used twice": ("rating=r", "rating=u"),
    "an unknown encoding": ("rating=r", 'rating=r"\nencoding = "utf-99'),
    "a delimiter of two lines": ("rating=r", 'rating=r"\ndelimiter = "\\n'),
    "an unknown unit of time": ("rating=r", 'rating=r"\ntime = "fortnights'),
    "features without an id": ('id = "u"', 'id = "who"'),
    "features of no column": ('age = "age"', 'age = "years"'),
    "words for whole numbers": ('age = "age"', 'age = "word"'),
    "text for features": ('{ age = "age" }', '"age"'),
    "a pinned id that differs": ('holdout = ""', f'holdout = "{"0" * 32}"'),
    "a number for a pinned id": ('holdout = ""', "holdout = 7"),
    "folds of another format": ("fold_format = 2", "fold_format = 99"),
    "no TOML": ("[licence]", "[licence"),
    "bytes that are no text": ("made-up", "made\udcffup"),
    "a NUL": ("made-up", "made\0up"),
    "brackets without an end": ('["k1"]', "[" * 5000),
    "nothing": (CARD, ""),
}

QUICK = {"no name", "a step of 0", "a package that ends Python", "an endless count"}

ALL_IS_SOUND = {
    "a title of 100,000 characters",
    "a title of two lines",
    "an address that is none",
    "a negative count",
}
"""Slips that may leave the data usable; the others must be said."""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that offers the card, and a package with the data."""
    files = tmp_path / "site" / "acme_data" / "files"
    files.mkdir(parents=True)
    (files.parent / "__init__.py").write_text(READERS)
    (files.parent.parent / "acme_exits.py").write_text("raise SystemExit(3)\n")
    (files / "all.csv").write_text(RATINGS)
    (files / "users.csv").write_text(USERS)
    monkeypatch.syspath_prepend(str(files.parents[1]))
    (tmp_path / "plugin.py").write_text(
        "from pathlib import Path\nfrom benchbox import DatasetCard, hookimpl\n"
        "@hookimpl\ndef benchbox_datasets():\n"
        "    return [DatasetCard.from_toml(Path(__file__).with_name('card.toml'))]\n"
    )
    return tmp_path / "plugin.py"


def write(plugin: Path, text: str) -> None:
    for name, digest in DIGESTS.items():
        text = text.replace(name, digest)
    content = text.encode(errors="surrogateescape")
    plugin.with_name("card.toml").write_bytes(content)


def test_the_sound_card_is_read(benchbox: Benchbox, plugin: Path) -> None:
    write(plugin, CARD)

    done = benchbox(f"data folds acme --plugin {plugin}")

    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    "slip",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in SLIPS
    ],
)
def test_a_slip_is_said_and_costs_no_other_data_set(
    benchbox: Benchbox, plugin: Path, slip: str
) -> None:
    old, new = SLIPS[slip]
    assert old in CARD
    write(plugin, CARD.replace(old, new, 1))

    listed = benchbox(f"list datasets --plugin {plugin}")
    used = [
        benchbox(f"data {command} --plugin {plugin}")
        for command in ("show acme", "folds acme", "folds acme -p holdout")
    ]

    assert listed.code == 0
    assert "ml-100k" in listed.out
    assert len(listed.err.splitlines()) <= 1
    for done in [listed, *used]:
        assert done.code in (0, 1, 2)
        assert "\x1b[2J" not in done.out + done.err
        assert all(len(line) < 2000 for line in done.err.splitlines())
    if slip not in ALL_IS_SOUND:
        said = [done.err for done in [listed, *used] if done.err]
        assert said
        assert all(len(err.splitlines()) == 1 for err in said), said
