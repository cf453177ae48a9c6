"""One shard, read once: batches of documents, then the account of what was read."""

import difflib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import IO, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.decompress import StreamAccount, read_stream
from connectors.errors import SourceError, SourceUnreadable
from connectors.fields import MISSING, lookup
from connectors.hub import open_dataset, read_dataset
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
        self._shard, self._limits = shard, limits or BatchLimits()
        self._intake = Intake(self._shard, self._limits)

    @property
    def report(self) -> ShardReport:
        """The shard's line in the ledger and its quarantined rows."""
        return self._intake.report

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        shard = self._shard
        self._intake = Intake(shard, self._limits)
        try:
            if shard.format == "datasets":
                yield from read_dataset(self._intake)
                return
            filesystem, inner = open_filesystem(shard.uri)
            with filesystem.open(inner, "rb") as stream:
                yield from _READERS[shard.format](stream, self._intake)
        except (OSError, pa.ArrowException, SourceError) as error:
            self._intake.entry.complete = False
            self._intake.add_note(f"cannot be read: {getattr(error, 'strerror', None) or error}")
            yield from self._intake.flush()


def probe(shard: Shard) -> None:
    """Check a source's field mapping on its first records, before any work is done.

    Raises:
        SourceError: none of the first 100 records that can be read has the text fields.
        SourceNotFound, SourceUnreadable: the shard cannot be opened.
    """
    if shard.format == "text":
        return
    try:
        records = list(islice(_records(shard), _PROBED_RECORDS))
    except OSError as error:
        raise SourceUnreadable(
            f"{shard.uri} cannot be opened: {error.strerror or error}", "Check that it exists and may be read"
        ) from error
    wanted = shard.source.text_fields
    if not records or any(all(lookup(record, name) is not MISSING for name in wanted) for record in records):
        return
    present = list(dict.fromkeys(str(name) for record in records for name in record))
    close = difflib.get_close_matches(wanted[0], present, n=1)
    hint = f"did you mean `{close[0]}`? " if close else ""
    raise SourceError(
        f"{shard.uri}: no record has the text field {', '.join(f'`{name}`' for name in wanted)}",
        f"Set `text:` of source {shard.source.label} to a field that is there: {hint}found {', '.join(present)}",
    )


def _records(shard: Shard) -> Iterator[Mapping[str, Any]]:
    """Yield records whatever the mapping says; what cannot be read is left to the reader to account for."""
    if shard.format == "datasets":
        yield from open_dataset(shard.uri, shard.source.subset, shard.source.split)
        return
    filesystem, inner = open_filesystem(shard.uri)
    with filesystem.open(inner, "rb") as stream:
        if shard.format == "parquet":
            yield from _parquet_names(stream)
            return
        pieces = read_stream(stream, shard.compression, StreamAccount())
        for line in islice(split_lines(pieces, shard.source.max_record_bytes), _PROBED_RECORDS):
            with suppress(orjson.JSONDecodeError):
                record = orjson.loads(line.raw)
                if isinstance(record, dict):
                    yield record


def _parquet_names(stream: IO[bytes]) -> Iterator[Mapping[str, Any]]:
    """Yield one record with the names of a Parquet file's columns, or none where its footer is damaged."""
    try:
        schema = pq.ParquetFile(stream).schema_arrow
    except (pa.ArrowException, OSError):
        return
    yield {field.name: _names_of(field.type) for field in schema}


def _names_of(kind: pa.DataType) -> dict[str, Any] | None:
    return {field.name: _names_of(field.type) for field in kind} if pa.types.is_struct(kind) else None
