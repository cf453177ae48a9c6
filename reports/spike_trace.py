"""From a spike of a loss through the batches of its steps to documents, and to what the run knows of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xxhash
from numpy.typing import NDArray

from audits.model.loss_spikes import Spike
from audits.ranking import Smallest
from connectors.batch_manifests import Placed
from reports.known_documents import KnownDocuments, Mark, Place, counts_by_kind

MAX_DOCUMENTS = 2_000
"""Documents of a spike that are listed, those with something known first; all of them are counted."""

MAX_SAMPLED = 1_000
"""Documents of a spike that are chosen by chance, to be read again."""

UNKNOWN = "(not in the run)"


@dataclass(frozen=True)
class TracedDocument:
    """One document of a spike's batches; `place` is None where the run cannot tell which one it is."""

    step: int
    name: str
    place: Place | None
    doc_id: str
    marks: tuple[Mark, ...]


@dataclass
class Traced:
    """What the batches of a spike, or all other batches, are made of.

    `first` and `last` are the steps whose batches count. `kinds` counts documents with a mark of each kind. `kept` are
    documents to list, `sampled` ones that hash lowest, whatever is known of them.
    """

    first: int = 0
    last: int = 0
    documents: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    known: int = 0
    kept: Smallest[TracedDocument] = field(default_factory=lambda: Smallest(MAX_DOCUMENTS))
    sampled: Smallest[TracedDocument] = field(default_factory=lambda: Smallest(MAX_SAMPLED))

    def count(self, source: str, marks: Sequence[Mark]) -> None:
        """Count one document."""
        self.documents += 1
        self.sources[source] += 1
        self.known += bool(marks)
        self.kinds.update(counts_by_kind([list(marks)]))


@dataclass
class Trace:
    """The batches of each spike, and all others to compare them with."""

    spikes: list[Traced]
    others: Traced
    unplaced: int = 0
    first_unplaced: str = ""


def steps_of(spike: Spike, reach: int) -> tuple[int, int]:
    """Return the first and last step whose batches may have made a spike.

    A loss that is logged every so many steps is about all of them since the last time, and the loss of a step shows
    what the update of the step before it did: `reach` steps before count as well.
    """
    return max(0, spike.before + 1 - reach), spike.peak


def trace(spikes: Sequence[Spike], pieces: Iterable[Placed], known: KnownDocuments, reach: int) -> Trace:
    """Read a manifest through and return what the batches of spikes, and all others, are made of."""
    found = Trace([Traced(*steps_of(spike, reach)) for spike in spikes], Traced())
    marked = _rows_with_marks(known)
    for piece in pieces:
        masks = [(piece.step >= one.first) & (piece.step <= one.last) for one in found.spikes]
        inside = np.logical_or.reduce(masks) if masks else np.zeros(len(piece), dtype=np.bool_)
        for at in np.flatnonzero(inside | (piece.shard < 0)).tolist():
            _add(found, piece, at, [one for one, mask in zip(found.spikes, masks, strict=True) if mask[at]], known)
        _add_others(found, piece, ~inside & (piece.shard >= 0), known, marked)
    return found


def _add(found: Trace, piece: Placed, at: int, hits: Sequence[Traced], known: KnownDocuments) -> None:
    """Count one row, and keep its document for the spikes that it belongs to."""
    shard = piece.shards[piece.shard[at]] if piece.shard[at] >= 0 else None
    row, doc_id = int(piece.row[at]), piece.doc_id[at]
    place = known.place_of(shard, row, doc_id)
    marks = known.marks.get(place, []) if place else []
    source = known.sources[place[0]] if place else UNKNOWN
    name = f"{shard}#{row}" if shard else str(doc_id)
    if place is None:
        found.unplaced += 1
        found.first_unplaced = found.first_unplaced or (f"{shard}, row {row}" if shard else name)
    if not hits:
        found.others.count(source, marks)
    document = TracedDocument(int(piece.step[at]), name, place, doc_id or name, tuple(marks))
    for one in hits:
        one.count(source, marks)
        one.kept.offer((not marks, document.step, document.name), document)
        if place:
            one.sampled.offer((_draw(document.name), document.step, document.name), document)


def _add_others(
    found: Trace,
    piece: Placed,
    chosen: NDArray[np.bool_],
    known: KnownDocuments,
    marked: Mapping[str, NDArray[np.int64]],
) -> None:
    """Count the chosen rows, all of which have a place, shard by shard: nearly all of a manifest is of no spike."""
    counts = np.bincount(piece.shard[chosen], minlength=len(piece.shards))
    for code in np.flatnonzero(counts).tolist():
        shard = known.shard_of(piece.shards[code])
        rows = piece.row[chosen & (piece.shard == code)] if shard is None or shard in marked else None
        found.others.documents += int(counts[code])
        found.others.sources[UNKNOWN if shard is None else known.sources[shard]] += int(counts[code])
        if shard is None and rows is not None:
            found.unplaced += len(rows)
            found.first_unplaced = found.first_unplaced or f"{piece.shards[code]}, row {rows[0]}"
        elif shard is not None and rows is not None:
            for row in rows[np.isin(rows, marked[shard])].tolist():
                found.others.known += 1
                found.others.kinds.update(counts_by_kind([known.marks[shard, row]]))


def _rows_with_marks(known: KnownDocuments) -> dict[str, NDArray[np.int64]]:
    rows: dict[str, list[int]] = {}
    for shard, row in known.marks:
        rows.setdefault(shard, []).append(row)
    return {shard: np.array(sorted(of), dtype=np.int64) for shard, of in rows.items()}


def _draw(name: str) -> int:
    return int(xxhash.xxh3_64_intdigest(name.encode("utf-8", "backslashreplace")))
