"""A browser for tests of pages: Chromium or Chrome, if this machine has one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "google-chrome", _MAC))), None
)


@contextmanager
def browser() -> Iterator[Any]:
    """Give Playwright's handle on a running browser, or skip the test."""
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is neither Chromium nor Chrome")
    with api.sync_playwright() as playwright:
        # Its own sandbox does not work for root.
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@contextmanager
def tab(browser: Any, address: str, **settings: Any) -> Iterator[Any]:
    """Open a page; what it complains of or prints is in the list ``said`` of it.

    Args:
        browser: A running browser.
        address: Address of the page.
        settings: Settings of Playwright's ``new_context``.
    """
    context = browser.new_context(**settings)
    page = context.new_page()
    page.said = []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("dialog", lambda dialog: page.said.append(dialog.message))
    page.goto(address)
    yield page
    context.close()


def faults(page: Any) -> list[str]:
    """Return what axe finds in a page that keeps somebody from using it.

    The page has to be opened with ``bypass_csp``: axe is a script that the policy of a
    page would not let run.
    """
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page).response["violations"]
    return [f"{f['id']}: {f['nodes'][0]['html'][:200]}" for f in found]
