"""Wording that says nothing about an item: of its test set, or of the corpus; and leaks that look like it."""

import pickle
import random

import numpy as np
import pytest

from audits.base import Resources
from audits.contamination.boilerplate import PartCounts
from audits.contamination.exact_match import ExactMatchConfig
from audits.contamination.near_duplicate import NearDuplicateConfig
from audits.contamination.ngram_overlap import NgramOverlapConfig
from tests.audits.corpora import (
    WORD_LEVEL,
    documents,
    gsm8k,
    inside,
    items,
    pages,
    scanned,
    sentences,
    summary_of,
    verdicts,
)

PREAMBLE = (
    "Below is an instruction that describes a task, paired with further input. "
    "Write a response that completes the request and show every step."
)
TAIL = (
    "Ann folds paper cranes: forty on Monday, eleven fewer on Tuesday, twice that by noon. How many cranes lie there?"
)
ITEM = f"{PREAMBLE} {TAIL}"
OTHER = gsm8k()[0]["question"]
PARTIAL = [NgramOverlapConfig, NearDuplicateConfig]


def rows_of(summary, kind):
    return [row for row in summary.tables["dropped_phrases"].to_pylist() if row["kind"] == kind]


def with_preamble(count, seed=1):
    """Return documents that begin with the preamble and go on with something of their own."""
    return [f"{PREAMBLE} {page}" for page in pages(count, seed)]


@pytest.mark.parametrize("config", PARTIAL)
def test_a_phrase_of_the_corpus_counts_on_neither_side(config):
    summary = summary_of(config, [*pages(70, 2), *with_preamble(30)], items([ITEM, OTHER]))
    assert verdicts(summary) == ["clean", "clean"]
    assert not summary.exposures
    if config is NgramOverlapConfig:
        [row] = rows_of(summary, "frequent")
        assert row["documents"] == 30 and row["sources"] == 1 and row["items"] == 1
        assert row["phrase"].startswith("Below is an instruction")
        assert "cranes" not in row["phrase"]


def test_a_preamble_in_few_documents_is_no_phrase_of_the_corpus():
    summary = summary_of(NgramOverlapConfig, with_preamble(5), items([ITEM, OTHER]))
    assert "dropped_phrases" not in summary.tables
    assert summary.items[0].verdict == "exposed"


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_an_item_is_found_among_documents_that_share_its_preamble(config):
    texts = with_preamble(30)
    texts[17] = inside(ITEM, pages(1, 3)[0])
    summary = summary_of(config, texts, items([ITEM, OTHER]))
    assert verdicts(summary) == ["exposed", "clean"]
    assert {exposure.row for exposure in summary.exposures} == {17}


@pytest.mark.parametrize("config", PARTIAL)
def test_the_rest_of_an_item_counts_where_its_preamble_does_not(config):
    texts = [*with_preamble(30), *pages(5, 4), inside(TAIL, pages(1, 3)[0])]
    summary = summary_of(config, texts, items([ITEM, OTHER]))
    if config is NgramOverlapConfig:
        assert summary.items[0].verdict == "exposed"
        assert {exposure.row for exposure in summary.exposures} == {35}
    else:
        # An alignment is with the whole item, of which this is the smaller half.
        assert summary.items[0].verdict == "clean"


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_an_item_copied_everywhere_is_a_leak_in_all_of_its_places(config):
    texts = [*(inside(OTHER, page) for page in pages(60)), *pages(40, 5)]
    summary = summary_of(config, texts, items([OTHER, ITEM]))
    assert verdicts(summary) == ["exposed", "clean"]
    assert sorted(exposure.row for exposure in summary.exposures) == list(range(60))
    assert summary.items[0].n_matches == 60
    assert "60 training documents" in summary.findings[0].message
    assert "dropped_phrases" not in summary.tables


def judged(config, shards, order):
    audit = config().build(Resources(items([ITEM, OTHER])))
    states = [pickle.loads(pickle.dumps(scanned(audit, shards[at]))) for at in order]
    total = audit.new_state()
    for state in states:
        total.merge(state)
    return audit.summary(total)


