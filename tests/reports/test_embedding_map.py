"""The maps of the report: what they show, where they lead, and that hostile names stay text."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from audits.contamination.semantic.embedding_map import MAX_POINTS, MapPoint, map_table
from reports.embedding_map import KINDS, MAX_MAPS, MAX_PAIRS, WIDTH, embedding_maps
from reports.html import report_html
from reports.reading import read_run
from reports.run_folder import write_run
from tests.reports.examples import HOSTILE, eval_items, make_result

VERDICTS = ("exposed", "suspect", "clean", "unmatchable")


def points_of(eval_set, verdicts, label="some words of the text", prefix="gsm8k-"):
    """Return an item a verdict, and a window for all but the unmatchable."""
    points = []
    for number, verdict in enumerate(verdicts):
        item_id = f"{prefix}{number}"
        evidence = "reworded" if verdict == "exposed" else ""
        points.append(MapPoint(eval_set, item_id, "item", verdict, evidence, "", label))
        if verdict != "unmatchable":
            points.append(MapPoint(eval_set, item_id, "window", verdict, evidence, f"doc-{number}", label))
    return points


def run_with(points, **changes):
    vectors = np.random.default_rng(0).normal(size=(len(points), 16)).astype(np.float32)
    return make_result(tables={"semantic_overlap": {"embedding_map": map_table(points, vectors)}}, **changes)


def drawings(page):
    return [
        ElementTree.fromstring(text) for text in re.findall(r'<svg role="img" viewBox="0 0 720.*?</svg>', page, re.S)
    ]


def test_every_point_is_drawn_inside_with_a_shape_for_what_it_is():
    (drawing,) = drawings(report_html(run_with(points_of("gsm8k", VERDICTS * 5))))
    height = int(drawing.get("viewBox").split()[3])
    shapes = {}
    for group in drawing.findall("g"):
        marks = [mark for mark in group.iter() if mark.tag in ("path", "circle")]
        shapes[group.get("class")] = len(marks)
        for mark in marks:
            numbers = [mark.get("cx"), mark.get("cy")] if mark.tag == "circle" else re.findall(r"\d+", mark.get("d"))
            assert 0 <= float(numbers[0]) <= WIDTH and 0 <= float(numbers[1]) <= height
            assert mark.find("title").text
    assert shapes == {"passage": 10, "clean": 5, "other": 5, "suspect": 5, "passage-exposed": 5, "exposed": 5}
    assert list(shapes) == list(KINDS)
    assert drawing.find("path").get("d").count("M") == 5


def test_a_drawing_has_a_name_and_a_description_and_the_numbers_beside_it():
    page = report_html(run_with(points_of("gsm8k", VERDICTS)))
    (drawing,) = drawings(page)
    names = {element.get("id"): element.text for element in drawing.iter() if element.get("id")}
    assert names[drawing.get("aria-labelledby")] == "Map of gsm8k"
    assert "1 exposed items, 1 passages that expose an item" in names[drawing.get("aria-describedby")]
    assert re.search(r'</svg> suspect items</th><td class="n">1</td><td>-?\d\.\d\d \(', page)
    assert "Far apart means only unlike" in page


def test_a_point_leads_to_its_evidence_where_the_page_shows_it():
    page = report_html(run_with(points_of("gsm8k", ["exposed", "suspect", "exposed", "clean"])))
    (drawing,) = drawings(page)
    links = {link.get("href")[1:] for link in drawing.iter("a")}
    # The run shows the evidence of the first two items.
    assert len(links) == 2
    assert links == set(re.findall(r'<tr id="([^"]+)"', page))
    assert all(link.get("tabindex") == "-1" for link in drawing.iter("a"))
    assert re.search(rf'<a href="#({"|".join(links)})"><bdi>gsm8k-0</bdi>', page)


def test_a_run_without_a_map_has_none():
    assert "Maps of meaning</h3>" not in report_html(make_result())
    assert "Maps of meaning</h3>" not in report_html(run_with([]))


def test_a_map_is_drawn_and_not_listed_as_a_table():
    assert "semantic_overlap: embedding_map" not in report_html(run_with(points_of("gsm8k", VERDICTS)))


def test_hostile_names_stay_text():
    hostile = HOSTILE.replace("\ud800", "")
    plain, pages = points_of("gsm8k", VERDICTS), []
    for name in ("plain", hostile):
        changed = [replace(point, item_id=name + point.item_id, doc_id=name, label=name) for point in plain]
        pages.append(report_html(run_with([replace(point, eval_set=name) for point in changed])))
    counts = [len(re.findall(r"<[a-z]", page)) for page in pages]
    assert counts[0] == counts[1]
    assert "\u202e" not in pages[1] and "<script" not in pages[1] and "\x1b" not in pages[1]
    assert len(drawings(pages[1])) == 1


@pytest.mark.parametrize("verdict", ["clean", "exposed"])
def test_a_full_map_stays_small(verdict):
    points = points_of("gsm8k", [verdict] * 2 * MAX_POINTS, "Jan buys 3 apples & 4 pears at the market", "gsm8k-test-")
    page = report_html(run_with(points))
    (drawing,) = re.findall(r'<svg role="img" viewBox="0 0 720.*?</svg>', page, re.S)
    assert len(drawing.encode()) < 61_000
    assert f"{MAX_POINTS} items and {MAX_POINTS} passages" in page
    if verdict == "exposed":
        assert f"{MAX_POINTS - MAX_PAIRS} more are in tables/semantic_overlap.embedding_map.parquet" in page


def test_maps_with_most_exposed_items_come_first_and_the_rest_is_said():
    points = []
    for number in range(MAX_MAPS + 2):
        points += points_of(f"set{number:02}", ["exposed"] * number + ["clean"] * 2)
    result = run_with(points)
    assert [view.exposed for view in embedding_maps(result, set())] == list(range(MAX_MAPS + 1, -1, -1))
    page = report_html(result)
    assert len(drawings(page)) == MAX_MAPS
    assert "2 more maps are in" in page


def test_distances_are_scaled_alike_in_both_directions():
    result = run_with(points_of("gsm8k", VERDICTS * 10))
    rows = result.tables["semantic_overlap"]["embedding_map"].to_pylist()
    (view,) = embedding_maps(result, set())
    wide, high = ([row[axis] for row in rows] for axis in ("x", "y"))
    marks = [mark for _, marks in view.layers for mark in marks]
    drawn_wide, drawn_high = ([getattr(mark, axis) for mark in marks] for axis in ("x", "y"))
    scale = (max(drawn_wide) - min(drawn_wide)) / (max(wide) - min(wide))
    assert (max(drawn_high) - min(drawn_high)) / (max(high) - min(high)) == pytest.approx(scale, rel=0.01)


@pytest.mark.parametrize("verdicts", [["exposed"], ["clean"], ["unmatchable"]])
def test_one_item_is_a_map_too(verdicts):
    (drawing,) = drawings(report_html(run_with(points_of("gsm8k", verdicts))))
    assert len(drawing.findall("g")) == (1 if verdicts == ["unmatchable"] else 2)


def test_the_page_is_the_same_when_drawn_again_from_the_folder(tmp_path):
    result = run_with(points_of("gsm8k", VERDICTS * 10))
    folder = write_run(result, tmp_path, eval_items())
    assert drawings(report_html(read_run(folder)))[0].attrib == drawings(report_html(result))[0].attrib
    assert embedding_maps(read_run(folder), set()) == embedding_maps(result, set())
