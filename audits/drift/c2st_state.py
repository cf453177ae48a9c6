"""What `corpus_c2st` remembers: a sample of documents, as text in memory and as hashed n-grams in a profile."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audits.batch import TextBatch, text_buffers
from audits.document_sample import HASH, DocumentSample
from audits.excerpts import excerpt
from audits.findings import Evidence
from audits.kernels.words import BASE, Words, split_words

HEAD = 2048
"""Bytes of a document that are looked at, from its beginning: about 300 words."""

FEATURE_BITS = 20
"""N-grams are hashed into a million features."""

MIN_NAMED = 5
"""Documents that must have an n-gram before a profile keeps its name; rarer ones could tell who wrote them."""

_MULTIPLIER = np.uint64(0x94D049BB133111EB)
_EVIDENCE_COLUMNS = [("host", pa.string()), ("doc_id", pa.string()), ("shard", pa.string()), ("row", pa.int64())]
SAMPLE_COLUMNS = pa.schema([*_EVIDENCE_COLUMNS, ("head", pa.string())])
VECTORS_SCHEMA = pa.schema(
    [(HASH, pa.uint64()), ("host", pa.string()), ("features", pa.list_(pa.uint32()))],
)
NAMES_SCHEMA = pa.schema([("feature", pa.uint32()), ("ngram", pa.string())])
FACTS_SCHEMA = pa.schema([("seen", pa.int64())])

Features = list[NDArray[np.uint32]]


@dataclass
class Vectors:
    """Sampled documents as a classifier sees them: hash, host (empty if unknown) and features of each."""

    hashes: NDArray[np.uint64]
    hosts: list[str]
    features: Features
    names: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.hosts)


@dataclass
class C2stState:
    """A sample of the corpus's documents; from a profile, `stored` has its vectors instead."""

    sample: DocumentSample
    stored: Vectors | None = None

    @classmethod
    def empty(cls, limit: int) -> Self:
        """Return the state of an empty corpus."""
        return cls(DocumentSample.empty(limit, SAMPLE_COLUMNS))

    def merge(self, other: Self) -> None:
        """Take over another state's sample."""
        self.sample.merge(other.sample)

    def add(self, batch: TextBatch) -> None:
        """Add the documents of a batch."""
        chosen = self.sample.wanted(batch.doc_hashes)
        docs = chosen.tolist()
        columns = {
            HASH: batch.doc_hashes[chosen],
            "host": [batch.hosts[doc] for doc in docs],
            "doc_id": [batch.doc_ids[doc] for doc in docs],
            "shard": [batch.shards[doc] for doc in docs],
            "row": batch.rows[chosen],
            "head": [_head(batch, doc) for doc in docs],
        }
        self.sample.offer(pa.table(columns, schema=self.sample.table.schema), len(batch))

    def vectors(self) -> Vectors:
        """Return the sampled documents as features."""
        if self.stored is not None:
            return self.stored
        rows = self.sample.rows()
        features = [one.features for one in grams_of(_split(rows.column("head"))[1])]
        return Vectors(rows.column(HASH).to_numpy(), rows.column("host").to_pylist(), features)

    def place(self, number: int) -> Evidence:
        """Return the beginning of a sampled document, by its number in `vectors`."""
        row = self.sample.rows().slice(number, 1).to_pylist()[0]
        text = row["head"].encode()
        size = min(len(text), 200)
        return Evidence(row["doc_id"], row["shard"], row["row"], 0, size, excerpt(text, 0, size))

    def names(self, wanted: set[int]) -> dict[int, str]:
        """Return the n-grams behind some features, as far as they are known."""
        if self.stored is not None:
            return {feature: name for feature, name in self.stored.names.items() if feature in wanted}
        return named(self.sample.rows().column("head"), wanted)

    def to_tables(self) -> dict[str, pa.Table]:
        """Return features and names as tables: no text but n-grams that several documents and hosts share."""
        vectors = self.vectors()
        frequent = _frequent(vectors)
        names = named(self.sample.rows().column("head"), frequent) if self.stored is None else self.stored.names
        columns = {HASH: vectors.hashes, "host": vectors.hosts, "features": vectors.features}
        rows = [{"feature": feature, "ngram": name} for feature, name in sorted(names.items())]
        return {
            "vectors": pa.table(columns, schema=VECTORS_SCHEMA),
            "names": pa.Table.from_pylist(rows, schema=NAMES_SCHEMA),
            "facts": pa.Table.from_pylist([{"seen": self.sample.seen}], schema=FACTS_SCHEMA),
        }

    @classmethod
    def from_tables(cls, tables: dict[str, pa.Table], limit: int) -> Self:
        """Rebuild the vectors from `to_tables`."""
        table = tables["vectors"]
        lists = [np.array(features, dtype=np.uint32) for features in table.column("features").to_pylist()]
        names = {row["feature"]: row["ngram"] for row in tables["names"].to_pylist()}
        state = cls.empty(limit)
        state.sample.seen = tables["facts"].to_pylist()[0]["seen"]
        state.stored = Vectors(table.column(HASH).to_numpy(), table.column("host").to_pylist(), lists, names)
        return state


