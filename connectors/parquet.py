"""Parquet, row group by row group: a damaged one costs its own rows, not the file."""

from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.fields import columns_needed
from connectors.intake import Intake

_ROWS = 500
_DAMAGE = (pa.ArrowException, OSError)


def read_parquet(stream: IO[bytes], intake: Intake) -> Iterator[pa.RecordBatch]:
    """Yield the documents of a Parquet file; page checksums are verified where the file has them."""
    try:
        file = pq.ParquetFile(stream, page_checksum_verification=True)
    except _DAMAGE as error:
        intake.lose(1)
        intake.add_note(f"no Parquet file: {_first_line(error)}")
        return
    wanted = {name.split(".")[0] for name in columns_needed(intake.source)} | set(columns_needed(intake.source))
    columns = [name for name in file.schema_arrow.names if name in wanted]
    intake.entry.complete = True
    for group in range(file.metadata.num_row_groups):
        yield from _read_group(file, group, columns, intake)
    yield from intake.flush()
    if intake.entry.complete:
        intake.entry.bytes_read = intake.entry.bytes_expected


def _read_group(file: pq.ParquetFile, group: int, columns: list[str], intake: Intake) -> Iterator[pa.RecordBatch]:
    about = file.metadata.row_group(group)
    before = intake.row
    try:
        for batch in file.iter_batches(batch_size=_ROWS, row_groups=[group], columns=columns):
            for _ in _take_batch(batch, intake):
                if intake.is_full():
                    yield from intake.flush()
        # Not one column of the mapping: the rows are there all the same, each without its text.
        for _ in range(0 if columns else about.num_rows - (intake.row - before)):
            intake.take({})
        if (missing := about.num_rows - (intake.row - before)) > 0:
            intake.lose(missing)
            intake.entry.complete = False
            intake.add_note(f"row group {group}: {missing:,} rows that the footer promises are not there")
        intake.entry.bytes_read += sum(about.column(at).total_compressed_size for at in range(about.num_columns))
    except _DAMAGE as error:
        lost = max(0, about.num_rows - (intake.row - before))
        intake.lose(lost)
        intake.entry.complete = False
        intake.add_note(f"row group {group}: {lost:,} rows unreadable ({_first_line(error)})")


def _take_batch(batch: pa.RecordBatch, intake: Intake) -> Iterator[None]:
    """Take the rows of a batch one by one; one that is not UTF-8 costs itself only."""
    try:
        records = batch.to_pylist()
    except UnicodeDecodeError:
        records = [_decoded(batch.slice(row, 1)) for row in range(batch.num_rows)]
    for record in records:
        if isinstance(record, dict):
            intake.take(record)
        else:
            intake.set_aside("invalid_utf8", str(record), None, record.object)
        yield


def _decoded(row: pa.RecordBatch) -> dict[str, Any] | UnicodeDecodeError:
    try:
        record: dict[str, Any] = row.to_pylist()[0]
    except UnicodeDecodeError as error:
        return error
    return record


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
