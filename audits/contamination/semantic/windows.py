"""What scanning keeps for the encoder: the likeliest windows of each probe, and a sample of ordinary ones."""

from dataclasses import dataclass, field
from typing import Self

import xxhash

from audits.batch import TextBatch
from audits.contamination.semantic.prior import prior
from audits.contamination.semantic.screen import Candidate
from audits.ranking import Smallest

_MAX_BYTES = 4000
"""Bytes of a window: sentence encoders read a few hundred word pieces."""

_BACKGROUND = 256
"""Ordinary windows kept: enough to know the mean cosine of unrelated texts to 0.01."""

_BACKGROUND_WORDS = 60
_TOUCHING = 8
"""Bytes looked at on either side of a window for signs that belong to it."""

_SPACES = (b" ", b"\t", b"\r", b"\n")


@dataclass(frozen=True)
class Window:
    """A place of the corpus that may be a rewording, with its text for the encoder.

    `start` and `end` are bytes in the document; `lexical` and `static` are the cosines it was chosen by; `language` is
    the document's, where translations are looked for.
    """

    doc_id: str
    shard: str
    row: int
    start: int
    end: int
    text: str
    lexical: float
    static: float
    language: str = ""


@dataclass
class SemanticState:
    """The likeliest windows by probe, ordinary windows of the corpus, and what was seen.

    `foreign` has windows in other languages than some set's (`semantic.foreign`), each with the length it was cut to;
    None where translations are not looked for.
    """

    per_probe: int
    documents: int = 0
    words: int = 0
    candidates: int = 0
    windows: dict[int, Smallest[Window]] = field(default_factory=dict)
    background: Smallest[str] = field(default_factory=lambda: Smallest(_BACKGROUND))
    foreign: Smallest[tuple[int, Window]] | None = None

    def offer(self, batch: TextBatch, candidate: Candidate, item_numbers: frozenset[str], min_prior: float) -> None:
        """Offer a window for a probe whose numbers are `item_numbers`, if its prior is high enough."""
        start, end = window_bytes(batch, candidate.doc, candidate.first, candidate.last)
        text = window_text(batch, candidate.doc, start, end)
        rank = prior(candidate.lexical, candidate.static, item_numbers, text)
        if rank < min_prior:
            return
        self.candidates += 1
        kept = self.windows.setdefault(candidate.probe, Smallest(self.per_probe))
        key = (-rank, batch.shards[candidate.doc], int(batch.rows[candidate.doc]), start)
        if kept.wants(key):
            kept.offer(key, self._window(batch, candidate, start, end, text))
        else:
            kept.pass_over()

    def add_documents(self, batch: TextBatch) -> None:
        """Count a batch's documents and offer one window of each as background."""
        self.documents += len(batch)
        self.words += len(batch.words.hashes)
        bounds = batch.words.doc_offsets
        for doc in range(len(batch)):
            first, stop = int(bounds[doc]), int(bounds[doc + 1])
            digest = xxhash.xxh3_64_intdigest(f"{batch.shards[doc]}\x1f{int(batch.rows[doc])}".encode())
            key = (digest, batch.shards[doc], int(batch.rows[doc]))
            if stop > first and self.background.wants(key):
                start = first + digest % max(1, stop - first - _BACKGROUND_WORDS)
                place = window_bytes(batch, doc, start, min(stop, start + _BACKGROUND_WORDS))
                self.background.offer(key, window_text(batch, doc, *place))

    def merge(self, other: Self) -> None:
        """Take over the windows and counts of another state."""
        self.documents += other.documents
        self.words += other.words
        self.candidates += other.candidates
        for probe, kept in other.windows.items():
            self.windows.setdefault(probe, Smallest(self.per_probe)).merge(kept)
        self.background.merge(other.background)
        if self.foreign is not None and other.foreign is not None:
            self.foreign.merge(other.foreign)

    def _window(self, batch: TextBatch, candidate: Candidate, start: int, end: int, text: str) -> Window:
        place = batch.place(candidate.doc)
        language = "" if self.foreign is None else batch.languages[candidate.doc]
        scores = round(candidate.lexical, 6), round(candidate.static, 6)
        return Window(place.doc_id, place.shard, place.row, start, end, text, *scores, language)


def window_bytes(batch: TextBatch, doc: int, first: int, last: int) -> tuple[int, int]:
    """Return where the words `first:last` of the batch begin and end in their document, with signs that touch them.

    "$5 each?" is three words that begin with "$" and end with "?".
    """
    offset, stop = int(batch.offsets[doc]), int(batch.offsets[doc + 1])
    start, end = int(batch.words.starts[first]), int(batch.words.ends[last - 1])
    before = batch.data[max(offset, start - _TOUCHING) : start].tobytes()
    after = batch.data[end : min(stop, end + _TOUCHING)].tobytes()
    start -= len(before) - 1 - max(before.rfind(byte) for byte in _SPACES)
    end += min((at for byte in _SPACES if (at := after.find(byte)) >= 0), default=len(after))
    return start - offset, min(end, start + _MAX_BYTES) - offset


def window_text(batch: TextBatch, doc: int, start: int, end: int) -> str:
    """Return the text of bytes `start:end` of a document."""
    offset = int(batch.offsets[doc])
    return batch.data[offset + start : offset + end].tobytes().decode("utf-8", "ignore")
