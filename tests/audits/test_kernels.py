"""Kernels against their slow plain twins."""

import numpy as np
import pyarrow as pa
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.batch import text_buffers
from audits.kernels.alignment import align, common_plain
from audits.kernels.bands import build_bands, candidates
from audits.kernels.minhash import dense_windows, dense_windows_plain, signatures
from audits.kernels.ngrams import build_table, find_grams, find_grams_plain, gram_hashes
from audits.kernels.screening import cosine_plain, screen
from audits.kernels.words import split_words, split_words_plain
from tests.audits.corpora import sentences

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
WORDY = st.text("ab c\n.É日本9'\u0301ﬁ＇", max_size=60)


def words_of(texts):
    data, offsets = text_buffers(pa.array(texts, type=pa.string()))
    return split_words(data, offsets), offsets


def spans(texts):
    words, offsets = words_of(texts)
    return [
        [
            (int(words.starts[w] - offsets[d]), int(words.ends[w] - offsets[d]))
            for w in range(*words.doc_offsets[d : d + 2])
        ]
        for d in range(len(texts))
    ]


@settings(deadline=None)
@given(st.lists(TEXT | WORDY, max_size=5))
def test_words_stand_where_the_plain_twin_says(texts):
    assert spans(texts) == [[(start, end) for _, start, end in split_words_plain(text)] for text in texts]


@settings(deadline=None)
@given(TEXT | WORDY, TEXT | WORDY)
def test_words_have_one_hash_if_and_only_if_they_fold_to_the_same(one, other):
    words, _ = words_of([one, other])
    folded = [word for text in (one, other) for word, _, _ in split_words_plain(text)]
    assert len(set(words.hashes.tolist())) == len(set(folded))
    by_hash = dict(zip(words.hashes.tolist(), folded, strict=True))
    assert [by_hash[value] for value in words.hashes.tolist()] == folded


def test_real_sentences_of_every_script_split_as_the_twin_does():
    texts = [line for language in ("en", "ar", "hi", "ja", "zh", "vi", "ru", "tr") for line in sentences(language)[:60]]
    assert spans(texts) == [[(start, end) for _, start, end in split_words_plain(text)] for text in texts]


def test_sequence_hashes_do_not_depend_on_the_place():
    words, _ = words_of(["x one two three", "one two three y"])
    first = words.sequence_hash(0, 1, 3)
    assert first == words.sequence_hash(1, int(words.doc_offsets[1]), 3)
    assert first != words.sequence_hash(1, int(words.doc_offsets[1]) + 1, 3)


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=12), max_size=4),
    st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), min_size=3, max_size=3), max_size=6),
)
def test_ngrams_are_found_where_the_plain_twin_finds_them(docs, known):
    known_words, _ = words_of([" ".join(gram) for gram in known])
    keys = np.unique(gram_hashes(known_words, 3)[0])
    words, _ = words_of([" ".join(doc) for doc in docs])
    found_docs, positions, _ = find_grams(words, 3, build_table(keys))
    inside = [(int(d), int(p - words.doc_offsets[d])) for d, p in zip(found_docs, positions, strict=True)]
    assert inside == find_grams_plain(docs, 3, {tuple(gram) for gram in known})


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**63), min_size=1, max_size=30, unique=True))
def test_signatures_are_those_of_datasketch(hashes):
    values = np.array(hashes, dtype=np.uint64)
    mine = MinHash(64, scheme="affine32")
    permutations = np.asarray(mine.permutations)
    signed = signatures(values, np.array([0]), np.array([len(values)]), *permutations)
    theirs = MinHash(64, scheme="affine32", hashfunc=int)
    # datasketch takes 32 bits; the kernel takes the lower half of the 64 that words have.
    theirs.update_batch([value & 0xFFFFFFFF for value in hashes])
    assert signed[0].tolist() == theirs.hashvalues.tolist()


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 1), max_size=60),
    st.integers(1, 8),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(0, 60),
)
def test_dense_windows_are_those_of_the_plain_twin(flags, length, stride, min_hits, cut):
    cut, stride = min(cut, len(flags)), min(stride, length)
    offsets = np.array([0, cut, len(flags)], dtype=np.int64)
    array = np.array(flags, dtype=np.uint8)
    found = dense_windows(array, offsets, length, stride, min_hits)
    plain = dense_windows_plain(array, offsets, length, stride, min_hits)
    assert np.asarray(found).tolist() == [list(window) for window in plain]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sets(st.integers(0, 40), min_size=1), min_size=1, max_size=12), st.sampled_from([0.1, 0.3, 0.5]))
