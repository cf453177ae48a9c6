"""Counts piece by piece are those of the library, whatever the tokenizer and the text."""

import hashlib
from functools import cache
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audits import kernels
from audits.kernels.token_sums import COLUMNS
from audits.tokens.code_points import known
from audits.tokens.counting import TokenCounter, cut
from audits.tokens.models import token_bytes
from tests.audits.tokenizers_made import MADE, REFUSED, code, corpus

HOSTILE = (
    "abcSTLlMdREveſKßéÉñÅÅ'’`.,;:!?/\\\"()[]{}<>|@#$%^&*-_=+~ \t\n\r\x0b\x0c\x00\x01\x1c\x1f\x7f\x85\xa0\xad"
    "0123456789½Ⅷ²٣५\u0301\u0323\u0302\u0338\u05b0\u064b\u0651\u093c\u094d\u0e31\u1161\u11a8\u3099"
    "ДжΣςİıǅ\u01c8ªʰ字漢語かなカナｶﾞ한국ไทยहिन्दीक़العربية▁\u2581\u2000\u200b\u200d\u2028\u202e\u3000\ufeff\ufffd🙂👩🇩🏽"
    "\U0001d15e\U0001d165\u302e\ufb01\uff21\uff5c\ue000\U000f0000\u0378\U0001fae9"
)
"""Letters of every case, marks that move or join, blanks that are and are not, unknown and private code points."""

LITERALS = ("<|endoftext|>", "<|im_start|>", "<mask>", "[UNK]", "<s>", "</s>", "<unk>", "    ", " 's", "'LL", "//\n")


@cache
def file(name):
    return MADE[name]()


@cache
def counter(name):
    return TokenCounter(file(name))


def buffers(texts):
    encoded = [text.encode("utf-8") for text in texts]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets


def check(of, texts):
    """Compare sizes, occurrences, squares, products and documents with what the library's own encodings give."""
    found = of.count(*buffers(texts))
    encoded = [one.ids for one in of.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
    assert found.sizes.tolist() == [len(ids) for ids in encoded]
    expected = np.zeros((4, of.size), dtype=np.int64)
    for ids in encoded:
        counts = np.bincount(ids, minlength=of.size) if ids else np.zeros(of.size, dtype=np.int64)
        expected += [counts, counts**2, counts * len(ids), counts > 0]
    assert found.ids.tolist() == np.flatnonzero(expected[0]).tolist()
    assert (found.sums == expected[:, found.ids]).all()
    return found


@pytest.mark.parametrize("name", MADE)
def test_real_text_and_code_are_counted_as_the_library_does(name):
    assert counter(name).reason is None
    check(counter(name), [*corpus(), "\n".join(corpus()[:200]), "\n\n".join(corpus()[-3:])])


@pytest.mark.parametrize("name", MADE)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(st.lists(st.sampled_from([*HOSTILE, *LITERALS]), max_size=30).map("".join), max_size=8))
def test_hostile_text_is_counted_as_the_library_does(name, texts):
    check(counter(name), texts)


@pytest.mark.parametrize("name", ["gpt2", "llama3", "o200k", "bert_uncased", "bert_cased", "unigram_nfkc", "llama2"])
def test_every_code_point_is_cut_as_the_library_does(name):
    # Ideographs and syllables are alike in their thousands: every 50th will do.
    dense = (range(0x3400, 0xA000), range(0xAC00, 0xD7A4), range(0x17000, 0x19000), range(0x1B170, 0x1B300))
    codes = [c for c in known() if c < 0x20000 and (c % 50 == 0 or not any(c in block for block in dense))]
    texts = [
        "".join(f"a{chr(c)}b {chr(c)}1{chr(c)} " for c in codes[at : at + 100]) for at in range(0, len(codes), 100)
    ]
    check(counter(name), texts)


@pytest.mark.parametrize("name", ["gpt2", "unigram", "bert_uncased"])
def test_texts_without_ends_are_counted_too(name):
    check(counter(name), ["x" * 5000, "字" * 3000, " " * 4000, "ab" * 150, "1" * 700, "é" * 300, "." * 1000])


@pytest.mark.parametrize("name", REFUSED)
def test_tokenizers_that_do_not_allow_it_encode_whole_texts_and_say_why(name):
    make, reason = REFUSED[name]
    of = TokenCounter(make())
    assert reason in of.reason
    check(of, corpus()[::20])


def test_a_table_that_is_too_small_starts_anew_and_changes_nothing():
    of = TokenCounter(file("gpt2"), max_pieces=64, max_bytes=4096)
    assert of.reason is None
    # Short texts fit into the table a few at a time, the long one not at all.
    check(of, [*corpus()[::10], " ".join(corpus()[:50]), *corpus()[::15]])


def test_a_piece_without_end_is_left_to_the_library_a_million_characters_at_a_time():
    of, endless = counter("bert_uncased"), "ab" * 600_000
    found = of.count(*buffers(["one two", endless, "three"]))
    sizes = [sum(len(of.tokenizer.encode(p, add_special_tokens=False).ids) for p in cut(endless))]
    assert found.sizes[1:2].tolist() == sizes
    assert found.sizes[0] == found.of_docs[0, 4] == 2


def test_compiled_kernels_are_kept_by_what_all_of_them_are():
    folder = Path(kernels.__file__).parent
    sources = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.py"))))
    assert Path(numba.config.CACHE_DIR).name == f"kernels-{sources.hexdigest()[:12]}"


def test_the_order_and_the_cut_of_texts_change_nothing():
    of, texts = counter("llama3"), corpus()[::7]
    whole = of.count(*buffers(texts))
    parts = [of.count(*buffers(texts[at : at + 3])) for at in range(0, len(texts), 3)]
    assert (np.concatenate([part.of_docs for part in parts]) == whole.of_docs).all()
    total = np.zeros((4, of.size), dtype=np.int64)
    for part in reversed(parts):
        total[:, part.ids] += part.sums
    assert (total[:, whole.ids] == whole.sums).all()


def test_what_tokens_are_is_told_for_each_document():
    texts = ["plain words <|endoftext|>", "\U0001f9ff", "12 34", ""]
    found = counter("gpt2").count(*buffers(texts)).of_docs
    assert found.shape == (4, COLUMNS)
    assert found[:, 3].tolist() == [1, 0, 0, 0]
    # The eye amulet is not in the training text: its four bytes are.
    assert found[1, 2] == found[1, 0] > 1
    assert found[:, 4].tolist() == [2, 0, 0, 0]
    unknown = counter("bert_uncased").count(*buffers(["\u2fd5", "word"])).of_docs
    assert unknown[:, 1].tolist() == [1, 0]


def test_single_token_words_are_counted_by_the_word():
    of = counter("gpt2")
    line = " the the antidisestablishmentarianism"
    found = of.count(*buffers([line])).of_docs[0]
    assert of.tokenizer.encode(" the").ids.__len__() == 1
    assert found[4:].tolist() == [3, 2]


def test_long_texts_are_cut_without_losing_a_character():
    text = "words and more words " * 120_000
    pieces = cut(text)
    assert len(pieces) == 3
    assert "".join(pieces) == text
    assert "".join(cut("x" * 2_500_000)) == "x" * 2_500_000


def test_byte_level_tokens_are_read_back_as_bytes():
    assert token_bytes("Ġé") == b" \xe9"
    assert token_bytes("Ã©") == "é".encode()
    assert token_bytes("字") is None


def test_code_is_part_of_what_is_compared():
    assert any("def " in text for text in code())
