"""Where the records of a text shard stand, so that some can be cut out and all others kept to the byte."""

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.decompress import StreamAccount, read_stream
from connectors.errors import SourceUnreadable
from connectors.jsonl import BOM
from connectors.lines import Line, split_lines
from connectors.plain_text import text_records
from connectors.shards import Shard, open_filesystem


@dataclass(frozen=True)
class RecordSpan:
    """Record `row` of a shard: the bytes `start:stop` of the decompressed stream, its line break included.

    `raw` are its bytes without the line break, only the first ones where it is longer than the source allows.
    """

    row: int
    start: int
    stop: int
    raw: bytes


def shard_bytes(shard: Shard) -> Iterator[bytes]:
    """Yield the decompressed bytes of a jsonl or text shard in pieces of at most 1 MiB.

    Raises:
        SourceUnreadable: the shard cannot be opened, or ends before its proper end.
    """
    account = StreamAccount()
    filesystem, inner = open_filesystem(shard.uri)
    try:
        with filesystem.open(inner, "rb") as stream:
            yield from read_stream(stream, shard.compression, account)
    except OSError as error:
        account.note = f"cannot be read: {error.strerror or error}"
    if not account.complete:
        raise SourceUnreadable(f"{shard.uri}: {account.note}", "Restore the shard, and run the audit again")


def record_spans(shard: Shard) -> Iterator[RecordSpan]:
    """Yield every record of a jsonl or text shard, with the rows that its reader gives them.

    Quarantined records have rows too; blank lines are no records.

    Raises:
        SourceUnreadable: as `shard_bytes`.
    """
    row = 0
    for record in _records(split_lines(shard_bytes(shard), shard.source.max_record_bytes), shard):
        if record.oversize or record.raw.strip():
            yield RecordSpan(row, record.offset, record.offset + record.length + record.ended, record.raw)
            row += 1


def _records(lines: Iterator[Line], shard: Shard) -> Iterator[Line]:
    if shard.format == "text":
        yield from text_records(lines, shard.source)
        return
    for line in lines:
        if line.offset == 0 and line.raw.startswith(BOM):
            # The mark belongs to the file, not to its first record.
            size = len(BOM)
            yield Line(size, line.raw[size:], line.length - size, line.ended, line.oversize, line.sha256)
        else:
            yield line
