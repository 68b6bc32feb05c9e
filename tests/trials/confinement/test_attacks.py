"""Models that reach beyond their own files get nothing, and cost nobody else theirs."""

import json
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from benchbox.cli import main
from benchbox.records.folder import RunFolder
from benchbox.records.trial import TrialRecord
from benchbox.trials.confinement import landlock, mounts, seccomp
from tests.support import attacks
from tests.support.attacks import ATTACKS, TARGETS
from tests.support.commands import UNGUARDED, start_zygotes_of

pytestmark = pytest.mark.skipif(
    not landlock.version() or not seccomp.is_offered(),
    reason="this kernel cannot confine trials",
)

REFUSED = r"PermissionError|Errno (1|2|13|18|30|111)\b"
"""Nothing there: 2 and 111. 18 is what Landlock says to links and moves from elsewhere,
30 a read-only mount."""

ALSO_REFUSED_WITHOUT = {"inherits_descriptors"}
"""Attacks that another guard prevents."""


SOME = (
    "reads_the_data",
    "reads_stored_predictions",
    "mounts_the_data",
    "finds_a_truth_in_the_memory_of_the_runner",
    "traces_the_zygote",
    "signals_the_runner",
    "connects_to_the_network",
    "connects_to_a_socket_with_a_path",
    "writes_to_its_mapped_ratings",
    "remembers_in_shared_memory",
    "remembers_in_a_segment",
    "remembers_in_slash_tmp",
    "remembers_in_the_times_of_a_file",
    "rewrites_its_own_code",
)
"""One attack of each kind, tried on every change; all of them are in the slow tests."""

NEEDS_MOUNTS = {"remembers_in_the_times_of_a_file", "remembers_in_the_mode_of_a_file"}


class Surroundings:
    """What there is to get on this machine, all of it made for the test."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.root = root
        for name in ("data", "cache", "results", "home", "tmp", "work", "checkout"):
            (root / name).mkdir()
        self.file = root / "checkout" / "attacks.py"
        shutil.copy(attacks.__file__, self.file)
        objects = root / "checkout" / ".git" / "objects"
        objects.mkdir(parents=True)
        for place in (
            root / "data" / "u1.test",
            root / "data" / "movable",
            root / "cache" / "secret",
            root / "results" / "biased-mf.npy",
            root / "checkout" / "ratings.csv",
            objects / "ab",
        ):
            place.write_text("the truth")
        self.truth = np.array([4.0])
        opened = stack.enter_context((root / "data" / "u1.test").open())
        self.targets = {
            "runner": os.getpid(),
            "address": self.truth.ctypes.data,
            "descriptor": opened.fileno(),
            "data": root / "data" / "u1.test",
            "movable": root / "data" / "movable",
            "cache": root / "cache",
            "results": root / "results",
            "predictions": root / "results" / "biased-mf.npy",
            "temporary": root / "tmp",
            "home": root / "home",
            "folder": root / "work",
            "port": self._listen(stack),
            "abstract": f"attacked-{os.getpid()}",
            "socket": root / "s",
            "datagrams": root / "d",
        }
        self._open_sockets(stack)
        shared = Path("/dev/shm", f"shared-{os.getpid()}")
        shared.write_text("the truth")
        stack.callback(shared.unlink)
        self.targets["shared"] = shared

    def _listen(self, stack: ExitStack) -> int:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        return int(server.getsockname()[1])

    def _open_sockets(self, stack: ExitStack) -> None:
        for name, kind in (
            (str(self.targets["socket"]), socket.SOCK_STREAM),
            (str(self.targets["datagrams"]), socket.SOCK_DGRAM),
            (f"\0{self.targets['abstract']}", socket.SOCK_STREAM),
        ):
            server = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
            server.bind(name)
            if kind == socket.SOCK_STREAM:
                server.listen(100)

    def run(self, names: list[str]) -> RunFolder:
        line = "run -d svd-toy -p holdout:fraction=0.3 --seeds 1 --time-limit 90"
        planted = [f"-m{self.file}:Attacker:name={name}" for name in names]
        out = self.root / "results"
        words = [*line.split(), "-m", "bias", *planted, "-m", "svd"]
        main([*words, "--device", "cpu", "--out", str(out)])
        return RunFolder.find("last", out)


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        # Short: the path of a socket has 107 characters at most.
        root = Path(tmp_path_factory.mktemp("a"))
        found = Surroundings(root, stack)
        patch.chdir(root / "work")
        targets = {name: str(value) for name, value in found.targets.items()}
        patch.setenv(TARGETS, json.dumps(targets))
        patch.setenv("BENCHBOX_OFFLINE", "1")
        patch.setenv("BENCHBOX_CACHE", str(root / "cache"))
        patch.setenv("BENCHBOX_DATA", str(root / "data"))
        patch.setenv("HOME", str(root / "home"))
        patch.setenv("TMPDIR", str(root / "tmp"))
        patch.setattr("tempfile.tempdir", None)
        yield found


def by_attack(folder: RunFolder) -> dict[str, TrialRecord]:
    return {record.label.rpartition("=")[2]: record for record in folder.trials()}


@pytest.fixture(scope="module")
def alone(surroundings: Surroundings) -> RunFolder:
    return surroundings.run([])


@pytest.fixture(scope="module", params=["some"])
def attacked(
    request: pytest.FixtureRequest, surroundings: Surroundings, alone: RunFolder
) -> RunFolder:
    return surroundings.run(list(SOME if request.param == "some" else ATTACKS))


@pytest.fixture(scope="module")
def unguarded(
    surroundings: Surroundings, alone: RunFolder
) -> Iterator[dict[str, TrialRecord]]:
    with pytest.MonkeyPatch.context() as patch:
        start_zygotes_of(UNGUARDED, patch)
        yield by_attack(surroundings.run(list(ATTACKS)))


SOME_OR_ALL = pytest.mark.parametrize(
    "attacked", ["some", pytest.param("all", marks=pytest.mark.slow)], indirect=True
)


@SOME_OR_ALL
def test_every_attack_fails_its_own_row(attacked: RunFolder) -> None:
    records = by_attack(attacked)
    attacks = {*ATTACKS} & {*records}
    if not mounts.are_possible():
        attacks -= NEEDS_MOUNTS

    got = {
        name: records[name]
        for name in attacks
        if records[name].status != "failed"
        or not re.search(REFUSED, records[name].reason)
    }

    assert not got
    assert len(attacks) >= len(SOME) - len(NEEDS_MOUNTS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_without_the_confinement_an_attack_gets_something(
    unguarded: dict[str, TrialRecord], name: str
) -> None:
    record = unguarded[name]

    if name in ALSO_REFUSED_WITHOUT:
        assert record.status == "failed", record
    else:
        assert record.status == "ok", record
        assert record.notes["got"]


@SOME_OR_ALL
@pytest.mark.parametrize("label", ["bias", "svd"])
def test_no_attack_changes_a_byte_of_other_rows(
    alone: RunFolder, attacked: RunFolder, label: str
) -> None:
    before, after = by_attack(alone)[label], by_attack(attacked)[label]

    assert after.status == "ok"
    assert after.metrics == before.metrics
    assert attacked.predictions(after).tobytes() == alone.predictions(before).tobytes()


def test_each_record_says_what_was_enforced(attacked: RunFolder) -> None:
    enforced = f"landlock {landlock.version()}, seccomp"
    enforced += ", own mounts" if mounts.are_possible() else ""

    assert {record.confined for record in attacked.trials()} == {enforced}
