"""Plain text: a document a line, a paragraph, or a file, as the source's `record` says."""

from collections.abc import Callable, Iterator
from typing import IO

import pyarrow as pa

from connectors.config import CorpusSource
from connectors.decompress import StreamAccount, read_stream
from connectors.intake import Intake
from connectors.jsonl import close_stream, set_aside_oversize
from connectors.lines import Line, split_lines


def read_text(stream: IO[bytes], intake: Intake) -> Iterator[pa.RecordBatch]:
    """Yield the documents of a stream of plain text; blank lines separate and are no documents."""
    account = StreamAccount()
    pieces = read_stream(stream, intake.shard.compression, account)
    lines = split_lines(pieces, intake.source.max_record_bytes)
    for record in text_records(lines, intake.source, intake.add_note):
        if record.ended or account.complete:
            _take(record, intake)
        elif record.length:
            intake.lose(1)
        if intake.is_full():
            yield from intake.flush()
    yield from intake.flush()
    close_stream(intake, account)


def text_records(
    lines: Iterator[Line], source: CorpusSource, add_note: Callable[[str], None] | None = None
) -> Iterator[Line]:
    """Yield the lines, paragraphs or files that the source takes for records, blank ones among them.

    The `raw` of joined lines has their line breaks as `\\n`; `offset` and `length` are those of the stream, and as
    with a line the last line break is not counted in.
    """
    kind, limit = source.record, source.max_record_bytes
    if kind == "line":
        yield from lines
        return
    # One growing buffer: a list of the lines of a 64 MiB file of blank lines would take gigabytes.
    held, start, stop, cuts = bytearray(), 0, 0, 0
    ended = True
    for line in lines:
        apart = line.oversize or (kind == "paragraph" and not line.raw.strip())
        over = len(held) + len(line.raw) > limit
        if held and (apart or over):
            yield Line(start, bytes(held), stop - start)
            held.clear()
            # A record past the limit becomes several documents, which is said; none of it is dropped.
            cuts += over and not apart
        if line.oversize:
            yield line
        elif not apart:
            start = start if held else line.offset
            held += line.raw + b"\n"
            stop, ended = line.offset + line.length, line.ended
    if held:
        yield Line(start, bytes(held), stop - start, ended)
    if cuts and add_note:
        add_note(f"records were cut {cuts:,} times at max_record_bytes ({limit:,})")


def _take(record: Line, intake: Intake) -> None:
    if record.oversize:
        set_aside_oversize(record, intake)
        return
    if not record.raw.strip():
        return
    try:
        # The buffer of joined lines ends with a line break that is no part of the document.
        text = record.raw.removesuffix(b"\n").decode("utf-8-sig" if record.offset == 0 else "utf-8")
    except UnicodeDecodeError as error:
        bad = record.raw[error.start]
        message = f"byte {error.start:,} of the record (0x{bad:02x}) is not UTF-8"
        intake.set_aside("invalid_utf8", message, record.offset, record.raw)
        return
    intake.take({intake.source.text_fields[0]: text}, record.offset, record.raw)
