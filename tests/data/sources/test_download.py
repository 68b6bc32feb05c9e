"""Download: a server that misbehaves is skipped, with the reason."""

import time

import pytest

from benchbox.data.sources import download
from benchbox.data.sources.cache import cache_folder
from benchbox.data.sources.remote_kinds import UrlSource
from benchbox.errors import SourceError
from tests.support.sites import FILES, RATINGS, QuietHandler, archive, from_site, take


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>", "not a zip or tar archive"),
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

    with pytest.raises(SourceError, match=r"127\.0\.0\.1 stopped sending"):
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


def test_a_look_up_that_hangs_is_passed_over_in_time(monkeypatch) -> None:
    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(download, "_ask", lambda url: time.sleep(0.5) or "late")
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


def test_a_long_download_says_how_far_it_is(site, tmp_path, monkeypatch) -> None:
    (site.folder / "big").write_bytes(bytes(5 << 20))
    monkeypatch.setattr(download, "PROGRESS_SECONDS", 0)
    notes: list[str] = []

    download.get_url(f"{site.address}/big", tmp_path / "big", notes.append)

    assert (tmp_path / "big").stat().st_size == 5 << 20
    assert notes == [f"{n} of 5 MiB received." for n in range(1, 6)]


def test_a_download_of_unknown_size_says_what_has_arrived(
    site, tmp_path, monkeypatch
) -> None:
    def send_without_length(handler: QuietHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(bytes(2 << 20))

    monkeypatch.setattr(QuietHandler, "do_GET", send_without_length)
    monkeypatch.setattr(download, "PROGRESS_SECONDS", 0)
    notes: list[str] = []

    download.get_url(f"{site.address}/big", tmp_path / "big", notes.append)

    assert notes == ["1 MiB received.", "2 MiB received."]


def test_a_short_download_says_nothing(site, tmp_path) -> None:
    (site.folder / "small").write_bytes(RATINGS)

    download.get_url(f"{site.address}/small", tmp_path / "small", pytest.fail)

    assert (tmp_path / "small").read_bytes() == RATINGS


def test_progress_names_the_data_set(site, monkeypatch) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    monkeypatch.setattr(download, "PROGRESS_SECONDS", 0)
    notes: list[str] = []

    take(from_site(site), notes=notes)

    assert notes[1:] == ["toy: 0 of 0 MiB received."]
