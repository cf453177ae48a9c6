"""What `synthetic_share` remembers: documents with markers as a share, and sums by marker."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audits.batch import TextBatch
from audits.drift.share_profile import share_tables, state_of
from audits.drift.share_state import Parts, ShareState
from audits.drift.synthetic_markers import ANY_MARKER, Seen, find_markers
from audits.excerpts import excerpt
from audits.findings import Evidence
from audits.ranking import Smallest
from audits.statistics import RatioSums

MARKED, UNMARKED = "marked", "unmarked"

SAMPLE = 20_000
"""Documents sampled to tell which hosts a change comes from."""

_EXAMPLES = 5

_BIG = pa.decimal128(38, 0)
MARKERS_SCHEMA = pa.schema(
    [
        ("marker", pa.string()),
        ("docs", pa.int64()),
        ("y", pa.int64()),
        ("yy", _BIG),
        ("yn", _BIG),
        ("quoted", pa.int64()),
    ]
)
TOTALS_SCHEMA = pa.schema([("docs", pa.int64()), ("words", pa.int64()), ("words_squared", _BIG)])


@dataclass
class MarkerSums:
    """Occurrences y of one marker, Σy² and Σy·n over documents of n words, documents with any, and quoted ones."""

    docs: int = 0
    y: int = 0
    yy: int = 0
    yn: int = 0
    quoted: int = 0

    def merge(self, other: Self) -> None:
        """Add another marker's sums."""
        self.docs += other.docs
        self.y += other.y
        self.yy += other.yy
        self.yn += other.yn
        self.quoted += other.quoted


@dataclass
class SyntheticState:
    """`shares` counts documents, not words: each is marked or not. `examples` are places by marker."""

    judged: frozenset[str]
    shares: ShareState = field(default_factory=lambda: ShareState.empty(SAMPLE, quoting=False))
    markers: dict[str, MarkerSums] = field(default_factory=dict)
    examples: dict[str, Smallest[Evidence]] = field(default_factory=dict)
    docs: int = 0
    words: int = 0
    words_squared: int = 0

    def merge(self, other: Self) -> None:
        """Take over another state's sums."""
        self.shares.merge(other.shares)
        for marker, sums in other.markers.items():
            self.markers.setdefault(marker, MarkerSums()).merge(sums)
        for marker, kept in other.examples.items():
            self.examples.setdefault(marker, Smallest(_EXAMPLES)).merge(kept)
        self.docs += other.docs
        self.words += other.words
        self.words_squared += other.words_squared

    def add(self, batch: TextBatch) -> None:
        """Add the documents of a batch; `judged` are the kinds of markers that mark a document."""
        words = batch.word_counts
        self.docs += len(batch)
        self.words += int(words.sum())
        self.words_squared += int((words * words).sum())
        marked = np.ones(len(batch), dtype=np.int64)
        suspects = np.flatnonzero(pc.match_substring_regex(batch.documents.column("text"), ANY_MARKER))
        for doc in suspects.tolist():
            seen = find_markers(batch.texts[doc])
            self._add_document(batch, doc, int(words[doc]), seen)
            if any(one.marker.kind in self.judged and not one.quoted for one in seen):
                marked[doc] = 0
        one = np.ones(len(batch), dtype=np.int64)
        self.shares.add(batch, Parts([MARKED, UNMARKED], np.arange(len(batch)), marked, one, batch.byte_counts, one))

    def sums_of(self, marker: str) -> RatioSums:
        """Return the sums for a marker's occurrences per word."""
        sums = self.markers.get(marker, MarkerSums())
        return RatioSums(self.docs, sums.y, self.words, sums.yy, sums.yn, self.words_squared)

    def places(self, markers: list[str]) -> tuple[Evidence, ...]:
        """Return up to five seeded random places of some markers."""
        pooled = [pair for marker in markers if marker in self.examples for pair in self.examples[marker].ranked()]
        places = [place for _, place in sorted(pooled, key=lambda pair: pair[0])]
        return tuple(dict.fromkeys(places))[:_EXAMPLES]

    def to_tables(self) -> dict[str, pa.Table]:
        """Return the state as tables; examples are not kept."""
        rows = [{"marker": marker, **sums.__dict__} for marker, sums in sorted(self.markers.items())]
        totals = {"docs": self.docs, "words": self.words, "words_squared": self.words_squared}
        return {
            **share_tables(self.shares),
            "markers": pa.Table.from_pylist(rows, schema=MARKERS_SCHEMA),
            "totals": pa.Table.from_pylist([totals], schema=TOTALS_SCHEMA),
        }

    @classmethod
    def from_tables(cls, tables: dict[str, pa.Table], judged: frozenset[str]) -> Self:
        """Rebuild a state from `to_tables`."""
        [totals] = tables["totals"].to_pylist()
        state = cls(judged, state_of(tables, SAMPLE))
        for row in tables["markers"].to_pylist():
            sums = {name: int(value) for name, value in row.items() if name != "marker"}
            state.markers[row["marker"]] = MarkerSums(**sums)
        state.docs, state.words = totals["docs"], totals["words"]
        state.words_squared = int(totals["words_squared"])
        return state

    def _add_document(self, batch: TextBatch, doc: int, words: int, seen: list[Seen]) -> None:
        by_marker: dict[str, list[Seen]] = {}
        for one in seen:
            by_marker.setdefault(one.marker.marker_id, []).append(one)
        for marker, places in by_marker.items():
            plain = [place for place in places if not place.quoted]
            count = len(plain)
            sums = MarkerSums(int(count > 0), count, count * count, count * words, len(places) - count)
            self.markers.setdefault(marker, MarkerSums()).merge(sums)
            if plain:
                self._offer(batch, doc, marker, plain[0])

    def _offer(self, batch: TextBatch, doc: int, marker: str, place: Seen) -> None:
        kept = self.examples.setdefault(marker, Smallest(_EXAMPLES))
        key = (int(batch.doc_hashes[doc]), batch.shards[doc], int(batch.rows[doc]), marker)
        if not kept.wants(key):
            return
        text = batch.texts[doc]
        start, end = (len(text[:at].encode()) for at in (place.start, place.end))
        kept.offer(key, batch.place(doc, start, end, excerpt(text.encode(), start, end, context=80)))
