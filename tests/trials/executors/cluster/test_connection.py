"""The connection to Ray: made once, refused in a line, and given up in time."""

import socket
from threading import Event

import pytest

from benchbox.errors import BenchboxError, UsageError
from benchbox.trials.executors.cluster import connection
from benchbox.trials.executors.cluster.connection import LostError, connected
from tests.support.fake_ray import FakeRay, Never, RayTaskError, machine


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    fake = FakeRay(machine("10.0.0.1", 4, GPU=2.0), machine("10.0.0.2", 0))
    fake.serve(monkeypatch)
    return fake


class Echo:
    def leave(self) -> None:
        pass

    def say(self, text: str) -> str:
        return text

    def fail(self) -> None:
        raise RayTaskError("a bug")


def test_without_ray_the_error_is_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "find_spec", lambda name: None)

    with pytest.raises(UsageError, match=r"pip install 'benchbox-recsys\[ray\]'"):
        connected("auto").__enter__()


def test_only_machines_that_live_and_lend_processors_count(ray: FakeRay) -> None:
    ray.machines.append({**machine("10.0.0.3"), "Alive": False})
    with connected("auto") as cluster:
        (node,) = cluster.nodes()

    assert (node.name, node.n_cpus, node.n_accelerators) == ("10.0.0.1", 4, 2)
    assert not ray.is_initialized()


def test_a_connection_of_the_program_is_used_and_left_alone(ray: FakeRay) -> None:
    with connected("auto"):
        with connected("auto"):
            pass
        assert ray.is_initialized()


def test_a_cluster_that_ends_meanwhile_is_an_error_of_one_line(ray: FakeRay) -> None:
    with connected("auto") as cluster:
        ray.is_gone = True
        with pytest.raises(BenchboxError, match=r"no use any more: The GCS cannot"):
            cluster.nodes()
        with pytest.raises(BenchboxError, match=r"The store is full"):
            cluster.put(b"")


def test_where_no_cluster_is_the_error_says_so(ray: FakeRay) -> None:
    ray.is_refused = True

    with pytest.raises(BenchboxError, match=r"'auto' \(Could not find any running"):
        connected("auto").__enter__()


@pytest.mark.parametrize("address", ["here", "here:there", ":1"])
def test_an_address_has_a_host_and_a_port(ray: FakeRay, address: str) -> None:
    with pytest.raises(BenchboxError, match=r"an address is auto, or host:port"):
        connected(address).__enter__()


def test_an_address_where_nobody_answers_is_found_out_at_once(ray: FakeRay) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(BenchboxError, match="refused"):
            connected(f"127.0.0.1:{port}").__enter__()
    with socket.create_server(("127.0.0.1", 0)) as used:
        there = f"127.0.0.1:{used.getsockname()[1]}"
        with_it = connected(there)
        with_it.__enter__()
        assert ray.is_initialized()


def test_actors_answer_fail_are_stopped_or_given_up(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Event()
    stop.set()
    with connected("auto") as cluster:
        (node,) = cluster.nodes()
        actor = cluster.hire(Echo, node, {"num_cpus": 1})
        assert cluster.call(actor, "say", cluster.put("hello")) == "hello"
        with pytest.raises(RayTaskError, match="a bug"):
            cluster.call(actor, "fail")

        ray.faults += [("say", Never), ("say", Never)]
        with pytest.raises(KeyboardInterrupt):
            cluster.call(actor, "say", "", stop=stop)
        monkeypatch.setattr(connection, "_SILENT_SECONDS", 0.0)
        with pytest.raises(LostError, match="did not answer"):
            cluster.call(actor, "say", "")
        cluster.dismiss(actor, politely=True)
        with pytest.raises(LostError, match="The actor is dead"):
            cluster.call(actor, "say", "")
