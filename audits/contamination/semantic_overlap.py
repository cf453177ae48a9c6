"""Test items found in other words: lexical screening, then sentence embeddings, then a look at the numbers.

"Janet's ducks lay 16 eggs per day. She eats three ..." is found in "Each day, 16 eggs are produced by
Janet's ducks; three go into her breakfast ...", which shares no 8-gram with it.

Encoding every window of a corpus costs too much, so only windows that share an item's rare words are kept
(`lexical_screen`), the best few of each item are encoded once at the end, and FAISS finds the nearest items.
Every tool surveyed stops at a fixed cosine; the numbers of the item are what tells a rewording from another
problem of the same kind. At the shipped thresholds it exposed 63 % of 330 LMSYS rewordings of GSM8K test items
planted in web pages, none of 1,000 web pages, and 0.5 % of 3,000 GSM8K training problems, some of which are
near-copies (benchmarks/results/semantic_recall.json).
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import faiss
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from audits.base import Audit, AuditConfig, Resources
from audits.batch import TextBatch
from audits.contamination.embedding_model import encode, model_digest, model_path
from audits.contamination.eval_parts import QUESTION, EvalParts
from audits.contamination.exposure_findings import Judgement
from audits.contamination.lexical_screen import Candidate, build_screen
from audits.contamination.match_state import MAX_MATCHES_PER_ITEM
from audits.contamination.recorder import subject_of
from audits.contamination.scoring import Judged, exposure_of
from audits.contamination.verdicts import judge
from audits.excerpts import excerpt
from audits.findings import Finding, Match, Status, Summary
from audits.ranking import Smallest

_WINDOWS_PER_ITEM = 4
"""Windows of each item that are encoded; the right one of a rewording is nearly always the first."""

_NEIGHBOURS = 3
_MAX_WINDOW_BYTES = 4000
_BOUNDARY = re.compile(rb"[.!?][\"')]*\s+|\n+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class SemanticOverlapConfig(AuditConfig):
    """Options of `semantic_overlap`.

    A window is a rewording when its cosine with the question reaches `min_cosine` and it has
    `min_number_share` of the question's numbers; it is suspect from `min_suspect_cosine` with half of them.
    `max_encodes` bounds the windows and items that are encoded; what it leaves out is said. `model` is the
    folder of a sentence-transformers model.
    """

    needs_eval_sets: ClassVar[bool] = True

    kind: Literal["semantic_overlap"] = "semantic_overlap"
    model: str | None = None
    min_screen_cosine: Annotated[float, Field(gt=0, le=1)] = 0.25
    min_cosine: Annotated[float, Field(gt=0, le=1)] = 0.75
    min_suspect_cosine: Annotated[float, Field(gt=0, le=1)] = 0.7
    min_number_share: Annotated[float, Field(ge=0, le=1)] = 0.75
    max_encodes: Annotated[int, Field(ge=2)] = 20_000
    max_exposed_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    min_matchable_share: Annotated[float, Field(ge=0, le=1)] = 0.5

    def build(self, resources: Resources) -> "SemanticOverlap":
        """Weigh the words of all questions and check that the model is there."""
        return SemanticOverlap(self, resources.eval_items, subject_of(resources).parts)


@dataclass(frozen=True)
class Window:
    """A place of the corpus that may be a rewording, with its text for the encoder."""

    doc_id: str
    shard: str
    row: int
    start: int
    end: int
    text: str


@dataclass
class SemanticState:
    """The best windows by part of the eval set, as lexical screening ranks them."""

    documents: int = 0
    windows: dict[int, Smallest[Window]] = field(default_factory=dict)

    def add(self, part: int, cosine: float, window: Window) -> None:
        """Offer a window for a part."""
        key = (-round(cosine, 9), window.shard, window.row, window.start)
        self.windows.setdefault(part, Smallest(_WINDOWS_PER_ITEM)).offer(key, window)

    def merge(self, other: Self) -> None:
        """Take over the windows and counts of another state."""
        self.documents += other.documents
        for part, kept in other.windows.items():
            self.windows.setdefault(part, Smallest(_WINDOWS_PER_ITEM)).merge(kept)


class SemanticOverlap(Audit[SemanticState]):
    """Finds windows of documents that say what a question says."""

    def __init__(self, config: SemanticOverlapConfig, eval_items: pa.Table, parts: EvalParts) -> None:
        self.label = config.label
        self.config = config
        self.eval_items = eval_items
        self.parts = parts
        self.screen = build_screen(self.parts)
        self.path: Path = model_path(config.model)

    def new_state(self) -> SemanticState:
        """Return the state of an empty corpus."""
        return SemanticState()

    def scan(self, state: SemanticState, batch: TextBatch) -> None:
        """Keep the windows that share enough rare words with a question."""
        state.documents += len(batch)
        for candidate in self.screen.candidates(batch, self.config.min_screen_cosine):
            state.add(candidate.part, candidate.cosine, _window(batch, candidate))

    def summary(self, state: SemanticState, reference: SemanticState | None = None) -> Summary:
        """Encode the kept windows and their items, and judge every item by its nearest window."""
        pairs, left_out = self._affordable(state)
        summary = judge(self._judgement(), self.eval_items, self._judged(pairs, state.documents))
        if left_out:
            summary.findings.append(self._budget_finding(left_out))
        return summary

    def digests(self) -> dict[str, str]:
        """Return the digest of the model's weights."""
        return {"model": model_digest(self.path)}

    def _affordable(self, state: SemanticState) -> tuple[list[tuple[int, Window]], int]:
        """Return the (part, window) pairs within the budget, lexically best first, and how many are not."""
        ranked = sorted(
            ((key, part, window) for part, kept in state.windows.items() for key, window in kept.ranked()),
            key=lambda entry: entry[:2],
        )
        pairs: list[tuple[int, Window]] = []
        encodes: set[tuple[str, str]] = set()
        for _, part, window in ranked:
            needed = {("item", str(part)), ("window", window.text)}
            if len(encodes | needed) > self.config.max_encodes:
                break
            encodes |= needed
            pairs.append((part, window))
        return pairs, len(ranked) - len(pairs)

    def _judged(self, pairs: list[tuple[int, Window]], documents: int) -> Judged:
        """Return the windows near an item, the best ones of each item first."""
        judged = Judged(documents=documents)
        found: dict[int, list[Match]] = {}
        for row, match in self._matches(pairs):
            found.setdefault(row, []).append(match)
        for row, matches in sorted(found.items()):
            matches.sort(key=lambda m: (m.verdict != "exposed", -m.score, m.shard, m.row, m.train_start))
            judged.matches[row] = matches[:MAX_MATCHES_PER_ITEM]
            judged.offered[row] = len(matches)
            judged.exposures += [exposure_of(match) for match in matches if match.verdict == "exposed"]
        return judged

    def _matches(self, pairs: list[tuple[int, Window]]) -> list[tuple[int, Match]]:
        """Return (item row, match) for every window near one of the candidate items."""
        if not pairs:
            return []
        parts = sorted({part for part, _ in pairs})
        windows = list(dict.fromkeys(window for _, window in pairs))
        vectors = encode(self.path, [self.parts.texts[part] for part in parts] + [w.text for w in windows])
        found = []
        for window, cosines, nearest in zip(windows, *_nearest(vectors, len(parts)), strict=True):
            for cosine, index in zip(cosines.tolist(), nearest.tolist(), strict=True):
                part = parts[index]
                if self._verdict(cosine, self.parts.texts[part], window.text) is not None:
                    found += [(row, self._match(row, part, window, cosine)) for row in self.parts.items[part]]
        return found

    def _verdict(self, cosine: float, question: str, window: str) -> str | None:
        share = number_share(question, window)
        if cosine >= self.config.min_cosine and share >= self.config.min_number_share:
            return "exposed"
        return "suspect" if cosine >= self.config.min_suspect_cosine and share >= 0.5 else None

    def _match(self, row: int, part: int, window: Window, cosine: float) -> Match:
        question = self.parts.texts[part]
        verdict = self._verdict(cosine, question, window.text)
        return Match(
            eval_set=self.eval_items.column("eval_set")[row].as_py(),
            item_id=self.eval_items.column("item_id")[row].as_py(),
            evidence_class="reworded" if verdict == "exposed" else "similar",
            doc_id=window.doc_id,
            shard=window.shard,
            row=window.row,
            train_start=window.start,
            train_end=window.end,
            item_start=0,
            item_end=len(question.encode()),
            # Cosines differ in the last bits between batch shapes and machines.
            score=round(min(1.0, cosine), 4),
            detector=self.label,
            excerpt=excerpt(window.text.encode(), 0, len(window.text.encode())),
            item_excerpt=excerpt(question.encode(), 0, len(question.encode())),
            verdict=verdict or "",
        )

    def _judgement(self) -> Judgement:
        ways = [""] * self.eval_items.num_rows
        for _, row in self.parts.rows_of((self.parts.kinds == QUESTION) & (self.screen.norms > 0)):
            ways[row] = "question"
        return Judgement(
            detector=self.label,
            phrase="have a probable rewording in",
            # A rewording is a judgement, not a quotation: a person should look before a run is stopped.
            exposed_status=Status.WARN,
            max_exposed_share=self.config.max_exposed_share,
            min_matchable_share=self.config.min_matchable_share,
            matchable_by=ways,
        )

    def _budget_finding(self, left_out: int) -> Finding:
        return Finding(
            audit=self.label,
            subject="budget",
            status=Status.INSUFFICIENT,
            metric="windows_left_out",
            message=(
                f"{left_out:,} candidate windows were not encoded, because max_encodes is "
                f"{self.config.max_encodes:,}; the lexically closest ones were."
            ),
            value=float(left_out),
            threshold=0.0,
            suggestion="Raise max_encodes, or raise min_screen_cosine to keep fewer candidates.",
        )


