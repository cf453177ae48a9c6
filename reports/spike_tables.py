"""What the batches of spikes have more of than all others, and the tables that spikes leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
from scipy.stats import fisher_exact

from audits.model.loss_spikes import Spike
from audits.statistics import false_discovery_rates, share_interval
from reports.known_documents import DAMAGED, Mark, Place
from reports.spike_trace import Trace, Traced, TracedDocument

MAX_SPIKES = 50
"""Spikes that are kept, the highest; further ones are counted."""

MIN_DOCUMENTS = 30
"""Documents of a spike's batches below which nothing is said of their shares."""

SPIKES_SCHEMA = pa.schema(
    [
        ("spike", pa.int64()),
        ("domain", pa.string()),
        ("domains", pa.string()),
        ("first_step", pa.int64()),
        ("last_step", pa.int64()),
        ("peak_step", pa.int64()),
        ("loss", pa.float64()),
        ("median", pa.float64()),
        ("z", pa.float64()),
        ("unit", pa.string()),
        ("batches_from", pa.int64()),
        ("batches_to", pa.int64()),
        ("documents", pa.int64()),
        ("known_documents", pa.int64()),
    ]
)
PARTS_SCHEMA = pa.schema(
    [
        ("spike", pa.int64()),
        ("what", pa.string()),
        ("documents", pa.int64()),
        ("of_documents", pa.int64()),
        ("share", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("reference_share", pa.float64()),
        ("lift", pa.float64()),
        ("q_value", pa.float64()),
    ]
)
DOCUMENTS_SCHEMA = pa.schema(
    [
        ("spike", pa.int64()),
        ("step", pa.int64()),
        ("shard", pa.string()),
        ("row", pa.int64()),
        ("doc_id", pa.string()),
        ("known", pa.string()),
        ("excerpt", pa.string()),
    ]
)


@dataclass(frozen=True)
class Reread:
    """Documents that were read again: the marks of damage of each, and (affected, checked) documents of the whole
    corpus by mark.
    """

    marks: dict[Place, list[Mark]] = field(default_factory=dict)
    corpus: dict[str, tuple[int, int]] = field(default_factory=dict)

    def marks_of(self, document: TracedDocument) -> list[Mark]:
        """Return everything that is known of a document."""
        found = self.marks.get(document.place, []) if document.place else []
        return [*document.marks, *(mark for mark in found if mark not in document.marks)]


@dataclass(frozen=True)
class Event:
    """A spike and the domains that spiked with it."""

    spike: Spike
    domains: tuple[str, ...]

    @property
    def height(self) -> float:
        """Robust standard deviations above the median; a loss that is no number is higher than any."""
        return float("inf") if self.spike.z is None else self.spike.z


def events_of(whole: Sequence[Spike], by_domain: Sequence[Spike]) -> list[Event]:
    """Return one event for each spike of all together, and for those of a domain that lie in none of them."""
    events, alone = [], list(by_domain)
    for spike in whole:
        with_it = [one for one in alone if one.first <= spike.last and one.last >= spike.first]
        alone = [one for one in alone if one not in with_it]
        events.append(Event(spike, tuple(sorted({one.domain for one in with_it}))))
    return sorted([*events, *(Event(one, (one.domain,)) for one in alone)], key=lambda event: event.spike.first)


def highest(events: Sequence[Event]) -> list[Event]:
    """Return the highest events, at most `MAX_SPIKES`, in the order of steps."""
    return sorted(sorted(events, key=lambda one: -one.height)[:MAX_SPIKES], key=lambda one: one.spike.first)


@dataclass(frozen=True)
class Part:
    """What share of a spike's documents have something, against the share in all other batches."""

    spike: int
    what: str
    hits: int
    total: int
    other_hits: int
    other_total: int
    p: float
    q: float = 1.0

    @property
    def share(self) -> float:
        """Share in the spike's batches."""
        return self.hits / self.total if self.total else 0.0

    @property
    def other_share(self) -> float | None:
        """Share in all other batches."""
        return self.other_hits / self.other_total if self.other_total else None

    @property
    def lift(self) -> float | None:
        """How many times as frequent it is as elsewhere."""
        return self.share / self.other_share if self.other_share else None


def parts_of(found: Trace, again: Reread) -> list[Part]:
    """Return what each spike's documents have, tested against all other batches, with q-values over all of it.

    Damage is tested among the documents that were read again, against the whole corpus. Fisher's exact test, one-sided.
    """
    raw = []
    for at, one in enumerate(found.spikes):
        if one.documents < MIN_DOCUMENTS:
            continue
        # Of damage a run knows examples alone, which are no rate.
        kinds = [kind for kind in one.kinds if kind != DAMAGED]
        raw += [_part(at, kind, one.kinds[kind], one, found.others.kinds[kind], found.others) for kind in kinds]
        raw += [
            _part(at, f"source {name}", count, one, found.others.sources[name], found.others)
            for name, count in one.sources.items()
        ]
        raw += _damage_parts(at, one, again)
    rates = false_discovery_rates([part.p for part in raw])
    return [replace(part, q=q) for part, q in zip(raw, rates, strict=True)]


def _damage_parts(at: int, one: Traced, again: Reread) -> list[Part]:
    read = [again.marks[doc.place] for doc in one.sampled.entries() if doc.place in again.marks]
    if len(read) < MIN_DOCUMENTS:
        return []
    parts = []
    for rule, (affected, docs) in again.corpus.items():
        hits = sum(any(mark.text == rule for mark in marks) for marks in read)
        if hits:
            p = _p(hits, len(read), affected, docs)
            parts.append(Part(at, f"damaged ({rule})", hits, len(read), affected, docs, p))
    return parts


def _p(hits: int, total: int, other_hits: int, other_total: int) -> float:
    table = [[hits, total - hits], [other_hits, other_total - other_hits]]
    return float(fisher_exact(table, alternative="greater").pvalue) if other_total else 1.0


def _part(at: int, what: str, hits: int, one: Traced, other_hits: int, others: Traced) -> Part:
    p = _p(hits, one.documents, other_hits, others.documents)
    return Part(at, what, hits, one.documents, other_hits, others.documents, p)


def spike_tables(
    events: Sequence[Event], found: Trace | None, parts: Sequence[Part], again: Reread
) -> dict[str, pa.Table]:
    """Return the tables of spikes, and of what their batches are made of where a manifest was read."""
    tables = {"spikes": _spikes_table(events, found)}
    return (
        tables
        if found is None
        else tables
        | {
            "spike_parts": _parts_table(parts),
            "spike_documents": _documents_table(found, again),
        }
    )


def _spikes_table(events: Sequence[Event], found: Trace | None) -> pa.Table:
    rows = []
    for at, event in enumerate(events):
        spike, one = event.spike, found.spikes[at] if found else None
        rows.append(
            {
                "spike": at,
                "domain": spike.domain or "(all)",
                "domains": ", ".join(event.domains[:20]),
                "first_step": spike.first,
                "last_step": spike.last,
                "peak_step": spike.peak,
                "loss": spike.loss,
                "median": spike.median,
                "z": spike.z,
                "unit": spike.unit,
                "batches_from": one and one.first,
                "batches_to": one and one.last,
                "documents": one and one.documents,
                "known_documents": one and one.known,
            }
        )
    return pa.Table.from_pylist(rows, schema=SPIKES_SCHEMA)


def _parts_table(parts: Sequence[Part]) -> pa.Table:
    rows: list[Mapping[str, object]] = []
    for part in sorted(parts, key=lambda one: (one.spike, one.p, one.what)):
        low, high = share_interval(part.hits, part.total)
        rows.append(
            {
                "spike": part.spike,
                "what": part.what,
                "documents": part.hits,
                "of_documents": part.total,
                "share": part.share,
                "ci_low": low,
                "ci_high": high,
                "reference_share": part.other_share,
                "lift": part.lift,
                "q_value": part.q,
            }
        )
    return pa.Table.from_pylist(rows, schema=PARTS_SCHEMA)


def _documents_table(found: Trace, again: Reread) -> pa.Table:
    rows = []
    for at, one in enumerate(found.spikes):
        listed = {document.name: document for document in [*one.kept.entries(), *_damaged(one, again)]}
        for document in listed.values():
            marks = again.marks_of(document)
            rows.append(
                {
                    "spike": at,
                    "step": document.step,
                    "shard": document.place and document.place[0],
                    "row": document.place and document.place[1],
                    "doc_id": document.doc_id,
                    "known": "; ".join(mark.text for mark in marks),
                    "excerpt": next((mark.excerpt for mark in marks if mark.excerpt), ""),
                }
            )
    rows.sort(key=lambda row: (row["spike"], not row["known"], row["step"]))
    return pa.Table.from_pylist(rows, schema=DOCUMENTS_SCHEMA)


def _damaged(one: Traced, again: Reread) -> list[TracedDocument]:
    return [document for document in one.sampled.entries() if document.place and again.marks.get(document.place)]
