"""Licence: shown before a download, and accepted where it must be."""

import pytest

from benchbox.data.sources.licence import Licence
from benchbox.errors import SourceError
from tests.support.sites import RATINGS, archive, from_site, take


def test_the_licence_is_shown_at_the_first_download_only(site) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    notes: list[str] = []

    take(from_site(site), notes=notes)
    take(from_site(site), notes=notes)

    assert notes == [
        "toy: downloading from 127.0.0.1. Free to use. https://example.org/terms"
    ]


def test_a_licence_to_accept_keeps_the_download_waiting(site, monkeypatch) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    strict = Licence(text="Ask first.", acceptance_needed=True)

    with pytest.raises(SourceError, match=r"Ask first.*set BENCHBOX_ACCEPT=toy"):
        take(from_site(site), licence=strict)
    assert not site.asked

    monkeypatch.setenv("BENCHBOX_ACCEPT", "other,toy")
    assert take(from_site(site), licence=strict).files
