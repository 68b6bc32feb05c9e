"""Cache: where it is."""

from benchbox.data.sources.cache import cache_folder


def test_the_cache_has_a_usual_place(monkeypatch) -> None:
    monkeypatch.delenv("BENCHBOX_CACHE")

    assert cache_folder().name == "benchbox"
