"""What was changed between an item and its copy, how much of it is left, and where both stand."""

import math

import numpy as np
import pytest

from audits.contamination import edits
from audits.contamination.edits import compare
from audits.contamination.exact_match import ExactMatchConfig
from audits.contamination.near_duplicate import NearDuplicateConfig
from audits.contamination.ngram_overlap import NgramOverlapConfig
from tests.audits.corpora import WORD_LEVEL, gsm8k, inside, items, pages, quoted, sentences, summary_of

ITEM = "Janet has 16 ducks and sells 9 eggs to Tim on Monday"


def hashes(text):
    numbers = {word: number for number, word in enumerate(sorted(set(f"{ITEM} {text}".lower().split())))}
    return [np.array([numbers[w] for w in one.lower().split()], dtype=np.uint64) for one in (text, ITEM)]


def compared(text):
    return compare(*hashes(text), ITEM.split())


@pytest.mark.parametrize(
    ("text", "edit", "missing", "longest"),
    [
        (ITEM, "verbatim", 0, 12),
        (f"so {ITEM} then", "verbatim", 0, 12),
        (ITEM.replace("16", "31").replace("9", "four"), "numbers_changed", 2, 5),
        (ITEM.replace("Janet", "Aiko").replace("Tim", "Esme").replace("Monday", "Friday"), "names_changed", 3, 8),
        (ITEM.replace("ducks and", "ducks and many more of them and she"), "text_inserted", 0, 7),
        ("sells 9 eggs to Tim on Monday Janet has 16 ducks and", "reordered", 5, 7),
        (ITEM.replace("sells", "gives").replace("eggs", "shells"), "words_changed", 2, 5),
        ("Janet has 16 ducks and sells", "partial", 6, 6),
        ("ducks and sells 9 eggs", "partial", 7, 5),
        ("Janet has 16 ducks today and sells", "text_inserted", 6, 4),
        ("nothing of it", "partial", 12, 0),
    ],
)
def test_edits_are_named(text, edit, missing, longest):
    comparison = compared(text)
    assert comparison.edit == edit
    assert (~comparison.found).sum() == missing
    assert comparison.longest == longest


