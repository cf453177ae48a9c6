"""Tables copied without some of their rows: Parquet files, and datasets as Parquet."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.errors import SourceUnreadable
from connectors.hub import open_dataset
from connectors.intake import document_id
from connectors.shards import Shard, open_filesystem
from reports.errors import CleanCopyFailed

_ROWS = 500
_GROUP_BYTES = 64 * 1024 * 1024
"""Bytes of a row group of the copy; a larger one of the original becomes several, so that memory is bounded."""

_CODECS = {"UNCOMPRESSED": "NONE", "LZ4_RAW": "LZ4"}
"""What Parquet's footer calls a codec, to what its writer does, where they differ."""


def copy_parquet(shard: Shard, removed: Mapping[int, str], target: Path) -> tuple[int, int]:
    """Write a Parquet file without some rows: same schema, same codecs. Return the rows read and those written.

    Raises:
        CleanCopyFailed: another document stands at a row than the audit read there.
        SourceUnreadable: the file is damaged.
    """
    filesystem, inner = open_filesystem(shard.uri)
    try:
        with filesystem.open(inner, "rb") as stream:
            file = pq.ParquetFile(stream, page_checksum_verification=True)
            groups = ([group] for group in range(file.metadata.num_row_groups))
            tables = (file.iter_batches(_ROWS, row_groups=group) for group in groups)
            rows = _Rows(shard, removed)
            with _writer(target, file.schema_arrow, _codecs(file.metadata)) as writer:
                for batches in tables:
                    _write(rows.kept(batches), writer)
    except pa.ArrowException as error:
        raise _unreadable(shard, error) from error
    return rows.read, pq.read_metadata(target).num_rows


def copy_dataset(shard: Shard, removed: Mapping[int, str], target: Path) -> tuple[int, int]:
    """Write a dataset as Parquet without some rows. Return the rows read and those written.

    Raises:
        CleanCopyFailed, SourceUnreadable: as `copy_parquet`.
    """
    dataset = open_dataset(shard.uri, shard.source.subset, shard.source.split).with_format("arrow")
    features = dataset.features
    schema = features.arrow_schema if features is not None else next(iter(dataset.iter(1))).schema
    rows = _Rows(shard, removed)
    batches = (batch for table in dataset.iter(_ROWS) for batch in table.to_batches())
    try:
        with _writer(target, schema, "zstd") as writer:
            _write(rows.kept(batches), writer)
    except pa.ArrowException as error:
        raise _unreadable(shard, error) from error
    return rows.read, pq.read_metadata(target).num_rows


class _Rows:
    """Counts the rows of a shard as they pass, and holds those back that must go."""

    def __init__(self, shard: Shard, removed: Mapping[int, str]) -> None:
        self.shard, self.removed, self.read = shard, removed, 0

    def kept(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the batches without the rows that must go."""
        for batch in batches:
            gone = [at for at in range(batch.num_rows) if self.read + at in self.removed]
            for at in gone:
                self._check(batch.slice(at, 1), self.read + at)
            self.read += batch.num_rows
            if not gone:
                yield batch
            elif len(gone) < batch.num_rows:
                yield batch.filter(pa.array([at not in set(gone) for at in range(batch.num_rows)]))

    def _check(self, row: pa.RecordBatch, number: int) -> None:
        name = self.shard.source.id
        # Other columns may hold what cannot be decoded, which is no concern of an identifier.
        columns = [column for column in row.schema.names if name and column in (name, name.split(".")[0])]
        record: dict[str, Any] = row.select(columns).to_pylist()[0] if columns else {}
        if document_id(record, self.shard, number) != self.removed[number]:
            raise CleanCopyFailed(
                f"{self.shard.uri} changed since it was audited: row {number:,} is not the document that the audit "
                "read there",
                "Run the audit again, with `--write-clean`",
            )


def _write(batches: Iterable[pa.RecordBatch], writer: pq.ParquetWriter) -> None:
    """Write batches as one row group, or as several where they are large."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size >= _GROUP_BYTES:
            _write_group(held, writer)
            held, size = [], 0
    if held:
        _write_group(held, writer)


def _write_group(batches: list[pa.RecordBatch], writer: pq.ParquetWriter) -> None:
    table = pa.Table.from_batches(batches).replace_schema_metadata(writer.schema.metadata)
    writer.write_table(table, row_group_size=max(1, table.num_rows))


def _writer(target: Path, schema: pa.Schema, compression: str | dict[str, str]) -> pq.ParquetWriter:
    return pq.ParquetWriter(target, schema, compression=compression, write_page_checksum=True)


def _codecs(metadata: pq.FileMetaData) -> str | dict[str, str]:
    """Return the codec of every column, as the first row group has them."""
    if not metadata.num_row_groups:
        return "zstd"
    group = metadata.row_group(0)
    columns = (group.column(at) for at in range(group.num_columns))
    return {column.path_in_schema: _CODECS.get(column.compression, column.compression) for column in columns}


def _unreadable(shard: Shard, error: Exception) -> SourceUnreadable:
    return SourceUnreadable(
        f"{shard.uri} cannot be copied: {str(error).splitlines()[0]}", "Restore it, and run the audit again"
    )
