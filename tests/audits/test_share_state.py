"""What share audits keep: exact sums, samples beyond their caps, examples, and profiles that give them back."""

import pickle
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.base import Resources
from audits.batch import CLUSTERS
from audits.drift import share_examples, share_state
from audits.drift.domain_drift import DomainDriftConfig
from audits.drift.language_drift import LanguageDriftConfig
from audits.drift.share_profile import share_tables, state_of
from audits.findings import Status
from connectors.schema import EVAL_ITEM_SCHEMA
from tests.audits.corpora import batch, documents, scanned, sentences
from tests.audits.simulated import drawn

NOTHING = Resources(EVAL_ITEM_SCHEMA.empty_table())
CORPUS = drawn({("web", "en"): 0.6, ("web", "de"): 0.2, ("books", "en"): 0.15, ("books", "zh"): 0.05}, 400, 7, hosts=30)


def profile(state):
    tables = share_tables(state)
    return {name: table.to_pylist() for name, table in tables.items() if name != "hosts"}


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 3), min_size=400, max_size=400), st.permutations(range(4)), st.booleans())
def test_the_profile_of_a_whole_is_the_merged_profile_of_its_parts(parts, order, sampled):
    """Exactly, for every count; beyond its cap on categories too."""
    where = np.array(parts)
    cap = 2 if sampled else 1000
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(share_state, "MAX_CELLS", cap)
        whole = CORPUS.state(sample=50)
        total = CORPUS.take(np.array([], dtype=int)).state(sample=50)
        for part in order:
            total.merge(pickle.loads(pickle.dumps(CORPUS.take(np.flatnonzero(where == part)).state(sample=50))))
        assert total.sampled == sampled
        assert profile(total) == profile(whole)


def test_a_profile_gives_back_what_is_judged():
    state = CORPUS.state(sample=50)
    again = state_of(share_tables(state), 50)
    assert profile(again) == profile(state)
    one = frozenset({"de", "zh"})
    assert again.group_sums(one) == state.group_sums(one)
    assert again.seen().by_source(one) == state.seen().by_source(one)
    assert again.hosts.count() == state.hosts.count() == len(set(CORPUS.hosts))


def test_group_sums_are_sums_of_hosts():
    sums = CORPUS.state().group_sums(frozenset({"de"}))
    of = np.array(CORPUS.categories) == "de"
    assert sums.y == CORPUS.words[of].sum() and sums.n == CORPUS.words.sum()
    assert sums.docs == len(np.unique(CORPUS.clusters)) <= CLUSTERS
    by_group = [CORPUS.words[of & (CORPUS.clusters == group)].sum() for group in range(CLUSTERS)]
    assert sums.yy == sum(int(words) ** 2 for words in by_group)


def test_more_domains_than_the_cap_are_judged_from_a_sample_and_the_report_says_so(monkeypatch):
    monkeypatch.setattr(share_state, "MAX_CELLS", 500)
    audit = DomainDriftConfig().build(NOTHING)

    def night(seed, share):
        made = drawn({("web", "x"): 1.0}, 30_000, seed, hosts=3000, sigma=0.5)
        rng = np.random.default_rng([seed, 9])
        made.categories = [
            "big.example" if chosen else host
            for chosen, host in zip(rng.random(30_000) < share, made.hosts, strict=True)
        ]
        made.hosts = made.categories
        return made.state(sample=8_000, clustered=False)

    before, now = night(1, 0.10), night(2, 0.20)
    assert now.sampled and before.sampled and not now.cells
    summary = audit.summary(now, before)
    [told] = [f for f in summary.findings if f.subject == "sample"]
    assert "8,000 of 30,000 documents" in told.message and told.status is Status.INFO
    found = next(f for f in summary.findings if f.subject == "big.example")
    assert found.status is Status.FAIL
    assert found.value == pytest.approx(0.20, abs=0.02) and found.reference == pytest.approx(0.10, abs=0.02)
    # A profile scales the sample up to the corpus, so that mixes made from it have its size.
    rows = share_tables(now)["shares"].to_pylist()
    assert sum(row["docs"] for row in rows) == pytest.approx(30_000, rel=0.01)
    assert next(m for m in summary.metrics if m.metric == "distinct_hosts").value == pytest.approx(3000, rel=0.25)


