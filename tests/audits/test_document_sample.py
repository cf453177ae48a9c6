"""Samples and sketches that do not know who came first."""

import pickle

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.distinct import Distinct
from audits.document_sample import HASH, DocumentSample

COLUMNS = pa.schema([("name", pa.string()), ("size", pa.int64())])


def offered(sample, hashes):
    chosen = hashes[sample.wanted(hashes)]
    names = [f"d{number}" for number in chosen.tolist()]
    rows = {HASH: chosen, "name": names, "size": (chosen % np.uint64(97)).astype(np.int64)}
    sample.offer(pa.table(rows, schema=sample.table.schema), len(hashes))


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 2**64 - 2), unique=True, max_size=120),
    st.lists(st.integers(0, 4), min_size=120, max_size=120),
    st.permutations(range(5)),
)
def test_any_cut_and_any_order_leave_the_smallest_hashes(numbers, parts, order):
    hashes = np.array(numbers, dtype=np.uint64)
    where = np.array(parts[: len(numbers)])
    samples = []
    for part in range(5):
        sample = DocumentSample.empty(10, COLUMNS)
        for batch in np.array_split(hashes[where == part] if len(hashes) else hashes, 2):
            offered(sample, batch)
        samples.append(sample)
    total = DocumentSample.empty(10, COLUMNS)
    for part in order:
        total.merge(pickle.loads(pickle.dumps(samples[part])))
    assert total.rows().column(HASH).to_pylist() == sorted(numbers)[:10]
    assert total.seen == len(numbers)
    assert total.whole == (len(numbers) <= 10)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 3)), max_size=30), st.integers(0, 30))
def test_a_document_is_kept_with_all_of_its_rows_or_not_at_all(documents, cut):
    rows = dict(documents)
    hashes = [number for number, count in rows.items() for _ in range(count)]
    table = pa.table({HASH: pa.array(hashes, pa.uint64()), "name": ["x"] * len(hashes), "size": [1] * len(hashes)})

    def sampled(pieces):
        total = DocumentSample.empty(10, COLUMNS)
        for piece in pieces:
            total.offer(piece.cast(total.table.schema), 0)
        return total.rows().column(HASH).to_pylist()

    at = min(cut, table.num_rows)
    # Batches never part a document's rows.
    while 0 < at < table.num_rows and hashes[at] == hashes[at - 1]:
        at += 1
    kept = sampled([table])
    assert kept == sampled([table.slice(at), table.slice(0, at)])
    assert all(kept.count(number) == rows[number] for number in set(kept))
    assert len(kept) <= 10


def test_a_sample_tells_shares_of_a_large_corpus():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 400_000, dtype=np.uint64)
    rare = rng.random(400_000) < 0.01
    sample = DocumentSample.empty(20_000, COLUMNS)
    for at in range(0, 400_000, 50_000):
        here = slice(at, at + 50_000)
        chosen = sample.wanted(hashes[here])
        names = np.where(rare[here][chosen], "rare", "common").tolist()
        rows = {HASH: hashes[here][chosen], "name": names, "size": [1] * len(chosen)}
        sample.offer(pa.table(rows, schema=sample.table.schema), 50_000)
    rows = sample.rows()
    assert rows.num_rows == 20_000 and not sample.whole
    # Five standard errors of a share of 1 % in 20,000 documents.
    assert abs(rows.column("name").to_pylist().count("rare") / 20_000 - 0.01) < 5 * np.sqrt(0.01 * 0.99 / 20_000)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 6000), st.integers(0, 6000), st.booleans())
def test_distinct_strings_are_counted_alike_in_any_order(size, cut, travelled):
    names = [f"host{number}.example" for number in range(size)]
    whole, first, second = Distinct(), Distinct(), Distinct()
    whole.add([*reversed(names), *names[:10]])
    first.add(names[: min(cut, size)])
    second.add(names[max(0, min(cut, size) - 50) :])
    if travelled:
        second = pickle.loads(pickle.dumps(second))
    second.merge(Distinct(first.data))
    assert second.count() == whole.count()
    assert abs(whole.count() - size) <= 0.1 * size
