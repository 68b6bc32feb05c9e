"""The page to try a model in headless Chromium, and under load."""

import http.client
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchbox.runs.serving.answers import Answers
from benchbox.runs.serving.app import application
from tests.support.browsers import browser, faults, tab
from tests.support.served import served_model
from tests.support.toy_pages import HOSTILE

uvicorn = pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        app = application(Answers(served_model()), port)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield port
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def chromium():
    with browser() as chromium:
        yield chromium


@pytest.fixture
def opened(port, chromium):
    with tab(chromium, f"http://127.0.0.1:{port}/") as opened:
        yield opened


def rate(opened, title: str, value: str) -> None:
    opened.get_by_label("Search titles").fill(title)
    box = opened.locator("#found").get_by_label(f"Your rating of {title}", exact=True)
    with opened.expect_response("**/api/recommend"):
        box.select_option(value)


def recommended(opened) -> list[str]:
    opened.locator("#best tr").first.wait_for()
    return opened.locator("#best tr td:first-child").all_inner_texts()


def test_recommendations_change_while_five_titles_are_rated(opened) -> None:
    seen = []
    for title, value in [
        ("Film 10", "5"),
        ("Film 12", "5"),
        ("Film 11", "1"),
        ("Film 14", "1"),
        ("Film 13", "5"),
    ]:
        rate(opened, title, value)
        seen.append(recommended(opened))

    assert opened.locator("#rated li").count() == 5
    assert len({tuple(one) for one in seen}) > 1
    assert not {"Film 10", "Film 12"} & set(seen[-1])
    assert "–" in opened.locator("#best tr td").nth(2).inner_text()
    assert "Not a production server" in opened.inner_text("body")
    opened.get_by_role("button", name="Remove all").click()
    assert opened.locator("#rated li").count() == 0
    assert opened.said == []


def test_hostile_titles_are_text(opened) -> None:
    for title in HOSTILE:
        opened.get_by_label("Search titles").fill(title[:20])
        opened.locator("#found li span").first.wait_for()
    rate(opened, HOSTILE[0], "5")

    assert opened.locator("#rated span").first.inner_text() == HOSTILE[0]
    assert opened.locator("main script, main img").count() == 0
    assert opened.said == []


def test_axe_finds_no_fault(port, chromium) -> None:
    with tab(chromium, f"http://127.0.0.1:{port}/", bypass_csp=True) as opened:
        rate(opened, "Film 10", "5")
        recommended(opened)

        assert faults(opened) == []


@pytest.mark.slow
def test_a_thousand_questions_of_sixteen_clients_and_none_is_lost(port, capsys) -> None:
    def client(number: int) -> list[float]:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        took = []
        for n in range(number, 1000, 16):
            question = {"ratings": {f"i{10 + n % 40}": 5}, "k": 10}
            begun = time.perf_counter()
            line.request(
                "POST",
                "/api/recommend",
                json.dumps(question),
                {"content-type": "application/json"},
            )
            answer = line.getresponse()
            items = json.loads(answer.read())
            took.append(time.perf_counter() - begun)
            assert answer.status == 200
            assert len(items) == 10
        line.close()
        return took

    with ThreadPoolExecutor(16) as pool:
        took = sorted(t for part in pool.map(client, range(16)) for t in part)

    said = f"1,000 answered; p50 {took[500]:.3f} s, p99 {took[989]:.3f} s"
    with capsys.disabled():
        print(f"\n{said}")  # noqa: T201
    assert len(took) == 1000
