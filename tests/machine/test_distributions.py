"""Installed distributions: whatever their metadata are, the others are found."""

import importlib.metadata
from pathlib import Path

import pytest

from benchbox.machine.distributions import (
    _INTACT,
    entry_points_of,
    package_version,
    requirement_of,
    tolerate_damaged_metadata,
)
from benchbox.plugins.registry import discover

POINTS = b"[acme.group]\npoint = acme_module\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    install(tmp_path, "acme-good", "1.0")
    return tmp_path


def install(site: Path, name: str, version: str, points: bytes = POINTS) -> Path:
    """Write the metadata of a distribution, and return their folder."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    (folder / "entry_points.txt").write_bytes(points)
    return folder


def found(group: str = "acme.group") -> tuple[dict[str, str], dict[str, str]]:
    """Return version and flaw by distribution, of those in the site of a test."""
    points, flaws = entry_points_of(group)
    folders = [Path(str(getattr(point.dist, "_path", ""))) for point in points]
    versions = dict(folder.stem.replace("_", "-").rsplit("-", 1) for folder in folders)
    return versions, {flaw.package: flaw.found for flaw in flaws}


@pytest.mark.parametrize("order", [("0.1", "0.2"), ("0.10", "0.9")])
def test_of_two_versions_the_higher_counts_and_both_are_named(
    site: Path, order: tuple[str, str]
) -> None:
    for version in order:
        install(site, "acme-double", version)

    versions, flaws = found()

    highest = max(order, key=lambda text: int(text.partition(".")[2]))
    assert versions == {"acme-good": "1.0", "acme-double": highest}
    assert (
        f"versions ({order[0]}, {order[1]}) in {site}; {highest} counts"
        in (flaws["acme-double"])
    )
    assert package_version("acme-double") == highest


def empty(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def spoil_points(folder: Path) -> None:
    (folder / "entry_points.txt").write_bytes(b"[x]\ncaf\xe9 = y\n")


def garble_points(folder: Path) -> None:
    (folder / "entry_points.txt").write_bytes(b"[x]\nno point at all\n")


def spoil_metadata(folder: Path) -> None:
    (folder / "METADATA").write_bytes(b"Name: caf\xe9\n")


def replace_metadata(folder: Path) -> None:
    (folder / "METADATA").unlink()
    (folder / "METADATA").mkdir()


DAMAGES = [empty, spoil_points, garble_points, spoil_metadata, replace_metadata]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_stale_folder_does_not_hide_the_version_beside_it(site: Path, damage) -> None:
    damage(install(site, "acme-stale", "0.1"))
    install(site, "acme-stale", "0.2")

    versions, flaws = found()

    assert versions["acme-stale"] == package_version("acme-stale") == "0.2"
    assert "0.2 counts" in flaws["acme-stale"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_metadata_of_any_package_are_named_and_hide_no_other(
    site: Path, damage
) -> None:
    damage(install(site, "other", "0.1"))

    versions, flaws = found()

    assert versions["acme-good"] == "1.0"
    assert "acme-good" not in flaws
    assert "metadata in" in flaws["other"]
    assert "pip install --force-reinstall other." in flaws["other"]
    assert discover().find("models", "bias")


def test_what_lies_further_down_the_path_is_hidden_and_no_flaw(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = site / "before"
    before.mkdir()
    install(before, "acme-good", "0.5")
    monkeypatch.syspath_prepend(str(before))

    versions, flaws = found()

    assert versions == {"acme-good": "0.5"}
    assert "acme-good" not in flaws


def test_a_package_that_is_not_there_has_no_version() -> None:
    assert package_version("no-such-package-anywhere") == ""


@pytest.mark.parametrize("damage", [spoil_points, garble_points])
def test_libraries_find_entry_points_beside_damaged_ones(
    site: Path, damage, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(install(site, "other", "0.1"))
    monkeypatch.setattr(importlib.metadata.Distribution, "entry_points", _INTACT)
    with pytest.raises((UnicodeDecodeError, TypeError, ValueError)):
        importlib.metadata.entry_points(group="acme.group")

    tolerate_damaged_metadata()

    (point,) = importlib.metadata.entry_points(group="acme.group")
    assert point.value == "acme_module"


URL = "https://example.org/benchbox.git"
WHEEL = "https://example.org/benchbox.whl"


@pytest.mark.parametrize(
    ("said", "requirement"),
    [
        (None, "acme-from"),
        ("{}", "acme-from"),
        ("no json", "acme-from"),
        ("[3]", "acme-from"),
        ('{"url": "file:///some%20where", "dir_info": {}}', "/some where"),
        (f'{{"url": "{WHEEL}", "archive_info": {{}}}}', f"acme-from @ {WHEEL}"),
        (
            f'{{"url": "{URL}", "vcs_info": {{"vcs": "git", "commit_id": "ab12"}}}}',
            f"acme-from @ git+{URL}@ab12",
        ),
    ],
)
def test_a_package_is_had_again_from_where_it_was_had(
    site: Path, said: str | None, requirement: str
) -> None:
    folder = install(site, "acme-from", "1.0")
    if said is not None:
        (folder / "direct_url.json").write_text(said)

    assert requirement_of("acme-from") == requirement


def test_a_package_that_is_not_there_is_had_by_its_name() -> None:
    assert requirement_of("no-such-package-anywhere") == "no-such-package-anywhere"
