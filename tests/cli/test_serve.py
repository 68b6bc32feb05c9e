"""`benchbox serve`: what it refuses before it listens, and that it answers."""

import socket
import sys

import pytest

from tests.cli.test_saving import ratings, saved, saved_once  # noqa: F401


def test_without_its_packages_it_says_how_to_get_them(benchbox, monkeypatch) -> None:
    monkeypatch.setattr("benchbox.cli.serve.find_spec", lambda name: None)

    done = benchbox("serve mine")

    assert done.code == 2
    assert "pip install 'benchbox-recsys[serve]'" in done.err
    assert done.err.count("\n") == 1


def test_a_folder_without_a_model_is_refused(benchbox, tmp_path) -> None:
    pytest.importorskip("uvicorn")

    done = benchbox(f"serve {tmp_path}")

    assert done.code == 2
    assert done.err.count("\n") == 1


def test_a_port_that_is_taken_is_refused(benchbox, saved) -> None:  # noqa: F811
    pytest.importorskip("uvicorn")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        done = benchbox(f"serve {saved} --port {port}")

    assert done.code == 2
    assert f"Port {port} is taken" in done.err


def test_it_listens_on_this_machine_alone_and_names_its_address(
    benchbox,
    saved,  # noqa: F811
    monkeypatch,
) -> None:
    uvicorn = pytest.importorskip("uvicorn")
    bound = []

    def run(self, sockets) -> None:
        bound.extend(one.getsockname() for one in sockets)

    monkeypatch.setattr(uvicorn.Server, "run", run)

    done = benchbox(f"serve {saved} --port 0")

    ((host, port),) = bound
    assert done.code == 0
    assert host == "127.0.0.1"
    assert f"http://127.0.0.1:{port}/ – to try a model, no production" in done.err
    assert "uvicorn" in sys.modules
