"""Sources: the first that works is taken, and every file is proved."""

import hashlib
import io
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchbox.data.sources import fetching
from benchbox.data.sources.fetching import (
    FolderSource,
    Licence,
    PackageSource,
    PathSource,
    UrlSource,
    WheelSource,
    cache_folder,
    clean,
    fetch,
    locate,
)
from benchbox.errors import DataError, SourceError

FREE = Licence(text="Free to use.", url="https://example.org/terms")
RATINGS = b"1,2,3\n"
FILES = {"r.csv": hashlib.sha256(RATINGS).hexdigest()}
OTHER = {"r.csv": "0" * 64}
UNKNOWN = {"r.csv": ""}


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("BENCHBOX_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BENCHBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    folder = tmp_path / "site"
    folder.mkdir()
    handler = partial(QuietHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.asked = []  # type: ignore[attr-defined]
    server.folder = folder  # type: ignore[attr-defined]
    server.address = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def archive(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        for name, content in members.items():
            opened.writestr(name.replace("__", "/"), content)
    return packed.getvalue()


def from_site(site, files=FILES, **changes) -> UrlSource:
    return UrlSource(
        url=f"{site.address}/data.zip", folder="in", files=files, **changes
    )


def take(*chosen, notes: list[str] | None = None, licence=FREE):
    notify = ([] if notes is None else notes).append
    return fetch("toy", chosen, licence, notify=notify)


def test_a_users_folder_is_named_after_the_data_set(tmp_path, monkeypatch) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "r.csv").write_bytes(RATINGS)
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    fetched = take(FolderSource(files=FILES))

    assert fetched.files == {"r.csv": tmp_path / "toy" / "r.csv"}
    assert fetched.origin == "local folder in BENCHBOX_DATA"


def test_a_users_folder_may_hold_the_files_itself(tmp_path, monkeypatch) -> None:
    (tmp_path / "r.csv").write_bytes(RATINGS)
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    assert take(FolderSource(files=FILES)).files == {"r.csv": tmp_path / "r.csv"}


def test_another_file_above_the_folder_is_no_mistake(tmp_path, monkeypatch) -> None:
    (tmp_path / "r.csv").write_bytes(b"else")
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    with pytest.raises(SourceError, match="BENCHBOX_DATA has no such folder"):
        take(FolderSource(files=FILES))


def test_a_folder_that_lacks_a_file_is_said_so(tmp_path, monkeypatch) -> None:
    (tmp_path / "toy").mkdir()
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    with pytest.raises(SourceError, match=r"toy lacks r\.csv"):
        take(FolderSource(files=FILES))


def test_a_wrong_file_in_a_users_folder_is_an_error(tmp_path, monkeypatch) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "r.csv").write_bytes(b"else")
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))
    found = hashlib.sha256(b"else").hexdigest()

    with pytest.raises(DataError) as raised:
        take(FolderSource(files=FILES))

    assert found in str(raised.value)
    assert FILES["r.csv"] in str(raised.value)
    assert "Nothing was read" in str(raised.value)


def test_optional_files_are_taken_along_where_they_are(tmp_path, monkeypatch) -> None:
    for name in ("r.csv", "extra"):
        (tmp_path / name).write_bytes(RATINGS)
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    source = FolderSource(files=FILES, optional=("extra", "absent"))

    assert set(take(source).files) == {"r.csv", "extra"}


def test_a_package_can_ship_files(tmp_path, monkeypatch) -> None:
    (tmp_path / "shipping" / "data").mkdir(parents=True)
    (tmp_path / "shipping" / "__init__.py").touch()
    (tmp_path / "shipping" / "data" / "r.csv").write_bytes(RATINGS)
    monkeypatch.syspath_prepend(tmp_path)

    fetched = take(PackageSource(package="shipping", folder="data", files=FILES))

    assert fetched.files["r.csv"].read_bytes() == RATINGS
    assert fetched.origin == "shipped with shipping"


def test_a_missing_own_file_is_told_with_the_nearest(tmp_path) -> None:
    (tmp_path / "ratings.csv").touch()

    with pytest.raises(DataError, match=r"no file .*rating\.csv.*mean 'ratings\.csv'"):
        take(PathSource(files={"train": str(tmp_path / "rating.csv")}))


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


