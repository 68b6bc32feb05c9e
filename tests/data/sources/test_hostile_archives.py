"""Archives and servers that mean harm, or are broken: said, and the next is tried."""

import io
import re
import struct
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from benchbox.data.sources import download
from benchbox.data.sources.archives import unpack
from benchbox.data.sources.cache import cache_folder, locked
from benchbox.data.sources.remote_kinds import UrlSource, WheelSource
from benchbox.errors import DataError, SourceError
from tests.support.sites import (
    FILES,
    RATINGS,
    QuietHandler,
    Site,
    archive,
    from_site,
    take,
)

SOUND = archive(**{"in__r.csv": RATINGS})


def packed(method: int, content: bytes = RATINGS) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", method) as opened:
        opened.writestr("in/r.csv", content)
    return into.getvalue()


def with_byte(content: bytes, at: int, value: int) -> bytes:
    changed = bytearray(content)
    changed[at] = value
    return bytes(changed)


def with_flag(content: bytes, flag: int) -> bytes:
    """Return an archive of one file with *flag* in both of its headers."""
    central = content.index(b"PK\1\2")
    return with_byte(with_byte(content, 6, flag), central + 8, flag)


def with_method(content: bytes, method: int) -> bytes:
    central = content.index(b"PK\1\2")
    return with_byte(with_byte(content, 8, method), central + 10, method)


def with_size(content: bytes, size: int) -> bytes:
    """Return an archive that says its file has *size* bytes."""
    central = content.index(b"PK\1\2")
    changed = bytearray(content)
    changed[22:26] = changed[central + 24 : central + 28] = struct.pack("<I", size)
    return bytes(changed)


DEFLATED = packed(zipfile.ZIP_DEFLATED, RATINGS * 100)
BOMB = packed(zipfile.ZIP_DEFLATED, bytes(8 << 20))

