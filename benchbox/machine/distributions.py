"""Installed distributions, whose metadata may be damaged, double or out of date.

An interrupted installation leaves such metadata behind. Python takes the first it
finds, and gives up on the entry points of all when those of one cannot be read.
"""

import importlib.metadata
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint, EntryPoints
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from benchbox.errors import error_line

_INTACT: Any = Distribution.entry_points


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong with the metadata of a distribution.

    Attributes:
        package: Name of the distribution.
        found: What is wrong, and what to do.
        is_plugin: Whether the distribution has entry points of the group looked for.
    """

    package: str
    found: str
    is_plugin: bool

    def __str__(self) -> str:
        return f"{self.package} {self.found}"


@dataclass(frozen=True, slots=True)
class _Copy:
    """One folder of metadata, as far as it can be read."""

    name: str
    site: str
    version: str
    points: EntryPoints = field(default_factory=lambda: EntryPoints(()))
    trouble: str = ""

    @property
    def rank(self) -> tuple[bool, bool, list[int]]:
        """Order in which copies in one folder are trusted, the best last."""
        numbers = [int(number) for number in re.findall(r"\d+", self.version)]
        return bool(self.version), not self.trouble, numbers


def entry_points_of(group: str) -> tuple[list[EntryPoint], list[Flaw]]:
    """Return the entry points of *group*, and what is wrong with any metadata.

    Of several copies in one folder, the highest version that can be read counts.
    """
    points: list[EntryPoint] = []
    flaws: list[Flaw] = []
    by_name: dict[str, list[_Copy]] = {}
    for dist in importlib.metadata.distributions():
        copy = _read(dist)
        by_name.setdefault(copy.name.lower().replace("_", "-"), []).append(copy)
    for copies in by_name.values():
        # What lies further down the path is hidden, as its code is.
        beside = [copy for copy in copies if copy.site == copies[0].site]
        best = max(beside, key=lambda copy: copy.rank)
        points += best.points.select(group=group)
        if found := _flaw(beside, best):
            is_plugin = any(copy.points.select(group=group) for copy in beside)
            flaws.append(Flaw(best.name, found, is_plugin))
    return points, flaws


def maker_of(point: EntryPoint) -> tuple[str, str]:
    """Return the name and version of an entry point's package; empty if unknown."""
    try:
        text = _metadata(point.dist) if point.dist else ""
    except Exception:  # noqa: BLE001
        return "", ""
    return _header(text, "Name"), _header(text, "Version")


def package_version(name: str) -> str:
    """Return the version of an installed package; empty if it cannot be told."""
    copies = [_read(dist) for dist in Distribution.discover(name=name)]
    beside = [copy for copy in copies if copy.site == copies[0].site]
    return max(beside, key=lambda copy: copy.rank).version if beside else ""


def requirement_of(name: str) -> str:
    """Return what to tell pip to install *name* as it is installed here.

    This is its name if it came from a package index, or else the URL or the path of the
    folder it came from (PEP 610).
    """
    try:
        said = importlib.metadata.distribution(name).read_text("direct_url.json")
        origin = json.loads(said or "{}")
        url = origin.get("url", "")
        if git := origin.get("vcs_info"):
            return f"{name} @ {git['vcs']}+{url}@{git['commit_id']}"
    except (
        importlib.metadata.PackageNotFoundError,
        ValueError,
        KeyError,
        AttributeError,
    ):
        return name
    if url.startswith("file:"):
        return url2pathname(urlsplit(url).path)
    return f"{name} @ {url}" if url else name


def versions_of(prefixes: str | tuple[str, ...]) -> dict[str, str]:
    """Return the version of each package whose name begins in one of these ways."""
    found = map(_read, importlib.metadata.distributions())
    pairs = ((copy.name, copy.version) for copy in found)
    return dict(sorted(pair for pair in pairs if pair[0].startswith(prefixes)))


def tolerate_damaged_metadata() -> None:
    """Let libraries find entry points even if those of some package are damaged.

    torch and numba look at those of every package, and else could not be imported.
    """

    def entry_points(dist: Distribution) -> EntryPoints:
        try:
            found: EntryPoints = _INTACT.fget(dist)
        except Exception:  # noqa: BLE001
            return EntryPoints(())
        return found

    Distribution.entry_points = property(entry_points)  # type: ignore[assignment,method-assign]


def _read(dist: Distribution) -> _Copy:
    place = Path(str(getattr(dist, "_path", "")))
    name, _, version = place.stem.partition("-")
    text, points, trouble = "", EntryPoints(()), ""
    # A path finder that somebody has installed may give anything.
    try:
        points = _INTACT.fget(dist)
        text = _metadata(dist)
    except Exception as error:  # noqa: BLE001
        trouble = error_line(error)
    said = _header(text, "Version")
    return _Copy(
        name=_header(text, "Name") or name,
        site=str(place.parent),
        version=said or (version if trouble else ""),
        points=points,
        trouble=trouble,
    )


def _metadata(dist: Distribution) -> str:
    text = dist.read_text("METADATA") or dist.read_text("PKG-INFO")
    # An old kind of metadata is a file, not a folder.
    return text or dist.read_text("") or ""


def _header(text: str, name: str) -> str:
    # The parser of e-mails takes milliseconds for each of some hundred packages.
    found = re.search(rf"^{name}: *(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def _flaw(beside: Iterable[_Copy], best: _Copy) -> str:
    """Return what is wrong with the metadata of one distribution, if anything is."""
    versions = [copy.version or "unknown" for copy in beside]
    remedy = f"Install it again: pip install --force-reinstall {best.name}."
    if len(versions) > 1:
        found = ", ".join(sorted(versions))
        return (
            f"has the metadata of {len(versions)} versions ({found}) in {best.site}; "
            f"{best.version or 'none'} counts. Delete the folders of metadata that are "
            f"out of date."
        )
    if best.trouble:
        return f"has damaged metadata in {best.site}: {best.trouble}. {remedy}"
    if not best.version:
        return f"has no metadata in {best.site}, only a folder for them. {remedy}"
    return ""
