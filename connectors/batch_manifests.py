"""Which documents a training saw at which step, as JSON lines, csv or Parquet, in pieces of some thousand rows.

{"step": 1200, "shard": "s3://crawl/a.jsonl.gz", "row": 731}     as `corpus-audit sample` names places
{"step": 1200, "doc_id": "web-0731"}
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
    """Some rows of a manifest: the step of each, and either shard and row, or the identifier of its document."""

    step: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    shard: list[str | None] = field(default_factory=list)
    row: list[int | None] = field(default_factory=list)
    doc_id: list[str | None] = field(default_factory=list)

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
            columns = [name for wanted in FIELDS.values() if (name := next((n for n in wanted if n in names), None))]
            if not columns:
                raise _missing(path, 1, names)
            line = 1
            for batch in file.iter_batches(_ROWS, columns=columns):
                yield _placed(path, range(line, line + batch.num_rows), batch.to_pylist())
                line += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        raise LogError(f"{path} cannot be read: {' '.join(str(error).split())}", "Fetch it again") from error


def _placed(path: Path, lines: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> Placed:
    placed, steps = Placed(), []
    for line, row in zip(lines, rows, strict=True):
        values = {what: _value(row, names) for what, names in FIELDS.items()}
        by_place = values["shard"] is not None and values["row"] is not None
        if values["step"] is None or not (by_place or values["doc_id"] is not None):
            raise _missing(path, line, list(row))
        steps.append(_whole(path, line, values["step"], "step"))
        placed.shard.append(as_name(values["shard"]) if by_place else None)
        placed.row.append(_whole(path, line, values["row"], "row") if by_place else None)
        placed.doc_id.append(None if values["doc_id"] is None else as_name(values["doc_id"]))
    placed.step = np.array(steps, dtype=np.int64)
    return placed


def _value(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _whole(path: Path, line: int, value: Any, what: str) -> int:
    number = as_count(value)
    if number is None:
        raise LogError(
            f"{path}, line {line}: `{what}` is {str(value)[:40]!r}, expected a whole number from 0", "Mend it"
        )
    return number


def _missing(path: Path, line: int, names: Sequence[str]) -> LogError:
    there = ", ".join(map(str, names)) or "nothing"
    return LogError(
        f"{path}, line {line}: expected `step` with `shard` and `row`, or `step` with `doc_id` (there are {there})",
        "Name the fields so; `row` counts the records of a shard from 0",
    )
