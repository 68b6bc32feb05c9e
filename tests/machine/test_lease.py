"""Leases: an accelerator belongs to one trial at a time, a processor to all."""

import threading
from pathlib import Path

import pytest

from benchbox.machine.lease import leased


def take(device: str, folder: Path, seen: list[str]) -> threading.Thread:
    """Lease *device* in another thread, which notes that it has it."""

    def work() -> None:
        with leased(device, folder):
            seen.append(device)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize("same", ["xpu:1", "mps"])
def test_who_wants_a_leased_device_waits_until_it_is_free(
    same: str, tmp_path: Path
) -> None:
    seen: list[str] = []
    with leased(same, tmp_path) as waited_seconds:
        waiting = take(same, tmp_path, seen)
        waiting.join(0.2)
        assert (seen, waited_seconds) == ([], pytest.approx(0, abs=60))
    waiting.join(60)

    assert seen == [same]


def test_a_device_without_a_number_is_the_first(tmp_path: Path) -> None:
    seen: list[str] = []
    with leased("cuda", tmp_path):
        waiting = take("cuda:0", tmp_path, seen)
        waiting.join(0.2)
        assert seen == []
    waiting.join(60)

    assert seen == ["cuda:0"]


def test_other_devices_and_the_processor_are_free(tmp_path: Path) -> None:
    seen: list[str] = []
    with leased("cuda:0", tmp_path), leased("cpu", tmp_path):
        for device in ("cuda:1", "cpu"):
            take(device, tmp_path, seen).join(60)

    assert seen == ["cuda:1", "cpu"]


def test_where_no_file_can_be_made_nothing_is_leased(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with leased("cuda:0", tmp_path / "file" / "folder") as waited_seconds:
        assert waited_seconds == 0.0


def test_a_device_is_known_by_its_number_on_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    with leased("cuda:1", tmp_path), leased("cuda:0", tmp_path):
        # Another process sees that one alone.
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
        take("cuda:0", tmp_path, seen).join(60)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
        waiting = take("cuda:0", tmp_path, seen)
        waiting.join(0.2)
        assert seen == ["cuda:0"]
    waiting.join(60)

    assert seen == ["cuda:0", "cuda:0"]
    assert {path.name for path in tmp_path.glob("*")} == {
        f"cuda-{number}.lease" for number in (2, 3, 5)
    }
