"""The account of every shard: what was seen, what became of it, and the rows set aside.

The invariant, checked for every shard of every run: `seen = ok + quarantined + unreadable`.
"""

from dataclasses import dataclass, field

import pyarrow as pa

LEDGER_SCHEMA = pa.schema(
    [
        pa.field("shard", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("seen", pa.int64(), nullable=False),
        pa.field("ok", pa.int64(), nullable=False),
        pa.field("quarantined", pa.int64(), nullable=False),
        pa.field("unreadable", pa.int64(), nullable=False),
        pa.field("bytes_read", pa.int64(), nullable=False),
        pa.field("bytes_expected", pa.int64(), nullable=False),
        pa.field("complete", pa.bool_(), nullable=False),
        pa.field("note", pa.string(), nullable=False),
    ]
)

QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("shard", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("byte_offset", pa.int64()),
        pa.field("byte_length", pa.int64()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("message", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("raw", pa.binary(), nullable=False),
    ]
)


@dataclass(frozen=True)
class QuarantinedRow:
    """A record that could not become a document.

    `reason` is a stable identifier (`invalid_json`, `invalid_utf8`, ...), `message` the sentence for people.
    `raw` holds at most `RAW_LIMIT` bytes of the record with secrets and personal data masked; `sha256` is
    the digest of the whole record as it stands in the shard.
    """

    shard: str
    source: str
    row: int
    byte_offset: int | None
    byte_length: int | None
    reason: str
    message: str
    sha256: str
    raw: bytes


RAW_LIMIT = 4096


@dataclass
class LedgerEntry:
    """Counts of one shard, in records and bytes.

    `bytes_expected` is the size of the shard as stored; `bytes_read` is how much of it was decoded without
    error. `complete` is false when the shard ended before its format says it should; `note` says how.
    """

    shard: str
    source: str
    seen: int = 0
    ok: int = 0
    quarantined: int = 0
    unreadable: int = 0
    bytes_read: int = 0
    bytes_expected: int = 0
    complete: bool = False
    note: str = ""

    def adds_up(self) -> bool:
        """Tell whether every record seen has exactly one outcome."""
        return self.seen == self.ok + self.quarantined + self.unreadable

    def whole(self) -> bool:
        """Tell whether the shard was read to its proper end with every record accounted for."""
        return self.complete and self.unreadable == 0 and self.bytes_read == self.bytes_expected and self.adds_up()


@dataclass
class ShardReport:
    """What reading one shard left besides its documents."""

    entry: LedgerEntry
    quarantine: list[QuarantinedRow] = field(default_factory=list)
