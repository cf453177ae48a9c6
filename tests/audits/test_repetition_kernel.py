from time import process_time

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audits.batch import text_buffers
from audits.kernels.repetition import (
    BLOCK,
    longest_loops,
    measure_grams,
    measure_lines,
    standalone_word_counts,
)
from audits.kernels.repetition_plain import grams_plain, lines_plain, loop_plain
from audits.kernels.words import split_words

WORDS = st.sampled_from(["a", "b", "Ab", "é", "d’e", "日", "本", "-", "ﬁ", ","])
TEXTS = st.lists(WORDS, max_size=60).map(" ".join)
LINES = st.lists(st.sampled_from(["a", "b b", " a", "a\r", "", " ", "é"]), max_size=30).map("\n".join)


def buffers(texts: list[str]):
    return text_buffers(pa.array(texts, pa.string()))


def grams(texts: list[str], block: int = BLOCK) -> list[list[int]]:
    words = split_words(*buffers(texts))
    return measure_grams(words, np.ones(len(texts), dtype=bool), block).sizes.tolist()


@given(st.lists(TEXTS, min_size=1, max_size=4))
@example(["to be or not to be to be", "to be"])
@settings(max_examples=300, deadline=None)
def test_grams_equal_the_plain_twin(texts):
    assert grams(texts) == [grams_plain(text) for text in texts]


@given(st.lists(LINES, min_size=1, max_size=4))
@example(["a\n\na\n\na", "a\r\n\r\nb\r\n"])
@settings(max_examples=300, deadline=None)
def test_lines_equal_the_plain_twin(texts):
    measured = measure_lines(*buffers(texts)).counts.tolist()
    assert [tuple(map(tuple, document)) for document in measured] == [lines_plain(text) for text in texts]


@given(st.lists(TEXTS, min_size=1, max_size=4), st.integers(2, 6))
@settings(max_examples=300, deadline=None)
def test_loops_equal_the_plain_twin(texts, min_repeats):
    repeats, spans = longest_loops(split_words(*buffers(texts)), min_repeats)
    expected = [loop_plain(text, min_repeats) for text in texts]
    assert repeats.tolist() == expected
    assert all((end > start) == bool(count) for (start, end), count in zip(spans, repeats, strict=True))


def test_each_loop_is_found_wherever_it_stands():
    for period in range(1, 14):
        for lead in (0, 1, 7, 30, 31, 32, 403):
            unit = [f"w{index}" for index in range(period)]
            words = [f"x{index}" for index in range(lead)] + unit * 32 + ["end"]
            found, spans = longest_loops(split_words(*buffers([" ".join(words)])), 32)
            assert found.tolist() == [32], (period, lead)
            assert spans.tolist() == [[lead, lead + 32 * period]]


def test_documents_that_the_rule_does_not_apply_to_stay_zero():
    words = split_words(*buffers(["a b a b", "a b a b"]))
    sizes = measure_grams(words, np.array([False, True])).sizes
    assert sizes[0].sum() == 0
    assert sizes[1].sum() > 0


def test_a_place_shows_a_repeated_gram():
    text = "one two three four five six and one two three four five six"
    words = split_words(*buffers([text]))
    measured = measure_grams(words, np.ones(1, dtype=bool))
    first = int(measured.first_words[0, 3])
    assert text[words.starts[first] : words.ends[first + 4]] == "one two three four five"
    assert first == 7


def test_blocks_bound_what_is_compared():
    text = "a b c d e f g h i j " * 2
    assert grams([text], block=1 << 10)[0][3] > 0
    assert grams([text], block=10)[0][3] == 0


def test_fifty_megabytes_take_seconds():
    sentence = "".join(f"word{index % 9973} " for index in range(50_000))
    text = (sentence * (50_000_000 // len(sentence) + 1))[:50_000_000]
    data, offsets = buffers([text])
    words = split_words(data, offsets)
    measure_grams(words, np.zeros(1, dtype=bool))
    start = process_time()
    sizes = measure_grams(words, np.ones(1, dtype=bool)).sizes
    measure_lines(data, offsets)
    longest_loops(words, 32)
    assert process_time() - start < 10
    assert sizes[0, -1] > 0.9 * len(text)


def test_words_of_scripts_without_spaces_are_counted():
    data, offsets = buffers(["日本語 and English", "हिन्दी में", "plain"])
    assert standalone_word_counts(data, split_words(data, offsets)).tolist() == [3, 0, 0]
