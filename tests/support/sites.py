"""A publisher's site on this machine, and small files it can send."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchbox.data.sources.fetching import Fetched, fetch
from benchbox.data.sources.licence import Licence
from benchbox.data.sources.remote_kinds import UrlSource

FREE = Licence(text="Free to use.", url="https://example.org/terms")
RATINGS = b"1,2,3\n"
FILES = {"r.csv": hashlib.sha256(RATINGS).hexdigest()}
OTHER = {"r.csv": "0" * 64}
UNKNOWN = {"r.csv": ""}


class Site(ThreadingHTTPServer):
    """Sends the files in a folder, and notes what it was asked for."""

    def __init__(self, folder: Path, handler: Callable[..., Any]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.folder = folder
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        assert isinstance(self.server, Site)
        self.server.asked.append(self.path)


def archive(**members: bytes) -> bytes:
    """Return a zip archive; two underscores in a name stand for a slash."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        for name, content in members.items():
            opened.writestr(name.replace("__", "/"), content)
    return packed.getvalue()


def from_site(site: Site, files: dict[str, str] = FILES, **changes: Any) -> UrlSource:
    return UrlSource(
        url=f"{site.address}/data.zip", folder="in", files=files, **changes
    )


def take(
    *chosen: Any, notes: list[str] | None = None, licence: Licence = FREE
) -> Fetched:
    """Fetch the data set 'toy' from the sources chosen."""
    notify = ([] if notes is None else notes).append
    return fetch("toy", chosen, licence, notify=notify)