ARCHIVES = {
    "encrypted": (with_flag(SOUND, 1), r"in/r\.csv is encrypted"),
    "a bomb": (BOMB, r"would take 8 MiB, packed in 0\.0"),
    "a size that is a lie": (with_size(SOUND, 2**31), "would take 2,048 MiB"),
    "a size that is too small": (with_size(DEFLATED, 3), "damaged archive"),
    "damaged": (with_byte(SOUND, 40, 0xFF), "damaged archive"),
    "damaged packing": (with_byte(DEFLATED, 42, 0xFF), "damaged archive"),
    "an unknown packing": (with_method(SOUND, 77), "damaged archive"),
    "another packing": (with_method(SOUND, zipfile.ZIP_LZMA), "damaged archive"),
    "a third packing": (with_method(SOUND, zipfile.ZIP_BZIP2), "damaged archive"),
    "cut at the end": (SOUND[:-10], "not a zip or tar archive"),
    "cut in the middle": (SOUND[: len(SOUND) // 2], "not a zip or tar archive"),
    "cut at the front": (SOUND[30:], "damaged archive"),
    "empty": (b"", "not a zip or tar archive"),
    "a folder in its place": (archive(**{"in__r.csv/x": b""}), "archive without"),
    "other content": (archive(**{"in__r.csv": b"9,9,9\n"}), "a different r.csv"),
}


def send_endlessly(handler: QuietHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(64):
        handler.wfile.write(bytes(1 << 20))


def promise_too_much(handler: QuietHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 50))
    handler.end_headers()
    handler.wfile.write(bytes(1 << 20))


def send_slowly(handler: QuietHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


SERVERS: dict[str, tuple[Callable[[QuietHandler], None], str]] = {
    "endless": (send_endlessly, "sent more than 4 MiB"),
    "too large": (promise_too_much, "sent more than 4 MiB"),
    "slow": (send_slowly, r"sent less than 1 MiB in 0\.3 s"),
}


def take_good_one(bad: UrlSource, site: Site, reason: str) -> None:
    """Check that *bad* is passed over with *reason*, and a good source is used."""
    (site.folder / "r.csv").write_bytes(RATINGS)
    good = UrlSource(url=f"{site.address}/{{file}}", files=FILES)
    notes: list[str] = []

    fetched = take(bad, good, notes=notes)

    assert fetched.files["r.csv"].read_bytes() == RATINGS
    (said,) = [note for note in notes if "skipped" in note]
    assert re.search(reason, said), said
    assert len(said.splitlines()) == 1
    kept = {path.name for path in cache_folder().rglob("*") if path.is_file()}
    assert kept == {"r.csv", ".benchbox-lock"}
    with locked(cache_folder() / "data" / "toy"):
        pass


@pytest.mark.parametrize(("content", "reason"), ARCHIVES.values(), ids=ARCHIVES)
def test_a_bad_archive_is_passed_over_and_the_next_source_is_used(
    site: Site, content: bytes, reason: str
) -> None:
    (site.folder / "data.zip").write_bytes(content)

    take_good_one(from_site(site), site, reason)


@pytest.mark.parametrize(("answer", "reason"), SERVERS.values(), ids=SERVERS)
def test_a_server_that_does_not_end_is_passed_over(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[QuietHandler], None],
    reason: str,
) -> None:
    really = QuietHandler.do_GET

    def do_get(handler: QuietHandler) -> None:
        (answer if handler.path == "/data.zip" else really)(handler)

    (site.folder / "data.zip").touch()
    monkeypatch.setattr(QuietHandler, "do_GET", do_get)
    monkeypatch.setattr(download, "MOST_BYTES", 4 << 20)
    monkeypatch.setattr(download, "SLOW_SECONDS", 0.3)

    take_good_one(from_site(site), site, reason)


def test_a_download_may_be_somewhat_larger_than_its_card_says(site: Site) -> None:
    (site.folder / "data.zip").write_bytes(SOUND)

    assert take(from_site(site, n_bytes=1)).files


def test_a_full_disk_is_no_damaged_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "data.zip").write_bytes(SOUND)
    monkeypatch.setattr("shutil.copyfileobj", full)

    with pytest.raises(OSError, match="No space left on device"):
        unpack(tmp_path / "data.zip", "in", ["r.csv"], [], tmp_path)


def test_ratings_that_pack_well_are_no_bomb(tmp_path: Path) -> None:
    rows = b"".join(b"%d,%d,5\n" % (n // 50, n % 50) for n in range(400_000))
    file = tmp_path / "a.zip"
    file.write_bytes(packed(zipfile.ZIP_DEFLATED, rows))

    unpack(file, "in", ["r.csv"], [], tmp_path)

    assert (tmp_path / "r.csv").stat().st_size == len(rows)


@pytest.mark.parametrize(
    "requirement",
    [
        "-r/etc/passwd",
        "--index-url=https://example.org",
        "./here",
        "/tmp/x.whl",
        "git+https://example.org/x",
        "x @ https://example.org/x.whl",
        "",
        "a b",
        "x\n-r y",
    ],
)
def test_a_wheel_is_named_by_a_distribution_and_nothing_else(requirement: str) -> None:
    with pytest.raises(DataError, match="is not the name and version of a"):
        WheelSource(requirement=requirement, sha256="0", folder="", files=FILES)


@pytest.mark.parametrize("requirement", ["recbole==1.2.1", "a-b_c.d[x,y]>=1,<2", "one"])
def test_requirements_of_every_form_are_taken(requirement: str) -> None:
    assert WheelSource(requirement=requirement, sha256="0", folder="", files=FILES)


def test_an_installer_that_leaves_no_wheel_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr("subprocess.run", lambda command, **_: asked.append(command))
    source = WheelSource(requirement="one==1", sha256="0", folder="", files=FILES)

    with pytest.raises(SourceError, match="gave no wheel to pip download"):
        take(source)

    assert asked[0][-2:] == ["--", "one==1"]


def test_a_slow_download_leaves_no_lock_to_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site.folder / "data.zip").touch()
    monkeypatch.setattr(QuietHandler, "do_GET", send_slowly)
    monkeypatch.setattr(download, "SLOW_SECONDS", 0.2)
    said: list[str] = []

    def try_it() -> None:
        try:
            take(from_site(site))
        except SourceError as error:
            said.append(str(error))

    threads = [threading.Thread(target=try_it) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(said) == 3
