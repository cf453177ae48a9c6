"""What contamination detectors remember: per test item the best places, and how many there were."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from audits.batch import TextBatch
from audits.contamination.eval_parts import PASSAGE, Answers, EvalParts
from audits.excerpts import excerpt
from audits.findings import Match
from audits.ranking import Smallest

MAX_MATCHES_PER_ITEM = 20
"""Places kept as evidence per test item and detector; `n_matches` counts the rest."""


@dataclass
class MatchState:
    """Matches by row of the eval item table, with the numbers of documents scanned and matched."""

    documents: int = 0
    matched_documents: int = 0
    matches: dict[int, Smallest[Match]] = field(default_factory=dict)

    def add(self, row: int, match: Match) -> None:
        """Offer one match of the item in `row`."""
        key = (-match.score, match.shard, match.row, match.train_start, match.evidence_class)
        self.matches.setdefault(row, Smallest(MAX_MATCHES_PER_ITEM)).offer(key, match)

    def merge(self, other: Self) -> None:
        """Take over the matches and counts of another state."""
        self.documents += other.documents
        self.matched_documents += other.matched_documents
        for row, kept in other.matches.items():
            self.matches.setdefault(row, Smallest(MAX_MATCHES_PER_ITEM)).merge(kept)


@dataclass(frozen=True)
class Span:
    """Words `first:last` of document `doc` (counted in the batch) that answer to words of part `part`."""

    doc: int
    part: int
    first: int
    last: int
    part_first: int
    part_last: int
    score: float


@dataclass(frozen=True)
class MatchRecorder:
    """Turns spans into matches: classifies the evidence and quotes both sides."""

    detector: str
    names: list[str]
    item_ids: list[str]
    parts: EvalParts
    answers: Answers

    def record(self, state: MatchState, batch: TextBatch, spans: list[Span]) -> None:
        """Add the best span of each document and item to `state`, questions before passages."""
        best: dict[tuple[int, int], Span] = {}
        for span in sorted(spans, key=lambda s: (self.parts.kinds[s.part] == PASSAGE, -s.score, s.first, s.part)):
            for row in self.parts.items[span.part]:
                best.setdefault((span.doc, row), span)
        for (_, row), span in best.items():
            state.add(row, self._match(batch, row, span))
        state.documents += len(batch)
        state.matched_documents += len({doc for doc, _ in best})

    def _match(self, batch: TextBatch, row: int, span: Span) -> Match:
        start, end = _bytes(batch.words.starts, batch.words.ends, batch.offsets[span.doc], span.first, span.last)
        part_offset = self.parts.words.doc_offsets[span.part]
        item_start, item_end = _bytes(
            self.parts.words.starts,
            self.parts.words.ends,
            self.parts.offsets[span.part],
            part_offset + span.part_first,
            part_offset + span.part_last,
        )
        text = batch.data[batch.offsets[span.doc] : batch.offsets[span.doc + 1]].tobytes()
        return Match(
            eval_set=self.names[row],
            item_id=self.item_ids[row],
            evidence_class=self._evidence_class(batch, row, span),
            doc_id=batch.doc_ids[span.doc],
            shard=batch.shards[span.doc],
            row=int(batch.rows[span.doc]),
            train_start=start,
            train_end=end,
            item_start=item_start,
            item_end=item_end,
            score=round(float(span.score), 6),
            detector=self.detector,
            excerpt=excerpt(text, start, end),
            item_excerpt=excerpt(self.parts.texts[span.part].encode(), item_start, item_end),
        )

    def _evidence_class(self, batch: TextBatch, row: int, span: Span) -> str:
        if self.parts.kinds[span.part] == PASSAGE:
            return "passage_only"
        near = self.answers.near(row, batch.words, span.doc, span.first, span.last)
        return "question_answer" if near else "question_only"


def _bytes(
    starts: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    ends: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    offset: "np.int64",
    first: int,
    last: int,
) -> tuple[int, int]:
    return int(starts[first] - offset), int(ends[last - 1] - offset)
