"""Every kind of planted copy, in several scripts: what detectors mark lies where the copy lies, on both sides."""

import random

import pytest

from audits.base import Resources
from audits.contamination.edits import EDITS as NAMES
from audits.contamination.planting import KINDS, embed, material_of, plant_items
from audits.contamination.planting_edits import EDITS
from audits.kernels.words import split_words_plain
from tests.audits.corpora import WORD_LEVEL, documents, gsm8k, items, pages, quoted, scanned, sentences

QUESTIONS = [
    *(row["question"] for row in gsm8k()),
    *(" ".join(sorted(sentences(language), key=len)[-4:-2]) for language in ("de", "ru", "zh", "hi", "ar", "vi")),
]
OPTIONS = ["the first of them", "neither of these two", "both, in this order", "none that is named"]
TABLE = items(QUESTIONS, [OPTIONS[1]] * len(QUESTIONS), choices=[OPTIONS] * len(QUESTIONS))
PAGES = pages(40, 8)
EXACT = {"question", "question_answer", "question_options", "options_shuffled", "reflowed", "recased", "lookalikes"}
"""Kinds that keep every word of the question in its place. Two words do not survive and are known misses: a German
ß in capitals is SS, and a Greek capital Nu looks like an N, but its small letter like a v."""


def words(text):
    return [word for word, _, _ in split_words_plain(text)]


def planted(kind, seed=1):
    """Return (row, copy, document) for every item that the kind applies to."""
    copies = []
    for row, item in enumerate(plant_items(TABLE)):
        rng = random.Random(f"{seed} {kind} {row}")
        text = EDITS[kind](item, rng, material_of(PAGES))
        if text is not None:
            copies.append((row, text, embed(text, PAGES[row], rng)))
    return copies


@pytest.mark.parametrize("config", WORD_LEVEL)
@pytest.mark.parametrize("kind", KINDS)
def test_matches_mark_the_copy_and_the_item(config, kind):
    copies = planted(kind)
    audit = config().build(Resources(TABLE))
    summary = audit.summary(scanned(audit, documents([document for _, _, document in copies])))
    exposed = {(match.row, match.item_id) for match in summary.matches if match.verdict == "exposed"}
    assert exposed <= {(number, f"set-{row}") for number, (row, _, _) in enumerate(copies)}
    kept = {
        n
        for n, (row, copy, _) in enumerate(copies)
        if words(copy)[: len(words(QUESTIONS[row]))] == words(QUESTIONS[row])
    }
    assert {(number, f"set-{copies[number][0]}") for number in kept} <= exposed
    if kind in EXACT:
        assert len(kept) >= len(copies) - 1
    for match in summary.matches:
        row, copy, document = copies[match.row]
        question = QUESTIONS[row]
        data = document.encode()
        start = data.index(copy.encode())
        marked, asked = quoted(document, match), question.encode()[match.item_start : match.item_end].decode()
        assert marked.strip() == marked and asked.strip() == asked
        # A few of the page's own words may stand at either end, where n-grams of an edited copy are stretched.
        assert start <= match.train_end and match.train_start <= start + len(copy.encode())
        assert asked and asked in question
        assert match.edit in NAMES
        assert 0 < match.coverage <= 1 and 0 < match.idf_containment <= 1
        assert 1 <= match.longest_match <= len(question)
        if match.row in kept:
            assert marked in copy and words(marked) == words(question)
            assert (match.edit, match.coverage, match.idf_containment) == ("verbatim", 1, 1)
            assert asked == question[: len(asked)] and len(asked) >= len(question) - 2


@pytest.mark.parametrize(
    ("kind", "edits"),
    [
        ("numbers_changed", {"numbers_changed"}),
        ("names_changed", {"names_changed", "partial"}),
        ("inserted", {"text_inserted"}),
        ("numbered_lines", {"text_inserted"}),
    ],
)
def test_what_was_done_to_a_copy_is_what_its_match_says(kind, edits):
    """Of the questions of GSM8K; a first name that is exchanged leaves a piece without its beginning."""
    copies = [copy for copy in planted(kind) if copy[0] < len(gsm8k())]
    audit = WORD_LEVEL[2]().build(Resources(TABLE))
    summary = audit.summary(scanned(audit, documents([document for _, _, document in copies])))
    assert copies
    assert len({match.row for match in summary.matches}) == len(copies)
    assert {match.edit for match in summary.matches} <= edits
