"""From spans of documents to matches: classifies the evidence, compares both sides word by word, and quotes them."""

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audits.base import Resources
from audits.batch import TextBatch
from audits.contamination.boilerplate import PartCounts
from audits.contamination.context import Context, Surroundings, all_texts, eval_context
from audits.contamination.edits import Comparison, compare
from audits.contamination.eval_parts import ANSWER, PASSAGE, QUESTION, EvalParts, eval_parts
from audits.contamination.families import families
from audits.contamination.gram_index import Cluster
from audits.contamination.identification import Identification, identify
from audits.contamination.information import measure_information
from audits.contamination.match_state import Found, MatchState, Place, match_key
from audits.contamination.templates import Templates, learn_templates
from audits.excerpts import excerpt
from audits.findings import Match
from audits.kernels.words import Words

_ANY = -1
"""In place of a part: any question that identifies its item."""

_PRIORITY = {QUESTION: 0, PASSAGE: 1, ANSWER: 2}
_CLASSES = {PASSAGE: "passage_only", ANSWER: "answer_only"}


@dataclass(frozen=True)
class Span:
    """Words `first:last` of the batch, in document `doc`, that answer to words of part `part`.

    `covered` (bool, one entry a word of the part) are the words that stand there, `found` those of them that count
    as evidence, and `score` the share of the part that these make. `phrase` tells that the whole part stands there
    word for word. A `template` span is made of what many items share.
    """

    doc: int
    part: int
    first: int
    last: int
    covered: NDArray[np.bool_]
    found: NDArray[np.bool_]
    score: float
    phrase: bool = False
    template: bool = False


def whole_span(doc: int, part: int, first: int, size: int) -> Span:
    """Return the span of a whole part of `size` words that stands word for word at word `first`."""
    every = np.ones(size, dtype=bool)
    return Span(doc, part, first, first + size, every, every, 1.0, phrase=True)


@dataclass(frozen=True)
class Subject:
    """The test items as every word-level detector needs them; made once a run and shared."""

    names: list[str]
    item_ids: list[str]
    parts: EvalParts
    families: NDArray[np.int64]
    context: Context
    identification: Identification
    _templates: dict[int, Templates] = field(default_factory=dict, repr=False, compare=False)

    def templates(self, max_items: int) -> Templates:
        """Return the templates of the items, learnt once for all detectors with the same `max_items`."""
        if max_items not in self._templates:
            self._templates[max_items] = learn_templates(self.parts, self.families, max_items)
        return self._templates[max_items]

    def stands_whole_at(self, cluster: Cluster, words: Words) -> int | None:
        """Return the word of the batch from which a cluster has its question word for word; None if nowhere."""
        if self.parts.kinds[cluster.part] != QUESTION or not cluster.covered.all():
            return None
        # Byte strings find a run of words faster than a loop; a hit between two words is none.
        haystack = words.hashes[cluster.first : cluster.last].tobytes()
        needle = self.parts.hashes_of(cluster.part).tobytes()
        at = haystack.find(needle)
        while at % 8 and at >= 0:
            at = haystack.find(needle, at + 1)
        return cluster.first + at // 8 if at >= 0 else None

    def matchable_by(self) -> list[str]:
        """Return per item row what finds it whole: `question`, `options` or answer beside it, or "" for nothing."""
        ways = [""] * len(self.names)
        for part, row in self.parts.rows_of(self.parts.kinds == QUESTION):
            ways[row] = self.identification.matchable_by(part, row, self.context)
        return ways


def make_subject(eval_items: pa.Table) -> Subject:
    """Split, weigh and judge the texts of a table in `EVAL_ITEM_SCHEMA`."""
    names, item_ids = (eval_items.column(name).to_pylist() for name in ("eval_set", "item_id"))
    parts = eval_parts(eval_items)
    context = eval_context(eval_items, measure_information(all_texts(eval_items)))
    return Subject(names, item_ids, parts, families(parts), context, identify(parts, context))


def subject_of(resources: Resources) -> Subject:
    """Return the run's one `Subject`."""
    return resources.shared(make_subject)