def number_share(question: str, window: str) -> float:
    """Return the share of the question's different numbers that the window has too; 1 if it has none.

    >>> number_share("Take 3 of 16 eggs.", "16 eggs, less 3")
    1.0
    """
    wanted, there = _numbers(question), _numbers(window)
    return len(wanted & there) / len(wanted) if wanted else 1.0


def _numbers(text: str) -> set[str]:
    return set(_NUMBER.findall(text.replace(",", "")))


def _nearest(vectors: NDArray[np.float32], items: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Search the window vectors (after the first `items` rows) among the item vectors, exactly."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors[:items])
    cosines, nearest = index.search(vectors[items:], min(_NEIGHBOURS, items))
    return cosines, nearest


def _window(batch: TextBatch, candidate: Candidate) -> Window:
    """Return the candidate's text, its ends moved to sentence ends at most half a window away.

    Half sentences at the ends cost 0.06 of cosine on average in our measurements.
    """
    offset = int(batch.offsets[candidate.doc])
    start = int(batch.words.starts[candidate.first]) - offset
    end = min(int(batch.words.ends[candidate.last - 1]) - offset, start + _MAX_WINDOW_BYTES)
    reach = (end - start) // 2
    origin = max(0, start - reach)
    text = batch.data[offset : int(batch.offsets[candidate.doc + 1])]
    around = text[origin : end + reach].tobytes()
    cuts = [0, len(text), *(origin + found.end() for found in _BOUNDARY.finditer(around))]
    start, end = _snap(start, cuts, reach), max(_snap(end, cuts, reach), start + 1)
    piece = text[start:end].tobytes().decode("utf-8", "ignore").strip()
    place = batch.place(candidate.doc)
    return Window(place.doc_id, place.shard, place.row, start, end, piece)


def _snap(position: int, cuts: list[int], reach: int) -> int:
    nearest = min(cuts, key=lambda cut: (abs(cut - position), cut))
    return nearest if abs(nearest - position) <= reach else position
