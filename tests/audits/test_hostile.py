"""Items and documents made to cost time and memory, or to break something: bounded, found where they should be."""

import random
import resource
import time

import pytest

from audits.contamination.exact_match import ExactMatchConfig
from audits.contamination.near_duplicate import NearDuplicateConfig
from audits.contamination.ngram_overlap import NgramOverlapConfig
from tests.audits.corpora import WORD_LEVEL, gsm8k, inside, items, pages, sentences, summary_of, verdicts

QUESTION = gsm8k()[0]["question"]
VOCABULARY = [word for line in sentences("en") for word in line.split()]
GENEROUS_SECONDS = 30
"""Work that grows with the square of the text takes minutes here; what is bounded, a second or two."""


def long_text(words, seed=1):
    return " ".join(random.Random(seed).choices(VOCABULARY, k=words))


def bounded(config, texts, table):
    """Return the summary, having asserted that neither time nor memory ran away."""
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    summary = summary_of(config, texts, table)
    assert time.monotonic() - started < GENEROUS_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_500_000, "kilobytes more at the peak"
    return summary


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_an_item_of_a_hundred_thousand_words_is_an_item(config):
    text = long_text(100_000)
    summary = bounded(config, [inside(text, pages(1)[0]), QUESTION], items([text, QUESTION, long_text(50_000, 2)]))
    assert verdicts(summary) == ["exposed", "exposed", "clean"]


@pytest.mark.parametrize("config", [NgramOverlapConfig, NearDuplicateConfig])
def test_an_edited_copy_of_a_very_long_item_is_found_and_named(config):
    words = long_text(30_000).split()
    for at in range(0, len(words), 20):
        words[at] = "exchanged"
    summary = bounded(config, [" ".join(words)], items([long_text(30_000), QUESTION]))
    assert verdicts(summary) == ["exposed", "clean"]
    assert summary.matches[0].edit == "words_changed"
    assert 0.9 < summary.matches[0].coverage < 0.97


@pytest.mark.parametrize("config", WORD_LEVEL)
@pytest.mark.parametrize("period", ["spam", "spam egg", "spam egg ham and then again"])
def test_words_repeated_without_end_cost_little_and_say_little(config, period):
    """The menu says 'spam' five hundred times; a page of nothing but spam says nothing about this menu."""
    menu = f"{(period + ' ') * (500 // len(period.split()))} is what the menu of the green inn has for us today"
    page = f"{period} " * (200_000 // len(period.split()))
    summary = bounded(config, [page, QUESTION], items([menu, QUESTION]))
    assert verdicts(summary)[1] == "exposed"
    assert verdicts(summary)[0] in ("clean", "suspect")
    leaked = bounded(config, [page, inside(menu, pages(1)[0])], items([menu, QUESTION]))
    assert verdicts(leaked) == ["exposed", "clean"]


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_a_stem_repeated_in_one_document_costs_little(config):
    stem = "Which of the following statements about the parotid gland and its duct is not correct?"
    summary = bounded(config, [f"{stem} " * 20_000], items([stem, QUESTION]))
    assert verdicts(summary) == ["exposed", "clean"]
    assert len(summary.exposures) == 1


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_a_document_of_many_items_is_taken_apart_in_time(config):
    questions = [f"{long_text(25, seed)} number {seed}" for seed in range(1500)]
    summary = bounded(config, [" ".join(questions[:1000])], items(questions))
    assert verdicts(summary) == ["exposed"] * 1000 + ["clean"] * 500


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_control_characters_neither_hide_an_item_nor_reach_the_report(config):
    question = QUESTION.replace(" ", "\x00 ", 3).replace("eggs", "\x1b[31meggs\x07").replace("four", "fo\u202eur")
    table = items([question, "\x00\x01\x02", "\ufffe\U0010ffff", "\u0301\u0301"])
    summary = summary_of(config, [inside(question, pages(1)[0]), "\x00", "\x1b\x1b\x1b"], table)
    assert verdicts(summary) == ["exposed", "unmatchable", "unmatchable", "unmatchable"]
    for match in summary.matches:
        assert match.excerpt.isprintable() and match.item_excerpt.isprintable()


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_one_word_of_a_million_letters_is_one_word(config):
    word = "supercalifragilistic" * 50_000
    summary = bounded(config, [f"{word} {QUESTION} {word}", word], items([word, QUESTION]))
    assert verdicts(summary) == ["unmatchable", "exposed"]
    [match] = summary.matches
    assert match.row == 0 and len(match.excerpt) <= 260


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_no_items_and_no_words_are_no_trouble(config):
    assert summary_of(config, [QUESTION], items([])).findings == []
    empty = summary_of(config, [], items(["", QUESTION]))
    assert verdicts(empty) == ["unmatchable", "clean"]


def test_the_same_item_a_thousand_times_is_found_once_for_each():
    table = items([QUESTION] * 1000)
    summary = bounded(ExactMatchConfig, [inside(QUESTION, page) for page in pages(20)], table)
    assert summary.items[0].verdict in ("unmatchable", "exposed")
    assert len({item.verdict for item in summary.items}) == 1
