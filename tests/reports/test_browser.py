"""The report as a person opens it: in Chromium, from disk, in light and dark, and on paper."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

from reports.run_folder import write_run
from tests.reports.examples import HOSTILE, eval_items, make_result

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("CI"), reason="no chromium here: apt-get install chromium"
    ),
    pytest.mark.filterwarnings("default::ResourceWarning"),
]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM or "chromium", args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def report(tmp_path):
    return write_run(make_result(HOSTILE.replace("\ud800", "")), tmp_path, eval_items()) / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_opens_and_a_finding_unfolds(browser, report, scheme):
    page = browser.new_page(color_scheme=scheme)
    heard, asked = [], []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    assert page.title() == "FAIL 1 · WARN 1 · 1 ok — web"
    assert page.locator("p.verdict").inner_text() == "✖ FAIL 1 · WARN 1 · 1 ok"
    finding = page.locator("details.finding.FAIL").first
    body = finding.locator(".body")
    assert not body.is_visible()
    finding.locator("summary").click()
    assert body.is_visible()
    assert "12.0 %" in body.inner_text()
    assert finding.locator("blockquote").count() == 5
    assert heard == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    page.close()


def test_it_is_whole_without_javascript_and_does_not_overflow_a_phone(browser, report):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(report.as_uri())
    page.locator("details.finding.FAIL > summary").first.click()
    assert page.locator("details.finding.FAIL .body").first.is_visible()
    context.close()
    with_script = browser.new_page(viewport={"width": 390, "height": 800})
    with_script.goto(report.as_uri())
    assert with_script.evaluate("document.documentElement.scrollWidth") <= 390
    with_script.close()


def test_text_has_contrast_in_both_schemes(browser, report):
    """WCAG 2.2 AA asks for 4.5:1; measured on the verdict, a status, body text and secondary text."""
    script = """(selector) => {
      const rgb = (c) => c.match(/[0-9.]+/g).slice(0, 3).map(Number);
      const light = (c) => { const [r, g, b] = rgb(c).map(v => { v /= 255;
        return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }); return .2126 * r + .7152 * g + .0722 * b };
      const element = document.querySelector(selector);
      let behind = element;
      while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
      const [a, b] = [light(getComputedStyle(element).color), light(getComputedStyle(behind).backgroundColor)];
      return (Math.max(a, b) + .05) / (Math.min(a, b) + .05) }"""
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(report.as_uri())
        for selector in ("p.verdict", ".status.WARN", ".status.FAIL", "p.sub", "summary", ".audit", "nav a"):
            assert page.evaluate(script, selector) >= 4.5, (scheme, selector)
        page.close()
