import gzip
import json
import math
import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from audits.base import Resources
from audits.drift.movers import shrunken_log_odds
from audits.drift.token_drift import TokenDriftConfig
from audits.drift.token_rates import compare_rates, compare_tokens
from audits.drift.token_state import TermCounts, TermSums, TokenState
from audits.errors import TokenizerUnavailable
from audits.findings import Status
from audits.kernels.terms import TermFinder, term_pattern
from connectors.schema import EVAL_ITEM_SCHEMA
from tests.audits.corpora import batch, documents, scanned, sentences

NOTHING = Resources(EVAL_ITEM_SCHEMA.empty_table())
WEB = Path(__file__).parents[2] / "examples" / "data" / "baseline" / "web"
PROSE = "one two three four five six seven eight nine ten " * 10


def audit(**options):
    return TokenDriftConfig(**options).build(NOTHING)


def page_texts(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def judged(now, before, term="∂", **options):
    of = audit(watch=(term,), **options)
    summary = of.summary(scanned(of, documents(now)), scanned(of, documents(before)))
    return next((f for f in summary.findings if f.subject == term), None)


def with_term(docs, holding, times=1, term="∂"):
    return [PROSE + f" {term}" * (times if n < holding else 0) for n in range(docs)]


@pytest.fixture(scope="module")
def tokenizer_path(tmp_path_factory):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(sentences("en") + sentences("de"), trainer)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return str(path)


def test_a_symbol_that_becomes_half_as_frequent_fails():
    found = judged(with_term(2000, 95), with_term(2000, 200))
    assert found.status is Status.FAIL
    assert "fell from" in found.message and "95 documents have it" in found.message
    assert found.evidence[0].chosen == "seeded random"
    assert found.n_docs == 95 and found.value < found.threshold < found.reference
    assert found.evidence and "∂" in found.evidence[0].excerpt


def test_a_symbol_that_is_only_burstier_is_not_called_rarer():
    found = judged(with_term(2000, 25, times=7), with_term(2000, 200))
    assert found.status is Status.INFO and found.metric == "document_share"
    assert "burstier" in found.message


def test_a_symbol_that_is_gone_fails_and_one_in_few_documents_is_insufficient():
    assert judged(with_term(2000, 0), with_term(2000, 200)).status is Status.FAIL
    assert judged(with_term(2000, 1), with_term(2000, 10)).status is Status.INSUFFICIENT


def test_a_floor_needs_no_baseline():
    of = audit(min_per_million={"∂": 1000.0, "seven": 500.0, "never": 500.0, "rare": 10.0})
    summary = of.summary(scanned(of, documents(with_term(100, 2))))
    statuses = {f.subject: f.status for f in summary.findings if f.metric == "floor_per_million"}
    assert statuses == {
        "∂": Status.FAIL,
        "seven": Status.PASS,
        "never": Status.FAIL,
        # A tenth of an occurrence is expected.
        "rare": Status.INSUFFICIENT,
    }
    below = next(f for f in summary.findings if f.subject == "∂")
    assert below.ci_low < below.value < below.ci_high < below.threshold


def test_a_rate_that_may_reach_its_floor_only_warns():
    of = audit(min_per_million={"∂": 250.0})
    [finding] = [f for f in of.summary(scanned(of, documents(with_term(200, 4)))).findings if f.subject == "∂"]
    assert finding.status is Status.WARN
    assert finding.ci_low < finding.value < finding.threshold < finding.ci_high


def test_floors_inside_a_domain_count_that_domain_alone():
    of = audit(domain_min_per_million={"math": {"∂": 1000.0}, "law": {"∂": 1.0}})
    rows = [*documents(with_term(100, 5), "a", domain="math"), *documents(with_term(300, 300), "b", domain="web")]
    statuses = {f.subject: f.status for f in of.summary(scanned(of, rows, size=77)).findings}
    assert statuses["∂ in math"] is Status.FAIL
    assert statuses["∂ in law"] is Status.INSUFFICIENT


def counts_of(*per_document, docs=2000, words=100):
    """Return the sums of a term that has so many occurrences in each of the first documents."""
    counts = np.zeros(docs, dtype=np.int64)
    counts[: len(per_document)] = per_document
    state = TokenState()
    state.corpus.add(np.full(docs, words), {"∂": counts}, np.arange(docs) % 1024)
    return state


def test_halving_is_seen_and_bursts_are_not_called_so_whatever_the_draw():
    """In the baseline one document in ten has the term once; halved one in twenty, burstier one in 100 ten times."""
    of, statuses = audit(watch=("∂",)), {"halved": [], "burstier": [], "same": []}
    for seed in range(100):
        rng = np.random.default_rng(seed)
        before = counts_of(*np.ones(rng.binomial(10_000, 0.1), dtype=int), docs=10_000)
        sides = {
            "halved": counts_of(*np.ones(rng.binomial(10_000, 0.049), dtype=int), docs=10_000),
            "burstier": counts_of(*np.full(rng.binomial(10_000, 0.01), 10), docs=10_000),
            "same": counts_of(*np.ones(rng.binomial(10_000, 0.1), dtype=int), docs=10_000),
        }
        for name, now in sides.items():
            [status] = [f.status for f in of.summary(now, before).findings if f.metric != "corpus"][:1]
            statuses[name].append(status)
    assert statuses["halved"].count(Status.FAIL) >= 50
    assert set(statuses["halved"]) <= {Status.FAIL, Status.WARN}
    assert Status.FAIL not in statuses["burstier"] and statuses["burstier"].count(Status.WARN) <= 2
    assert set(statuses["same"]) == {Status.PASS}


def test_pages_of_one_host_are_one_observation_when_hosts_are_the_unit():
    """One host of two hundred brings a term on all of its pages: by document a certain rise, by host chance."""
    rows = [
        {**row, "url": f"https://host{at % 200}.example/{at}"} for at, row in enumerate(documents(with_term(4000, 200)))
    ]
    brought = [
        {**row, "text": f"{PROSE} ∂"} if "host7." in row["url"] and "∂" not in row["text"] else row for row in rows
    ]
    brought = [{**row, "text": row["text"] + " ∂" * 12} if "host7." in row["url"] else row for row in brought]
    statuses = {}
    for unit in ("doc", "host"):
        of = audit(watch=("∂",), cluster_by=unit)
        [found] = [
            f for f in of.summary(scanned(of, brought), scanned(of, rows)).findings if f.metric != "document_share"
        ]
        statuses[unit] = found.status
    assert statuses["doc"] is Status.FAIL
    assert statuses["host"] in (Status.PASS, Status.INFO)


def test_few_hosts_are_too_few_for_intervals_by_host():
    rows = [{**row, "url": "https://one.example/"} for row in documents(with_term(500, 100))]
    of = audit(watch=("∂",), cluster_by="host")
    [found] = of.summary(scanned(of, rows), scanned(of, rows)).findings
    assert found.status is Status.INSUFFICIENT and "groups of hosts" in found.message


def test_sums_by_host_have_the_totals_of_sums_by_document():
    of = audit(watch=("∂", "seven"))
    state = scanned(
        of, [{**row, "url": f"https://h{at % 9}.example"} for at, row in enumerate(documents(with_term(90, 9)))]
    )
    rebuilt = of.from_profile(of.to_profile(state))
    for term in ("∂", "seven"):
        for side in (state.corpus, rebuilt.corpus):
            plain, hosts = side.rate_sums(term), side.rate_sums(term, by_host=True)
            assert (hosts.y, hosts.n) == (plain.y, plain.n)
            assert side.document_sums(term, by_host=True).ratio == side.document_sums(term).ratio
    assert rebuilt.corpus.groups.used == state.corpus.groups.used <= 9


def test_a_term_that_few_documents_of_a_large_baseline_have_is_not_gone_from_a_small_corpus():
    of = audit(watch=("∂",))
    before, now = counts_of(*[1] * 30, docs=100_000), counts_of(docs=300)
    [finding] = [f for f in of.summary(now, before).findings if f.subject in ("∂", "watch")]
    assert finding.status is Status.PASS


@pytest.fixture(scope="module")
def single_documents(tokenizer_path):
    """Return the audit, and a state of each page of the demo's baseline and of some sentences in other languages."""
    of = audit(tokenizer=tokenizer_path, watch=("the", "und", ",", "$", "def", "2009"))
    texts = [page for path in sorted(WEB.glob("*.gz")) for page in page_texts(path)]
    texts += [line for language in ("de", "ja", "hi") for line in sentences(language)]
    return of, [scanned(of, documents([text], shard=str(at))) for at, text in enumerate(texts)]


def test_random_halves_of_a_corpus_do_not_differ(single_documents):
    of, states = single_documents
    statuses, movers = Counter(), 0
    for seed in range(100):
        first = set(random.Random(seed).sample(range(len(states)), len(states) // 2))
        sides = [of.new_state(), of.new_state()]
        for at, state in enumerate(states):
            sides[at in first].merge(state)
        summary = of.summary(*sides)
        statuses.update(f.status for f in summary.findings)
        movers += summary.tables["movers"].num_rows
    assert statuses[Status.FAIL] == 0
    assert statuses[Status.WARN] <= 100, "one a run on average"
    assert movers <= 100 * 3


def test_movers_are_found_where_a_language_grew(tokenizer_path):
    of = audit(tokenizer=tokenizer_path)
    now = scanned(of, documents([*sentences("en")[:500], *sentences("de")[:500]]))
    before = scanned(of, documents(sentences("en")))
    movers = of.summary(now, before).tables["movers"].to_pylist()
    rising = [row for row in movers if row["log_odds"] > 0]
    assert {"und", "der", "die"} & {row["token"].strip() for row in rising}
    assert all(row["z"] > 0 and row["q_value"] <= 0.01 and row["n_docs"] >= 20 for row in rising)
    assert {row["why"] for row in rising} <= {"more documents", "more in each document", "only one side has it"}


def test_shrunken_log_odds_are_those_of_the_formula():
    state, reference = TokenState(), TokenState()
    for side, y in ((state, [40, 0, 960]), (reference, [20, 30, 1950])):
        side.corpus.docs, side.corpus.units = 100, sum(y)
        side.vocabulary = np.array([y, [0] * 3, [0] * 3, [0] * 3])
    odds = shrunken_log_odds(state, reference)
    prior = 1000 * np.array([60, 30, 2910]) / 3000
    for token in range(3):
        sides = [
            (y + prior[token]) / (n + 1000 - y - prior[token])
            for y, n in ((state.vocabulary[0, token], 1000), (reference.vocabulary[0, token], 2000))
        ]
        assert odds[token] == pytest.approx(math.log(sides[0]) - math.log(sides[1]))
    assert odds[0] > 0 > odds[1]


def test_clustered_z_equals_the_comparison_of_one_term(tokenizer_path):
    of = audit(tokenizer=tokenizer_path)
    now, before = scanned(of, documents(sentences("en"))), scanned(of, documents(sentences("de")))
    changes = compare_tokens(now, before, 20)
    for token in np.flatnonzero(changes.tested).tolist():
        sides = [TermCounts(side.corpus.docs, side.corpus.units, side.corpus.units_squared) for side in (now, before)]
        for counts, side in zip(sides, (now, before), strict=True):
            counts.terms["t"] = TermSums(*(int(side.vocabulary[row, token]) for row in range(4)))
        one = compare_rates(sides[0].rate_sums("t"), sides[1].rate_sums("t"))
        assert changes.z[token] == pytest.approx(one.delta / one.error, rel=0.02)


def test_tokens_that_are_new_or_gone_above_a_floor_warn(tokenizer_path):
    of = audit(tokenizer=tokenizer_path, new_per_million=50.0)
    english = documents(sentences("en"))
    marked = [{**row, "text": f"\u2603 {row['text']}"} for row in english[:60]] + english[60:]
    more, less = scanned(of, marked), scanned(of, english)
    for now, before, name in ((more, less, "new_tokens"), (less, more, "gone_tokens")):
        summary = of.summary(now, before)
        [finding] = [f for f in summary.findings if f.metric == name]
        assert finding.status is Status.WARN
        assert summary.tables[name].num_rows == finding.value
    assert not [f for f in of.summary(less, less).findings if f.metric in ("new_tokens", "gone_tokens")]


def count_terms(texts, terms):
    made = batch(documents(texts))
    return TermFinder(terms).counts(made.data, made.offsets)


@settings(max_examples=200, deadline=None)
@given(
    texts=st.lists(st.text(alphabet="aab_1 ∂-.\u0301é", max_size=25), min_size=1, max_size=4),
    terms=st.lists(st.text(alphabet="ab_1∂-. é", min_size=1, max_size=3), min_size=1, max_size=5, unique=True),
)
def test_counts_of_terms_are_those_of_their_patterns(texts, terms):
    expected = [[len(re.findall(term_pattern(term), text, re.ASCII)) for term in terms] for text in texts]
    assert count_terms(texts, terms).tolist() == expected


@pytest.mark.parametrize(
    ("term", "text", "count"),
    [
        ("def", "def f(): default, undef def", 2),
        ("∂", "∂x/∂y", 2),
        ("->", "a -> b->c", 2),
        ("C++", "C++ and C+++ but not ABC++", 2),
        ("####", "#### 18", 1),
        (".*", "a.*b", 1),
    ],
)
def test_terms_are_counted_as_words_where_they_are_words(term, text, count):
    assert count_terms([text], [term]).tolist() == [[count]]
    assert len(re.findall(term_pattern(term), text, re.ASCII)) == count


@pytest.mark.parametrize("content", [None, b"{}", b"not json"])
def test_a_tokenizer_that_cannot_be_used_is_an_error_with_a_remedy(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TokenizerUnavailable, match=r"tokenizer\.json") as caught:
        audit(tokenizer=str(path))
    assert caught.value.remedy


def test_another_tokenizer_has_another_digest(tokenizer_path, tmp_path):
    other = tmp_path / "other.json"
    other.write_text(Tokenizer.from_file(tokenizer_path).to_str(pretty=False), encoding="utf-8")
    assert audit(tokenizer=tokenizer_path).digests() != audit(tokenizer=str(other)).digests()
    assert audit().digests()["tokenizer"] == "words"
