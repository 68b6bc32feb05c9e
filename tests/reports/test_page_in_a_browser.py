"""The page in headless Chromium, opened from a file with the network off."""

from pathlib import Path

import pytest

from benchbox.reports.pages import page
from tests.support.browsers import browser, faults, tab
from tests.support.toy_pages import HOSTILE, toy_study

pytest.importorskip("vl_convert")


@pytest.fixture(scope="module")
def chromium():
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    study = toy_study(folder, HOSTILE, n_datasets=2, log="</script>last line")
    path = folder / "report.html"
    path.write_text(page(study), encoding="utf-8")
    return path


@pytest.fixture
def opened(chromium, file):
    with tab(chromium, file.as_uri(), offline=True) as opened:
        yield opened


def test_the_file_is_small(file) -> None:
    assert file.stat().st_size <= 3_000_000


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_every_chart_is_drawn_and_nothing_complains(
    chromium, file, width, scheme
) -> None:
    size = {"width": width, "height": 900}
    with tab(
        chromium, file.as_uri(), viewport=size, color_scheme=scheme, offline=True
    ) as opened:
        places = opened.locator(".chart")
        for number in range(places.count()):
            places.nth(number).scroll_into_view_if_needed()
            places.nth(number).locator("svg").wait_for()

        assert places.count() > 20
        assert opened.locator(".chart svg").count() == places.count()
        assert opened.said == []
        # The page itself never scrolls sideways.
        assert opened.evaluate(
            "document.documentElement.scrollWidth"
            " <= document.documentElement.clientWidth"
        )


def test_tables_are_sorted_by_a_click_on_a_heading(opened) -> None:
    table = opened.locator("table.board").first
    names = table.locator("tbody tr")
    labels = "rows => rows.map(row => row.dataset.model)"
    before = names.evaluate_all(labels)

    table.locator("thead button", has_text="model").click()
    assert names.evaluate_all(labels) != before
    heading = table.locator("thead th").nth(1)
    assert heading.get_attribute("aria-sort") == "ascending"
    table.locator("thead button", has_text="#").click()
    assert names.evaluate_all(labels) == before


def test_cells_without_a_value_come_last_both_ways(opened) -> None:
    table = opened.locator("table.board").first
    button = table.locator("thead button").nth(2)
    for _ in range(2):
        button.click()
        cells = table.locator("tbody tr td:nth-child(3)").all_inner_texts()
        assert cells[-1] == "–"


def test_filters_hide_what_was_not_asked_for(opened) -> None:
    rows = opened.locator("table.board tbody tr:visible")
    every = rows.count()

    opened.locator("[data-filter=dataset]").select_option("toys-1")
    assert rows.count() == every // 2
    opened.locator("[data-filter=model]").fill("=CMD")
    assert rows.count() == 1
    assert opened.locator("#shown").inner_text() == "1 row shown"


def test_a_trial_opens_with_the_keyboard_and_tells_its_story(opened) -> None:
    opened.locator("#trial-search").fill("=cmd()")
    first = opened.locator("details.trial").first
    first.locator("summary").focus()
    opened.keyboard.press("Enter")
    first.locator("dl").wait_for()

    story = first.locator("dl").inner_text()
    assert "</script>last line" in story
    assert "benchbox run -m" in story


def test_more_trials_are_shown_on_demand(opened) -> None:
    assert opened.locator("details.trial").count() == 25
    opened.locator("#trial-more").click()
    assert opened.locator("details.trial").count() == 50


def test_the_theme_can_be_changed(opened) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    before = opened.evaluate(colour)

    opened.locator("#theme").click()
    assert opened.evaluate(colour) != before


def test_axe_finds_no_fault(chromium, tmp_path) -> None:
    # One table is enough here: axe takes seconds for each.
    file = tmp_path / "report.html"
    file.write_text(page(toy_study(tmp_path, log="last line")), encoding="utf-8")
    with tab(chromium, file.as_uri(), bypass_csp=True, offline=True) as opened:
        opened.evaluate(
            "document.querySelectorAll('details').forEach(d => { d.open = true; })"
        )
        opened.locator(".chart").first.scroll_into_view_if_needed()
        opened.locator(".chart svg").first.wait_for()

        for scheme in ("light", "dark"):
            opened.emulate_media(color_scheme=scheme)
            assert faults(opened) == [], scheme
