"""Lengths: buckets that hold what they say, distances that are chance or not, and tails."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.base import Resources
from audits.distances import GROUPS
from audits.drift.length_drift import LengthDriftConfig
from audits.drift.length_judging import Lengths, positions_of, shift
from audits.drift.length_state import UNITS, LengthState, bucket_floors, buckets_of
from audits.findings import Status
from audits.history import History
from connectors.schema import EVAL_ITEM_SCHEMA
from tests.audits.corpora import documents, scanned, sentences

NOTHING = Resources(EVAL_ITEM_SCHEMA.empty_table())


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**36), min_size=1, max_size=50))
def test_every_length_lies_in_its_bucket(lengths):
    values = np.array(lengths)
    buckets = buckets_of(values)
    edges = bucket_floors(int(buckets.max()) + 2)
    assert (edges[buckets] <= values).all() and (values < edges[buckets + 1]).all()
    # 1/64 of the length at most, so the middle is within 0.8 %.
    assert (edges[buckets + 1] - edges[buckets] <= np.maximum(1, values / 64)).all()


def lengths_of(values, seed=0):
    groups = np.random.default_rng(seed).integers(0, GROUPS, len(values))
    buckets = buckets_of(np.asarray(values))
    counts = np.zeros((GROUPS, int(buckets.max()) + 1), dtype=np.int64)
    np.add.at(counts, (groups, buckets), 1)
    return Lengths(counts)


def lognormal(docs, seed, median=400.0, sigma=1.0):
    return np.maximum(0, np.random.default_rng(seed).lognormal(np.log(median), sigma, docs)).astype(np.int64)


def test_quantiles_are_numpys_to_one_per_cent():
    values = lognormal(50_000, 1)
    made = lengths_of(values)
    for percentile in (1, 5, 25, 50, 75, 95, 99, 99.9):
        exact = np.percentile(values, percentile, method="inverted_cdf")
        assert made.quantile(percentile) == pytest.approx(exact, rel=0.01, abs=0.5)
    curve = made.ecdf()
    assert curve[-1][1] == pytest.approx(1.0) and len(curve) <= 60
    for length, share in curve[::7]:
        assert np.mean(values <= length) == pytest.approx(share, abs=1e-12)


def test_a_longer_corpus_is_far_by_as_much_as_it_is_longer():
    before, now = lengths_of(lognormal(20_000, 1)), lengths_of(lognormal(20_000, 2, median=800))
    one = shift(now, before, 1)
    assert one.octaves == pytest.approx(1.0, abs=0.05) and one.mean_octaves == pytest.approx(1.0, abs=0.05)
    assert one.ks > 3 * one.ks_ceiling and one.octaves > 3 * one.w1_ceiling
    assert positions_of(2)[0] == -1.0


def test_equal_lengths_have_a_spread_to_divide_by():
    one = shift(lengths_of(np.full(500, 100)), lengths_of(np.full(500, 100)), 1)
    assert one.w1_iqr == 0 and np.isfinite(one.w1_ceiling / one.spread)


def audit_of(**options):
    return LengthDriftConfig(**options).build(NOTHING)


def state_of(values, source="web", seed=0, **more):
    """Return a state from lengths in words; bytes and characters are six times as many."""
    state = LengthState()
    for name, lengths in {source: values, **more}.items():
        groups = np.random.default_rng([seed, len(name)]).integers(0, GROUPS, len(lengths))
        units = np.stack([buckets_of(np.asarray(lengths) * by) for by in (1, 6, 6)])
        counts = np.zeros((len(UNITS), GROUPS, int(units.max()) + 1), dtype=np.int64)
        for unit in range(len(UNITS)):
            np.add.at(counts[unit], (groups, units[unit]), 1)
        state.counts[name] = counts
    return state


def of(summary, **wanted):
    return [f for f in summary.findings if all(getattr(f, key) == value for key, value in wanted.items())]


def test_cut_pages_are_seen_and_said_in_words():
    whole = lognormal(5_000, 1)
    summary = audit_of().summary(state_of(np.minimum(whole, 300)), state_of(whole))
    [found] = of(summary, subject="corpus", metric="w1_iqr")
    assert found.status is Status.FAIL and "became shorter" in found.message
    assert "p95" in found.message and found.threshold == 0.15
    table = summary.tables["lengths"].to_pylist()
    assert {row["unit"] for row in table} == set(UNITS)
    judged = next(row for row in table if row["unit"] == "words")
    assert judged["status"] == "FAIL" and judged["p95"] <= 305 < judged["reference_p95"]
    assert {row["side"] for row in summary.tables["ecdf"].to_pylist()} == {"now", "baseline"}


def test_only_the_source_that_changed_is_named():
    before = state_of(lognormal(8_000, 1), books=lognormal(800, 3, median=3000))
    now = state_of(lognormal(8_000, 2), books=lognormal(800, 4, median=1500), seed=1)
    statuses = {f.subject: f.status for f in audit_of().summary(now, before).findings if f.metric == "w1_iqr"}
    assert statuses["source books"] is Status.FAIL
    assert statuses.get("source web") is None


def test_a_few_endless_documents_are_a_tail():
    before = lognormal(20_000, 1)
    now = lognormal(20_000, 2)
    now[:900] = 60_000
    summary = audit_of().summary(state_of(now, seed=1), state_of(before))
    [tail] = of(summary, subject="corpus", metric="long_share")
    assert tail.status is Status.FAIL
    assert "are longer than the baseline's p99" in tail.message
    assert tail.reference == pytest.approx(0.01, abs=0.002) and tail.value > 0.04
    assert tail.ci_low < tail.value < tail.ci_high


@pytest.mark.parametrize("docs", [300, 3_000])
def test_samples_of_one_corpus_are_one_corpus(docs):
    statuses = []
    for seed in range(60):
        now, before = (
            state_of(lognormal(docs, 2 * seed + side), books=lognormal(docs // 2, 10_000 + 2 * seed + side), seed=seed)
            for side in (0, 1)
        )
        statuses += [f.status for f in audit_of().summary(now, before).findings]
    assert statuses.count(Status.FAIL) == 0
    assert statuses.count(Status.WARN) <= 3


def test_few_documents_are_insufficient():
    summary = audit_of().summary(state_of(lognormal(50, 1)), state_of(lognormal(5_000, 2)))
    assert {f.status for f in summary.findings} == {Status.INSUFFICIENT}


def test_lengths_that_swing_every_night_are_no_news():
    before = state_of(lognormal(5_000, 1))
    names = [f"p{percentile}_words" for percentile in (5, 25, 50, 75, 95)]
    swing = {("corpus", name): tuple(1.0 + 20_000.0 * (night % 2) for night in range(12)) for name in names}
    audit = audit_of().with_history(History(swing))
    now = state_of(lognormal(5_000, 2, median=600), seed=1)
    [usual] = of(audit.summary(now, before), subject="corpus", metric="w1_iqr")
    assert usual.status is Status.INFO and "bands of the last 12 accepted runs" in usual.message
    steady = {**swing, ("corpus", "p75_words"): (500.0,) * 12}
    [unusual] = of(audit_of().with_history(History(steady)).summary(now, before), subject="corpus", metric="w1_iqr")
    assert unusual.status is Status.FAIL and "p75" in unusual.message


def test_lengths_of_real_text_in_three_units():
    audit = audit_of()
    text = sentences("hi")[0]
    state = scanned(audit, documents([text] * 3))
    values = [Lengths(state.whole()[unit]).quantile(50) for unit in range(3)]
    assert values[1] == pytest.approx(len(text.encode()), rel=0.01)
    assert values[2] == pytest.approx(len(text), rel=0.01)
    assert values[0] < values[2] < values[1]


def test_domains_are_judged_from_the_sample():
    lines = sentences("en")
    rows = [
        {**row, "domain": f"d{n % 2}.example"}
        for n, row in enumerate(documents([" ".join(lines[n % 50 : n % 50 + 1 + n % 5]) for n in range(600)]))
    ]
    longer = [{**row, "text": row["text"] * 3} if row["domain"] == "d1.example" else row for row in rows]
    audit = audit_of()
    summary = audit.summary(scanned(audit, longer), scanned(audit, rows))
    assert of(summary, subject="domain d1.example", metric="w1_iqr")[0].status is Status.FAIL
    assert not of(summary, subject="domain d0.example", metric="w1_iqr")
