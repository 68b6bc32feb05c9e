"""Example plugins pass their own tests once they are installed, like anybody's."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.support.own_pytest import ROOT, own_pytest

EXAMPLES = ROOT / "plugins" / "examples"
FILES = sorted(EXAMPLES.glob("*/tests/test_*.py"))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What became of each test of the examples: its outcomes, by its file."""
    pytest.importorskip("hatchling", reason="it builds the examples")
    folder = tmp_path_factory.mktemp("examples")
    site, report = folder / "site", folder / "report.xml"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    install += ["--no-build-isolation", "--no-index", "--target", str(site)]
    subprocess.run([*install, *map(str, EXAMPLES.iterdir())], check=True)
    once = "--benchmark-min-rounds=1"
    done = own_pytest(
        str(EXAMPLES), once, "--junitxml", str(report), PYTHONPATH=str(site)
    )
    assert report.exists(), done.stdout
    found: dict[str, list[str]] = {}
    for case in ET.parse(report).iter("testcase"):
        outcomes = [part.tag for part in case if part.tag in ("failure", "error")]
        file = case.get("classname", "").partition(".Test")[0].rpartition(".")[2]
        found.setdefault(file, []).extend(outcomes or ["ok"])
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_passes_its_own_tests(
    file: Path, results: dict[str, list[str]]
) -> None:
    assert {*results[file.stem]} == {"ok"}
