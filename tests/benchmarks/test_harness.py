"""The benchmarks' harness on the demo's data: what it counts as found, and that what it reports adds up."""

import json
from pathlib import Path

import pytest

from benchmarks import lexical_recall, peer_files, scan_scale
from benchmarks.data import eval_items, page_texts
from benchmarks.measuring import question_groups, share, target

DEMO = Path(__file__).parents[2] / "examples" / "data"
PAGES = DEMO / "baseline" / "web"


@pytest.fixture(scope="module")
def measured():
    return lexical_recall.measure(DEMO, PAGES, per_edit=5, per_whole=5)


def test_whole_questions_are_found_and_pages_are_not_accused(measured):
    for eval_set in ("gsm8k", "humaneval"):
        kind = measured["planted"][f"{eval_set}, question_answer"]
        assert kind["ngram_overlap"]["all"]["hits"] == kind["combined"]["all"]["hits"] == 5
    assert measured["innocent"]["web_pages"]["combined"]["accused"]["hits"] == 0


def test_what_is_found_together_is_at_least_what_each_finds(measured):
    for kind in measured["planted"].values():
        assert kind["combined"]["all"]["hits"] >= max(kind[name]["all"]["hits"] for name in lexical_recall.COMBINED)


def test_targets_without_data_are_not_measured(measured):
    met = {row["target"]: row["met"] for row in measured["targets"]}
    assert met["gsm8k, question (all)"] is True
    assert met["math, question (all)"] is None


def test_the_same_question_in_other_clothes_is_one_group():
    assert question_groups(["What is it?", "what IS\nit", "What is that?"]) == [0, 0, 2]


def test_targets_and_shares():
    assert target("speed", 99, at_least=100)["met"] is False
    assert target("accused", 0, at_most=0)["met"] is True
    assert share(0, 0)["share"] is None
    assert share(5, 100) == {"share": 0.05, "hits": 5, "of": 100, "interval": [0.0215, 0.1118]}


def test_peers_read_what_was_planted_and_are_judged_by_their_own_item(tmp_path):
    files = peer_files.write_files(tmp_path, DEMO, PAGES, megabytes=0.1)
    lines = (files.recall_folder / "planted.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == [document.text for document in files.planted]
    first, other = files.planted[0].row, files.planted[1].row
    name = f"{files.items.keys[first][0]}, question"
    for row, hits in ((first, 1), (None, 1), (other, 0)):
        judged = files.judged({"planted": {(0, row)}, "web_pages": set()})
        assert judged["found"][name]["hits"] == hits
    assert judged["accused"]["web_pages"]["hits"] == 0


def test_references_are_one_a_question_and_option():
    items = eval_items(DEMO)
    rows = scan_scale.references(items)
    assert rows.num_rows == sum(len(choices or [0]) for choices in items.column("choices").to_pylist())
    assert len(set(zip(rows["eval_set"].to_pylist(), rows["item_id"].to_pylist(), strict=True))) == rows.num_rows


def test_pages_of_several_files_are_all_read():
    assert len(page_texts(PAGES)) > len(page_texts(PAGES / "part-00.jsonl.gz"))
