"""Kinds: what benchbox itself offers."""

from benchbox.data.sources.kinds import SOURCE_KINDS


def test_each_kind_is_known_by_the_type_its_sources_are_encoded_with() -> None:
    assert [kind.name for kind in SOURCE_KINDS] == [
        "folder",
        "package",
        "url",
        "wheel",
        "path",
    ]
    assert all(kind.summary for kind in SOURCE_KINDS)
