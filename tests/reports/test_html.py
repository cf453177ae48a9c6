import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pyarrow as pa
import pytest

from audits.findings import Evidence, Status
from reports.html import MAX_BYTES, index_html, report_html
from reports.junit import junit_xml
from reports.markdown import summary_markdown
from tests.reports.examples import HOSTILE, finding, make_result


class Page(HTMLParser):
    """Collects elements and the addresses that a page would ask for."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.addresses, self.ids = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        for name, value in attributes:
            assert not name.startswith("on"), name
            if name in ("src", "href", "action", "srcset"):
                self.addresses.append(value)
            if name == "id":
                self.ids.append(value)


def test_hostile_text_adds_no_element_and_is_shown():
    plain, hostile = Page(report_html(make_result("plain"))), report_html(make_result(HOSTILE))
    assert sorted(Page(hostile).elements) == sorted(plain.elements)
    assert "script" not in plain.elements
    assert "{{ 7*7 }}" in hostile
    assert "&lt;script&gt;" in hostile
    assert "\\u202e" in hostile and "\u202e" not in hostile
    assert "\\x1b[2J" in hostile and "\x1b" not in hostile and "\x00" not in hostile
    hostile.encode("utf-8")


def test_nothing_is_asked_for_from_elsewhere():
    page = Page(report_html(make_result()))
    assert page.addresses
    assert all(re.match(r"#|actions/|data:", address) for address in page.addresses)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', report_html(make_result()))
    assert policy is not None
    assert "default-src 'none'" in policy[1] and "script-src" not in policy[1]


def test_the_verdict_comes_first_and_the_worst_finding_next():
    text = report_html(make_result("a leak"))
    assert "<title>FAIL 1 · WARN 1 · 1 ok — web</title>" in text
    body = text[text.index("<body>") :]
    assert body.index("FAIL 1") < body.index("a leak") < body.index("a warning")
    assert "19.0 %" in body and "12.0 %" in body


def test_classes_are_names_and_not_quoted_twice():
    classes = re.findall(r'class="?([^">]*)', report_html(make_result()))
    assert classes and all(re.fullmatch(r"[\w -]*", name) for name in classes)


def test_ids_are_unique_and_links_inside_the_page_lead_somewhere():
    page = Page(report_html(make_result()))
    assert len(set(page.ids)) == len(page.ids)
    assert {a[1:] for a in page.addresses if a.startswith("#")} <= set(page.ids)


def test_the_same_run_gives_the_same_page():
    assert report_html(make_result()) == report_html(make_result())


def test_a_large_run_stays_a_small_page():
    place = Evidence("d", "s" * 200, 1, 0, 5, "w" * 240)
    findings = [finding(Status.FAIL, metric=f"m{n}", message="m" * 400, evidence=(place,) * 5) for n in range(1000)]
    shares = pa.table(
        {
            "subject": [f"host{n}" for n in range(10_000)],
            "share": [1e-4] * 10_000,
            "reference_share": [1e-4] * 10_000,
            "status": ["PASS"] * 10_000,
        }
    )
    page = report_html(make_result(findings=findings, tables={"domain_drift": {"shares": shares}}))
    assert len(page.encode()) < MAX_BYTES / 2
    assert "800 more are in findings.parquet" in page
    assert "9,800 more rows are in tables/domain_drift.shares.parquet" in page


def test_a_page_over_the_limit_drops_excerpts_and_says_so(monkeypatch):
    monkeypatch.setattr("reports.html.MAX_BYTES", 1000)
    page = report_html(make_result("an excerpt to drop"))
    assert "its excerpts and its tables were left out" in page
    assert page.count("an excerpt to drop") < report_html(make_result("x")).count(">x<") + 20


@pytest.mark.parametrize("text", ["plain", HOSTILE])
def test_junit_is_xml_with_a_case_a_finding(text):
    result = make_result(text)
    root = ElementTree.fromstring(junit_xml(result.run_id, result.findings))
    assert len(root.findall(".//testcase")) == 3
    assert len(root.findall(".//failure")) == 1
    assert root.find("testsuite").get("failures") == "1"


def test_markdown_is_short_and_shows_text_as_it_is():
    result = make_result(HOSTILE)
    text = summary_markdown(replace(result, findings=[*result.findings, *([finding(Status.FAIL, metric="x")] * 60)]))
    assert text.startswith("# FAIL: web\n")
    assert "<script>" not in text and "\x1b" not in text
    assert "more; see report.html" in text
    assert len(text) < 50_000


def test_a_change_says_what_it_is_compared_with_what_is_usual_and_how_documents_were_chosen():
    place = Evidence("d", "s", 3, 0, 10, "text", chosen="seeded random")
    found = finding(
        Status.WARN,
        metric="share",
        reference=0.12,
        value=0.13,
        evidence=(place,),
        comparison="previous",
        against="web-1",
        band_low=0.1,
        band_high=0.125,
    )
    table = pa.table({"subject": ["en"], "share": [0.8], "reference_share": [0.7], "status": ["PASS"]})
    tables = {"language_drift": {"shares": table, "previous_shares": table, "ecdf": pa.table({"length": [1.0]})}}
    page = report_html(make_result(findings=[found], tables=tables, previous="web-1"))
    assert "seeded random" in page
    assert "last accepted run web-1" in page
    assert "last accepted run</dt><dd>12.0 %" in re.sub(r"\s*\n\s*", "", page)
    assert "10.0 % to 12.5 %" in page
    assert "since the last accepted run" in page
    assert "cumulative shares" not in page


def test_the_index_escapes_what_it_lists():
    run = {
        "run_id": "<b>x",
        "report": "x/report.html",
        "status": "FAIL",
        "line": "FAIL 1",
        "documents": 1,
        "baseline": None,
        "started_at": "2026-11-24T02:00:00+00:00",
    }
    page = index_html([run])
    assert "<b>x" not in page and "&lt;b&gt;x" in page
