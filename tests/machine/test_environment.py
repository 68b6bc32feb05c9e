"""Environment: an id for all of it, a fingerprint for what decides speed."""

import re

import msgspec
import pytest

from benchbox.machine.environment import (
    describe_environment,
    n_usable_cpus,
    package_version,
    usable_cpus,
)

HERE = describe_environment()


def test_the_record_names_machine_and_software() -> None:
    assert HERE.n_cpus == len(usable_cpus()) == n_usable_cpus() > 0
    assert HERE.cpu
    assert HERE.memory_bytes > 2**28
    assert HERE.packages["numpy"] == package_version("numpy")
    assert HERE.blas
    assert re.fullmatch(r"([0-9a-f]{12}\+?)?", HERE.commit)
    assert package_version("no-such-package") == ""


def test_the_same_surroundings_have_the_same_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    again = describe_environment()
    monkeypatch.setenv("OMP_PROC_BIND", "close")
    other = describe_environment()

    assert again.id == HERE.id
    assert other.variables["OMP_PROC_BIND"] == "close"
    assert other.id != HERE.id


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"system": f"{HERE.system}-2"}, True),
        ({"memory_bytes": HERE.memory_bytes + 4096}, True),
        ({"packages": {}}, True),
        ({"governor": "powersave"}, True),
        ({"commit": "fedcba987654"}, True),
        ({"cpu": "Abacus"}, False),
        ({"n_cpus": HERE.n_cpus + 1}, False),
        ({"accelerators": ["Loom 3000"]}, False),
        ({"cpu_quota": 0.5}, False),
    ],
)
def test_the_fingerprint_ignores_what_does_not_decide_speed(change, is_same) -> None:
    other = msgspec.structs.replace(HERE, **change)

    assert (other.fingerprint == HERE.fingerprint) == is_same
    assert other.id != HERE.id
