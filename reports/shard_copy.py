"""One shard copied without some of its rows: same format, same compression, every kept record as it was.

Lines and paragraphs are cut out of the bytes of the shard, so what stays is the same to the byte. Nothing is
opened but for reading, and no more than some megabytes are held, whatever the size of the shard.
"""

import bz2
import lzma
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import orjson
from backports import zstd
from isal import igzip

from connectors.intake import document_id
from connectors.records import RecordSpan, record_spans, shard_bytes
from connectors.shards import Shard, open_filesystem
from reports.errors import CleanCopyFailed
from reports.table_copy import copy_dataset, copy_parquet

_PIECE = 1024 * 1024
_GZIP_LEVEL = 3
"""The best of isal's levels."""


@dataclass(frozen=True)
class Copied:
    """Rows that were read and rows that the copy has, the latter counted in the copy itself."""

    rows_in: int
    rows_out: int


def copy_shard(shard: Shard, removed: Mapping[int, str], rows: int, target: Path) -> Copied:
    """Copy a shard that was read whole to `target`, which must not exist.

    Args:
        shard: what to copy.
        removed: the rows to leave out, with the identifiers of the documents that stand there.
        rows: how many rows the audit counted in the shard.
        target: the copy.

    Raises:
        CleanCopyFailed: another document stands at a row than the audit read there.
        SourceError: the shard cannot be read.
        OSError: the copy cannot be written.
    """
    if shard.format == "datasets":
        return Copied(*copy_dataset(shard, removed, target))
    if not removed:
        copy_bytes(shard, target)
        return Copied(rows, rows)
    if shard.format == "parquet":
        return Copied(*copy_parquet(shard, removed, target))
    rows_in, cuts = _cuts(shard, removed)
    with _compressed(target, shard.compression) as stream:
        for piece in without(shard_bytes(shard), cuts):
            stream.write(piece)
    copy = replace(shard, uri=str(target))
    return Copied(rows_in, sum(1 for _ in record_spans(copy)))


def copy_bytes(shard: Shard, target: Path) -> None:
    """Copy a shard as it is stored."""
    filesystem, inner = open_filesystem(shard.uri)
    with filesystem.open(inner, "rb") as source, target.open("xb") as stream:
        shutil.copyfileobj(source, stream, _PIECE)
    if shard.size and target.stat().st_size != shard.size:
        raise changed(shard, f"it had {shard.size:,} bytes and has {target.stat().st_size:,}")


def changed(shard: Shard, how: str) -> CleanCopyFailed:
    """Return the error for a shard that is another than the one that was audited."""
    return CleanCopyFailed(
        f"{shard.uri} changed since it was audited: {how}", "Run the audit again, with `--write-clean`"
    )


def without(pieces: Iterable[bytes], cuts: list[tuple[int, int]]) -> Iterator[bytes]:
    """Yield a stream without the bytes of `cuts`, which are in order and do not overlap.

    >>> b"".join(without([b"abc", b"def", b"ghi"], [(1, 2), (4, 8)]))
    b'acdi'
    """
    offset, waiting = 0, iter(cuts)
    start, stop = next(waiting, (None, 0))
    for piece in pieces:
        at, end = offset, offset + len(piece)
        while start is not None and start < end:
            if at < start:
                yield piece[at - offset : start - offset]
            at = max(at, min(stop, end))
            if stop > end:
                break
            start, stop = next(waiting, (None, 0))
        if at < end:
            yield piece[at - offset :]
        offset = end


def _cuts(shard: Shard, removed: Mapping[int, str]) -> tuple[int, list[tuple[int, int]]]:
    """Return the rows of a shard, and the bytes of those to remove."""
    rows, cuts = 0, []
    for span in record_spans(shard):
        rows = span.row + 1
        if span.row in removed:
            found = _id_at(shard, span)
            if found != removed[span.row]:
                raise changed(shard, f"row {span.row:,} is not the document that the audit read there")
            cuts.append((span.start, span.stop))
    return rows, cuts


def _id_at(shard: Shard, span: RecordSpan) -> str | None:
    """Return the identifier of the document at a span, None where there is none."""
    if shard.format == "text":
        return document_id({}, shard, span.row)
    try:
        record = orjson.loads(span.raw)
    except orjson.JSONDecodeError:
        return None
    return document_id(record, shard, span.row) if isinstance(record, dict) else None


@contextmanager
def _compressed(path: Path, compression: str | None) -> Iterator[IO[bytes] | Any]:
    """Yield a stream whose bytes are stored at `path` under the given compression, without name and time."""
    with path.open("xb") as raw:
        if compression is None:
            yield raw
            return
        with _compressor(raw, compression) as stream:
            yield stream


def _compressor(raw: IO[bytes], compression: str) -> Any:
    if compression == "gzip":
        return igzip.IGzipFile(filename="", mode="wb", compresslevel=_GZIP_LEVEL, fileobj=raw, mtime=0)
    if compression == "zstd":
        return zstd.ZstdFile(raw, "wb")
    return bz2.BZ2File(raw, "wb") if compression == "bzip2" else lzma.LZMAFile(raw, "wb")