def test_members_with_odd_paths_never_escape(site, tmp_path) -> None:
    (site.folder / "data.zip").write_bytes(
        archive(**{"in__r.csv": RATINGS, "..__..__evil": b"x", "__evil": b"x"})
    )

    take(from_site(site))

    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("name", ["../r.csv", "/r.csv", "in/r.csv", "..", ""])
def test_a_file_name_of_a_source_is_plain(name) -> None:
    with pytest.raises(DataError, match="plain name"):
        FolderSource(files={name: "0" * 64})


def test_single_files_are_fetched_one_by_one(site) -> None:
    (site.folder / "r.csv").write_bytes(RATINGS)

    fetched = take(UrlSource(url=f"{site.address}/{{file}}", files=FILES))

    assert fetched.files["r.csv"].read_bytes() == RATINGS


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


def test_a_file_that_changed_at_the_publishers_is_deleted_and_said(
    site, tmp_path
) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))

    with pytest.raises(SourceError) as raised:
        take(from_site(site, OTHER))

    for part in (FILES["r.csv"], OTHER["r.csv"], "may have been renewed", "deleted"):
        assert part in str(raised.value)
    assert not list((tmp_path / "cache").rglob("*.csv"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>", "no zip archive"),
        (archive(other=b""), r"an archive without .*in/r\.csv"),
        (None, "answered with status 404"),
    ],
)
def test_a_useless_answer_is_passed_over_with_its_reason(site, content, reason) -> None:
    if content is not None:
        (site.folder / "data.zip").write_bytes(content)

    with pytest.raises(SourceError, match=reason):
        take(from_site(site))


