"""Disturbances: each is found where it is, and said in words."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from benchbox.machine import disturbances
from benchbox.machine.disturbances import Finding, find_disturbances
from benchbox.machine.environment import describe_environment

QUIET = replace(
    describe_environment(), governor="", container="", variables={}, cpu_quota=None
)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(disturbances, "sleep", lambda seconds: None)
    monkeypatch.setattr(
        "benchbox.machine.presence.runtime_folder", lambda: tmp_path / "run"
    )


def found(
    here=QUIET, system: Path = Path("nowhere"), accelerator: str = ""
) -> dict[str, Finding]:
    findings = find_disturbances(here, accelerator, system)
    return {finding.what: finding for finding in findings}


def test_a_machine_where_nothing_disturbs_says_so_and_states_its_sensors() -> None:
    there = found()

    assert there["other work"].disturbs is False
    assert "RAPL" in there["energy"].found
    assert not {"clock governor", "hyper-threading", "variables"} & set(there)


def test_what_the_system_tells_of_its_processors_is_read(tmp_path: Path) -> None:
    for name, text in {"cpufreq/boost": "1", "smt/active": "1"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    here = replace(
        QUIET,
        governor="powersave",
        container="docker, virtual machine",
        cpu_quota=0.5,
        n_cpus=4,
        variables={"OMP_NUM_THREADS": "1"},
    )

    there = found(here, tmp_path)

    for what in (
        "clock governor",
        "clock boost",
        "hyper-threading",
        "control group",
        "virtual machine",
    ):
        assert there[what].disturbs, what
    assert "0.5 of 4 processors" in there["control group"].found
    assert "OMP_NUM_THREADS=1" in there["variables"].found
    assert not found(replace(here, governor="performance"))["clock governor"].disturbs


def test_other_work_is_measured_and_other_runs_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(disturbances.LoadMeter, "foreign_cpus", lambda *_: 99.0)
    monkeypatch.setattr(disturbances.Presence, "runs_now", lambda self: [123])

    there = found()

    assert there["other work"].disturbs
    assert "other work used 99.0 of" in there["other work"].found
    assert "process 123" in there["other runs"].found


def test_an_accelerator_is_looked_at_where_there_is_one() -> None:
    assert "accelerator" not in found()
    assert found(accelerator="mps:0")["accelerator"] == Finding(
        "accelerator", "benchbox cannot read sensors of mps devices"
    )
