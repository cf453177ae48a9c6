"""What is remembered of the records of each shard: how many were seen, and what is wrong with them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from audits.corruption.damage_state import Scope
from audits.corruption.record_ids import RecordIds
from audits.excerpts import excerpt, visible
from audits.findings import Evidence
from audits.ranking import Smallest
from connectors.ledger import QuarantinedRow

MAX_EXAMPLES = 5
"""Quarantined records kept as evidence by reason."""


@dataclass
class RecordState:
    """Records seen by (source, shard), what is wrong with them, and a sample of all identifiers."""

    seen: Counter[Scope] = field(default_factory=Counter)
    quarantined: Counter[tuple[Scope, str]] = field(default_factory=Counter)
    examples: dict[str, Smallest[Evidence]] = field(default_factory=dict)
    docs: Counter[Scope] = field(default_factory=Counter)
    missing: Counter[tuple[Scope, str]] = field(default_factory=Counter)
    ids: RecordIds = field(default_factory=RecordIds)

    def merge(self, other: Self) -> None:
        """Take over another state's counts."""
        self.seen.update(other.seen)
        self.quarantined.update(other.quarantined)
        self.docs.update(other.docs)
        self.missing.update(other.missing)
        self.ids.merge(other.ids)
        for reason, kept in other.examples.items():
            self.examples.setdefault(reason, Smallest(MAX_EXAMPLES)).merge(kept)


def place_of(row: QuarantinedRow) -> Evidence:
    """Return where the record stands; its bytes count from the start of the decompressed shard."""
    start = row.byte_offset
    end = start + row.byte_length if start is not None and row.byte_length is not None else None
    text = row.raw.decode("utf-8", "backslashreplace").encode()
    return Evidence("", row.shard, row.row, start, end, visible(f"{row.message}: {excerpt(text, 0, len(text), 0)}"))