@dataclass(frozen=True)
class Grams:
    """The n-grams of one text in order, words first, then pairs: 64-bit `hashes`, of which features are 20 bits."""

    hashes: NDArray[np.uint64]
    first_word: int
    words: int

    @property
    def features(self) -> NDArray[np.uint32]:
        """The distinct features."""
        return np.unique(_feature(self.hashes))


def grams_of(words: Words) -> list[Grams]:
    """Return the words and pairs of words of each text."""
    found = []
    for doc in range(len(words.doc_offsets) - 1):
        start, stop = int(words.doc_offsets[doc]), int(words.doc_offsets[doc + 1])
        single = words.hashes[start:stop]
        pairs = single[:-1] * BASE + single[1:]
        each = np.concatenate([single, pairs])
        found.append(Grams((each ^ (each >> np.uint64(31))) * _MULTIPLIER, start, stop - start))
    return found


def named(heads: pa.ChunkedArray, wanted: set[int]) -> dict[int, str]:
    """Return the most frequent n-gram behind each wanted feature as it stands in the first text with it, masked."""
    data, words = _split(heads)
    grams = grams_of(words)
    if not grams or not wanted:
        return {}
    hashes = np.concatenate([one.hashes for one in grams])
    places = np.flatnonzero(np.isin(_feature(hashes), np.array(sorted(wanted), dtype=np.uint32)))
    distinct, first, counts = np.unique(hashes[places], return_index=True, return_counts=True)
    owners = np.repeat(np.arange(len(grams)), [len(one.hashes) for one in grams])
    starts = np.cumsum([0, *(len(one.hashes) for one in grams)])
    names: dict[int, str] = {}
    # The most frequent n-gram of a feature comes first.
    for at in np.lexsort((distinct, -counts)).tolist():
        place = int(places[first[at]])
        feature = int(_feature(hashes[place : place + 1])[0])
        if feature not in names:
            doc = int(owners[place])
            names[feature] = _wording(data, words, grams[doc], place - int(starts[doc]))
    return names


def _wording(data: NDArray[np.uint8], words: Words, text: Grams, at: int) -> str:
    pair = at >= text.words
    first = text.first_word + (at - text.words if pair else at)
    piece = data[words.starts[first] : words.ends[first + 1 if pair else first]].tobytes().lower()
    return excerpt(piece, 0, len(piece))[:40]


def _feature(hashes: NDArray[np.uint64]) -> NDArray[np.uint32]:
    return (hashes >> np.uint64(64 - FEATURE_BITS)).astype(np.uint32)


def _frequent(vectors: Vectors) -> set[int]:
    """Return the features that `MIN_NAMED` documents have, not all of one host."""
    docs: Counter[int] = Counter()
    hosts: dict[int, set[str]] = {}
    for host, number, features in zip(vectors.hosts, vectors.hashes.tolist(), vectors.features, strict=True):
        docs.update(features.tolist())
        for feature in features.tolist():
            known = hosts.setdefault(feature, set())
            if len(known) < 2:
                known.add(host or str(number))
    return {feature for feature, count in docs.items() if count >= MIN_NAMED and len(hosts[feature]) > 1}


def _split(heads: pa.ChunkedArray) -> tuple[NDArray[np.uint8], Words]:
    data, offsets = text_buffers(heads.combine_chunks() if isinstance(heads, pa.ChunkedArray) else heads)
    return data, split_words(data, offsets)


def _head(batch: TextBatch, doc: int) -> str:
    start, end = int(batch.offsets[doc]), int(batch.offsets[doc + 1])
    return batch.data[start : min(end, start + HEAD)].tobytes().decode("utf-8", "ignore")
