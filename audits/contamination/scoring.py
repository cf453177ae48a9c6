"""From what was remembered to judged matches: phrases of the corpus are taken out of both sides, then limits apply."""

from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audits.contamination.information import PART_BITS
from audits.contamination.match_state import MAX_MATCHES_PER_ITEM, Found, MatchState, Place
from audits.contamination.recorder import Subject
from audits.contamination.templates import Templates
from audits.excerpts import excerpt
from audits.findings import Exposure, Match

DROPPED_SCHEMA = pa.schema(
    [
        ("eval_set", pa.string()),
        ("kind", pa.string()),
        ("phrase", pa.string()),
        ("items", pa.int64()),
        ("documents", pa.int64()),
        ("sources", pa.int64()),
    ]
)
"""Phrases that count on neither side: `template` of the test set, or `frequent` in the corpus."""


_SHORT, _LONG = 12, 30
_SHORT_LIMIT = 0.9


@dataclass(frozen=True)
class Limits:
    """From which score on a place exposes an item (by eval set, else `exposed`), and from which it is suspect.

    In short items one changed word makes another problem ("the area of a square"), so they need more: 0.9 up to 12
    words of their own, falling to the limit at 30 (decon's rule goes from 1.0 at 20 tokens to 0.8 at 50).
    """

    exposed: float
    suspect: float
    by_set: dict[str, float] = field(default_factory=dict)

    def of(self, eval_set: str, words: int) -> float:
        """Return the score from which a place exposes an item of an eval set with so many words of its own."""
        limit = self.by_set.get(eval_set, self.exposed)
        # At most 0.9, so that nine of ten words are enough whatever the last bit of the sum.
        return max(limit, min(_SHORT_LIMIT, limit + (_SHORT_LIMIT - limit) * float(shortness(np.int64(words)))))

    def suspect_of(self, words: int) -> float:
        """Return the score from which a place is suspect, which short items need more for, too."""
        gap = self.exposed - self.suspect
        return max(self.suspect, self.suspect + (_SHORT_LIMIT - gap - self.suspect) * float(shortness(np.int64(words))))

    def threshold_of(self, score: float, words: int) -> float:
        """Return the highest limit at which a place with this score still exposes an item; the reverse of `of`."""
        if score >= _SHORT_LIMIT:
            return score
        short = float(shortness(np.int64(words)))
        return 0.0 if short == 1 else max(0.0, (score - _SHORT_LIMIT * short) / (1 - short))


def shortness(words: NDArray[np.int64] | np.int64) -> NDArray[np.float64]:
    """Return how short items of so many words are: 1 up to 12 words, 0 from 30 on."""
    short: NDArray[np.float64] = np.clip((_LONG - words) / (_LONG - _SHORT), 0.0, 1.0)
    return short


@dataclass
class Judged:
    """Matches with their verdicts by row of the eval item table, best first; how many there were; all exposures."""

    documents: int = 0
    matches: dict[int, list[Match]] = field(default_factory=dict)
    offered: dict[int, int] = field(default_factory=dict)
    exposures: list[Exposure] = field(default_factory=list)
    places_left_out: int = 0


@dataclass(frozen=True)
class ScoredPlace:
    """A place in a document that may expose the item in `item_row`, and the highest limit at which it does.

    `whole` tells that the question stands there word for word, which no limit changes.
    """

    item_row: int
    shard: str
    row: int
    threshold: float
    whole: bool


def exposure_of(match: Match) -> Exposure:
    """Return the place of a match that exposes its item."""
    return Exposure(
        match.shard,
        match.row,
        match.doc_id,
        match.train_start,
        match.train_end,
        match.eval_set,
        match.item_id,
        match.detector,
    )


