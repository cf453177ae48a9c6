"""Where every record of a shard is decided upon: document, quarantine, or unreadable; and counted."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from connectors.config import CorpusSource
from connectors.fields import MISSING, domain_of, lookup, name_of, parse_timestamp
from connectors.ledger import RAW_LIMIT, LedgerEntry, QuarantinedRow, ShardReport
from connectors.masking import mask_bytes
from connectors.schema import DOCUMENT_SCHEMA
from connectors.shards import Shard

MAX_QUARANTINED = 100_000
"""Rows of one shard that are described one by one; further ones are counted, and the note says so."""

_MAX_RAW_ROWS = 1_000
"""Rows of one shard whose raw bytes are kept: at most 4 MB."""


@dataclass(frozen=True)
class BatchLimits:
    """When a batch is full: bytes of text, or documents. One document may exceed the bytes by itself."""

    text_bytes: int = 8 * 1024 * 1024
    documents: int = 2_000


@dataclass
class Intake:
    """Turns the records of one shard into batches and keeps its report."""

    shard: Shard
    limits: BatchLimits = BatchLimits()
    report: ShardReport = field(init=False)
    row: int = 0
    _columns: dict[str, list[Any]] = field(init=False)
    _text_bytes: int = 0

    def __post_init__(self) -> None:
        entry = LedgerEntry(self.shard.uri, self.shard.source.label, bytes_expected=self.shard.size)
        self.report = ShardReport(entry)
        self._columns = {name: [] for name in DOCUMENT_SCHEMA.names}

    @property
    def source(self) -> CorpusSource:
        """The source that the shard belongs to."""
        return self.shard.source

    @property
    def entry(self) -> LedgerEntry:
        """The shard's line in the ledger."""
        return self.report.entry

    def take(self, record: Mapping[str, Any], offset: int | None = None, raw: bytes | None = None) -> None:
        """Add one record as a document, or set it aside if it has no usable text.

        `offset` is its place in the decompressed shard and `raw` its bytes there, where the format has them.
        """
        text, size, reason, message = _text_of(record, self.source)
        if text is None:
            self.set_aside(reason, message, offset, raw if raw is not None else repr(record).encode("utf-8", "replace"))
            return
        url = name_of(record, self.source.url_field)
        values = {
            "doc_id": document_id(record, self.shard, self.row),
            "text": text,
            "domain": domain_of(record, self.source, url),
            "source": self.source.label,
            "shard": self.shard.uri,
            "row": self.row,
            "byte_offset": offset,
            "url": url,
            "language": name_of(record, self.source.language),
            "timestamp": parse_timestamp(lookup(record, self.source.timestamp)) if self.source.timestamp else None,
        }
        for name, value in values.items():
            self._columns[name].append(value)
        self._text_bytes += size
        self.row += 1
        self.entry.seen += 1
        self.entry.ok += 1

    def set_aside(
        self,
        reason: str,
        message: str,
        offset: int | None,
        raw: bytes,
        length: int | None = None,
        digest: str = "",
    ) -> None:
        """Quarantine one record. `length` and `digest` describe the whole where `raw` is only its beginning."""
        if self.entry.quarantined < MAX_QUARANTINED:
            # Masked before it is cut: half an address is not recognised, and masks may be longer than what they hide.
            kept = mask_bytes(raw[: 2 * RAW_LIMIT])[:RAW_LIMIT] if self.entry.quarantined < _MAX_RAW_ROWS else b""
            self.report.quarantine.append(
                QuarantinedRow(
                    shard=self.shard.uri,
                    source=self.source.label,
                    row=self.row,
                    byte_offset=offset,
                    byte_length=len(raw) if length is None else length,
                    reason=reason,
                    message=message,
                    sha256=digest or hashlib.sha256(raw).hexdigest(),
                    raw=kept,
                )
            )
        elif self.entry.quarantined == MAX_QUARANTINED:
            self.add_note(f"only the first {MAX_QUARANTINED:,} quarantined rows are listed")
        self.row += 1
        self.entry.seen += 1
        self.entry.quarantined += 1

    def lose(self, records: int) -> None:
        """Count records that are known to be there and cannot be read."""
        self.row += records
        self.entry.seen += records
        self.entry.unreadable += records

    def add_note(self, note: str) -> None:
        """Add a remark to the shard's line in the ledger."""
        self.entry.note = f"{self.entry.note}; {note}" if self.entry.note else note

    def is_full(self) -> bool:
        """Tell whether the batch under way has reached its limits."""
        return self._text_bytes >= self.limits.text_bytes or len(self._columns["row"]) >= self.limits.documents

    def flush(self) -> list[pa.RecordBatch]:
        """Return the documents taken since the last call: one batch, or none if there are no documents."""
        if not self._columns["row"]:
            return []
        batch = pa.RecordBatch.from_pydict(self._columns, schema=DOCUMENT_SCHEMA)
        self._columns = {name: [] for name in DOCUMENT_SCHEMA.names}
        self._text_bytes = 0
        return [batch]


def document_id(record: Mapping[str, Any], shard: Shard, row: int) -> str:
    """Return the identifier of a document: the one its source names, else its shard and row."""
    return name_of(record, shard.source.id) or f"{shard.uri}#{row}"


def _text_of(record: Mapping[str, Any], source: CorpusSource) -> tuple[str | None, int, str, str]:
    """Return (text, its bytes in UTF-8, "", ""), or (None, 0, reason, message) where there is no usable text."""
    pieces = []
    for name in source.text_fields:
        value = lookup(record, name)
        if value is MISSING or value is None:
            return None, 0, "missing_text", f"the record has no `{name}`"
        if not isinstance(value, str):
            return None, 0, "text_not_string", f"`{name}` is {type(value).__name__}, not a string"
        pieces.append(value)
    text = "\n".join(pieces)
    if not text or text.isspace():
        return None, 0, "empty_text", "the text is empty or white space"
    try:
        size = len(text) if text.isascii() else len(text.encode("utf-8"))
    except UnicodeEncodeError:
        return None, 0, "lone_surrogate", "the text has half of a UTF-16 pair, which no UTF-8 can hold"
    if size > source.max_record_bytes:
        limit = source.max_record_bytes
        return None, 0, "record_too_large", f"{size:,} bytes of text, more than max_record_bytes ({limit:,})"
    return text, size, "", ""
