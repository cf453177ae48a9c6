"""From a spike of a loss through the batches of its steps to documents, and to what the run knows of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import xxhash

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
    for piece in pieces:
        inside = np.zeros(len(piece), dtype=np.bool_)
        hits: list[tuple[Traced, np.ndarray]] = []
        for one in found.spikes:
            mask = (piece.step >= one.first) & (piece.step <= one.last)
            inside |= mask
            hits.append((one, mask))
        _add(found, piece, inside, hits, known)
    return found


def _add(
    found: Trace, piece: Placed, inside: np.ndarray, hits: Sequence[tuple[Traced, np.ndarray]], known: KnownDocuments
) -> None:
    for at in range(len(piece)):
        shard, row, doc_id = piece.shard[at], piece.row[at], piece.doc_id[at]
        place = known.place_of(shard, row, doc_id)
        marks = known.marks.get(place, []) if place else []
        source = known.sources[place[0]] if place else UNKNOWN
        if place is None:
            found.unplaced += 1
            found.first_unplaced = found.first_unplaced or (f"{shard}, row {row}" if shard else str(doc_id))
        if not inside[at]:
            found.others.count(source, marks)
            continue
        name = f"{shard}#{row}" if shard else str(doc_id)
        document = TracedDocument(int(piece.step[at]), name, place, doc_id or name, tuple(marks))
        for one, mask in hits:
            if mask[at]:
                one.count(source, marks)
                one.kept.offer((not marks, document.step, document.name), document)
                if place:
                    one.sampled.offer((_draw(document.name), document.step, document.name), document)


def _draw(name: str) -> int:
    return int(xxhash.xxh3_64_intdigest(name.encode("utf-8", "backslashreplace")))