@pytest.mark.parametrize("words", [2300, 9000])
def test_long_items_are_compared_as_short_ones_are(words, monkeypatch):
    """Blocks of a long item are aligned one by one; each edit must still be seen as what it is."""
    rng = np.random.default_rng(words)
    item = rng.integers(0, 10**6, words).astype(np.uint64)
    written = ["word"] * words
    changed = item.copy()
    spoilt = rng.choice(words, words // 20, replace=False)
    changed[spoilt] = rng.integers(10**7, 10**8, len(spoilt))
    foreign = rng.integers(10**8, 10**9, 400).astype(np.uint64)
    monkeypatch.setattr(edits, "_MAX_CELLS", 1000)
    for text, edit, found in [
        (item, "verbatim", np.ones(words, bool)),
        (np.concatenate([foreign, item, foreign]), "verbatim", np.ones(words, bool)),
        (np.concatenate([item[:1200], foreign, item[1200:]]), "text_inserted", np.ones(words, bool)),
        (changed, "words_changed", ~np.isin(np.arange(words), spoilt)),
    ]:
        comparison = compare(text, item, written)
        assert comparison.edit == edit
        assert np.array_equal(comparison.found, found)


PAGE = pages(1)[0]
TWENTY = (
    "Anna stacks twelve wooden boxes behind her uncle's garage; rain later ruins seven boxes. "
    "How many dry ones remain standing?"
)


def match_of(config, text, question=TWENTY):
    [match] = summary_of(config, [inside(text, PAGE)], items([question])).matches
    return match


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_a_whole_copy_has_all_of_its_words_and_marks_them_on_both_sides(config):
    match = match_of(config, TWENTY)
    assert (match.edit, match.coverage, match.longest_match, match.idf_containment) == ("verbatim", 1.0, 20, 1.0)
    assert quoted(inside(TWENTY, PAGE), match) == TWENTY.rstrip("?")
    assert (match.item_start, match.item_end) == (0, len(TWENTY) - 1)
    assert match.item_excerpt.startswith("Anna stacks")


def test_the_numbers_of_a_piece_are_those_counted_by_hand():
    """The first 13 of 20 words: one run. Every word of the item stands in one text, so all weigh the same."""
    piece = "Anna stacks twelve wooden boxes behind her uncle's garage; rain later ruins seven"
    match = match_of(NgramOverlapConfig, piece)
    assert match.edit == "partial"
    assert match.coverage == pytest.approx(13 / 20, abs=1e-6)
    assert match.longest_match == 13
    assert match.idf_containment == pytest.approx(13 / 20, abs=1e-6)
    assert quoted(inside(piece, PAGE), match) == piece
    assert TWENTY[match.item_start : match.item_end] == piece


def test_rare_words_weigh_more_in_containment_than_those_of_many_items():
    """Of ten items all begin with "everyone here asks about"; the piece lacks that and has the rest.

    idf = log(1 + texts / texts with the word): log 2 for the four common words, log 11 for ten of the item's own.
    """
    own = [f"alpha{n} beta{n} gamma{n} delta{n} epsilon{n} zeta{n} eta{n} theta{n} iota{n} kappa{n}" for n in range(10)]
    table = items([f"everyone here asks about {words}" for words in own])
    [match] = summary_of(NgramOverlapConfig, [inside(own[3], PAGE)], table).matches
    assert match.item_id == "set-3"
    texts_all = table.num_rows + 2 * table.num_rows  # question, passage and answer of each item
    common, rare = math.log1p(texts_all / 10), math.log1p(texts_all / 1)
    assert match.coverage == pytest.approx(10 / 14, abs=1e-6)
    assert match.idf_containment == pytest.approx(10 * rare / (10 * rare + 4 * common), abs=1e-6)


def test_an_edited_copy_is_marked_from_its_first_to_its_last_word():
    text = TWENTY.replace("wooden", "plastic").replace("garage", "barn")
    match = match_of(NearDuplicateConfig, text)
    assert match.edit == "words_changed"
    assert match.coverage == pytest.approx(18 / 20, abs=1e-6)
    assert match.longest_match == 11
    assert quoted(inside(text, PAGE), match) == text.rstrip("?")
    assert TWENTY[match.item_start : match.item_end] == TWENTY.rstrip("?")


@pytest.mark.parametrize(
    ("old", "new", "edit"),
    [
        (("twelve", "seven"), ("30", "8"), "numbers_changed"),
        (("Anna",), ("Priya",), "words_changed"),
        (("behind her", "garage;"), ("behind her tall", "garage, as we know;"), "text_inserted"),
    ],
)
def test_real_copies_have_their_edits_named(old, new, edit):
    text = TWENTY
    for before, after in zip(old, new, strict=True):
        text = text.replace(before, after)
    expected = "partial" if edit == "words_changed" else edit
    # A first word that is exchanged cannot be told from a piece without its beginning: nothing stands before it.
    assert match_of(NearDuplicateConfig, text).edit == expected


def test_renamed_people_are_told_from_other_words():
    question = gsm8k()[0]["question"].replace("She eats", "Then Janet eats")
    text = question.replace("Janet", "Wanjiru")
    assert match_of(NearDuplicateConfig, text, question).edit == "names_changed"


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_spans_count_bytes_of_text_in_any_script(config):
    question = sentences("ru")[5] + " " + sentences("zh")[4]
    page = sentences("ar")[3] + " " + sentences("ja")[6]
    text = f"{page} {question} {page}"
    [match] = summary_of(config, [text], items([question])).matches
    marked = quoted(text, match)
    assert marked in question and len(marked) >= len(question) - 2
    assert question.encode()[match.item_start : match.item_end].decode() == marked


def test_the_item_side_of_an_exact_match_is_the_whole_question():
    match = match_of(ExactMatchConfig, TWENTY.upper())
    assert TWENTY[match.item_start : match.item_end] == TWENTY.rstrip("?")
    assert match.edit == "verbatim"