def test_a_download_that_breaks_off_is_passed_over(site, monkeypatch) -> None:
    def send_too_little(handler: QuietHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")

    (site.folder / "data.zip").touch()
    monkeypatch.setattr(QuietHandler, "do_GET", send_too_little)

    with pytest.raises(SourceError, match=r"127\.0\.0\.1 broke off"):
        take(from_site(site))

    assert [p.name for p in cache_folder().rglob("*") if p.is_file()] == [
        ".benchbox-lock"
    ]


def test_a_server_that_answers_get_alone_is_used(site, monkeypatch) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    monkeypatch.setattr(
        QuietHandler, "do_HEAD", lambda handler: handler.send_error(405)
    )

    assert take(from_site(site)).files


def test_the_next_source_is_tried_and_the_failure_told(site) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    closed = UrlSource(url="http://127.0.0.1:9/x.zip", folder="in", files=FILES)
    notes: list[str] = []

    assert take(closed, from_site(site), notes=notes).files
    assert notes[0].startswith("toy: 127.0.0.1 cannot be reached (Connection")
    assert notes[0].endswith("; passed over.")


def test_a_look_up_that_hangs_is_passed_over_in_time(monkeypatch) -> None:
    monkeypatch.setattr(fetching, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(fetching, "_ask", lambda url: time.sleep(0.5) or "late")
    source = UrlSource(url="http://hangs.invalid/x.zip", files=FILES)
    started = time.perf_counter()

    with pytest.raises(SourceError, match=r"hangs\.invalid did not answer within"):
        take(source)

    assert time.perf_counter() - started < 0.4


def test_a_proxy_of_the_environment_is_used(site, monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", site.address)
    source = UrlSource(url="http://publisher.invalid/{file}", files=FILES)

    with pytest.raises(SourceError):
        take(source)

    assert "http://publisher.invalid/r.csv" in site.asked


def test_when_nothing_works_every_reason_and_two_ways_out_are_told() -> None:
    closed = UrlSource(url="http://127.0.0.1:9/x.zip", files=FILES)

    with pytest.raises(SourceError) as raised:
        take(FolderSource(files=FILES), closed)

    for part in ("BENCHBOX_DATA is not set", "127.0.0.1 cannot be", "-d synthetic"):
        assert part in str(raised.value)
    assert "\n" not in str(raised.value)


def test_offline_nobody_is_asked(site, monkeypatch) -> None:
    monkeypatch.setenv("BENCHBOX_OFFLINE", "1")

    with pytest.raises(SourceError, match="BENCHBOX_OFFLINE forbids downloads"):
        take(from_site(site))

    assert not site.asked


def test_offline_the_cache_still_serves(site, monkeypatch) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    take(from_site(site))
    monkeypatch.setenv("BENCHBOX_OFFLINE", "1")

    assert take(from_site(site)).origin.endswith("from the cache")


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
    script = (
        "import sys; from benchbox.data.sources.fetching import *\n"
        "url, digest = sys.argv[1:]\n"
        "source = UrlSource(url=url, folder='in', files={'r.csv': digest})\n"
        "fetch('toy', [source], Licence(text=''), notify=lambda line: None)\n"
    )
    command = [
        sys.executable,
        "-P",
        "-c",
        script,
        f"{site.address}/data.zip",
        FILES["r.csv"],
    ]

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
    script = (
        "import sys; from benchbox.data.sources.fetching import *\n"
        "url, digest = sys.argv[1:]\n"
        "source = UrlSource(url=url, folder='in', files={'r.csv': digest})\n"
        "fetch('toy', [source], Licence(text=''), notify=lambda line: None)\n"
    )
    command = [
        sys.executable,
        "-P",
        "-c",
        script,
        f"{site.address}/data.zip",
        FILES["r.csv"],
    ]
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

    with pytest.raises(SourceError, match=r"cannot be written.*BENCHBOX_CACHE"):
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


def test_the_cache_has_a_usual_place(monkeypatch) -> None:
    monkeypatch.delenv("BENCHBOX_CACHE")

    assert cache_folder().name == "benchbox"


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_of_unknown_hash_is_said_to_be_unverified_with_the_hash_it_has(
    site,
) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    notes: list[str] = []

    fetched = take(from_site(site, UNKNOWN), notes=notes)

    assert fetched.files["r.csv"].read_bytes() == RATINGS
    assert fetched.origin == "127.0.0.1, unverified"
    assert len(notes) == 2
    assert notes[1].startswith("toy: r.csv is unverified, as no SHA-256 of it is known")
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

    for part in (digest_of(content), "expected 0000", "deleted here"):
        assert part in str(raised.value)
    assert not list((tmp_path / "cache").rglob("*.csv"))


def test_an_archive_that_is_none_has_no_hash() -> None:
    with pytest.raises(DataError, match="address of each file, so there is no archive"):
        UrlSource(url="https://x.invalid/{file}", files=UNKNOWN, sha256="0" * 64)


def test_single_files_can_be_known_in_part(site) -> None:
    for name in ("r.csv", "b.csv"):
        (site.folder / name).write_bytes(RATINGS)
    source = UrlSource(url=f"{site.address}/{{file}}", files={**FILES, "b.csv": ""})
    notes: list[str] = []

    assert take(source, notes=notes).origin == "127.0.0.1, unverified"
    assert [note.split()[1] for note in notes] == ["downloading", "b.csv"]


def test_a_users_file_of_unknown_hash_is_taken_and_said_to_be_unverified(
    tmp_path, monkeypatch
) -> None:
    (tmp_path / "toy").mkdir()
    for name in ("r.csv", "b.csv"):
        (tmp_path / "toy" / name).write_bytes(RATINGS)
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))
    notes: list[str] = []

    source = FolderSource(files={**UNKNOWN, "b.csv": ""})
    fetched = take(source, notes=notes)

    assert fetched.files["r.csv"] == tmp_path / "toy" / "r.csv"
    assert fetched.origin == "local folder in BENCHBOX_DATA, unverified"
    assert notes == [
        f"toy: r.csv and b.csv in {tmp_path / 'toy'}: unverified, as no SHA-256 is "
        f"known."
    ]


def test_a_file_above_the_folder_is_not_taken_on_its_name_alone(
    tmp_path, monkeypatch
) -> None:
    (tmp_path / "r.csv").write_bytes(RATINGS)
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    with pytest.raises(SourceError, match="BENCHBOX_DATA has no such folder"):
        take(FolderSource(files=UNKNOWN))


@pytest.mark.parametrize("place", ["toy", "toy/toy-10K", "toy-10K"])
def test_a_folder_is_found_where_the_publishers_archive_unpacks_to(
    tmp_path, monkeypatch, place
) -> None:
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "r.csv").write_bytes(RATINGS)
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    fetched = take(FolderSource(files=FILES, folder="toy-10K"))

    assert fetched.files == {"r.csv": tmp_path / place / "r.csv"}


def test_an_archive_of_the_same_name_may_be_unpacked_within_its_folder(
    tmp_path, monkeypatch
) -> None:
    (tmp_path / "toy" / "toy").mkdir(parents=True)
    (tmp_path / "toy" / "toy" / "r.csv").write_bytes(RATINGS)
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    assert take(FolderSource(files=UNKNOWN)).files["r.csv"].parent.name == "toy"


