"""The page to try a model in headless Chromium, and under load."""

import http.client
import json
import os
import shutil
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchbox.runs.serving.answers import Answers
from benchbox.runs.serving.app import application
from tests.support.served import served_model
from tests.support.toy_pages import HOSTILE

uvicorn = pytest.importorskip("uvicorn")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
AXE = os.environ.get("BENCHBOX_AXE", "")
pytestmark = pytest.mark.slow


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


@pytest.fixture
def tab(port):
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        tab = browser.new_page()
        tab.said = []
        tab.on("console", lambda message: tab.said.append(message.text))
        tab.on("pageerror", lambda error: tab.said.append(str(error)))
        tab.on("dialog", lambda dialog: tab.said.append(dialog.message))
        tab.goto(f"http://127.0.0.1:{port}/")
        yield tab
        browser.close()


def rate(tab, title: str, value: str) -> None:
    tab.get_by_label("Search titles").fill(title)
    box = tab.locator("#found").get_by_label(f"Your rating of {title}", exact=True)
    with tab.expect_response("**/api/recommend"):
        box.select_option(value)


def recommended(tab) -> list[str]:
    tab.locator("#best tr").first.wait_for()
    return tab.locator("#best tr td:first-child").all_inner_texts()


def test_recommendations_change_while_five_titles_are_rated(tab) -> None:
    seen = []
    for title, value in [
        ("Film 10", "5"),
        ("Film 12", "5"),
        ("Film 11", "1"),
        ("Film 14", "1"),
        ("Film 13", "5"),
    ]:
        rate(tab, title, value)
        seen.append(recommended(tab))

    assert tab.locator("#rated li").count() == 5
    assert len({tuple(one) for one in seen}) > 1
    assert not {"Film 10", "Film 12"} & set(seen[-1])
    assert "–" in tab.locator("#best tr td").nth(2).inner_text()
    assert "Not a production server" in tab.inner_text("body")
    tab.get_by_role("button", name="Remove all").click()
    assert tab.locator("#rated li").count() == 0
    assert tab.said == []


def test_hostile_titles_are_text(tab) -> None:
    for title in HOSTILE:
        tab.get_by_label("Search titles").fill(title[:20])
        tab.locator("#found li span").first.wait_for()
    rate(tab, HOSTILE[0], "5")

    assert tab.locator("#rated span").first.inner_text() == HOSTILE[0]
    assert tab.locator("main script, main img").count() == 0
    assert tab.said == []


def test_no_serious_fault_for_those_who_do_not_see_or_use_no_mouse(port) -> None:
    if not AXE:
        pytest.skip("BENCHBOX_AXE does not name axe.min.js")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        # Axe itself is a script that the page's policy would not let run.
        context = browser.new_context(bypass_csp=True)
        tab = context.new_page()
        tab.goto(f"http://127.0.0.1:{port}/")
        rate(tab, "Film 10", "5")
        recommended(tab)
        tab.add_script_tag(content=Path(AXE).read_text())
        found = tab.evaluate("axe.run()")["violations"]
        browser.close()

    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []


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