def test_a_sample_of_a_part_estimates_what_hosts_contribute():
    before = drawn({("web", "en"): 0.9, ("web", "de"): 0.1}, 20_000, 1, hosts=40)
    now = drawn({("web", "en"): 0.9, ("web", "de"): 0.1}, 20_000, 2, hosts=40)
    now.categories = [
        "de" if host == "web3.example" else category for host, category in zip(now.hosts, now.categories, strict=True)
    ]
    exact, sampled = (
        LanguageDriftConfig().build(NOTHING).summary(now.state(size), before.state(size)) for size in (20_000, 4_000)
    )
    truth = {row["host"]: row for row in exact.tables["hosts"].to_pylist() if row["subject"] == "non-en"}
    guess = {row["host"]: row for row in sampled.tables["hosts"].to_pylist() if row["subject"] == "non-en"}
    assert not truth["web3.example"]["estimated"] and guess["web3.example"]["estimated"]
    assert guess["web3.example"]["contribution"] == pytest.approx(truth["web3.example"]["contribution"], rel=0.3)
    message = next(f.message for f in sampled.findings if f.subject == "non-en")
    assert "Hosts that contributed most (estimated from samples): web3.example" in message


def foreign(count, source="web", host="a.example", shard="a"):
    lines = sentences("de")
    return [
        {**row, "url": f"https://{host}/{n}"}
        for n, row in enumerate(documents([lines[n % len(lines)] for n in range(count)], shard, source))
    ]


def test_evidence_is_the_largest_documents_of_the_source_and_random_ones_labelled_as_such():
    rng = random.Random(3)
    english = documents([" ".join(rng.sample(sentences("en"), 3)) for _ in range(400)], "e", "web")
    long = documents([" ".join(sentences("de")[:8])], "long", "dump")
    audit = LanguageDriftConfig(min_docs=20).build(NOTHING)
    before = scanned(audit, english + foreign(20))
    summary = audit.summary(
        scanned(audit, english + foreign(20) + foreign(80, "dump", "b.example", "d") + long), before
    )
    found = next(f for f in summary.findings if f.subject == "non-en")
    assert found.status is Status.FAIL
    chosen = [place.chosen for place in found.evidence]
    assert chosen == ["largest of source dump"] * 2 + ["seeded random"] * 3
    assert found.evidence[0].shard == "long"
    assert all(place.excerpt for place in found.evidence)
    assert len({(place.shard, place.row) for place in found.evidence}) == 5


def test_examples_beyond_their_cap_are_the_same_in_any_order(monkeypatch):
    monkeypatch.setattr(share_examples, "MAX_GROUPS", 4)
    audit = DomainDriftConfig().build(NOTHING)
    rows = [{**row, "domain": f"d{n % 9}.example"} for n, row in enumerate(documents(sentences("en")[:60], "a"))]

    def kept(pieces):
        total = audit.new_state()
        for piece in pieces:
            state = audit.new_state()
            audit.scan(state, batch(piece))
            total.merge(state)
        return {
            group: [[e.place.doc_id for e in kept.entries()] for kept in (one.largest, one.random)]
            for group, one in total.examples.groups.items()
        }

    whole = kept([rows])
    assert len(whole) == 4
    assert kept([rows[::-1]]) == whole == kept([rows[40:], rows[:7], rows[7:40]])


def test_a_document_without_url_is_its_own_cluster_and_pages_of_a_host_share_one():
    rows = [*foreign(10), *documents(sentences("en")[:10], "x")]
    made = batch(rows)
    assert made.hosts == ["a.example"] * 10 + [""] * 10
    assert len(set(made.clusters[:10].tolist())) == 1
    assert len(set(made.clusters[10:].tolist())) > 5
    constant = batch([{**row, "domain": "math"} for row in documents(["a", "b"], "y")])
    assert constant.hosts == ["", ""], "a domain that is no host name is no host"
    named = batch([{**row, "domain": "a.example.org"} for row in documents(["a"], "y")])
    assert named.hosts == ["a.example.org"]
