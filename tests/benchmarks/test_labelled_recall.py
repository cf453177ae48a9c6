"""What the benchmark of labelled texts counts as found."""

from pathlib import Path

import pytest

from audits.contamination.planting import Planted
from audits.findings import Exposure, Match, Summary
from benchmarks.data import eval_items
from benchmarks.labelled_recall import by_set_and_kind, has_whole_sets
from benchmarks.lexical_recall import Items

DEMO = Path(__file__).parents[2] / "examples" / "data"


@pytest.fixture(scope="module")
def items():
    return Items.of(eval_items(DEMO))


def _match(items, row, item, verdict, evidence_class, score=0.5):
    eval_set, item_id = items.keys[item]
    return Match(
        eval_set, item_id, evidence_class, "d", "s", row, 0, 9, 0, 9, score, "semantic_overlap", "", "", verdict
    )


def _exposure(items, row, item):
    return Exposure("s", row, "d", 0, 9, *items.keys[item], "semantic_overlap")


def test_the_gravest_verdict_on_the_own_item_counts_and_other_items_are_told(items):
    documents = [Planted(3, "reworded", ""), Planted(7, "reworded", ""), Planted(9, "new_numbers", "")]
    summary = Summary(
        matches=[
            _match(items, 0, 3, "suspect", "same_topic", score=0.9),
            _match(items, 0, 3, "exposed", "reworded"),
            _match(items, 1, 8, "exposed", "reworded"),
            _match(items, 2, 9, "suspect", "same_problem_new_numbers"),
        ],
        exposures=[_exposure(items, 0, 3), _exposure(items, 1, 8)],
    )
    found = by_set_and_kind(summary, items, documents)
    reworded, twin = found["gsm8k, reworded"], found["gsm8k, new_numbers"]
    assert (reworded["exposed"]["hits"], reworded["suspect"]["hits"], reworded["exposed"]["of"]) == (1, 0, 2)
    assert reworded["named"] == {"reworded": 1}
    assert reworded["another item exposed"]["hits"] == 1
    assert (twin["exposed"]["hits"], twin["suspect"]["hits"]) == (0, 1)
    assert twin["named"] == {"same_problem_new_numbers": 1}


def test_the_demo_has_no_whole_sets():
    assert not has_whole_sets(DEMO)
