"""Whatever is in a file of TOML or JSON, its readers name it in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchbox.data.cards import DatasetCard
from benchbox.errors import BenchboxError
from benchbox.plugins.claims import claims_from_toml
from benchbox.plugins.suites import suite_from_toml
from benchbox.protocols.exchange import MANIFEST, import_folds
from benchbox.records.encoding import decoded
from benchbox.records.trial import TrialRecord

DIGITS, DEEP = "9" * 5000, 100_000

TOML = {
    "no text": b'summary = "\xff"',
    "cut": b"summary = [",
    "too many digits": f"summary = {DIGITS}".encode(),
    "too deep": f"summary = {'[' * DEEP}".encode(),
}
JSON = {
    "no text": b'{"format": "\xff"}',
    "cut": b'{"format"',
    "too many digits": f'{{"format": {DIGITS}}}'.encode(),
    "too deep": f'{{"format": {"[" * DEEP}'.encode(),
}


@pytest.mark.parametrize("content", TOML.values(), ids=TOML)
@pytest.mark.parametrize(
    "read", [DatasetCard.from_toml, claims_from_toml, suite_from_toml]
)
def test_toml_that_cannot_be_decoded_is_named(
    tmp_path: Path, read: Callable[[Path], Any], content: bytes
) -> None:
    file = tmp_path / "acme.toml"
    file.write_bytes(content)

    with pytest.raises(BenchboxError, match=r"acme\.toml"):
        read(file)


@pytest.mark.parametrize("content", JSON.values(), ids=JSON)
@pytest.mark.parametrize(
    "read",
    [
        lambda file: import_folds(file.parent, None, None),
        lambda file: decoded(file, TrialRecord),
    ],
)
def test_json_that_cannot_be_decoded_is_named(
    tmp_path: Path, read: Callable[[Path], Any], content: bytes
) -> None:
    file = tmp_path / MANIFEST
    file.write_bytes(content)

    with pytest.raises(BenchboxError, match=r"manifest\.json"):
        read(file)
