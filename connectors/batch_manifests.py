"""Which documents a training saw at which step, as JSON lines, csv or Parquet, in pieces of some thousand rows.

{"step": 1200, "shard": "s3://crawl/a.jsonl.gz", "row": 731}     as `corpus-audit sample` names places
{"step": 1200, "doc_id": "web-0731"}
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from connectors.errors import LogError, SourceNotFound
from connectors.row_files import as_count, as_name, file_kind, read_rows

FIELDS: dict[str, tuple[str, ...]] = {
    "step": ("step", "global_step", "iteration", "iter"),
    "shard": ("shard", "file", "path"),
    "row": ("row", "row_index", "index"),
    "doc_id": ("doc_id", "document_id", "id"),
}
"""What a row holds, and the names under which it is looked for, the first that is there."""

_ROWS = 20_000


@dataclass
class Placed:
    """Some rows of a manifest: the step of each, and either its shard and row, or the identifier of its document.

    `shard` numbers the names in `shards`. Shard and row are -1 where a row gives none, `doc_id` None.
    """

    step: NDArray[np.int64]
    shard: NDArray[np.int64]
    row: NDArray[np.int64]
    shards: list[str]
    doc_id: list[str | None]

    def __len__(self) -> int:
        return len(self.step)


def read_manifest(path: Path) -> Iterator[Placed]:
    """Yield the rows of a manifest in pieces.

    Raises:
        SourceNotFound: there is no such file.
        LogError: the file cannot be read or a row does not fit; names file, line, field and what was expected.
    """
    if not path.is_file():
        raise SourceNotFound(f"{path} does not exist", "Give a list of step, shard and row, or step and doc_id")
    if file_kind(path)[1] == "parquet":
        yield from _parquet(path)
        return
    rows = read_rows(path, LogError)
    while some := list(islice(rows, _ROWS)):
        yield _placed(path, [line for line, _ in some], [row for _, row in some])


def _parquet(path: Path) -> Iterator[Placed]:
    """Read only the columns that are needed: a manifest may have a billion rows, and whole texts beside them."""
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            found = {what: next((n for n in wanted if n in names), None) for what, wanted in FIELDS.items()}
            columns = [name for name in found.values() if name is not None]
            if not columns:
                raise _missing(path, 1, names)
            line = 1
            for batch in file.iter_batches(_ROWS, columns=columns):
                piece = _by_place(batch, found)
                # What is not all shards and rows is looked at row by row.
                lines = range(line, line + batch.num_rows)
                yield piece if piece is not None else _placed(path, lines, batch.to_pylist())
                line += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        raise LogError(f"{path} cannot be read: {' '.join(str(error).split())}", "Fetch it again") from error


def _by_place(batch: pa.RecordBatch, found: Mapping[str, str | None]) -> Placed | None:
    """Return a batch in which every row has its step, shard and row, None for any other."""
    if None in (found["step"], found["shard"], found["row"]):
        return None
    step, shard, row = (batch.column(found[what]) for what in ("step", "shard", "row"))
    whole = all(pa.types.is_integer(column.type) for column in (step, row))
    if not whole or any(column.null_count for column in (step, shard, row)):
        return None
    steps, rows = (column.cast(pa.int64()).to_numpy(zero_copy_only=False) for column in (step, row))
    if (len(steps) and min(steps.min(), rows.min()) < 0) or not (_is_text(shard.type)):
        return None
    coded = shard if pa.types.is_dictionary(shard.type) else shard.dictionary_encode()
    codes = coded.indices.cast(pa.int64()).to_numpy(zero_copy_only=False)
    names = [as_name(name) for name in coded.dictionary.to_pylist()]
    return Placed(steps, codes, rows, names, [None] * len(steps)) if "" not in names else None


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner))


def _placed(path: Path, lines: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> Placed:
    codes: dict[str, int] = {}
    places: list[tuple[int, int, int]] = []
    doc_ids: list[str | None] = []
    for line, row in zip(lines, rows, strict=True):
        values = {what: _value(row, names) for what, names in FIELDS.items()}
        by_place = values["shard"] is not None and values["row"] is not None
        if values["step"] is None or not (by_place or values["doc_id"] is not None):
            raise _missing(path, line, list(row))
        shard = codes.setdefault(as_name(values["shard"]), len(codes)) if by_place else -1
        number = _whole(path, line, values["row"], "row") if by_place else -1
        places.append((_whole(path, line, values["step"], "step"), shard, number))
        doc_ids.append(None if values["doc_id"] is None else as_name(values["doc_id"]))
    table = np.array(places, dtype=np.int64).reshape(-1, 3)
    return Placed(table[:, 0], table[:, 1], table[:, 2], list(codes), doc_ids)


def _value(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _whole(path: Path, line: int, value: Any, what: str) -> int:
    number = as_count(value)
    if number is None or number >= 2**63:
        raise LogError(
            f"{path}, line {line}: `{what}` is {str(value)[:40]!r}, expected a whole number from 0", "Mend this row"
        )
    return number


def _missing(path: Path, line: int, names: Sequence[str]) -> LogError:
    there = ", ".join(map(str, names)) or "nothing"
    return LogError(
        f"{path}, line {line}: expected `step` with `shard` and `row`, or `step` with `doc_id` (there are {there})",
        "Name the fields so; `row` counts the records of a shard from 0",
    )