@dataclass(frozen=True)
class Recorder:
    """Adds the spans that one detector found in a batch to its state."""

    detector: str
    subject: Subject

    def record(self, state: MatchState, batch: TextBatch, spans: list[Span]) -> None:
        """Add the best span of each document and item, questions before passages before answers."""
        best: dict[tuple[int, int], tuple[Span, Surroundings]] = {}
        kinds, items = self.subject.parts.kinds, self.subject.parts.items
        ends = _Ends(spans, self.subject.identification.alone, batch.words)
        for span in sorted(
            spans, key=lambda s: (s.template, _PRIORITY[int(kinds[s.part])], -s.score, not s.phrase, s.first, s.part)
        ):
            for row in items[span.part]:
                known = best.get((span.doc, row))
                # A later place that gives the answer says more than the first one.
                if known is None or (span.phrase and known[0].part == span.part and not known[1].answer):
                    around = self.subject.context.around(row, batch.words, span.first, span.last, ends.of(span))
                    identified = not span.phrase or self.subject.identification.identifies(span.part, around)
                    if identified and (known is None or around.answer):
                        best[span.doc, row] = span, around
        for (_, row), (span, around) in best.items():
            self._add(state, batch, row, span, around)
        self._count(state, batch, spans)
        state.documents += len(batch)
        state.source_documents.update(batch.sources)
        state.matched_documents += len({doc for doc, _ in best})
        state.cut_places()

    def _count(self, state: MatchState, batch: TextBatch, spans: list[Span]) -> None:
        """Count each document once for each part, by its best span."""
        counted: set[tuple[int, int]] = set()
        for span in sorted(spans, key=lambda s: (-s.score, s.first)):
            if (span.doc, span.part) not in counted and not span.template:
                counted.add((span.doc, span.part))
                state.counts.setdefault(span.part, PartCounts()).add(batch.sources[span.doc], span.covered)

    def _add(self, state: MatchState, batch: TextBatch, row: int, span: Span, around: Surroundings) -> None:
        shard, doc_row = batch.shards[span.doc], int(batch.rows[span.doc])
        start, end = _train_bytes(batch, span)
        evidence, pattern = self._evidence_class(span, around), np.packbits(span.found).tobytes()
        if state.wants(row, match_key(_rounded(span.score), shard, doc_row, start, evidence), pattern):
            state.add(row, Found(self._match(batch, row, span, evidence), span.part, pattern, span.phrase))
        else:
            state.best[row].pass_over()
        if evidence.startswith("question"):
            at = (shard, doc_row, start, end, batch.doc_ids[span.doc])
            state.add_place(row, Place(*at, span.part, pattern, span.phrase, evidence))

    def _match(self, batch: TextBatch, row: int, span: Span, evidence_class: str) -> Match:
        parts, (start, end) = self.subject.parts, _train_bytes(batch, span)
        first, last = _stretch(batch, span)
        compared = compare(batch.words.hashes[first:last], parts.hashes_of(span.part), parts.word_texts(span.part))
        item_start, item_end = _item_bytes(parts, span.part, compared)
        text = batch.data[batch.offsets[span.doc] : batch.offsets[span.doc + 1]].tobytes()
        match = Match(
            eval_set=self.subject.names[row],
            item_id=self.subject.item_ids[row],
            evidence_class=evidence_class,
            doc_id=batch.doc_ids[span.doc],
            shard=batch.shards[span.doc],
            row=int(batch.rows[span.doc]),
            train_start=start,
            train_end=end,
            item_start=item_start,
            item_end=item_end,
            score=_rounded(span.score),
            detector=self.detector,
            excerpt=excerpt(text, start, end),
            item_excerpt=excerpt(parts.texts[span.part].encode(), item_start, item_end),
        )
        return self._measured(match, span, compared)

    def _measured(self, match: Match, span: Span, compared: Comparison) -> Match:
        hashes = self.subject.parts.hashes_of(span.part)[: len(compared.positions)]
        weights = self.subject.context.information.idf_of(hashes)
        containment = float(weights[compared.found].sum() / weights.sum())
        return replace(
            match,
            coverage=round(float(span.covered.mean()), 6),
            longest_match=compared.longest,
            idf_containment=round(containment, 6),
            edit=compared.edit,
        )

    def _evidence_class(self, span: Span, around: Surroundings) -> str:
        if span.template:
            return "template"
        kind = int(self.subject.parts.kinds[span.part])
        return _CLASSES.get(kind, "question_answer" if around.answer else "question_only")


class _Ends:
    """Where the surroundings of a question end: at the next question, whose options and answer are not its own.

    That is a whole question that identifies its item, or the same question again; else it is the document's end.
    """

    def __init__(self, spans: list[Span], alone: NDArray[np.bool_], words: Words) -> None:
        self.words = words
        self.questions: dict[tuple[int, int], list[int]] = defaultdict(list)
        for span in sorted((s for s in spans if s.phrase), key=lambda s: s.first):
            self.questions[span.doc, span.part].append(span.first)
            if alone[span.part]:
                self.questions[span.doc, _ANY].append(span.first)

    def of(self, span: Span) -> int:
        """Return the word of the batch before which the surroundings of a span end."""
        end = int(self.words.doc_offsets[span.doc + 1])
        for part in (span.part, _ANY):
            starts = self.questions.get((span.doc, part), [])
            following = bisect_left(starts, span.last)
            end = min([end, *starts[following : following + 1]])
        return end


def _rounded(score: float) -> float:
    return round(float(score), 6)


def _train_bytes(batch: TextBatch, span: Span) -> tuple[int, int]:
    """Return where a span begins and ends in its document, in bytes."""
    offset = int(batch.offsets[span.doc])
    return int(batch.words.starts[span.first]) - offset, int(batch.words.ends[span.last - 1]) - offset


def _stretch(batch: TextBatch, span: Span) -> tuple[int, int]:
    """Return the words to compare with the part: the span, and as many beside it as the part has beside what stands.

    N-grams end where an edit begins; what was edited is only seen with the words after it.
    """
    there = np.flatnonzero(span.covered)
    bounds = batch.words.doc_offsets
    first = span.first - int(there[0]) if len(there) else span.first
    last = span.last + len(span.covered) - 1 - int(there[-1]) if len(there) else span.last
    return max(first, int(bounds[span.doc])), min(last, int(bounds[span.doc + 1]))


def _item_bytes(parts: EvalParts, part: int, compared: Comparison) -> tuple[int, int]:
    """Return the bytes of the part from its first to its last word that was found."""
    there = np.flatnonzero(compared.found)
    base, offset = int(parts.words.doc_offsets[part]), int(parts.offsets[part])
    first, last = (int(there[0]), int(there[-1])) if len(there) else (0, int(parts.sizes[part]) - 1)
    return int(parts.words.starts[base + first]) - offset, int(parts.words.ends[base + last]) - offset
