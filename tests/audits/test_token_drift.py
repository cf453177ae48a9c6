import random

import pyarrow as pa
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from audits.base import Resources
from audits.drift.token_drift import TokenDriftConfig
from audits.drift.watch_terms import count_term
from audits.errors import TokenizerUnavailable
from audits.findings import Status
from connectors.schema import EVAL_ITEM_SCHEMA
from tests.audits.corpora import documents, scanned, sentences

NOTHING = Resources(EVAL_ITEM_SCHEMA.empty_table())
PROSE = "one two three four five six seven eight nine ten " * 10


def audit(**options):
    return TokenDriftConfig(**options).build(NOTHING)


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
    assert "fell from" in found.message
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
    of = audit(min_per_million={"∂": 500.0, "seven": 500.0})
    statuses = {f.subject: f.status for f in of.summary(scanned(of, documents(with_term(100, 2)))).findings}
    assert (statuses["∂"], statuses["seven"]) == (Status.FAIL, Status.PASS)


@pytest.mark.parametrize("seed", range(3))
def test_random_halves_of_a_corpus_do_not_differ(tokenizer_path, seed):
    lines = [*sentences("en"), *sentences("de")]
    random.Random(seed).shuffle(lines)
    of = audit(tokenizer=tokenizer_path, watch=("the", "und", ",", "is"))
    now, before = scanned(of, documents(lines[::2])), scanned(of, documents(lines[1::2]))
    summary = of.summary(now, before)
    assert not [f for f in summary.findings if f.status in (Status.FAIL, Status.WARN)]
    assert summary.tables["movers"].num_rows <= 3


def test_movers_are_found_where_a_language_grew(tokenizer_path):
    of = audit(tokenizer=tokenizer_path)
    now = scanned(of, documents([*sentences("en")[:500], *sentences("de")[:500]]))
    before = scanned(of, documents(sentences("en")))
    movers = of.summary(now, before).tables["movers"].to_pylist()
    rising = [row["token"].strip() for row in movers if row["log2_ratio"] is None or row["log2_ratio"] > 0]
    assert {"und", "der", "die"} & set(rising)


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
    assert count_term(pa.array([text]), term).tolist() == [count]


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
