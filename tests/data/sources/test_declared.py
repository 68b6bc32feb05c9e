"""Declared: a source that is declared wrongly is refused, and says what is wrong."""

from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from benchbox.data.sources.declared import SourceKind, decode_sources
from benchbox.data.sources.local_kinds import FolderSource
from benchbox.data.sources.remote_kinds import UrlSource
from benchbox.data.sources.source import LocalFiles, RemoteFiles
from benchbox.errors import PluginError, UsageError
from tests.support.sites import FILES
from tests.support.source_kinds import kind_of


class Untagged(RemoteFiles, frozen=True, kw_only=True):
    title: ClassVar[str] = "somewhere"

    def fetch(self, into: Path, notify: Any) -> None:
        """Fetch nothing."""


class Unable(RemoteFiles, frozen=True, kw_only=True, tag="unable"):
    pass


class Nowhere(LocalFiles, frozen=True, kw_only=True, tag="nowhere"):
    title: ClassVar[str] = "nowhere"


class Choosy(Untagged, frozen=True, kw_only=True, tag="choosy"):
    def __post_init__(self) -> None:
        raise KeyError("colour")


class Shy(RemoteFiles, frozen=True, kw_only=True, tag="shy"):
    @property
    def title(self) -> str:
        raise RuntimeError("no\ntitle")

    def fetch(self, into: Path, notify: Any) -> None:
        """Fetch nothing."""


def decode(*declared: dict[str, Any], kind_of: Any = kind_of) -> list[Any]:
    return decode_sources("toy", declared, kind_of)


def test_a_declared_source_is_one_of_its_kind() -> None:
    folder, url = decode(
        {"type": "folder", "files": FILES},
        {"type": "url", "url": "https://x.invalid/x.zip", "files": FILES},
    )

    assert folder == FolderSource(files=FILES)
    assert url == UrlSource(url="https://x.invalid/x.zip", files=FILES)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"files": {}}, "a source without a type: {'files': {}}. Add one, as in"),
        ({"type": 3}, "a source without a type: {'type': 3}. Add one, as in"),
        ("url", "a source without a type: 'url'. Add one, as in type ="),
        (
            {"type": "url", "files": FILES},
            "of type 'url' that cannot be used: Object missing required field `url`.",
        ),
        (
            {"type": "folder", "files": FILES, "optinal": ["x"]},
            "cannot be used: Object contains unknown field `optinal`.",
        ),
        (
            {"type": "folder", "files": {"../x": ""}},
            "cannot be used: '../x' is not a plain file name. Name files of a source "
            "without their folder.",
        ),
        (
            {"type": "url", "files": FILES, "url": "https://[x/x.zip"},
            "cannot be used: ValueError: Invalid IPv6 URL.",
        ),
        ({"type": "path", "files": {}}, "cannot be used: ValueError"),
    ],
)
def test_a_slip_is_named_with_the_data_set(declared, message) -> None:
    with pytest.raises(PluginError) as raised:
        decode(declared)

    assert str(raised.value).startswith("Data set 'toy' has a source")
    assert message in str(raised.value)


def test_an_unknown_kind_is_refused_in_the_words_of_who_knows_the_kinds() -> None:
    def unknown(name: str) -> SourceKind:
        raise UsageError(f"No source named {name!r}. Available: folder, url.")

    with pytest.raises(PluginError) as raised:
        decode({"type": "ftp", "files": FILES}, kind_of=unknown)

    assert str(raised.value) == (
        "Data set 'toy' has a source of type 'ftp' that cannot be used: No source "
        "named 'ftp'. Available: folder, url."
    )


@pytest.mark.parametrize(
    ("source", "cause"), [(Choosy, "KeyError: 'colour'"), (Shy, "RuntimeError: no tit")]
)
def test_whatever_the_code_of_a_kind_raises_is_told_in_a_line(source, cause) -> None:
    kind = SourceKind(source=source, summary="")

    with pytest.raises(PluginError, match=f"cannot be used: {cause}") as raised:
        decode({"type": kind.name, "files": FILES}, kind_of=lambda name: kind)

    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Untagged, "Untagged is not a msgspec.Struct with a tag"),
        (int, "int is not a msgspec.Struct with a tag"),
        ("s3", "s3 is not a msgspec.Struct with a tag"),
        (Unable, r"Unable lacks fetch, title\. Add what is missing"),
        (Nowhere, r"Nowhere lacks find\. Add"),
        (msgspec.defstruct("Bare", [], tag="bare"), "Bare lacks advice, check_reach"),
    ],
)
def test_a_class_that_is_no_source_is_refused_before_it_is_offered(
    source: Any, message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        SourceKind(source=source, summary="")
