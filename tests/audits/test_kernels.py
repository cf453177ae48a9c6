"""Kernels against their slow plain twins."""

from itertools import pairwise, product

import numpy as np
import pyarrow as pa
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.batch import text_buffers
from audits.contamination.eval_parts import eval_parts
from audits.contamination.information import measure_information
from audits.contamination.phrase_index import build_phrase_index
from audits.kernels.alignment import align, common_plain, matched_positions
from audits.kernels.clusters import cover_clusters, expand_hits, thin_repeats
from audits.kernels.minhash import band_keys, signatures
from audits.kernels.ngrams import build_table, find_grams, find_grams_plain, gram_hashes
from audits.kernels.screening import cosine_plain, screen
from audits.kernels.words import split_words, split_words_plain
from tests.audits.corpora import items, sentences

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


POSTINGS = st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=4), min_size=3, max_size=3)
HITS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=30)


def expanded(hits, postings, min_hits):
    """Return what `expand_hits` makes of (document, key) hits, each at the word of its number."""
    hits = sorted(hits)
    docs, keys = (np.array([hit[n] for hit in hits], dtype=np.int64) for n in (0, 1))
    starts = np.cumsum([0, *map(len, postings)]).astype(np.int64)
    parts, positions = (np.array([p[n] for of in postings for p in of], dtype=np.int32) for n in (0, 1))
    words = np.arange(len(hits), dtype=np.int64)
    found = expand_hits(docs, words, keys.astype(np.int32), starts, parts, positions, np.array(min_hits))
    plain = [(d, *p[:1], w, p[1]) for w, (d, k) in enumerate(hits) for p in postings[k]]
    return found, plain


@settings(deadline=None)
@given(HITS, POSTINGS, st.lists(st.integers(1, 4), min_size=4, max_size=4))
def test_hits_are_expanded_to_all_postings_of_parts_with_enough_of_them(hits, postings, min_hits):
    found, plain = expanded(hits, postings, min_hits)
    kept = [tuple(row) for row in found.tolist()]
    enough = [row for row in plain if sum(row[:2] == other[:2] for other in plain) >= min_hits[row[1]]]
    assert set(enough) <= set(kept) <= set(plain)
    assert kept == [row for row in plain if row in set(kept)]
    assert expanded(hits, postings, [1] * 4)[0].tolist() == [list(row) for row in plain]


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("ab"), max_size=40), max_size=3), st.integers(2, 4))
def test_of_an_ngram_that_overlaps_with_itself_the_first_and_the_last_are_kept(docs, n):
    words, _ = words_of([" ".join(doc) for doc in docs])
    found = find_grams(words, n, build_table(np.unique(gram_hashes(words, n)[0])))
    hits = list(zip(*(column.tolist() for column in found), strict=True))
    ends = [hit for hit in hits if not (within(hits, *hit, n, -1) and within(hits, *hit, n, 1))]
    kept = thin_repeats(*found, n)
    assert [hit for hit, keep in zip(hits, kept, strict=True) if keep] == ends


def within(hits, doc, word, key, n, side):
    """Tell whether the same n-gram stands again with less than its length between, before (-1) or after (1)."""
    return any(row[0] == doc and row[2] == key and 0 < side * (row[1] - word) < n for row in hits)


def test_one_word_repeated_costs_no_more_than_its_ends():
    words, _ = words_of(["ha " * 5000 + "stop"])
    docs, positions, keys = find_grams(words, 4, build_table(np.unique(gram_hashes(words, 4)[0])))
    kept = thin_repeats(docs, positions, keys, 4)
    assert positions[kept].tolist() == [0, 4996, 4997]


