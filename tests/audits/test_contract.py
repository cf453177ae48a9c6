"""What every audit owes: the same answer however the stream is cut and in whatever order states merge.

An audit that is new in the union is tested here without a line of its own.
"""

import pickle
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audits import audit_kinds
from audits.base import Resources
from audits.findings import Status, Summary
from tests.audits.corpora import batch, gsm8k, items, mixed_shards, report

TOKENIZER = str(Path(__file__).parents[2] / "examples" / "data" / "tokenizer.json")
OPTIONS = {
    "token_drift": {
        "watch": ("the", "Ã", "∂"),
        "tokenizer": TOKENIZER,
        "domain_min_per_million": {"(none)": {"the": 5}},
    },
    "tokenizer_stats": {"tokenizer": TOKENIZER, "min_docs": 2, "max_q": 0.5},
    "domain_drift": {"min_domain_docs": 3, "min_docs": 2},
    "language_drift": {"min_docs": 2},
    "semantic_overlap": {"max_encodes": 20},
}
SLOW = {"semantic_overlap"}
"""Encodes at every summary, a second each."""

SHARDS = mixed_shards()
KINDS = list(audit_kinds())


@cache
def audit(kind):
    questions = gsm8k()
    eval_items = items([q["question"] for q in questions], [q["answer"] for q in questions], "gsm8k")
    return audit_kinds()[kind](**OPTIONS.get(kind, {})).build(Resources(eval_items))


def shard_state(kind, rows, cuts=()):
    of = audit(kind)
    state = of.new_state()
    edges = [0, *sorted({cut % (len(rows) + 1) for cut in cuts} - {0, len(rows)}), len(rows)]
    for start, stop in pairwise(edges):
        of.scan(state, batch(rows[start:stop]))
    of.close_shard(state, report(rows[0]["shard"], rows[0]["source"], len(rows)))
    return state


def merged(kind, states):
    total = audit(kind).new_state()
    for state in states:
        total.merge(state)
    return total


def equal(one: Summary, other: Summary) -> bool:
    return (
        one.findings == other.findings
        and one.metrics == other.metrics
        and one.matches == other.matches
        and one.items == other.items
        and one.exposures == other.exposures
        and one.tables.keys() == other.tables.keys()
        and all(one.tables[name].equals(other.tables[name]) for name in one.tables)
    )


@cache
def reference(kind):
    """Return the state of the first two shards as a baseline gives it back: through its profile."""
    of = audit(kind)
    state = merged(kind, [shard_state(kind, rows) for rows in SHARDS[:2]])
    tables = of.to_profile(state)
    return of.from_profile(tables) if tables else None


@cache
def expected(kind):
    state = merged(kind, [shard_state(kind, rows) for rows in SHARDS])
    return audit(kind).summary(state, reference(kind))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in SLOW])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    order=st.permutations(range(len(SHARDS))),
    cuts=st.lists(st.lists(st.integers(0, 30), max_size=4), min_size=4, max_size=4),
    halves=st.booleans(),
)
def test_any_cut_and_any_order_give_the_same_summary(kind, order, cuts, halves):
    check(kind, order, cuts, halves)


@pytest.mark.parametrize("kind", sorted(SLOW))
def test_a_slow_audit_gives_the_same_summary_for_one_other_cut_and_order(kind):
    check(kind, (2, 0, 3, 1), [[1, 3], [5], [], [2, 7]], True)


def check(kind, order, cuts, halves):
    states = [shard_state(kind, SHARDS[n], cuts[n]) for n in order]
    if halves:
        # As workers do: halves are merged first, and states have travelled.
        states = [pickle.loads(pickle.dumps(merged(kind, states[:2]))), merged(kind, states[2:])]
    assert equal(audit(kind).summary(merged(kind, states), reference(kind)), expected(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_the_mixed_corpus_gives_every_audit_something_to_say(kind):
    assert expected(kind).findings
    assert expected(kind).metrics


@pytest.mark.parametrize("kind", ["exact_match", "ngram_overlap", "near_duplicate"])
def test_the_mixed_corpus_exposes_items_in_several_shards(kind):
    assert len({exposure.shard for exposure in expected(kind).exposures}) >= 2
    assert {match.verdict for match in expected(kind).matches} >= {"exposed"}


@pytest.mark.parametrize("kind", KINDS)
def test_summaries_do_not_change_the_state(kind):
    state = merged(kind, [shard_state(kind, rows) for rows in SHARDS[:2]])
    of = audit(kind)
    assert equal(of.summary(state), of.summary(state))


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_corpus_passes_nothing_that_needs_documents(kind):
    of = audit(kind)
    summary = of.summary(of.new_state(), reference(kind))
    passed = [finding for finding in summary.findings if finding.status is Status.PASS]
    # The contract of a test set holds or not whatever the corpus.
    assert not passed or kind == "benchmark_contract"
    assert all(finding.status is not Status.FAIL for finding in summary.findings) or kind == "benchmark_contract"


@pytest.mark.parametrize("kind", KINDS)
def test_findings_and_metrics_have_identities_of_their_own(kind):
    ids = Counter(finding.finding_id for finding in expected(kind).findings)
    assert max(ids.values()) == 1
    names = Counter((metric.subject, metric.metric) for metric in expected(kind).metrics)
    assert max(names.values()) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_findings_are_sentences_and_numbers_are_numbers(kind):
    for finding in expected(kind).findings:
        assert finding.message.endswith("."), finding.message
        assert finding.message.isprintable()
        assert len(finding.evidence) <= 5
        for place in finding.evidence:
            assert len(place.excerpt) <= 260
        if finding.ci_low is not None and finding.ci_high is not None and finding.value is not None:
            assert finding.ci_low <= finding.value <= finding.ci_high