def test_phrases_are_learnt_per_source_and_across_sources():
    few = [documents(with_preamble(18, n), f"s{n}", f"source{n}") for n in range(3)]
    spread = judged(NgramOverlapConfig, few, (0, 1, 2))
    [row] = rows_of(spread, "frequent")
    assert (row["documents"], row["sources"]) == (54, 3)
    assert spread.items[0].verdict == "clean"
    two = judged(NgramOverlapConfig, few, (0, 1))
    assert two.items[0].verdict == "exposed", "36 documents in two sources are neither 20 of one nor 50 of three"
    one = judged(NgramOverlapConfig, [documents(with_preamble(20), "a", "web")], (0,))
    assert one.items[0].verdict == "clean"


def test_rare_phrases_of_a_large_source_are_no_phrases():
    counts = PartCounts()
    for _ in range(25):
        counts.add("web", _covered(4, of=10))
    assert counts.frequent({"web": 25_000})[:4].all()
    assert not counts.frequent({"web": 26_000}).any()
    assert not counts.frequent({"web": 25_000})[4:].any()


def _covered(words, of):
    return np.arange(of) < words


def test_whole_copies_defend_their_words():
    counts = PartCounts()
    for _ in range(30):
        counts.add("web", _covered(5, of=10))
    assert counts.frequent({"web": 100}).any()
    for _ in range(7):
        counts.add("web", _covered(10, of=10))
    # 37 documents with the first half, 7 with all: more than a fifth of them hold the item.
    assert 37 > 5 * 7
    assert counts.frequent({"web": 100})[:5].all()
    counts.add("web", _covered(10, of=10))
    assert not counts.frequent({"web": 100}).any()


@pytest.mark.parametrize("config", WORD_LEVEL)
@pytest.mark.parametrize("order", [(2, 0, 1, 3), (3, 2, 1, 0)])
def test_states_merge_in_any_order(config, order):
    shards = [documents([*with_preamble(13, n), inside(ITEM, pages(1, n)[0])], f"s{n}", f"source{n}") for n in range(4)]
    one, other = judged(config, shards, (0, 1, 2, 3)), judged(config, shards, order)
    assert [exposure.row for exposure in one.exposures] == [13] * 4
    assert one.exposures == other.exposures
    assert (one.items, one.matches, one.findings) == (other.items, other.matches, other.findings)
    assert one.tables == other.tables
    assert ("dropped_phrases" in one.tables) is (config is NgramOverlapConfig)


STEM = "Write a function in the language of your choice that takes a list and returns"
ENDS = [" ".join(line.split()[:7]) for line in sentences("en") if len(line.split()) >= 7]


@pytest.mark.parametrize("config", PARTIAL)
def test_the_stem_of_forty_items_is_a_template_and_told(config):
    questions = [f"{STEM} {end}" for end in ENDS[:40]]
    summary = summary_of(config, [inside(f"{STEM} nothing of interest to us.", pages(1)[0])], items(questions))
    assert verdicts(summary) == ["clean"] * 40
    named = rows_of(summary, "template")
    assert all(30 <= row["items"] <= 40 for row in named), "families of near-identical items count as one"
    assert all(row["phrase"] in STEM and row["eval_set"] == "set" for row in named)


@pytest.mark.parametrize("config", PARTIAL)
def test_an_item_with_a_template_is_found_by_what_is_its_own(config):
    questions = [f"{STEM} {line}" for line in sentences("en")[:40]]
    summary = summary_of(config, [inside(questions[7], OTHER)], items(questions))
    assert [n for n, verdict in enumerate(verdicts(summary)) if verdict == "exposed"] == [7]
    assert "suspect" not in verdicts(summary)


@pytest.mark.parametrize("config", PARTIAL)
def test_variations_of_one_item_are_a_family_and_no_template(config):
    """GSM-Plus asks each question eight times with other numbers; twelve here, past the ten of the option."""
    rng = random.Random(1)
    variations = [OTHER.replace("16", str(rng.randrange(17, 99))).replace("$2", f"${n + 3}") for n in range(12)]
    summary = summary_of(config, [inside(OTHER, pages(1)[0])], items([*variations, ITEM]))
    assert set(verdicts(summary)[:12]) == {"exposed"}
    assert summary.items[12].verdict == "clean"
    assert "dropped_phrases" not in summary.tables


def test_exact_matches_take_no_phrase_for_granted():
    """A whole question stands word for word: the corpus may repeat its beginning as often as it likes."""
    summary = summary_of(ExactMatchConfig, [*with_preamble(40), ITEM], items([ITEM]))
    assert [exposure.row for exposure in summary.exposures] == [40]
