"""Downloads: fetched once, proved each time, and never half there."""

import errno
import hashlib
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest

from benchbox.data.sources.cache import cache_folder
from benchbox.data.sources.downloads import clean
from benchbox.data.sources.fetching import locate
from benchbox.data.sources.source import Notify, PassedOverError, RemoteFiles
from benchbox.errors import DataError, SourceError
from tests.support.sites import (
    FILES,
    OTHER,
    RATINGS,
    UNKNOWN,
    QuietHandler,
    archive,
    from_site,
    take,
)

FETCH = """
import sys
from benchbox.data.sources.fetching import fetch
from benchbox.data.sources.remote_kinds import UrlSource
from benchbox.data.sources.licence import Licence
address, digest = sys.argv[1:]
source = UrlSource(url=f"{address}/data.zip", folder="in", files={"r.csv": digest})
fetch("toy", [source], Licence(text=""), notify=lambda line: None)
"""


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_an_archive_is_fetched_once_and_then_cached(site) -> None:
    (site.folder / "data.zip").write_bytes(
        archive(in__r=b"no", **{"in__r.csv": RATINGS})
    )

    first = take(from_site(site))
    n_asked = len(site.asked)
    again = take(from_site(site))

    assert first.files == again.files
    assert first.files["r.csv"].read_bytes() == RATINGS
    assert first.origin == "127.0.0.1"
    assert again.origin == "127.0.0.1, from the cache"
    assert len(site.asked) == n_asked


def test_only_the_files_needed_are_kept(site) -> None:
    (site.folder / "data.zip").write_bytes(
        archive(**{"in__r.csv": RATINGS, "in__big": b"x", "in__ua.test": b"y"})
    )

    fetched = take(from_site(site, optional=("ua.test", "ub.test")))

    kept = {p.name for p in cache_folder().rglob("*") if p.is_file()}
    assert kept == {"r.csv", "ua.test", ".benchbox-lock"}
    assert set(fetched.files) == {"r.csv", "ua.test"}


def test_a_file_that_changed_at_the_publishers_is_deleted_and_said(
    site, tmp_path
) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))

    with pytest.raises(SourceError) as raised:
        take(from_site(site, OTHER))

    for part in (FILES["r.csv"], OTHER["r.csv"], "may have updated it", "deleted"):
        assert part in str(raised.value)
    assert not list((tmp_path / "cache").rglob("*.csv"))


def test_damaged_cached_files_are_fetched_again(site) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    take(from_site(site)).files["r.csv"].write_bytes(b"rotten")
    notes: list[str] = []

    fetched = take(from_site(site), notes=notes)

    assert fetched.files["r.csv"].read_bytes() == RATINGS
    assert "damaged" in notes[0]


def test_the_rest_of_a_killed_download_is_removed(site) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    left = cache_folder() / "data" / "toy" / ".partial-killed"
    left.mkdir(parents=True)
    (left / "archive.zip").write_bytes(b"half")

    take(from_site(site))

    assert not left.exists()


def test_many_at_once_download_once(site) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    found: list[bytes] = []

    def work() -> None:
        found.append(take(from_site(site)).files["r.csv"].read_bytes())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [RATINGS] * 6
    # One HEAD and one GET.
    assert len(site.asked) == 2


def test_another_process_waits_for_the_lock(site, tmp_path) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    command = [sys.executable, "-P", "-c", FETCH, site.address, FILES["r.csv"]]

    started = [subprocess.Popen(command) for _ in range(2)]

    assert [process.wait(60) for process in started] == [0, 0]
    assert len(site.asked) == 2


