"""Rewordings found in real text, what the budget leaves out, models and caches: `semantic_overlap` as a whole."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from audits.base import Resources
from audits.contamination.ngram_overlap import NgramOverlapConfig
from audits.contamination.semantic import store
from audits.contamination.semantic.item_vectors import item_vectors
from audits.contamination.semantic.model import PACKAGED_SHA256, Encoder, find_model
from audits.contamination.semantic.static_vectors import static_vectors
from audits.contamination.semantic_overlap import SemanticOverlapConfig
from audits.errors import ModelUnavailable
from audits.findings import Status
from tests.audits.corpora import DATA, documents, found, gsm8k, inside, items, pages, scanned, summary_of, verdicts

PAIRS = [json.loads(line) for line in (DATA / "rewordings" / "gsm8k.jsonl").read_text("utf-8").splitlines()]
QUESTIONS = [pair["question"] for pair in PAIRS]
TEXTS = [inside(f"\n{pair['rewording']}\n", page) for pair, page in zip(PAIRS, pages(10), strict=True)]
TABLE = items(QUESTIONS, eval_set="gsm8k")


@pytest.fixture(scope="module")
def summary():
    return summary_of(SemanticOverlapConfig, [*TEXTS, *pages(10, 4)], TABLE)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CORPUS_AUDIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_real_rewordings_are_exposed_and_ordinary_pages_are_not(summary):
    """A floor, not a measurement: benchmarks/results/semantic_recall.json has that."""
    word_level = summary_of(NgramOverlapConfig, TEXTS, TABLE)
    assert verdicts(word_level).count("exposed") <= 1
    assert verdicts(summary).count("exposed") >= 9
    assert {match.row for match in summary.matches if match.verdict == "exposed"} <= set(range(10))
    assert all(match.item_id == f"gsm8k-{match.row}" for match in summary.matches if match.verdict == "exposed")
    assert summary.findings[0].status is Status.WARN
    assert {match.evidence_class for match in summary.matches if match.verdict == "exposed"} == {"reworded"}


def test_a_match_marks_the_rewording_in_its_document(summary):
    for match in summary.matches:
        if match.verdict == "exposed":
            marked = TEXTS[match.row].encode()[match.train_start : match.train_end].decode()
            assert set(PAIRS[match.row]["rewording"].split()) & set(marked.split())
            assert len(marked) <= 2.5 * len(QUESTIONS[match.row]) + 100


def test_the_same_problem_with_other_numbers_is_suspect_and_named():
    changed = [
        "Janet's ducks lay 29 eggs per day. She eats seven for breakfast every morning and bakes muffins for her "
        "friends every day with eleven. She sells the remainder at the farmers' market daily for $6 per fresh duck "
        "egg. How much in dollars does she make every day at the farmers' market?"
    ]
    result = summary_of(SemanticOverlapConfig, changed, TABLE)
    best = result.items[0]
    assert (best.verdict, best.evidence_class) == ("suspect", "same_problem_new_numbers")
    assert not result.exposures


def test_a_threshold_can_be_cut_again_from_what_a_run_kept(summary):
    table = summary.tables["candidates"].to_pandas()
    curve = summary.tables["by_threshold"].to_pandas().set_index("threshold")["items"]
    stricter = summary_of(SemanticOverlapConfig, [*TEXTS, *pages(10, 4)], TABLE, thresholds={"gsm8k": 0.9})
    exposed = table[(table.score >= 0.9) & (table.ahead >= -0.1) & (table.evidence_class == "reworded")]
    assert verdicts(stricter).count("exposed") == exposed.item_id.nunique() == curve[0.9]
    assert curve.is_monotonic_decreasing
    assert verdicts(summary).count("exposed") == curve[0.5]


def test_what_is_found_of_a_set_does_not_depend_on_the_others():
    alone = summary_of(SemanticOverlapConfig, TEXTS, items(QUESTIONS))
    scores = {(m.item_id, m.row): m.score for m in alone.matches if m.verdict == "exposed"}
    others = items(["Name the capital of France, please, in one word."] * 2, eval_set="others")
    together = summary_of(SemanticOverlapConfig, TEXTS, pa.concat_tables([items(QUESTIONS), others]))
    assert len(scores) >= 9
    assert {(m.item_id, m.row): m.score for m in together.matches if m.verdict == "exposed"} == scores


def test_what_the_budget_leaves_out_is_said():
    result = summary_of(SemanticOverlapConfig, TEXTS, TABLE, max_encodes=6)
    [finding] = found(result, subject="budget")
    assert finding.status is Status.INSUFFICIENT and finding.value > 0
    assert result.tables["candidates"].num_rows > 0
    texts = {(row["shard"], row["row"], row["train_start"]) for row in result.tables["candidates"].to_pylist()}
    named = {row["item_id"] for row in result.tables["candidates"].to_pylist()}
    assert len(texts) + len(named) <= 6


def test_likelier_windows_push_others_out_and_that_is_said():
    texts = [f"{QUESTIONS[0]} Copy number {n} of this text." for n in range(5)]
    result = summary_of(SemanticOverlapConfig, texts, TABLE, windows_per_item=2)
    [finding] = found(result, subject="candidates")
    assert finding.status is Status.INFO and finding.value >= 3


def test_before_a_run_the_cost_is_told(empty_cache):
    audit = SemanticOverlapConfig(max_encodes=50).build(Resources(TABLE))
    line = audit.forecast(10**9)
    assert "at most 50 texts to encode" in line and "a second" in line
    assert "at most 11 texts" in SemanticOverlapConfig(windows_per_item=1).build(Resources(TABLE)).forecast(60)
    assert "no test item" in SemanticOverlapConfig().build(Resources(items(["What?"]))).forecast(10**9)


def test_test_items_are_encoded_once_and_new_ones_only(empty_cache):
    encoder = Encoder(find_model(None))
    first = item_vectors(encoder, "gsm8k", QUESTIONS[:3], keep=True)
    assert encoder.encoded == 3
    again = item_vectors(encoder, "gsm8k", [QUESTIONS[1], QUESTIONS[3]], keep=True)
    assert encoder.encoded == 4
    assert np.array_equal(again[0], first[1])
    other = item_vectors(encoder, "other", QUESTIONS[:1], keep=True)
    assert encoder.encoded == 5 and np.allclose(other[0], first[0], atol=1e-5)


def test_of_secret_items_nothing_is_kept(empty_cache):
    audit = SemanticOverlapConfig().build(Resources(TABLE, secret=True))
    before = {path.name for path in empty_cache.iterdir()}
    assert audit.summary(scanned(audit, documents(TEXTS))).items[0].verdict == "exposed"
    assert not [path for path in empty_cache.iterdir() if path.name.startswith("items-")]
    assert before and all(not name.startswith("items-") for name in before)
    opinion = {"by": "llm", "model": "m", "url": "http://localhost:1/v1"}
    judged = SemanticOverlapConfig(second_opinion=opinion).build(Resources(TABLE, secret=True))
    assert judged.config.second_opinion is None


def test_a_damaged_or_missing_cache_costs_nothing_but_time(empty_cache):
    fresh = static_vectors(find_model(None))
    [kept] = empty_cache.glob("static-*.npz")
    kept.write_bytes(kept.read_bytes()[:1000])
    assert np.array_equal(static_vectors(find_model(None)).matrix, fresh.matrix)
    shutil.rmtree(empty_cache)
    empty_cache.write_text("a file where the folder should be")
    assert np.array_equal(static_vectors(find_model(None)).matrix, fresh.matrix)
    store.write_arrays("x", {"a": np.zeros(1)})
    assert store.read_arrays("x") is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "/nowhere/at-all"}, r"modules\.json"),
        ({"model": "no-such-org/no-such-model"}, "local model cache"),
        ({"model": "no-such-org/no-such-model", "revision": "abc123"}, "local model cache"),
        ({"model_sha256": "0" * 64}, "expected 0000"),
    ],
)
def test_a_model_that_is_not_the_one_expected_is_an_error_with_a_remedy(options, message):
    with pytest.raises(ModelUnavailable, match=message) as error:
        SemanticOverlapConfig(**options).build(Resources(TABLE))
    assert error.value.remedy


def test_the_packaged_model_is_known_by_its_digest(tmp_path):
    files = find_model(None)
    assert files.sha256["model.safetensors"] == PACKAGED_SHA256
    identity = SemanticOverlapConfig(model_sha256=files.digest).build(Resources(TABLE)).digests()
    assert identity["model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert identity["sha256:model.safetensors"] == PACKAGED_SHA256
    copy = tmp_path / "copy"
    shutil.copytree(files.path, copy)
    assert find_model(str(copy)).digest == files.digest
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    assert find_model(str(copy)).digest != files.digest


def test_a_digest_must_look_like_one():
    with pytest.raises(ValidationError):
        SemanticOverlapConfig(model_sha256="abc")


def test_no_document_is_no_all_clear():
    assert summary_of(SemanticOverlapConfig, [], TABLE).findings[0].status is Status.INSUFFICIENT
    assert len(gsm8k()) == 3
