"""Canaries: planted items tell what a run would have found, and leave everything else of it alone."""

import json

import pytest

from audits.contamination.planting import KINDS
from audits.findings import Status
from flows.errors import ConfigError
from flows.pipeline import run_audit
from flows.run_config import load_config
from tests.flows.corpora import documents, gsm8k_questions, sentences, write_jsonl

DETECTORS = ["exact_match", "ngram_overlap", "near_duplicate"]
SPANISH = sorted(sentences("es"), key=len)[-16:]
QUIZ = [*gsm8k_questions(), *(f"{SPANISH[n]} {SPANISH[n + 8]}" for n in range(8))]
FEW = {"per_set": 5, "documents": 20}


@pytest.fixture
def audited(tmp_path, write_config):
    """Runs an audit of 40 documents, one of them a leak, with a test set of these questions."""

    def audit(canaries=None, questions=QUIZ, audits=DETECTORS, texts=None, output="runs"):
        rows = [json.dumps({"question": q, "answer": f"It is {n * 37}."}) for n, q in enumerate(questions)]
        (tmp_path / "quiz.jsonl").write_text("\n".join(rows), encoding="utf-8")
        texts = [*documents("en", 40), f"{documents('en', 1)[0]} {questions[1]}"] if texts is None else texts
        write_jsonl(tmp_path / "corpus" / "a.jsonl", texts)
        keys = {"canaries": canaries} if canaries is not None else {}
        quiz = {"name": "quiz", "path": "quiz.jsonl", "question": "question", "answer": "answer"}
        audits = [audit if isinstance(audit, dict) else {"kind": audit} for audit in audits]
        return run_audit(load_config(write_config(eval_sets=[quiz], audits=audits, output=output, **keys))).result

    return audit


def told(result):
    return [finding for finding in result.findings if finding.audit == "canaries"]


def recalls(result):
    return {metric.audit: metric for metric in result.metrics if metric.metric == "canary_recall"}


def test_canaries_are_found_and_reported_by_detector_and_set(audited):
    result = audited(FEW)
    [finding] = told(result)
    assert (finding.status, finding.subject, finding.metric) == (Status.PASS, "quiz", "canary_recall")
    assert finding.ci_low <= finding.value <= finding.ci_high
    assert "question 5 of 5" in finding.message and "swap_10" in finding.message
    assert set(recalls(result)) == set(DETECTORS)
    rows = result.tables["calibration"]["rates"].to_pylist()
    assert [(row["detector"], row["eval_set"], row["measured_by"]) for row in rows] == [
        (kind, "quiz", "canaries") for kind in DETECTORS
    ]
    for row in rows:
        metric = recalls(result)[row["detector"]]
        assert (row["recall"], row["copies"]) == (metric.value, metric.n_docs)
        assert row["recall_low"] <= row["recall"] <= row["recall_high"]
        assert row["threshold"] is None and row["documents"] is None
    assert recalls(result)["near_duplicate"].value > recalls(result)["exact_match"].value


def test_canaries_change_nothing_else_of_a_run(audited):
    with_them, without = audited(FEW, output="with"), audited(output="without")
    for part in ("matches", "exposures", "items", "ledger", "quarantine", "replacements"):
        assert getattr(with_them, part) == getattr(without, part)
    assert [f for f in with_them.findings if f.audit != "canaries"] == without.findings
    assert [m for m in with_them.metrics if m.metric != "canary_recall"] == without.metrics
    assert without.exposures and not told(without) and not recalls(without)


def test_the_same_seed_releases_the_same_canaries_and_another_others(audited):
    kinds = {"per_set": 3, "documents": 20, "kinds": ["swap_20"]}
    one, again = audited(kinds), audited(kinds)
    assert told(one) == told(again)
    values = {recalls(audited({**kinds, "seed": seed}))["ngram_overlap"].value for seed in range(2, 9)}
    assert len(values) > 1


def test_each_kind_is_planted_as_often_as_asked(audited):
    result = audited({"per_set": 4, "documents": 20, "kinds": ["question", "recased", "question_answer"]})
    assert told(result)[0].n_docs == 12
    assert {metric.n_docs for metric in recalls(result).values()} == {12}


STEM = "Read the whole passage about rivers with care, then answer the one question that follows it in your own words:"
RIVERS = (
    "Amazon Nile Yangtze Mekong Danube Rhine Volga Ganges Indus Tigris Euphrates Congo Niger Zambezi Orinoco Parana"
)


def test_unedited_copies_that_are_missed_are_a_warning(audited):
    """Near duplicates alone cannot see items that differ in one word only, though each has words enough."""
    questions = [f"{STEM} {name} {end}?" for name in RIVERS.split() for end in ("mouth", "source", "length")]
    result = audited({"per_set": 10, "documents": 20, "kinds": ["question"]}, questions, ["near_duplicate"])
    [finding] = told(result)
    assert finding.status is Status.WARN
    assert finding.value < finding.threshold == 0.9
    assert finding.suggestion
    lenient = {"per_set": 10, "documents": 20, "kinds": ["question"], "min_recall": 0}
    assert told(audited(lenient, questions, ["near_duplicate"]))[0].status is Status.PASS
    result = audited({"per_set": 10, "documents": 20, "kinds": ["question"]}, questions, DETECTORS)
    assert told(result)[0].status is Status.PASS, "exact_match finds what near_duplicate misses"


def test_limits_of_the_run_are_the_limits_of_its_canaries(audited):
    edited = {"per_set": 8, "documents": 20, "kinds": ["swap_10"]}
    strict = [{"kind": "near_duplicate", "thresholds": {"quiz": 1.0}}]
    assert recalls(audited(edited, audits=strict))["near_duplicate"].value == 0
    assert recalls(audited(edited, audits=["near_duplicate"]))["near_duplicate"].value > 0.7


@pytest.mark.parametrize(
    ("audits", "texts"),
    [(["language_drift", "encoding_damage"], None), (DETECTORS, [])],
    ids=["no detector", "no text"],
)
def test_without_detector_or_document_nothing_is_known(audited, audits, texts):
    [finding] = told(audited(FEW, audits=audits, texts=texts))
    assert finding.status is Status.INSUFFICIENT


def test_a_set_of_which_nothing_can_be_found_has_no_recall(audited):
    result = audited(FEW, ["Why?", "How?", "Who?"], texts=documents("en", 10))
    [finding] = told(result)
    assert finding.status is Status.INSUFFICIENT
    assert not recalls(result)


@pytest.mark.parametrize("kinds", [["question", "swap_99"], [], ["Question"]])
def test_unknown_kinds_are_answered_with_the_known_ones(write_config, tmp_path, kinds):
    (tmp_path / "quiz.jsonl").write_text(json.dumps({"question": QUIZ[0]}), encoding="utf-8")
    quiz = {"name": "quiz", "path": "quiz.jsonl", "question": "question"}
    path = write_config(eval_sets=[quiz], audits=[{"kind": "exact_match"}], canaries={"kinds": kinds})
    with pytest.raises(ConfigError, match="no such kind") as caught:
        load_config(path)
    assert all(kind in caught.value.problem for kind in KINDS)


def test_canaries_need_a_test_set(write_config):
    with pytest.raises(ConfigError, match="name at least one under `eval_sets`"):
        load_config(write_config(canaries={}))