def test_a_killed_download_leaves_no_lock_and_no_half_files(site, monkeypatch) -> None:
    arrived = threading.Event()
    released = threading.Event()

    def send_half(handler: QuietHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")
        arrived.set()
        released.wait(30)

    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    command = [sys.executable, "-P", "-c", FETCH, site.address, FILES["r.csv"]]
    with monkeypatch.context() as patched:
        patched.setattr(QuietHandler, "do_GET", send_half)
        process = subprocess.Popen(command)
        assert arrived.wait(30)
        process.kill()
        process.wait()
        released.set()

    fetched = take(from_site(site))

    assert fetched.files["r.csv"].read_bytes() == RATINGS
    assert not list(cache_folder().rglob(".partial-*"))


def test_an_unwritable_cache_is_an_error_with_a_way_out(
    site, tmp_path, monkeypatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCHBOX_CACHE", str(tmp_path / "file"))

    with pytest.raises(SourceError, match=r"not writable.*BENCHBOX_CACHE"):
        take(from_site(site))


def test_clean_frees_what_was_downloaded_and_only_that(site) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    take(from_site(site))
    foreign = cache_folder() / "data" / "mine" / "thesis"
    foreign.mkdir(parents=True)

    assert clean("other") == 0
    assert clean("toy") == len(RATINGS)
    assert clean() == 0
    assert foreign.exists()


def test_a_file_of_unknown_hash_is_said_to_be_unverified_with_the_hash_it_has(
    site,
) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    notes: list[str] = []

    fetched = take(from_site(site, UNKNOWN), notes=notes)

    assert fetched.files["r.csv"].read_bytes() == RATINGS
    assert fetched.origin == "127.0.0.1, unverified"
    assert len(notes) == 2
    assert notes[1].startswith("toy: r.csv is unverified, as its SHA-256 is not known")
    assert FILES["r.csv"] in notes[1]


def test_an_unverified_download_stays_so_in_the_cache_and_is_not_said_twice(
    site,
) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    take(from_site(site, UNKNOWN))
    notes: list[str] = []

    again = take(from_site(site, UNKNOWN), notes=notes)

    assert again.origin == "127.0.0.1, from the cache, unverified"
    assert notes == []


def test_an_unverified_download_that_rots_in_the_cache_is_fetched_again(site) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    take(from_site(site, UNKNOWN)).files["r.csv"].write_bytes(b"rotten")
    notes: list[str] = []

    fetched = take(from_site(site, UNKNOWN), notes=notes)

    assert fetched.files["r.csv"].read_bytes() == RATINGS
    assert "damaged" in notes[0]


@pytest.mark.parametrize("record", [None, b"{", b"[]"])
def test_a_download_whose_hash_was_lost_is_fetched_again(site, record) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    folder = take(from_site(site, UNKNOWN)).files["r.csv"].parent
    note = folder / ".received.json"
    note.unlink() if record is None else note.write_bytes(record)
    notes: list[str] = []

    take(from_site(site, UNKNOWN), notes=notes)

    assert "damaged" in notes[0]


def test_a_known_archive_proves_its_files(site) -> None:
    content = archive(**{"in__r.csv": RATINGS})
    (site.folder / "data.zip").write_bytes(content)
    source = from_site(site, UNKNOWN, sha256=digest_of(content), n_bytes=3 << 20)
    notes: list[str] = []

    first = take(source, notes=notes)
    again = take(source, notes=notes)

    assert first.origin == "127.0.0.1"
    assert again.origin == "127.0.0.1, from the cache"
    assert notes == [
        "toy: downloading from 127.0.0.1, 3 MiB. Free to use. https://example.org/terms"
    ]


def test_another_archive_than_expected_is_refused_and_deleted(site, tmp_path) -> None:
    content = archive(**{"in__r.csv": RATINGS})
    (site.folder / "data.zip").write_bytes(content)

    with pytest.raises(SourceError) as raised:
        take(from_site(site, UNKNOWN, sha256="0" * 64))

    for part in (digest_of(content), "expected 0000", "copy was deleted"):
        assert part in str(raised.value)
    assert not list((tmp_path / "cache").rglob("*.csv"))


class Shop(RemoteFiles, frozen=True, kw_only=True, tag="shop"):
    """A source as a plugin may write it: it sends what a test puts on its counter."""

    counter: ClassVar[dict[str, Any]] = {}
    title: ClassVar[str] = "the shop"

    def fetch(self, into: Path, notify: Notify) -> None:
        """Copy what is on the counter, or fail as it says."""
        for name, content in self.counter.items():
            if isinstance(content, Exception):
                raise content
            (into / name).parent.mkdir(exist_ok=True)
            (into / name).write_bytes(content)


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(Shop, "counter", {})
    return Shop.counter


def test_a_source_of_another_kind_is_kept_and_proved_like_any(counter) -> None:
    counter["r.csv"] = RATINGS
    notes: list[str] = []

    first = take(Shop(files=FILES), notes=notes)
    counter.clear()
    again = take(Shop(files=FILES), notes=notes)

    assert first.files["r.csv"].read_bytes() == RATINGS
    assert first.origin == "the shop"
    assert again.origin == "the shop, from the cache"
    assert notes == [
        "toy: downloading from the shop. Free to use. https://example.org/terms"
    ]
    assert locate("toy", [Shop(files=FILES)]).is_here


def test_what_a_source_leaves_besides_is_thrown_away(counter) -> None:
    counter.update({"r.csv": RATINGS, "extra": b"x", "junk": b"y", "in/deep": b"z"})

    fetched = take(Shop(files=FILES, optional=("extra", "absent")))

    kept = {p.name for p in cache_folder().rglob("*") if p.is_file()}
    assert kept == {"r.csv", "extra", ".benchbox-lock"}
    assert set(fetched.files) == {"r.csv", "extra"}


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({}, "the shop did not send r.csv"),
        ({"r.csv": b"else"}, "the shop sent a different r.csv: its SHA-256 is"),
        ({"r.csv": PassedOverError("is closed")}, "the shop is closed"),
        ({"r.csv": KeyError("till")}, "the shop failed (KeyError: 'till')"),
        ({"r.csv": RuntimeError()}, "the shop failed (RuntimeError)"),
        (
            {"r.csv": ConnectionResetError("by\npeer")},
            "the shop failed (ConnectionResetError: by peer)",
        ),
    ],
)
def test_whatever_goes_wrong_in_a_source_costs_one_line(
    site, counter, sent, reason
) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    counter.update(sent)
    notes: list[str] = []

    fetched = take(Shop(files=FILES), from_site(site), notes=notes)

    assert fetched.origin == "127.0.0.1"
    (line,) = [note for note in notes if "skipped" in note]
    assert line.startswith(f"toy: {reason}")
    assert "\n" not in line
    assert not list(cache_folder().rglob(".partial-*"))


def test_a_full_disk_is_no_fault_of_the_source(site, counter) -> None:
    counter["r.csv"] = OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(SourceError, match=r"cannot be saved in .*No space left.*room"):
        take(Shop(files=FILES), from_site(site))

    assert not site.asked


def test_what_benchbox_refuses_on_purpose_is_not_passed_over(site, counter) -> None:
    counter["r.csv"] = DataError("Stop.")

    with pytest.raises(DataError, match="Stop"):
        take(Shop(files=FILES), from_site(site))