def clusters_plain(hits, sizes, n, slack, min_share):
    """Return the clusters of hits one by one; the twin of `cover_clusters`."""
    groups: list[list[list[int]]] = []
    for hit in hits:
        size = sizes[hit[1]]
        group = groups[-1] if groups and groups[-1][-1][:2] == hit[:2] else None
        if group and hit[2] - group[-1][2] <= size + slack and hit[2] - group[0][2] <= 2 * size + slack:
            group.append(hit)
        else:
            groups.append([hit])
    found = []
    for group in groups:
        covered = {word for hit in group for word in range(hit[3], hit[3] + n)}
        if len(covered) >= min_share * sizes[group[0][1]]:
            found.append(([*group[0][:2], group[0][2], group[-1][2] + n], covered))
    return found


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 80), st.integers(0, 6)), max_size=30),
    st.integers(0, 10),
    st.sampled_from([0.0, 0.3, 0.6]),
)
def test_clusters_are_those_of_the_plain_twin(hits, slack, min_share):
    sizes, n = [8, 9, 12], 2
    ordered = [list(hit) for hit in sorted(set(hits))]
    array = np.array(ordered, dtype=np.int64).reshape(-1, 4)
    rows, covered, bounds = cover_clusters(array, np.array(sizes), n, slack, np.full(3, min_share))
    inside = [set(np.flatnonzero(covered[a:b]).tolist()) for a, b in pairwise(bounds)]
    assert list(zip(rows.tolist(), inside, strict=True)) == clusters_plain(ordered, sizes, n, slack, min_share)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sets(st.integers(0, 40), min_size=1), min_size=1, max_size=12), st.sampled_from([0.1, 0.3, 0.5]))
def test_band_keys_are_equal_where_datasketchs_index_finds_a_candidate(sets, threshold):
    minhashes = []
    for members in sets:
        minhash = MinHash(64, scheme="affine32", hashfunc=int)
        minhash.update_batch(sorted(members))
        minhashes.append(minhash)
    lsh = MinHashLSH(threshold=threshold, num_perm=64)
    for number, minhash in enumerate(minhashes):
        lsh.insert(number, minhash)
    signed = np.array([minhash.hashvalues for minhash in minhashes], dtype=np.uint32)
    keys = band_keys(signed, lsh.b, lsh.r)
    numbers = range(len(sets))
    pairs = {(a, b) for a in numbers for b in numbers if (keys[:, a] == keys[:, b]).any()}
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


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=20), st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_matched_positions_are_a_longest_common_subsequence(text, item):
    found = matched_positions(np.array(text, dtype=np.uint64), np.array(item, dtype=np.uint64))
    there = [(at, int(position)) for at, position in enumerate(found) if position >= 0]
    assert len(there) == common_plain(text, item)
    assert all(text[position] == item[at] for at, position in there)
    assert sorted({position for _, position in there}) == [position for _, position in there]


PHRASES = [["a"], ["a", "b"], ["b", "a", "c"], ["a", "b", "c", "d"], ["d", "a", "b", "c", "d"], ["b"] * 6]


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=20), min_size=1, max_size=3))
def test_phrases_are_found_wherever_they_stand(docs):
    parts = eval_parts(items([" ".join(phrase) for phrase in PHRASES]))
    index = build_phrase_index(parts, np.ones(len(PHRASES), dtype=bool), measure_information(parts))
    words, _ = words_of([" ".join(doc) for doc in docs])
    found = {(d, p, first - int(words.doc_offsets[d])) for d, p, first in index.find(words)}
    expected = set()
    for (d, doc), (p, phrase) in product(enumerate(docs), enumerate(PHRASES)):
        at = 0
        while at <= len(doc) - len(phrase):
            there = doc[at : at + len(phrase)] == phrase
            expected |= {(d, p, at)} if there else set()
            # Of places that overlap, the first counts.
            at += len(phrase) if there else 1
    assert found == expected


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
    got = {(int(d), int(item)): (int(f - offsets[int(d)]), cosine) for d, f, _, item, cosine in found.tolist()}
    assert len(got) == len(found)
    expected = {}
    for doc, words in enumerate(docs):
        firsts = [*range(0, max(0, len(words) - length), stride), max(0, len(words) - length)] if words else []
        for first in firsts:
            window = words[first : first + length]
            for item, chosen in enumerate(members):
                cosine = cosine_plain(window, sorted(chosen), WEIGHTS, {"the"}, 0.5)
                if cosine >= 0.3 and len(set(window) & chosen) >= 2:
                    expected.setdefault((doc, item), {})[first] = cosine
    assert got.keys() == expected.keys()
    for key, (first, cosine) in got.items():
        assert abs(expected[key][first] - cosine) < 1e-9
        assert abs(max(expected[key].values()) - cosine) < 1e-9