def test_bulk_lookup_finds_what_datasketchs_index_finds(sets, threshold):
    minhashes = []
    for members in sets:
        minhash = MinHash(64, scheme="affine32", hashfunc=int)
        minhash.update_batch(sorted(members))
        minhashes.append(minhash)
    lsh = MinHashLSH(threshold=threshold, num_perm=64)
    for number, minhash in enumerate(minhashes):
        lsh.insert(number, minhash)
    signed = np.array([minhash.hashvalues for minhash in minhashes], dtype=np.uint32)
    pairs = {(int(a), int(b)) for a, b in candidates(build_bands(signed, lsh.b, lsh.r), signed)}
    assert pairs == {(number, found) for number, minhash in enumerate(minhashes) for found in lsh.query(minhash)}


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=20), st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_alignment_has_the_length_of_the_plain_twin_and_the_stretch_has_it_all(text, item):
    common, first, last = align(np.array(text, dtype=np.uint64), np.array(item, dtype=np.uint64))
    assert common == common_plain(text, item)
    assert 0 <= first <= last <= len(text)
    assert common_plain(text[first:last], item) == common
    if common:
        # No shorter stretch: its first and its last word both count.
        assert common_plain(text[first + 1 : last], item) < common
        assert common_plain(text[first : last - 1], item) < common


VOCABULARY = ["ducks", "eggs", "robe", "fiber", "house", "bolts"]
WEIGHTS = {word: 1.0 + index for index, word in enumerate(VOCABULARY)}
ANY_WORD = st.sampled_from([*VOCABULARY, "the", "unknown"])


@settings(deadline=None)
@given(
    st.lists(st.lists(ANY_WORD, max_size=15), min_size=1, max_size=3),
    st.lists(st.sets(st.sampled_from(VOCABULARY), min_size=1), min_size=1, max_size=4),
    st.integers(2, 8),
)
def test_the_screen_scores_windows_as_the_plain_twin_does(docs, members, length):
    number = {**{word: at for at, word in enumerate(VOCABULARY)}, "the": -2, "unknown": -1}
    ids = np.array([number[word] for doc in docs for word in doc], dtype=np.int32)
    offsets = np.cumsum([0, *map(len, docs)]).astype(np.int64)
    postings = [[item for item, words in enumerate(members) if word in words] for word in VOCABULARY]
    starts = np.cumsum([0, *map(len, postings)]).astype(np.int64)
    flat = np.array([item for entry in postings for item in entry], dtype=np.int32)
    weights = np.array([WEIGHTS[word] for word in VOCABULARY])
    norms = np.array([sum(WEIGHTS[word] for word in words) for words in members])
    stride = max(1, length // 3)
    found = screen(ids, offsets, weights, starts, flat, norms, length, stride, 0.3, 2, 0.5)
    got = {(int(d), int(f - offsets[int(d)]), int(item)): cosine for d, f, _, item, cosine in found.tolist()}
    expected = {}
    for doc, words in enumerate(docs):
        firsts = [*range(0, max(0, len(words) - length), stride), max(0, len(words) - length)] if words else []
        for first in firsts:
            window = words[first : first + length]
            for item, chosen in enumerate(members):
                cosine = cosine_plain(window, sorted(chosen), WEIGHTS, {"the"}, 0.5)
                if cosine >= 0.3 and len(set(window) & chosen) >= 2:
                    expected[doc, first, item] = cosine
    assert got.keys() == expected.keys()
    assert all(abs(got[key] - expected[key]) < 1e-9 for key in got)
