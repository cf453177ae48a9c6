"""JSON lines: one object a line, plain or compressed."""

import json
import re
from collections.abc import Iterator
from typing import IO

import orjson
import pyarrow as pa

from connectors.decompress import StreamAccount, read_stream
from connectors.intake import Intake
from connectors.lines import Line, split_lines

BOM = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8, which is no part of the first record."""

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def read_jsonl(stream: IO[bytes], intake: Intake) -> Iterator[pa.RecordBatch]:
    """Yield the documents of a stream of JSON lines; blank lines are no records."""
    account = StreamAccount()
    pieces = read_stream(stream, intake.shard.compression, account)
    for line in split_lines(pieces, intake.source.max_record_bytes):
        if line.offset == 0 and line.raw.startswith(BOM):
            line = Line(3, line.raw[3:], line.length - 3, line.ended, line.oversize, line.sha256)
            intake.add_note("starts with a byte order mark")
        if line.ended or account.complete:
            _take_line(line, intake)
        elif line.length:
            # The stream broke inside this record: it was there, and what is left of it is not it.
            intake.lose(1)
        if intake.is_full():
            yield from intake.flush()
    yield from intake.flush()
    close_stream(intake, account)


def close_stream(intake: Intake, account: StreamAccount) -> None:
    """Enter into the ledger how the stream was read."""
    entry = intake.entry
    entry.bytes_read, entry.complete = account.bytes_read, account.complete
    if account.note:
        intake.add_note(account.note)


def set_aside_oversize(line: Line, intake: Intake) -> None:
    """Quarantine a line that is longer than the source allows."""
    limit = intake.source.max_record_bytes
    intake.set_aside(
        "record_too_large",
        f"{line.length:,} bytes, more than max_record_bytes ({limit:,})",
        line.offset,
        line.raw,
        line.length,
        line.sha256,
    )


def _take_line(line: Line, intake: Intake) -> None:
    if line.oversize:
        set_aside_oversize(line, intake)
        return
    if not line.raw or line.raw.isspace():
        return
    try:
        record = orjson.loads(line.raw)
    except orjson.JSONDecodeError as error:
        intake.set_aside(*_why_invalid(line.raw, error), line.offset, line.raw)
        return
    if not isinstance(record, dict):
        intake.set_aside("not_an_object", f"a JSON {type(record).__name__}, not an object", line.offset, line.raw)
        return
    intake.take(record, line.offset, line.raw)


def _why_invalid(raw: bytes, error: orjson.JSONDecodeError) -> tuple[str, str]:
    """Return (reason, message) for a line that orjson refuses."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        return "invalid_utf8", f"byte {problem.start:,} of the line (0x{raw[problem.start]:02x}) is not UTF-8"
    try:
        # The standard library accepts escapes of half a UTF-16 pair, NaN, and numbers beyond a double.
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return "invalid_json", " ".join(str(error).split())
    if _SURROGATE_ESCAPE.search(text) is None:
        return "invalid_json", " ".join(str(error).split())
    return "lone_surrogate", "an escape for half of a UTF-16 pair, which no UTF-8 can hold"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
