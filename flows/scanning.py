"""One shard, scanned by all audits: the unit of work that an engine hands out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from audits.base import Audit
from audits.batch import TextBatch
from connectors import Shard, ShardReader
from connectors.ledger import LedgerEntry, QuarantinedRow, ShardReport

MAX_QUARANTINED = 200_000
"""Quarantined rows of a run that are kept one by one; the ledger counts all of them."""


@dataclass
class ShardScan:
    """What scanning one shard left: a state for each audit by label (none if it failed), and its account."""

    states: dict[str, Any]
    report: ShardReport


@dataclass
class CorpusScan:
    """What scanning all shards left. Shards may be added in any order."""

    states: dict[str, Any]
    ledger: list[LedgerEntry] = field(default_factory=list)
    quarantine: list[QuarantinedRow] = field(default_factory=list)

    def add(self, scan: ShardScan) -> None:
        """Take over the states and the account of one shard."""
        for label, state in scan.states.items():
            self.states[label].merge(state)
        self.ledger.append(scan.report.entry)
        self.quarantine += scan.report.quarantine[: MAX_QUARANTINED - len(self.quarantine)]

    def in_order(self) -> "CorpusScan":
        """Return the same scan with ledger and quarantine in the order of shards and rows."""
        ledger = sorted(self.ledger, key=lambda entry: entry.shard)
        return CorpusScan(self.states, ledger, sorted(self.quarantine, key=lambda row: (row.shard, row.row)))


def scan_shard(shard: Shard, audits: Sequence[Audit[Any]]) -> ShardScan:
    """Read one shard and let every audit look at each batch once."""
    states = {audit.label: audit.new_state() for audit in audits}
    reader = ShardReader(shard)
    for documents in reader:
        batch = TextBatch(documents)
        for audit in audits:
            audit.scan(states[audit.label], batch)
    for audit in audits:
        audit.close_shard(states[audit.label], reader.report)
    return ShardScan(states, reader.report)


def failed_scan(shard: Shard, error: BaseException) -> ShardScan:
    """Return the account of a shard that could not be scanned: nothing of it counts, and the run is not whole."""
    note = f"scanning failed, nothing of this shard was counted: {type(error).__name__}: {error}"
    entry = LedgerEntry(shard.uri, shard.source.label, bytes_expected=shard.size, note=note[:500])
    return ShardScan({}, ShardReport(entry))
