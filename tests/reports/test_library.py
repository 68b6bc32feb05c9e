"""The JavaScript of charts: bundled once a machine, safe inside a page."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchbox.reports import library


@pytest.fixture
def bundled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """Return a list that grows with each bundle made; caches are below *tmp_path*."""
    calls: list[str] = []

    def javascript_bundle(snippet: str) -> str:
        calls.append(snippet)
        return f"a('</script>');\r\nb('<!--');{snippet}"

    stand_in = SimpleNamespace(javascript_bundle=javascript_bundle)
    monkeypatch.setitem(sys.modules, "vl_convert", stand_in)
    monkeypatch.setenv("BENCHBOX_CACHE", str(tmp_path / "cache"))
    library.vega_script.cache_clear()
    yield calls
    library.vega_script.cache_clear()


def test_a_bundle_is_made_once_and_cannot_end_its_element(bundled: list[str]) -> None:
    script = library.vega_script()
    library.vega_script.cache_clear()

    assert library.vega_script() == script
    assert len(bundled) == 1
    assert r"a('<\/script>');" in script
    assert r"b('<\!--');" in script
    assert "\r" not in script


def test_without_a_cache_a_bundle_is_made_each_time(
    bundled: list[str], tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file where the folder would be")

    assert library.vega_script().endswith(bundled[0])
    library.vega_script.cache_clear()
    assert library.vega_script().endswith(bundled[0])
    assert len(bundled) == 2
