"""What `tokenizer_stats` measures, and what it says of text that fits a tokenizer badly or worse than it did."""

import random
from functools import cache

import numpy as np
import pytest

from audits.base import Resources
from audits.drift.token_drift import TokenDriftConfig
from audits.drift.tokenizer_stats import TokenizerStatsConfig
from audits.findings import Status
from audits.history import History
from audits.tokens.counting import TokenCounter, counter_of
from connectors.schema import EVAL_ITEM_SCHEMA
from tests.audits.corpora import batch, documents, found, pages, scanned
from tests.audits.tokenizers_made import MADE, REFUSED

NOTHING = Resources(EVAL_ITEM_SCHEMA.empty_table())
TROUBLE = (Status.FAIL, Status.WARN)


@pytest.fixture(scope="module")
def path_of(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizers")

    @cache
    def written(name):
        path = folder / f"{name}.json"
        made = MADE[name]() if name in MADE else REFUSED[name][0]()
        path.write_text(made.content, encoding="utf-8")
        return str(path)

    return written


def audit(path, **options):
    return TokenizerStatsConfig(tokenizer=path, **options).build(NOTHING)


def mixed(*shares, seed=1):
    """Return documents of four sentences: so many of each language."""
    rows = []
    for at, (language, count) in enumerate(shares):
        rows += documents(pages(count, seed + at, language, size=4), f"{language}{seed}", domain=f"{language}.example")
    return rows


def metric(summary, subject, name):
    return next(m for m in summary.metrics if (m.subject, m.metric) == (subject, name))


def test_ratios_are_those_of_the_library(path_of):
    of = audit(path_of("gpt2"))
    rows = mixed(("en", 120), ("de", 120))
    summary = of.summary(scanned(of, rows))
    tokenizer = of.file.tokenizer()
    texts = [row["text"] for row in rows]
    tokens = [len(one.ids) for one in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    sizes = [len(text.encode()) for text in texts]
    assert metric(summary, "corpus", "bytes_per_token").value == pytest.approx(sum(sizes) / sum(tokens))
    english = metric(summary, "language en", "bytes_per_token")
    assert english.value == pytest.approx(sum(sizes[:120]) / sum(tokens[:120]))
    assert english.n_docs == 120
    words = int(batch(rows).word_counts.sum())
    assert metric(summary, "corpus", "tokens_per_word").value == pytest.approx(sum(tokens) / words)
    assert english.ci_low < english.value < english.ci_high
    groups = summary.tables["tokenizer"].column("group").to_pylist()
    assert {"corpus", "language en", "language de", "domain en.example", "domain de.example"} <= set(groups)


def test_the_interval_is_that_of_documents_drawn_again(path_of):
    of = audit(path_of("gpt2"))
    rows = mixed(("en", 300))
    told = metric(of.summary(scanned(of, rows)), "corpus", "bytes_per_token")
    counts = batch(rows).tokens(of.file).sizes
    sizes = np.array([len(row["text"].encode()) for row in rows])
    rng = np.random.default_rng(3)
    drawn = [rng.integers(0, len(rows), len(rows)) for _ in range(2000)]
    ratios = [sizes[some].sum() / counts[some].sum() for some in drawn]
    low, high = np.percentile(ratios, [2.5, 97.5])
    assert told.ci_low == pytest.approx(low, rel=0.003)
    assert told.ci_high == pytest.approx(high, rel=0.003)


def test_a_language_that_grows_fails_and_the_mix_is_named(path_of):
    of = audit(path_of("gpt2"), min_docs=50)
    before = scanned(of, mixed(("en", 400), ("hi", 100), seed=1))
    now = scanned(of, mixed(("en", 300), ("hi", 200), seed=11))
    summary = of.summary(now, before)
    [change] = found(summary, subject="corpus", metric="bytes_per_token_change")
    assert change.status in TROUBLE
    assert "the largest part from language" in change.message
    assert not [f for f in summary.findings if f.subject.startswith("language") and f.metric.endswith("_change")]


def test_text_whose_characters_are_broken_grows_more_fallback_tokens(path_of):
    of = audit(path_of("gpt2"))
    rows = mixed(("en", 300))
    broken = [{**row, "text": row["text"].replace("e", "\U0001f9ff", 6)} for row in mixed(("en", 300), seed=9)]
    summary = of.summary(scanned(of, broken), scanned(of, rows))
    [change] = found(summary, subject="corpus", metric="fallback_share_change")
    assert change.status is Status.FAIL and change.value > change.threshold > change.reference


def test_a_tokenizer_that_does_not_know_a_script_fails_without_a_baseline(path_of):
    of = audit(path_of("bert_uncased"), min_docs=50)
    strange = [{**row, "text": row["text"].replace("a", "\u2fd5")} for row in mixed(("en", 100))]
    summary = of.summary(scanned(of, strange))
    [unknown] = found(summary, subject="corpus", metric="unknown_share_limit")
    assert unknown.status is Status.FAIL
    assert unknown.ci_low > unknown.threshold


def test_text_that_fits_passes_and_too_little_is_insufficient(path_of):
    of = audit(path_of("gpt2"))
    [fits] = found(of.summary(scanned(of, mixed(("en", 150)))), metric="fallback_share_limit")
    assert fits.status is Status.PASS
    few = of.summary(scanned(of, mixed(("en", 20))), scanned(of, mixed(("en", 20), seed=5)))
    assert {f.status for f in few.findings} == {Status.INSUFFICIENT}


def test_special_tokens_in_the_text_warn_and_are_shown(path_of):
    of = audit(path_of("gpt2"))
    rows = mixed(("en", 150))
    for row in rows[:3]:
        row["text"] += " an end <|endoftext|> and more"
    [special] = found(of.summary(scanned(of, rows)), subject="special tokens")
    assert special.status is Status.WARN
    assert special.n_docs == 3 and special.value == pytest.approx(3 / 150)
    assert "'<|endoftext|>' in 3" in special.message
    assert len(special.evidence) == 3
    place = special.evidence[0]
    text = next(row["text"] for row in rows if row["doc_id"] == place.doc_id)
    assert text.encode()[place.byte_start : place.byte_end] == b"<|endoftext|>"
    allowed = audit(path_of("gpt2"), max_special_share=0.05)
    [passed] = found(allowed.summary(scanned(allowed, rows)), subject="special tokens")
    assert passed.status is Status.PASS


def test_single_token_words_are_not_told_where_texts_are_encoded_whole(path_of):
    rows = mixed(("en", 120))
    for name, known in (("gpt2", True), ("split", False)):
        of = audit(path_of(name))
        names = {m.metric for m in of.summary(scanned(of, rows)).metrics}
        assert ("single_token_share" in names) is known
        assert of.notes()["counting"] == "piece by piece" if known else "not among" in of.notes()["counting"]


def test_random_halves_raise_no_alarm(path_of):
    of = audit(path_of("gpt2"), min_docs=50)
    rows = mixed(("en", 300), ("de", 150), ("zh", 150))
    single = [scanned(of, [row]) for row in rows]
    statuses = []
    for seed in range(40):
        first = set(random.Random(seed).sample(range(len(rows)), len(rows) // 2))
        sides = [of.new_state(), of.new_state()]
        for at, state in enumerate(single):
            sides[at in first].merge(state)
        statuses += [f.status for f in of.summary(*sides).findings if f.metric.endswith("_change")]
    assert Status.FAIL not in statuses
    assert statuses.count(Status.WARN) <= 2


def test_a_change_that_is_usual_for_the_corpus_is_no_alarm(path_of):
    of = audit(path_of("gpt2"), min_docs=50)
    before = scanned(of, mixed(("en", 400), ("hi", 100), seed=1))
    now = scanned(of, mixed(("en", 300), ("hi", 200), seed=11))
    value = metric(of.summary(now, before), "corpus", "bytes_per_token").value
    usual = tuple(value * (1 + step / 100) for step in (-2, 3, -1, 1, -3, 2, -2, 1, 0))
    known = of.with_history(History({("corpus", "bytes_per_token"): usual}))
    [change] = found(known.summary(now, before), subject="corpus", metric="bytes_per_token_change")
    assert change.status is Status.INFO
    assert "usual for this corpus" in change.message


def test_two_audits_with_one_tokenizer_count_a_batch_once(path_of, monkeypatch):
    calls = []
    count = TokenCounter.count

    def counting(self, data, offsets):
        calls.append(len(offsets))
        return count(self, data, offsets)

    stats = audit(path_of("gpt2"))
    drift = TokenDriftConfig(tokenizer=path_of("gpt2")).build(NOTHING)
    made = batch(mixed(("en", 10)))
    counter_of(stats.file)
    monkeypatch.setattr(TokenCounter, "count", counting)
    for of in (stats, drift):
        of.scan(of.new_state(), made)
    assert len(calls) == 1
