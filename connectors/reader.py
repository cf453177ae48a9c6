"""One shard, read once: batches of documents, then the account of what was read."""

import difflib
from collections.abc import Iterator
from itertools import islice

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.decompress import StreamAccount, read_stream
from connectors.errors import SourceError
from connectors.hub import read_dataset
from connectors.intake import BatchLimits, Intake
from connectors.jsonl import read_jsonl
from connectors.ledger import ShardReport
from connectors.lines import split_lines
from connectors.parquet import read_parquet
from connectors.plain_text import read_text
from connectors.shards import Shard, open_filesystem

_READERS = {"jsonl": read_jsonl, "parquet": read_parquet, "text": read_text}
_PROBED_RECORDS = 100


class ShardReader:
    """Iterates over the batches of a shard (in `DOCUMENT_SCHEMA`); `report` is final when they are through.

    A shard that cannot be read, or stops being readable midway, ends with `report.entry.complete` false and
    a note instead of an exception: one bad shard must not end a night's run.
    """

    def __init__(self, shard: Shard, limits: BatchLimits | None = None) -> None:
        self._intake = Intake(shard, limits or BatchLimits())

    @property
    def report(self) -> ShardReport:
        """The shard's line in the ledger and its quarantined rows."""
        return self._intake.report

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        shard = self._intake.shard
        try:
            if shard.format == "datasets":
                yield from read_dataset(self._intake)
                return
            filesystem, inner = open_filesystem(shard.uri)
            with filesystem.open(inner, "rb") as stream:
                yield from _READERS[shard.format](stream, self._intake)
        except OSError as error:
            self._intake.entry.complete = False
            self._intake.add_note(f"cannot be read: {error.strerror or error}")
            yield from self._intake.flush()


def probe(shard: Shard) -> None:
    """Check a source's field mapping on its first records, before any work is done.

    Raises:
        SourceError: none of the first 100 records that can be read has the text fields.
    """
    reader = ShardReader(shard, BatchLimits(documents=_PROBED_RECORDS))
    if next(iter(reader), None) is not None:
        return
    rows = reader.report.quarantine
    if not rows or any(row.reason != "missing_text" for row in rows[:_PROBED_RECORDS]):
        return
    present = _field_names(shard)
    wanted = ", ".join(f"`{name}`" for name in shard.source.text_fields)
    close = difflib.get_close_matches(shard.source.text_fields[0], present, n=1)
    hint = f"did you mean `{close[0]}`? " if close else ""
    raise SourceError(
        f"{shard.uri}: no record has the text field {wanted}",
        f"Set `text:` of source {shard.source.label} to a field that is there: {hint}found {', '.join(present)}",
    )


def _field_names(shard: Shard) -> list[str]:
    """Return the field names of the first records, whatever the mapping says."""
    filesystem, inner = open_filesystem(shard.uri)
    with filesystem.open(inner, "rb") as stream:
        if shard.format == "parquet":
            return list(pq.ParquetFile(stream).schema_arrow.names)
        lines = split_lines(read_stream(stream, shard.compression, StreamAccount()), shard.source.max_record_bytes)
        names: dict[str, None] = {}
        for line in islice(lines, _PROBED_RECORDS):
            try:
                record = orjson.loads(line.raw)
            except orjson.JSONDecodeError:
                continue
            names.update(dict.fromkeys(record if isinstance(record, dict) else ()))
        return list(names)

