"""The machines of a cluster: they run the same code, or the run does not begin."""

import pytest

from benchbox.errors import BenchboxError
from benchbox.machine import package_version
from benchbox.trials.executors.cluster import machines as module
from benchbox.trials.executors.cluster.machines import machines
from tests.support.fake_ray import ActorDiedError, FakeRay, Ref, machine


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    fake = FakeRay(machine("10.0.0.1", 4), machine("10.0.0.2", 2))
    fake.serve(monkeypatch)
    return fake


def answering(ray: FakeRay, monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    monkeypatch.setattr(ray, "_made", lambda *_: Ref(lambda: answer))


def test_machines_are_counted_and_described(ray: FakeRay) -> None:
    with machines() as found:
        assert found.n_cpus == (4, 2)
        assert found.environment is not None
        assert found.environment.packages["torch"] == package_version("torch")
        assert found.at_once(1, 1) == 2
        assert found.at_once(3, 2) == 3
        assert found.at_once(1, 16) == 1


@pytest.mark.parametrize(
    ("torch", "complaint"),
    [
        ("0.1", r"10\.0\.0\.1 of the Ray cluster has torch 0\.1, and the run needs"),
        ("", r"10\.0\.0\.1 of the Ray cluster lacks torch, .* pip install torch"),
    ],
)
def test_another_version_or_none_is_refused_by_its_name(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch, torch: str, complaint: str
) -> None:
    versions, digest, environment = module._asker()()
    answering(ray, monkeypatch, (versions | {"torch": torch}, digest, environment))

    with pytest.raises(BenchboxError, match=complaint):
        machines().__enter__()


def test_another_source_of_benchbox_is_refused(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions, _, environment = module._asker()()
    answering(ray, monkeypatch, (versions, "other", environment))

    with pytest.raises(BenchboxError, match="with another source"):
        machines().__enter__()


def test_a_machine_without_benchbox_can_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_OWN", "no-such-distribution")
    monkeypatch.setattr(module, "_DECISIVE", ("no-such-distribution",))

    assert module._asker()() == ({"no-such-distribution": ""}, "", b"")


def test_a_cluster_without_processors_is_refused(ray: FakeRay) -> None:
    ray.machines = [machine("10.0.0.1", 0)]

    with pytest.raises(BenchboxError, match="lends no processors"):
        machines().__enter__()


def test_a_machine_that_does_not_answer_is_said_so(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die() -> None:
        raise ActorDiedError("The node died.")

    monkeypatch.setattr(ray, "_made", lambda *_: Ref(die))

    with pytest.raises(BenchboxError, match="does not answer: The node died"):
        machines("auto").__enter__()
