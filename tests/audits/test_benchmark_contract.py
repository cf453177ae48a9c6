import pyarrow as pa
import pytest

from audits.base import Resources
from audits.benchmarks.benchmark_contract import BenchmarkContract, BenchmarkContractConfig
from audits.findings import Finding, Status
from connectors.schema import EVAL_ITEM_SCHEMA


def item(index: int, question: str | None = None, answer: str | None = "yes", choices=("yes", "no"), name: str = "s"):
    return {
        "eval_set": name,
        "item_id": f"i{index}",
        "question": f"Is {index} even?" if question is None else question,
        "choices": list(choices) if choices else None,
        "answer": answer,
    }


def audit(items: list[dict[str, object]], **options: object) -> BenchmarkContract:
    table = pa.Table.from_pylist(items, schema=EVAL_ITEM_SCHEMA)
    return BenchmarkContractConfig.model_validate(options).build(Resources(table))


def findings(items: list[dict[str, object]], **options: object) -> dict[str, Finding]:
    of = audit(items, **options)
    return {finding.metric: finding for finding in of.summary(of.new_state()).findings}


GOOD = [item(index) for index in range(100, 150)]


def test_a_sound_set_passes():
    found = findings(GOOD)
    assert [(f.metric, f.status) for f in found.values()] == [("broken_clauses", Status.PASS)]


@pytest.mark.parametrize(
    ("extra", "metric", "status"),
    [
        ([item(1, question=" ")], "empty_questions", Status.FAIL),
        ([item(1, answer="")], "empty_golds", Status.FAIL),
        ([item(1, answer=None)], "empty_golds", Status.FAIL),
        ([item(1, answer="maybe")], "golds_not_options", Status.FAIL),
        ([item(1, choices=("yes", "no", "yes"))], "duplicate_options", Status.WARN),
        ([item(1), item(2, question="is 1 EVEN?")], "duplicate_items", Status.WARN),
        ([item(1), item(2, question="Is 1 even?", answer="no")], "conflicting_golds", Status.FAIL),
    ],
)
def test_each_clause_finds_its_breach(extra, metric, status):
    found = findings(GOOD + extra)
    assert found[metric].status is status
    assert found[metric].value == pytest.approx(len(found[metric].evidence) / (50 + len(extra)))
    assert found[metric].evidence[0].doc_id == "i1"
    assert found[metric].evidence[0].row == 50
    assert "broken_clauses" not in found


@pytest.mark.parametrize(
    "extra",
    [
        [item(1, answer=" YES ")],
        [item(1, question="Compute $1+2$"), item(2, question="Compute $1-2$", answer="no")],
        [item(1, choices=("-1", "1"), answer="-1")],
        [item(1, question="Which is right?"), item(2, question="Which is right?", choices=("a", "b"), answer="b")],
        [item(1, question="q", choices=None, answer="2+2\n#### 4"), item(2, question="q", choices=None, answer="4")],
    ],
)
def test_what_only_looks_like_a_breach_of_golds(extra):
    assert not {"golds_not_options", "conflicting_golds", "empty_golds"} & set(findings(GOOD + extra))


def test_a_set_without_golds_is_said_to_have_none():
    found = findings([item(index, answer=None, choices=None) for index in range(40)])
    assert found["golds"].status is Status.INFO
    assert "no golds to check" in found["golds"].message
    assert "empty_golds" not in found


def test_a_small_set_is_called_small():
    assert findings(GOOD[:10])["items"].status is Status.WARN
    assert "items" not in findings(GOOD[:10], min_items=10)


def test_sets_are_judged_apart():
    of = audit([*GOOD, *(item(index, name="other") for index in range(100, 150))])
    assert [(f.subject, f.status) for f in of.summary(of.new_state()).findings] == [
        ("s", Status.PASS),
        ("other", Status.PASS),
    ]


def test_no_item_at_all():
    of = audit([])
    assert of.summary(of.new_state()).findings == []