def share_of(found: NDArray[np.bool_], own: NDArray[np.bool_]) -> float:
    """Return the share of a part's own words among `found`.

    An item made mostly of templates must still have half of all its words matched by what is its own.
    """
    return min(1.0, float(found.sum()) / max(int(own.sum()), (len(own) + 1) // 2, 1))


class Judge:
    """Judges the matches of one state, by each part's own words."""

    def __init__(self, subject: Subject, templates: Templates, limits: Limits, state: MatchState) -> None:
        self.subject, self.templates, self.limits, self.state = subject, templates, limits, state
        documents = dict(state.source_documents)
        learnt = {part: counts.frequent(documents) for part, counts in state.counts.items()}
        self.frequent = {part: words for part, words in sorted(learnt.items()) if words.any()}
        self._scores: dict[tuple[int, bytes], tuple[float, float]] = {}

    def judged(self, detector: str) -> Judged:
        """Return every kept match with its verdict, and every place that exposes an item."""
        first, left_out = self.state.first_places()
        result = Judged(documents=self.state.documents, places_left_out=left_out)
        for row in sorted(self.state.best):
            matches = [match for found in self.state.of(row) if (match := self._match(found)).verdict]
            order = {"exposed": 0, "suspect": 1, "informational": 2}
            matches.sort(key=lambda m: (order[m.verdict], -m.score, m.shard, m.row, m.train_start, m.evidence_class))
            result.matches[row] = matches[:MAX_MATCHES_PER_ITEM]
            result.offered[row] = self.state.best[row].offered
        for row, places in first.items():
            result.exposures += [self._exposure(row, place, detector) for place in places if self._exposes(place)]
        return result

    def scored(self) -> list[ScoredPlace]:
        """Return every place that some limit would make expose an item, with the highest such limit."""
        return [
            ScoredPlace(row, place.shard, place.row, self._threshold(place), place.whole)
            for row, places in sorted(self.state.places.items())
            for place in sorted(places)
        ]

    def _threshold(self, place: Place) -> float:
        score, bits = self._score(place.part, place.pattern, place.whole, None)
        if place.whole:
            return 1.0
        return self.limits.threshold_of(score, self._own_words(place.part)) if bits >= PART_BITS else 0.0

    def dropped(self) -> pa.Table:
        """Return what counted on neither side: templates of the test sets, and phrases of the corpus."""
        names = list(dict.fromkeys(self.subject.names))
        rows = [
            {"eval_set": names[code], "kind": "template", "phrase": _quoted(text), "items": items}
            for code, text, items in self.templates.named
        ]
        for part, words in self.frequent.items():
            counts = self.state.counts[part].by_source
            name = self.subject.names[self.subject.parts.items[part][0]]
            total = np.sum(list(counts.values()), axis=0)
            for start, stop in _runs(words):
                there = [source for source, of in counts.items() if of[start:stop].any()]
                rows.append(
                    {
                        "eval_set": name,
                        "kind": "frequent",
                        "phrase": _quoted(self._text(part, start, stop)),
                        "items": len(self.subject.parts.items[part]),
                        "documents": int(total[start:stop].max()),
                        "sources": len(there),
                    }
                )
        return pa.Table.from_pylist(rows, schema=DROPPED_SCHEMA)

    def _match(self, found: Found) -> Match:
        match = found.match
        score, bits = self._score(found.part, found.pattern, found.whole, match.score)
        evidence, verdict = self._verdict(match.evidence_class, found.part, match.score, score, bits, found.whole)
        return replace(match, score=round(score, 6), evidence_class=evidence, verdict=verdict)

    def _exposes(self, place: Place) -> bool:
        score, bits = self._score(place.part, place.pattern, place.whole, None)
        return self._verdict(place.evidence_class, place.part, score, score, bits, place.whole)[1] == "exposed"

    def _own_words(self, part: int) -> int:
        return int(self.templates.own_of(self.subject.parts, part).sum())

    def _verdict(
        self, evidence: str, part: int, before: float, score: float, bits: float, whole: bool
    ) -> tuple[str, str]:
        """Return evidence class and verdict ("" for no match) by the score before and after phrases were dropped."""
        if evidence in ("template", "answer_only"):
            return evidence, "informational"
        words = self._own_words(part)
        limit = self.limits.of(self.subject.names[self.subject.parts.items[part][0]], words)
        if score < limit <= before:
            return "template", "informational"
        if score < min(limit, self.limits.suspect_of(words)):
            return evidence, ""
        if evidence == "passage_only" or score < limit:
            return evidence, "suspect"
        return evidence, "exposed" if whole or bits >= PART_BITS else "suspect"

    def _score(self, part: int, pattern: bytes, whole: bool, known: float | None) -> tuple[float, float]:
        """Return the score of a pattern and the bits of its words, without phrases of the corpus."""
        if whole:
            return 1.0, PART_BITS
        if (part, pattern) not in self._scores:
            own = self.templates.own_of(self.subject.parts, part)
            found = np.unpackbits(np.frombuffer(pattern, dtype=np.uint8))[: len(own)].astype(bool)
            kept = ~self.frequent[part] if part in self.frequent else np.ones(len(own), dtype=bool)
            information = self.subject.context.information
            # A word said forty times says what it says once.
            distinct = np.unique(self.subject.parts.hashes_of(part)[found & kept])
            bits = float(information.bits_of(distinct).sum())
            self._scores[part, pattern] = share_of(found & kept, own & kept), bits
        score, bits = self._scores[part, pattern]
        return (known if known is not None and part not in self.frequent else score), bits

    def _exposure(self, row: int, place: Place, detector: str) -> Exposure:
        names, ids = self.subject.names, self.subject.item_ids
        return Exposure(place.shard, place.row, place.doc_id, place.start, place.end, names[row], ids[row], detector)

    def _text(self, part: int, start: int, stop: int) -> str:
        parts = self.subject.parts
        base = int(parts.words.doc_offsets[part])
        first, last = int(parts.words.starts[base + start]), int(parts.words.ends[base + stop - 1])
        return parts.data[first:last].tobytes().decode("utf-8", "replace")


def _runs(words: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], words, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _quoted(text: str) -> str:
    data = text.encode()
    return excerpt(data, 0, len(data), context=0)
