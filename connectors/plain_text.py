"""Plain text: a document a line, a paragraph, or a file, as the source's `record` says."""

from collections.abc import Iterator
from typing import IO

import pyarrow as pa

from connectors.decompress import StreamAccount, read_stream
from connectors.intake import Intake
from connectors.jsonl import close_stream, set_aside_oversize
from connectors.lines import Line, split_lines


def read_text(stream: IO[bytes], intake: Intake) -> Iterator[pa.RecordBatch]:
    """Yield the documents of a stream of plain text; blank lines separate and are no documents."""
    account = StreamAccount()
    pieces = read_stream(stream, intake.shard.compression, account)
    lines = split_lines(pieces, intake.source.max_record_bytes)
    for record in _records(lines, intake):
        if record.ended or account.complete:
            _take(record, intake)
        elif record.length:
            intake.lose(1)
        if intake.is_full():
            yield from intake.flush()
    yield from intake.flush()
    close_stream(intake, account)


def _records(lines: Iterator[Line], intake: Intake) -> Iterator[Line]:
    kind, limit = intake.source.record, intake.source.max_record_bytes
    held: list[Line] = []
    for line in lines:
        if kind == "line" or line.oversize:
            yield from (*_joined(held), line)
            held = []
        elif line.raw.strip() or kind == "file":
            if sum(part.length + 1 for part in held) + line.length > limit:
                # A file past the limit becomes several documents, which is said; none of it is dropped.
                intake.add_note(f"a record was cut at max_record_bytes ({limit:,})")
                yield from _joined(held)
                held = []
            held.append(line)
        else:
            yield from _joined(held)
            held = []
    yield from _joined(held)


def _joined(lines: list[Line]) -> list[Line]:
    if not lines:
        return []
    raw = b"\n".join(line.raw for line in lines)
    return [Line(lines[0].offset, raw, len(raw), lines[-1].ended)]


def _take(record: Line, intake: Intake) -> None:
    if record.oversize:
        set_aside_oversize(record, intake)
        return
    if not record.raw.strip():
        return
    try:
        text = record.raw.decode("utf-8-sig" if record.offset == 0 else "utf-8")
    except UnicodeDecodeError as error:
        bad = record.raw[error.start]
        message = f"byte {error.start:,} of the record (0x{bad:02x}) is not UTF-8"
        intake.set_aside("invalid_utf8", message, record.offset, record.raw)
        return
    intake.take({intake.source.text_fields[0]: text}, record.offset, record.raw)
