"""The page in a real browser: silent, alone, as wide as the phone, and answering to mouse, touch and keys."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tacit.report import write_report

from .chromium import Chromium, find_chromium
from .make_run import FILES, HOSTILE, make_run

pytestmark = pytest.mark.browser

Pages = dict[str, Path]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    binary = find_chromium()
    if binary is None:
        message = "Chromium is not installed (Debian: apt-get install chromium)"
        if os.environ.get("CI") or os.environ.get("TACIT_REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with Chromium(binary, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """One page per kind of content."""
    root = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(0)

    def images(ids: Sequence[str]) -> list[Any]:
        return [rng.integers(0, 256, (64, 48, 3), dtype=np.uint8) for _ in ids]

    long = [f"a class with a rather long name, number {k}" for k in range(70)]
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>" * 3
    return {
        "images": write_report(make_run(root / "images"), images),
        "texts": write_report(make_run(root / "texts", HOSTILE), lambda ids: [evil for _ in ids]),
        "numbers": write_report(make_run(root / "numbers", None), lambda ids: [{evil: evil} for _ in ids]),
        "many": write_report(make_run(root / "many", long, records=900, labelled=300)),
        "nothing": write_report(make_run(root / "nothing", omit=FILES)),
    }


def place(browser: Chromium, selector: str) -> tuple[float, float, float, float]:
    """Scroll an element into view; its left, top, width and height."""
    box = browser.evaluate(
        f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center'}});"
        " const b = e.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; })()"
    )
    left, top, width, height = box
    return left, top, width, height


def dot(browser: Chromium, plot: str, index: int) -> tuple[float, float, str]:
    """Where a dot is in the window, and the title it should show."""
    left, top, width, height = place(browser, f'[data-plot="{plot}"]')
    x, y, title, w, h = browser.evaluate(
        f"(() => {{ const d = JSON.parse(document.getElementById('plots').textContent).{plot}[{index}];"
        f" const v = document.querySelector('[data-plot={plot}] svg').viewBox.baseVal;"
        " return [d[0], d[1], d[3], v.width, v.height]; })()"
    )
    return left + x / w * width, top + y / h * height, title


def tip(browser: Chromium) -> str | None:
    """What the visible tip says; None where there is none."""
    shown = browser.evaluate("(document.querySelector('.tip:not([hidden])') || {}).innerText || null")
    return None if shown is None else str(shown)


@pytest.mark.parametrize("width", [320, 375, 1200])
@pytest.mark.parametrize("name", ["images", "texts", "numbers", "many", "nothing"])
def test_silent_alone_and_no_wider_than_the_window(browser: Chromium, pages: Pages, name: str, width: int) -> None:
    browser.open(pages[name], width, dark=width == 375)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate("document.querySelector('h1').getBoundingClientRect().bottom") < 600
    assert browser.problems() == []
    assert [url for url in browser.requests() if not url.startswith(("file:", "data:"))] == []
    assert browser.evaluate("document.querySelectorAll('script').length") == 2


def test_policy_stops_what_slips_in(browser: Chromium, pages: Pages, tmp_path: Path) -> None:
    html = pages["images"].read_text("utf-8")
    slipped = "<img src='http://127.0.0.1:9/x.png'><script>document.title = 'owned'</script>"
    copy = tmp_path / "copy.html"
    copy.write_text(html.replace("<main>", f"<main>{slipped}"), "utf-8")
    browser.open(copy)
    assert browser.evaluate("document.title").startswith("helped")
    assert len([p for p in browser.problems() if "Content Security Policy" in p]) == 2


def test_dark_where_the_system_is_dark(browser: Chromium, pages: Pages) -> None:
    grounds = []
    for dark in (False, True):
        browser.open(pages["images"], dark=dark)
        colour = browser.evaluate("getComputedStyle(document.body).backgroundColor")
        grounds.append(sum(int(part) for part in colour.strip("rgb()").split(",")))
    assert grounds[0] > 3 * 240
    assert grounds[1] < 3 * 30


@pytest.mark.parametrize(("name", "plot"), [("images", "map"), ("numbers", "map"), ("numbers", "scatter")])
def test_pointing_at_a_dot_shows_its_record(browser: Chromium, pages: Pages, name: str, plot: str) -> None:
    browser.open(pages[name])
    assert tip(browser) is None
    x, y, title = dot(browser, plot, 5)
    browser.mouse(x, y)
    shown = tip(browser)
    assert shown is not None
    assert title in shown
    assert "given" in shown
    assert "photos/" in shown
    browser.mouse(1, 1)
    assert tip(browser) is None
    assert browser.problems() == []


def test_tapping_shows_a_thumbnail_inside_the_screen(browser: Chromium, pages: Pages) -> None:
    browser.open(pages["images"], 375, 800)
    for index in range(0, 240, 40):
        x, y, _ = dot(browser, "map", index)
        browser.tap(x, y)
        assert tip(browser) is not None
        left, right = browser.evaluate(
            "(() => { const b = document.querySelector('.tip').getBoundingClientRect(); return [b.left, b.right]; })()"
        )
        assert left >= 0
        assert right <= 375
        assert browser.evaluate("document.querySelector('.tip img').naturalWidth") > 0
    place(browser, "h1")
    browser.tap(180, 400)
    assert tip(browser) is None
    assert browser.problems() == []


def test_keys_walk_from_dot_to_dot_and_are_spoken(browser: Chromium, pages: Pages) -> None:
    browser.open(pages["texts"])
    browser.evaluate("document.querySelector('[data-plot=map]').focus({focusVisible: true})")
    seen = [tip(browser)]
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):
        browser.key(key)
        seen.append(tip(browser))
    assert None not in seen
    assert len(set(seen)) >= 3
    spoken = browser.evaluate("document.querySelector('[role=status]').textContent")
    assert spoken.split(".")[0] in str(seen[-1])
    assert "<script>alert(1)" in spoken
    browser.key("Escape")
    assert tip(browser) is None


def test_a_chip_leaves_one_class_standing(browser: Chromium, pages: Pages) -> None:
    browser.open(pages["images"])
    dimmed = "[...document.querySelectorAll('.dots, .ring, .core')].filter(e => e.matches('.dim')).length"
    every = browser.evaluate("document.querySelectorAll('.dots, .ring, .core').length")
    assert (every, browser.evaluate(dimmed)) == (12, 0)
    browser.evaluate("document.querySelector('.chip').click()")
    assert browser.evaluate(dimmed) == 9
    assert browser.evaluate("document.querySelectorAll('.chip[aria-pressed=true]').length") == 1
    browser.evaluate("document.querySelector('.chip').click()")
    assert browser.evaluate(dimmed) == 0


def test_a_measure_is_picked_and_read_off(browser: Chromium, pages: Pages) -> None:
    browser.open(pages["images"])
    shown = "[...document.querySelectorAll('.measure')].map(m => m.offsetHeight > 0)"
    assert browser.evaluate(shown) == [True, False]
    browser.evaluate(
        "(() => { const s = document.querySelector('.pick select'); s.value = '1';"
        " s.dispatchEvent(new Event('change')); })()"
    )
    assert browser.evaluate(shown) == [False, True]
    left, top, width, height = place(browser, '.measure[data-measure="1"] .panel svg')
    output = "document.querySelector('.measure[data-measure=\"1\"] output').textContent"
    last = browser.evaluate(output)
    browser.mouse(left + 1, top + height / 2)
    assert browser.evaluate(output).endswith("at step 50")
    browser.mouse(left + width - 1, top + height / 2)
    assert browser.evaluate(output).endswith("at step 550")
    browser.mouse(1, 1)
    assert browser.evaluate(output) == last


def test_everything_is_there_without_script(browser: Chromium, pages: Pages) -> None:
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(pages["images"])
        shown = "[...document.querySelectorAll('.measure, .plot-area, .board')].map(e => e.offsetHeight > 100)"
        assert browser.evaluate(shown) == [True] * 4
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)
