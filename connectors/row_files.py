"""Files of rows that people keep beside a corpus (scores, losses, batches): csv, tsv, JSON lines and Parquet, streamed.

They are read whole or not at all: a bad line is an error with its number, because nobody looks into a quarantine for
a log of their own.
"""

import csv
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.decompress import SUFFIXES, StreamAccount, read_stream
from connectors.errors import SourceError
from connectors.lines import split_lines

FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
}
"""File suffix to format, under a suffix of compression or alone."""

MAX_LINE_BYTES = 64 * 1024 * 1024
"""A longer line is an error: one endless line must not take all memory."""

_ROWS = 10_000

Row = Mapping[str, Any]


def read_rows(path: Path, error: type[SourceError]) -> Iterator[tuple[int, Row]]:
    """Yield (line from 1, or row from 1 for Parquet, record) of a file.

    Raises:
        SourceError: of the given class; the file cannot be read, or a line is no record.
    """
    compression, kind = file_kind(path)
    if kind not in ("csv", "tsv", "jsonl", "json", "parquet"):
        raise error(f"{path}: the suffix says no format that is known", f"Name it {', '.join(FORMATS)}")
    try:
        with path.open("rb") as stream:
            if kind == "parquet":
                yield from _parquet_rows(stream)
                return
            lines = _text_lines(path, stream, compression, error)
            if kind in ("csv", "tsv"):
                yield from _table_rows(path, lines, "," if kind == "csv" else "\t", error)
            else:
                yield from _json_lines(path, lines, error)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as problem:
        raise error(f"{path} cannot be read: {' '.join(str(problem).split())}", "Fetch it again") from problem


def read_document(path: Path, error: type[SourceError]) -> Any:
    """Return the one JSON document of a file, NaN and Infinity included, as Python's writers write them.

    Raises:
        SourceError: of the given class; the file cannot be read, or is no JSON.
    """
    compression, _ = file_kind(path)
    account = StreamAccount()
    try:
        with path.open("rb") as stream:
            raw = b"".join(read_stream(stream, compression, account))
        if not account.complete:
            raise error(f"{path}: {account.note}", "Fetch the file again")
        return json.loads(raw.decode("utf-8-sig"))
    except OSError as problem:
        raise error(f"{path} cannot be read: {problem.strerror or problem}", "Fetch it again") from problem
    except (ValueError, RecursionError) as problem:
        raise error(f"{path}: not JSON ({problem})", "Give the file as it was written") from problem


def file_kind(path: Path) -> tuple[str | None, str | None]:
    """Return (compression, format) as the suffixes say, None for what they do not.

    >>> file_kind(Path("loss.jsonl.gz")), file_kind(Path("notes"))
    (('gzip', 'jsonl'), (None, None))
    """
    suffixes = PurePosixPath(path.name.lower()).suffixes
    compression = SUFFIXES.get(suffixes[-1]) if suffixes else None
    return compression, FORMATS.get((suffixes[:-1] if compression else suffixes or [""])[-1]) if suffixes else None


def as_number(value: Any) -> float | None:
    """Return a value as a number, NaN and infinities included; tables without types have numbers as text.

    >>> as_number("2.5"), as_number("nan"), as_number(True), as_number("many")
    (2.5, nan, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def as_count(value: Any) -> int | None:
    """Return a value as a whole number from 0, None where it is none.

    >>> as_count("12"), as_count(3.0), as_count(-1), as_count(2.5)
    (12, 3, None, None)
    """
    number = as_number(value)
    if number is None or not math.isfinite(number) or number < 0 or number != int(number):
        return None
    # Numbers beyond 2^53 lose digits as floats.
    return value if isinstance(value, int) else int(number)


def as_name(value: Any) -> str:
    """Return a value as a name that any table can hold: half UTF-16 pairs, which Python's JSON reads, are replaced.

    >>> as_name("a\\ud800"), as_name(7)
    ('a?', '7')
    """
    return str(value).encode("utf-8", "replace").decode()


def _parquet_rows(stream: IO[bytes]) -> Iterator[tuple[int, Row]]:
    number = 0
    for batch in pq.ParquetFile(stream).iter_batches(_ROWS):
        for record in batch.to_pylist():
            number += 1
            yield number, record


def _text_lines(
    path: Path, stream: IO[bytes], compression: str | None, error: type[SourceError]
) -> Iterator[tuple[int, str]]:
    account = StreamAccount()
    lines = split_lines(read_stream(stream, compression, account), MAX_LINE_BYTES)
    for number, line in enumerate(lines, 1):
        if line.oversize:
            raise error(f"{path}, line {number}: longer than {MAX_LINE_BYTES:,} bytes", "Give one record a line")
        if line.ended or account.complete:
            yield number, line.raw.decode("utf-8-sig" if number == 1 else "utf-8")
    if not account.complete:
        raise error(f"{path}: {account.note}", "Fetch the file again")


def _table_rows(
    path: Path, lines: Iterator[tuple[int, str]], delimiter: str, error: type[SourceError]
) -> Iterator[tuple[int, Row]]:
    reader = csv.DictReader((f"{line}\n" for _, line in lines), delimiter=delimiter)
    try:
        for record in reader:
            # A row that is longer than the header has the rest of it under None.
            if None in record or None in record.values():
                raise error(
                    f"{path}, line {reader.line_num}: not the {len(reader.fieldnames or ())} columns of the header",
                    "Mend this line, or quote what holds a separator",
                )
            yield reader.line_num, record
    except csv.Error as problem:
        raise error(f"{path}, line {reader.line_num}: {problem}", "Give it as JSON lines") from problem


def _json_lines(path: Path, lines: Iterator[tuple[int, str]], error: type[SourceError]) -> Iterator[tuple[int, Row]]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            record = _lenient(path, number, line, error)
        if not isinstance(record, dict):
            raise error(
                f"{path}, line {number}: a JSON {type(record).__name__}, expected an object", "Give one object a line"
            )
        yield number, record


def _lenient(path: Path, number: int, line: str, error: type[SourceError]) -> Any:
    """Parse what Python's writers write and JSON has not: NaN, and halves of UTF-16 pairs."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as problem:
        raise error(f"{path}, line {number}: not JSON ({problem})", "Give one JSON object a line") from problem
