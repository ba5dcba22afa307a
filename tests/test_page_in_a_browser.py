"""The page in headless Chromium: switches, console, network, narrow screens, downloads. Skipped where there is none."""

import csv
import time
from pathlib import Path

import pytest
from chromium import chromium, executable
from reports import AXES, Story, report_of

pytestmark = pytest.mark.skipif(executable() is None, reason="no Chromium on the path: the page is not opened")

STORY = Story(classes=("WALKING", "SITTING", "A <b>"), channels=AXES[:3])
SHOWN = """[...document.querySelectorAll("%s")].filter((item) => item.checkVisibility()).map((item) => %s)"""
PANELS = SHOWN % (".panel", "item.querySelector('h3').textContent")
DOTS = SHOWN % ("#map path", "item.dataset.set")
PRESS = "document.querySelector('%s').click()"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report_of(STORY, path.parent).html, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def page(browser, address):
    browser.events.clear()
    browser.resize(1280, 900)
    browser.open(address)
    return browser


def test_a_switch_shows_the_panel_of_its_activity_and_channel(page):
    (first,) = page.run(PANELS)
    assert first.startswith("WALKING, ")
    page.run(PRESS % '[name=activity][value="1"]')
    assert page.run(PANELS) == [first.replace("WALKING", "SITTING")]
    page.run(PRESS % '[name=channel][value="*"]')
    assert len(page.run(PANELS)) == 3
    page.run(PRESS % '[name=activity][value="*"]')
    assert len(page.run(PANELS)) == 9


def test_a_switch_works_by_keyboard(page):
    page.run("document.querySelector('[name=activity]:checked').focus()")
    page.press("ArrowRight", 39)
    (shown,) = page.run(PANELS)
    assert shown.startswith("SITTING, ")


def test_sets_of_the_embedding_are_switched_on_and_off(page):
    assert set(page.run(DOTS)) == {"0", "1"}
    page.run(PRESS % '[name=set][value="2"]')
    page.run(PRESS % '[name=set][value="0"]')
    assert set(page.run(DOTS)) == {"1", "2"}


def test_without_scripts_everything_is_visible_and_no_switch(browser, address):
    browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.events.clear()
        browser.open(address)
    finally:
        browser.ask("Emulation.setScriptExecutionDisabled", value=False)
    assert len(browser.run(PANELS)) == 9
    assert browser.run(SHOWN % ("form.switch", "1")) == []


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_complains_of_nothing_and_asks_nobody_for_anything(page, dark):
    page.resize(1280, 900, dark=dark)
    page.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.complaints() == []
    assert {request.split(":")[0] for request in page.requests()} <= {"file", "data"}
    assert sum(request.startswith("file:") for request in page.requests()) == 1


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_nothing_scrolls_sideways_but_tables_and_figures(page, width):
    page.resize(width, 800)
    page.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.run(PRESS % '[name=activity][value="*"]')
    assert page.run("document.documentElement.scrollWidth") <= width


def test_the_screen_is_dark_where_the_reader_wants_it_dark(page):
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.run(colour)
    page.resize(1280, 900, dark=True)
    assert page.run(colour) != light


def test_a_download_holds_the_numbers(page, tmp_path):
    page.ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.run(PRESS % "#controls a.button")
    path = arrived(tmp_path / "controls.csv")
    with path.open(encoding="utf-8", newline="") as lines:
        rows = {row["windows"]: row for row in csv.DictReader(lines)}
    assert float(rows["bootstrap"]["membership_auc"]) == 0.97 and rows["real_test"]["tstr_ratio"] == ""


def arrived(path: Path) -> Path:
    """A file, once the browser has saved it."""
    deadline = time.monotonic() + 30
    while not path.is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    return path
