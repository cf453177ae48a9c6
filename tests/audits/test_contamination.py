"""Test items planted in real text: what each detector must find, and what it must leave alone."""

import random

import pytest

from audits.base import Resources
from audits.contamination.exact_match import ExactMatchConfig
from audits.contamination.near_duplicate import NearDuplicateConfig
from audits.contamination.ngram_overlap import NgramOverlapConfig
from audits.contamination.verdicts import VERDICTS, combine
from audits.findings import ItemVerdict, Status
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

ITEMS = gsm8k()
QUESTIONS = [item["question"] for item in ITEMS]
ANSWERS = [item["answer"] for item in ITEMS]


def judged(config, texts, questions=QUESTIONS, answers=ANSWERS, **options):
    return summary_of(config, texts, items(questions, answers), **options)


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_a_planted_question_is_found_where_it_stands(config):
    texts = pages()
    texts[11] = inside(QUESTIONS[1], texts[11])
    summary = judged(config, texts)
    assert verdicts(summary) == ["clean", "exposed", "clean"]
    [match] = summary.matches
    assert (match.row, match.item_id, match.verdict) == (11, "set-1", "exposed")
    found = texts[11].encode()[match.train_start : match.train_end].decode()
    assert QUESTIONS[1].rstrip("?") in found
    assert match.excerpt and match.item_excerpt
    [finding] = [f for f in summary.findings if f.metric == "exposed_share"]
    assert finding.status is Status.FAIL
    assert finding.value == pytest.approx(1 / 3)
    assert finding.evidence[0].row == 11


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_ordinary_text_exposes_nothing(config):
    summary = judged(config, pages(200))
    assert verdicts(summary) == ["clean"] * 3
    assert summary.findings[0].status is Status.PASS


@pytest.mark.parametrize("config", WORD_LEVEL)
@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: text.replace(" ", "\n"),
        lambda text: text.replace(".", " . ").replace(",", ""),
        lambda text: text.replace("a", "\uff41"),
    ],
    ids=["case", "line breaks", "punctuation", "full width"],
)
def test_layout_and_case_do_not_hide_an_item(config, change):
    summary = judged(config, [*pages(5), inside(change(QUESTIONS[0]), pages(1)[0])])
    assert verdicts(summary)[0] == "exposed"


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_a_question_with_its_answer_is_told_from_a_question_alone(config):
    alone = judged(config, [inside(QUESTIONS[0], pages(1)[0])])
    together = judged(config, [inside(f"{QUESTIONS[0]} {ANSWERS[0]}", pages(1)[0])])
    assert alone.matches[0].evidence_class == "question_only"
    assert together.matches[0].evidence_class == "question_answer"


@pytest.mark.parametrize(
    ("config", "share", "least"),
    [(NgramOverlapConfig, 0.05, 0.9), (NearDuplicateConfig, 0.05, 0.97), (NearDuplicateConfig, 0.2, 0.9)],
)
def test_changed_words_hide_few_items(config, share, least):
    """The floors are what a useful detector must reach; benchmarks measure how far above them these are."""
    rng = random.Random(3)
    questions = [" ".join(rng.sample(sentences("en"), 3)) for _ in range(60)]

    def edit(question):
        words = question.split()
        for at in rng.sample(range(len(words)), max(1, round(len(words) * share))):
            words[at] = "changed"
        return " ".join(words)

    texts = [inside(edit(question), page) for question, page in zip(questions, pages(60, 9), strict=True)]
    found = verdicts(judged(config, texts, questions, [None] * 60))
    assert found.count("exposed") >= least * 60
    assert judged(ExactMatchConfig, texts, questions, [None] * 60).items[0].verdict == "clean"


def test_a_question_with_sentences_put_between_its_own_is_found_as_an_edited_copy():
    first, _, rest = QUESTIONS[0].partition(". ")
    text = f"{first}. {sentences('en')[5]} {rest}"
    assert verdicts(judged(NearDuplicateConfig, [inside(text, pages(1)[0])]))[0] == "exposed"


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_a_short_item_is_unmatchable_and_that_is_said(config):
    questions = ["Who?", "What now?", QUESTIONS[0]]
    summary = judged(config, pages(), questions, [None] * 3)
    assert verdicts(summary) == ["unmatchable", "unmatchable", "clean"]
    [finding] = [f for f in summary.findings if f.metric == "unmatchable_share"]
    assert finding.status is Status.INSUFFICIENT
    assert "2 of 3 items" in finding.message


def test_a_stem_that_items_share_identifies_none_of_them():
    stem = "Which of the following statements about this is true?"
    summary = judged(ExactMatchConfig, [f"{stem} Nobody knows."], [stem, stem, QUESTIONS[0]], [None] * 3)
    assert verdicts(summary) == ["unmatchable", "unmatchable", "clean"]


def test_templates_of_a_set_do_not_count():
    template = "Write a function in the language of your choice to find the"
    questions = [f"{template} number {n} {' '.join(sentences('en')[n].split()[:3])}" for n in range(40)]
    summary = judged(NgramOverlapConfig, [f"{template} way home before it gets dark."], questions, [None] * 40)
    assert "exposed" not in verdicts(summary)


def test_a_shared_passage_alone_is_only_suspect():
    from audits.findings import Match

    passage = " ".join(sentences("en")[:6])
    table = items(["Which of these sentences is the one that mentions no person at all?"])
    table = table.set_column(6, "passage", [[passage]])
    audit = NgramOverlapConfig().build(Resources(table))
    summary = audit.summary(scanned(audit, documents([inside(passage, pages(1)[0])])))
    assert verdicts(summary) == ["suspect"]
    assert isinstance(summary.matches[0], Match) and summary.matches[0].evidence_class == "passage_only"


def test_many_copies_are_all_counted_and_the_best_are_kept():
    texts = [inside(QUESTIONS[0], page) for page in pages(50)]
    summary = judged(NgramOverlapConfig, texts)
    assert summary.items[0].n_matches == 50
    assert len(summary.matches) == 20


def test_secrets_near_a_leak_are_masked():
    page = f"Mail jane.doe@example.org or use AKIAIOSFODNN7EXAMPLE. {QUESTIONS[1]}"
    match = judged(ExactMatchConfig, [page]).matches[0]
    assert "jane.doe" not in match.excerpt and "AKIAIOSFODNN7EXAMPLE" not in match.excerpt


def test_the_worst_verdict_of_all_detectors_stands():
    def verdict(name, detector, score=0.0):
        evidence = "question_only" if name in ("exposed", "suspect") else ""
        return ItemVerdict("set", None, "1", name, score, evidence, detector, name != "unmatchable", 0)

    for worst in range(len(VERDICTS)):
        names = VERDICTS[worst:]
        [combined] = combine([verdict(name, f"d{n}") for n, name in enumerate(reversed(names))])
        assert combined.verdict == VERDICTS[worst]
    [combined] = combine([verdict("unmatchable", "a"), verdict("clean", "b")])
    assert combined.matchable
