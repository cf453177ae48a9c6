"""The tables that share audits leave: shares, where changes come from, and distances for those who know them."""

import math

import numpy as np
import pyarrow as pa

from audits.distances import (
    jensen_shannon_bits,
    jensen_shannon_floor_bits,
    population_stability,
    total_variation,
)
from audits.drift.share_cells import Cell
from audits.drift.share_sides import Side, Subject
from audits.statistics import Change, Contribution

_FLOATS = ("share", "reference_share", "delta", "ratio", "delta_low", "delta_high")
SHARES_SCHEMA = pa.schema(
    [
        ("subject", pa.string()),
        *((name, pa.float64()) for name in _FLOATS),
        ("status", pa.string()),
        ("n_docs", pa.int64()),
        ("byte_share", pa.float64()),
        ("reference_byte_share", pa.float64()),
        ("document_share", pa.float64()),
        ("reference_document_share", pa.float64()),
        ("band_low", pa.float64()),
        ("band_high", pa.float64()),
    ]
)
ATTRIBUTION_SCHEMA = pa.schema(
    [
        ("subject", pa.string()),
        ("source", pa.string()),
        ("mix", pa.float64()),
        ("within", pa.float64()),
        ("interaction", pa.float64()),
        ("total", pa.float64()),
    ]
)
DISTANCES_SCHEMA = pa.schema([("measure", pa.string()), ("of", pa.string()), ("value", pa.float64())])


def alone_row(subject: Subject, side: Side) -> dict[str, object]:
    """Return a share's row where there is nothing to compare it with."""
    words, sizes, docs = side.shares(subject)
    return {
        "subject": subject.name,
        "share": words,
        "status": "INFO",
        "n_docs": side.cell(subject).docs,
        "byte_share": sizes,
        "document_share": docs,
    }


def share_row(subject: Subject, now: Side, before: Side, change: Change, status: str) -> dict[str, object]:
    """Return a share's row beside the baseline's; its band is added where there is one."""
    (_, sizes, docs), (_, sizes_before, docs_before) = now.shares(subject), before.shares(subject)
    share = now.shares(subject)[0]
    return {
        "subject": subject.name,
        "share": share,
        "reference_share": share - change.delta,
        "delta": change.delta,
        "ratio": change.factor if math.isfinite(change.factor) else None,
        "delta_low": change.low,
        "delta_high": change.high,
        "status": status,
        "n_docs": now.cell(subject).docs,
        "byte_share": sizes,
        "reference_byte_share": sizes_before,
        "document_share": docs,
        "reference_document_share": docs_before,
    }


def attribution_rows(subject: Subject, parts: list[Contribution]) -> list[dict[str, object]]:
    """Return what each source adds to a change."""
    return [
        {
            "subject": subject.name,
            "source": part.source,
            "mix": part.mix,
            "within": part.within,
            "interaction": part.interaction,
            "total": part.total,
        }
        for part in parts
    ]


def distances_table(now: Side, before: Side, unit: str, by_host: bool) -> pa.Table:
    """Return distances over all categories, shown for familiarity: nothing is judged by them.

    Total variation, Jensen-Shannon divergence in bits with its floor and the excess over it, and the population
    stability index (natural logarithm), over words; the first and the last over bytes as well.
    """
    names = sorted(set(now.by_category) | set(before.by_category))
    cells = [[side.by_category.get(name, Cell()) for name in names] for side in (now, before)]
    counts = [np.array([cell.words for cell in side], dtype=np.int64) for side in cells]
    sizes = [np.array([cell.bytes for cell in side], dtype=np.int64) for side in cells]
    shares = [side / max(1, side.sum()) for side in counts]
    variances = sum(np.array([side.variance(name, by_host) for name in names]) for side in (now, before))
    divergence = jensen_shannon_bits(*shares)
    floor = jensen_shannon_floor_bits(shares[0], shares[1], np.asarray(variances))
    rows = [
        ("total variation", unit, total_variation(*shares)),
        ("Jensen-Shannon divergence, bits", unit, divergence),
        ("its floor from sampling alone, bits", unit, floor),
        ("its excess over the floor, bits", unit, max(0.0, divergence - floor)),
        ("population stability index", unit, population_stability(*counts)),
        ("total variation", "bytes", total_variation(*(side / max(1, side.sum()) for side in sizes))),
        ("population stability index", "bytes", population_stability(*sizes)),
    ]
    return pa.Table.from_pylist(
        [dict(zip(DISTANCES_SCHEMA.names, row, strict=True)) for row in rows], schema=DISTANCES_SCHEMA
    )
