"""A share audit's state as the tables of a profile, and back."""

import numpy as np
import pyarrow as pa

from audits.distinct import Distinct
from audits.document_sample import HASH, DocumentSample
from audits.drift.share_cells import Cell
from audits.drift.share_state import ShareState

PROFILE_VERSION = 2
"""Schema version of these tables."""

# The squares of a large corpus pass 64 bits; decimals add up exactly.
_BIG = pa.decimal128(38, 0)
SHARE_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("category", pa.string()),
        ("docs", pa.int64()),
        ("words", pa.int64()),
        ("bytes", pa.int64()),
        ("words_squared", _BIG),
        ("words_crossed", _BIG),
    ]
)
"""One row a source and category; in the table `wholes` one row a source, its category empty."""

GROUP_SCHEMA = pa.schema([("category", pa.string()), ("group", pa.int64()), ("words", pa.int64())])

HOSTS_SCHEMA = pa.schema(
    [("sampled", pa.bool_()), ("seen", pa.int64()), ("bound", pa.uint64()), ("sketch", pa.binary())]
)


def share_tables(state: ShareState) -> dict[str, pa.Table]:
    """Return what a baseline needs: `shares` and `wholes`, `groups`, the `sample` and the sketch of `hosts`.

    Of a sampled state, `shares` and `wholes` are the sample's, scaled up to the corpus.
    """
    seen = state.seen()
    rows = state.sample.rows()
    scale = state.sample.seen / max(1, len(np.unique(rows.column(HASH)))) if state.sampled else 1
    wholes = {(source, ""): cell for source, cell in seen.wholes.items()}
    groups = [
        {"category": category, "group": group, "words": int(sums[group])}
        for category, sums in sorted({**state.groups, "": state.whole_groups}.items())
        for group in np.flatnonzero(sums).tolist()
    ]
    facts = {"sampled": state.sampled, "seen": state.sample.seen, "bound": int(state.sample.bound)}
    return {
        "shares": _table_of(seen.cells, scale),
        "wholes": _table_of(wholes, scale),
        "groups": pa.Table.from_pylist(groups, schema=GROUP_SCHEMA),
        "sample": rows,
        "hosts": pa.Table.from_pylist([{**facts, "sketch": state.hosts.data}], schema=HOSTS_SCHEMA),
    }


def state_of(tables: dict[str, pa.Table], sample_size: int, clustered: bool = True) -> ShareState:
    """Rebuild a state from `share_tables`; examples are not kept."""
    [hosts] = tables["hosts"].to_pylist()
    sample = DocumentSample(sample_size, tables["sample"], hosts["seen"], np.uint64(hosts["bound"]))
    state = ShareState(sample, clustered, hosts=Distinct(hosts["sketch"]), sampled=hosts["sampled"])
    state.wholes = {source: cell for (source, _), cell in _cells_in(tables["wholes"]).items()}
    if not state.sampled:
        state.cells = _cells_in(tables["shares"])
    for row in tables["groups"].to_pylist():
        sums = state.group(row["category"]) if row["category"] else state.whole_groups
        sums[row["group"]] = row["words"]
    return state


def _table_of(cells: dict[tuple[str, str], Cell], scale: float) -> pa.Table:
    rows = [
        {
            "source": source,
            "category": category,
            **{name: round(value * scale) if scale != 1 else value for name, value in cell.__dict__.items()},
        }
        for (source, category), cell in sorted(cells.items())
    ]
    return pa.Table.from_pylist(rows, schema=SHARE_SCHEMA)


def _cells_in(table: pa.Table) -> dict[tuple[str, str], Cell]:
    names = list(Cell.__dataclass_fields__)
    return {(row["source"], row["category"]): Cell(*(int(row[name]) for name in names)) for row in table.to_pylist()}