def test_the_way_out_names_the_folder_and_the_files(monkeypatch) -> None:
    monkeypatch.setenv("BENCHBOX_OFFLINE", "1")
    closed = UrlSource(url="http://127.0.0.1:9/x.zip", files=FILES)

    with pytest.raises(SourceError) as raised:
        take(FolderSource(files={**FILES, "b.csv": "", "c.csv": ""}), closed)

    assert (
        "Put r.csv, b.csv and c.csv into a folder 'toy' and name the folder above it "
        "in BENCHBOX_DATA"
    ) in str(raised.value)


def test_a_card_without_a_folder_has_no_such_way_out(monkeypatch) -> None:
    monkeypatch.setenv("BENCHBOX_OFFLINE", "1")

    with pytest.raises(SourceError) as raised:
        take(UrlSource(url="http://127.0.0.1:9/x.zip", files=FILES))

    assert "BENCHBOX_DATA" not in str(raised.value)


def test_what_is_not_here_is_located_at_its_publishers_without_asking(site) -> None:
    found = locate("toy", [FolderSource(files=FILES), from_site(site, n_bytes=5 << 20)])

    assert not found.is_here
    assert found.origin == "127.0.0.1, 5 MiB"
    assert found.reasons == ("BENCHBOX_DATA is not set",)
    assert found.advice.startswith("put r.csv into a folder 'toy'")
    assert not site.asked


def test_a_download_is_located_in_the_cache(site) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    take(from_site(site, UNKNOWN))

    found = locate("toy", [FolderSource(files=FILES), from_site(site, UNKNOWN)])

    assert found.is_here
    assert found.origin == "127.0.0.1, from the cache, unverified"


def test_files_on_this_machine_are_located_without_reading_them(
    tmp_path, monkeypatch
) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "r.csv").write_bytes(b"else")
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    assert locate("toy", [FolderSource(files=FILES)]).is_here
    assert locate("toy", [PackageSource(package="benchbox", files=FILES)]).is_here
    assert locate("toy", [PathSource(files={"train": "absent.csv"})]).is_here


def test_what_nobody_offers_is_nowhere() -> None:
    assert locate("toy", [FolderSource(files=FILES)]).origin == "nowhere"


def wheel(folder: Path) -> str:
    """Make a wheel that carries the ratings; return its SHA-256."""
    folder.mkdir()
    meta = "toywheel-1.0.dist-info__"
    content = archive(
        **{
            "toywheel__data__r.csv": RATINGS,
            "toywheel____init__.py": b"raise SystemExit('imported!')",
            f"{meta}METADATA": b"Metadata-Version: 2.1\nName: toywheel\nVersion: 1.0\n",
            f"{meta}WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
            f"{meta}RECORD": b"",
        }
    )
    (folder / "toywheel-1.0-py3-none-any.whl").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package index of the user's own installer settings; returns the hash."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return wheel(tmp_path / "wheels")


def from_index(sha256: str, requirement: str = "toywheel==1.0") -> WheelSource:
    return WheelSource(
        requirement=requirement, sha256=sha256, folder="toywheel/data", files=FILES
    )


def test_a_wheel_is_fetched_with_the_users_installer_and_unpacked_as_data(
    index,
) -> None:
    fetched = take(from_index(index))

    assert fetched.files["r.csv"].read_bytes() == RATINGS
    assert fetched.origin == "package index (toywheel==1.0)"
    assert not list(cache_folder().rglob("*.whl"))


def test_another_wheel_than_expected_is_refused(index) -> None:
    with pytest.raises(
        SourceError, match=r"toywheel-1.0-py3-none-any\.whl.*expected 0000"
    ):
        take(from_index("0" * 64))


def test_a_wheel_the_index_lacks_is_passed_over(index) -> None:
    with pytest.raises(SourceError, match=r"\(toywheel==9\) gave nothing to pip"):
        take(from_index(index, "toywheel==9"))


def test_an_installer_that_takes_too_long_is_passed_over(index, monkeypatch) -> None:
    monkeypatch.setattr(fetching, "INSTALLER_SECONDS", 0.01)

    with pytest.raises(SourceError, match=r"toywheel==1\.0\) took over 0\.01 s"):
        take(from_index(index))
