from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors import BatchLimits, CorpusSource, ShardReader, list_shards
from connectors.ledger import ShardReport

Reading = tuple[list[dict[str, Any]], ShardReport]


@pytest.fixture
def read() -> Callable[..., Reading]:
    """Reads all shards at one path into rows; the report is the last shard's, and must add up."""

    def run(path: Path, limits: BatchLimits | None = None, **options: Any) -> Reading:
        [shard] = list_shards([CorpusSource(path=str(path), **options)])
        reader = ShardReader(shard, limits)
        batches = list(reader)
        rows = pa.Table.from_batches(batches).to_pylist() if batches else []
        assert reader.report.entry.adds_up()
        assert reader.report.entry.ok == len(rows)
        return rows, reader.report

    return run
