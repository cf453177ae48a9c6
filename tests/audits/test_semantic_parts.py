"""The parts of the search for rewordings, one by one: numbers, names, concepts, windows, priors, neighbours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.contamination.semantic.agreement import agree, names
from audits.contamination.semantic.concepts import concept_table, leader_clusters
from audits.contamination.semantic.model import find_model
from audits.contamination.semantic.nearest import EXACT_UP_TO, HNSW_UP_TO, build_index, index_kind, nearest
from audits.contamination.semantic.numbers import numbers
from audits.contamination.semantic.prior import prior
from audits.contamination.semantic.probes import make_probes
from audits.contamination.semantic.verifier import (
    NEW_NUMBERS,
    REWORDED,
    SAME_TOPIC,
    relative_cosine,
    verify,
)
from audits.contamination.semantic.windows import window_bytes
from audits.kernels.spans import best_spans, sentence_starts, span_cosine_plain
from tests.audits.corpora import batch, documents, gsm8k, items, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Three of 80,000 eggs, half of them at $2.50", {"3", "80000", "1/2", "2.5"}),
        ("1,5 and 1, 2", {"1", "5", "2"}),
        ("½ of ３ and ٣", {"1/2", "3"}),
        ("twenty-five", {"20", "5"}),
        ("2.00 is 2", {"2"}),
        ("no one's business", {"1"}),
        ("", set()),
    ],
)
def test_numbers_are_one_spelling_however_they_are_written(text, expected):
    assert numbers(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Janet sells eggs. She takes three.", {"janet", "she"}),
        ("He met Ann Lee in Paris. The eggs were good. The end.", {"ann", "lee", "paris"}),
        ("def add_two(x):\n    return x + 2", {"add_two"}),
        ("eggs and milk", set()),
    ],
)
def test_names_are_capitals_that_do_not_merely_begin_a_sentence(text, expected):
    found = names(text)
    assert found - {"janet", "she", "he"} == expected - {"janet", "she", "he"}


def test_a_rewording_agrees_where_another_problem_does_not():
    item = "Janet sells 16 eggs a day at $2 each in Boston. How many dollars does she make in 3 weeks?"
    reworded = "In Boston, Janet's daily sale is sixteen eggs for $2 apiece. What is three weeks' income in dollars?"
    other = "Tom sells 12 apples a day at $3 each in Dallas. How many dollars does he make in 5 weeks?"
    good, bad = agree(item, reworded), agree(item, other)
    assert good.numbers_missing == good.numbers_extra == good.names_missing == 0
    assert bad.numbers_missing == pytest.approx(2 / 3) and bad.names_missing == 1
    assert agree("What is inflation?", "What is inflation?").unnumbered == 1


def test_scores_rise_with_the_cosine_and_fall_with_every_disagreement():
    good = agree("Take 3 of 16 eggs.", "Of sixteen eggs take three.")
    numbers_wrong = agree("Take 3 of 16 eggs.", "Take 4 of 17 eggs.")
    assert verify(0.9, 0.2, good).score > verify(0.6, 0.2, good).score > verify(0.2, 0.2, good).score
    assert verify(0.8, 0.2, good).score >= verify(0.8, 0.0, good).score >= verify(0.8, -0.2, good).score
    assert verify(0.9, 0.2, good).score > verify(0.9, 0.2, numbers_wrong).score
    assert verify(0.9, 0.2, good).evidence_class == REWORDED
    assert verify(0.97, 0.2, numbers_wrong).evidence_class == NEW_NUMBERS
    assert verify(0.97, 0.2, numbers_wrong).but_numbers > verify(0.97, 0.2, numbers_wrong).score
    item = "Which gas do plants take in to make sugar in sunlight?"
    far = agree(item, "Photosynthesis was studied by Calvin in Berkeley in 1945.")
    assert verify(0.6, -0.1, far).evidence_class in (SAME_TOPIC, REWORDED)
    assert verify(0.6, -0.1, far).score < 0.3


def test_a_cosine_is_measured_from_what_unrelated_texts_have():
    assert relative_cosine(1.0, 0.75) == 1.0
    assert relative_cosine(0.75, 0.75) == relative_cosine(0.5, 0.75) == 0.0


def test_a_prior_falls_with_numbers_that_do_not_agree():
    wanted = numbers("Take 3 of 16 eggs.")
    right, wrong, none = (prior(0.4, 0.7, wanted, text) for text in ("sixteen and 3", "17 and 4", "no number"))
    assert right == pytest.approx(1.1) and right > none > wrong
    assert prior(0.4, 0.7, frozenset(), "no number") == right


def test_words_of_one_meaning_are_one_concept():
    table = concept_table(find_model(None), ["janet", "kids", "16", "3", "zyzzyva"])
    [words] = [batch(documents(["kids children three 3 16 sixteen janet zyzzyva unheardofword"]))]
    rows = table.rows_of(words)
    concepts = np.where(rows >= 0, table.concepts[rows], -1).tolist()
    assert concepts[0] == concepts[1] and concepts[2] == concepts[3] and concepts[4] == concepts[5]
    assert len({concepts[0], concepts[2], concepts[4], concepts[6], concepts[7]}) == 5
    assert concepts[8] == -1
    # An item that says "three" is found by "3", though no item says so.
    assert concept_table(find_model(None), ["three"]).rows_of(batch(documents(["3"])))[0] >= 0
    assert table.vectors.shape == (len(table.concepts), 256) and np.isfinite(table.vectors).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 700), st.floats(0.3, 0.95))
def test_leader_clusters_are_those_of_one_vector_after_another(seed, count, limit):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, 3)).astype(np.float32)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = leader_clusters(vectors, limit)
    leaders: list[int] = []
    for at in range(count):
        near = [float(units[leader] @ units[at]) for leader in leaders]
        chosen = labels[at]
        if chosen == len(leaders):
            assert max(near, default=-1.0) < limit + 1e-5
            leaders.append(at)
        else:
            assert near[chosen] >= limit - 1e-5 and near[chosen] >= max(near) - 1e-5


def test_sentences_begin_after_full_stops_and_lines_and_not_inside_numbers():
    text = 'It cost 1.5 dollars. "Really?" he asked!\nYes (two) e.g. this.  那是。对的！好 यह है। वह هل؟ نعم'
    words = batch(documents([text, "Another one. Here"])).words
    data = batch(documents([text, "Another one. Here"])).data
    begins = sentence_starts(data, words.starts, words.ends, words.doc_offsets)
    starting = [data[words.starts[at] : words.ends[at]].tobytes().decode() for at in np.flatnonzero(begins)]
    assert starting == ["It", "Really", "he", "Yes", "this", "那", "对", "好", "वह", "نعم", "Another", "Here"]


def test_the_best_span_is_the_run_of_sentences_nearest_to_the_item():
    page = " ".join(sentences("en")[:6])
    item = gsm8k()[0]["question"]
    one = batch(documents([f"{page} {item} {page}"]))
    table = concept_table(find_model(None), item.lower().split())
    rows = table.rows_of(one)
    begins = sentence_starts(one.data, one.words.starts, one.words.ends, one.words.doc_offsets)
    words = len(batch(documents([item])).words.hashes)
    before = len(batch(documents([page])).words.hashes)
    vector = table.vectors[rows[before : before + words][rows[before : before + words] >= 0]].sum(axis=0)
    vector = (vector / np.linalg.norm(vector)).astype(np.float32)
    mean = np.zeros(256, dtype=np.float32)
    arrays = [np.array([value], dtype=np.int64) for value in (0, before + 9, before + words + 9, words)]
    [[first, last, cosine]] = best_spans(
        rows, begins, one.words.doc_offsets, table.vectors, *arrays, vector[None], mean
    ).tolist()
    assert (first, last) == (before, before + words)
    inside = rows[int(first) : int(last)]
    assert cosine == pytest.approx(span_cosine_plain(table.vectors[inside[inside >= 0]], vector, mean), abs=1e-4)
    assert cosine > 0.99


def test_a_window_keeps_the_signs_that_touch_its_words():
    text = 'He said "($5 each?)" and left'
    one = batch(documents(["pad pad", text]))
    first = int(one.words.doc_offsets[1]) + 2
    start, end = window_bytes(one, 1, first, first + 2)
    assert text.encode()[start:end].decode() == '"($5 each?)"'


def test_short_questions_are_looked_for_with_their_options():
    table = items(
        ["Inflation is", "How many eggs does Janet sell each day?"], choices=[["a rise in prices", "a tax"], ["3", "4"]]
    )
    probes = make_probes(table)
    assert sorted(probes.texts) == [
        "How many eggs does Janet sell each day?",
        "How many eggs does Janet sell each day?\n3\n4",
        "Inflation is\na rise in prices\na tax",
    ]
    assert probes.item_rows() == {0, 1}
    assert make_probes(items(["What?"])).texts == []


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_approximate_indexes_find_what_exact_search_finds(kind):
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(4000, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = vectors[::20] + rng.normal(scale=0.05, size=(200, 32)).astype(np.float32)
    exact, other = (nearest(build_index(vectors, name), queries, 1).items[:, 0] for name in ("exact", kind))
    assert (exact == other).mean() >= 0.95
    assert (exact == np.arange(0, 4000, 20)).mean() >= 0.95


def test_the_kind_of_index_follows_the_size():
    sizes = (1, EXACT_UP_TO, EXACT_UP_TO + 1, HNSW_UP_TO, HNSW_UP_TO + 1)
    assert [index_kind(size) for size in sizes] == ["exact", "exact", "hnsw", "hnsw", "ivf"]
