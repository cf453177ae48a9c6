"""The tables that `length_drift` leaves: quantiles with distances, and points of the cumulative curves."""

import pyarrow as pa

from audits.drift.length_judging import QUANTILES, Group, Shift
from audits.drift.length_state import UNITS
from audits.findings import Status

MAX_CURVES = 12
"""Groups whose curves are kept: the corpus, and the first sources."""

_QUANTILE_COLUMNS = [f"p{percentile}" for percentile in QUANTILES]
LENGTHS_SCHEMA = pa.schema(
    [
        ("subject", pa.string()),
        ("unit", pa.string()),
        ("n_docs", pa.int64()),
        ("reference_n_docs", pa.int64()),
        *((name, pa.float64()) for name in _QUANTILE_COLUMNS),
        *((f"reference_{name}", pa.float64()) for name in _QUANTILE_COLUMNS),
        ("w1_iqr", pa.float64()),
        ("ks", pa.float64()),
        ("ks_by_chance", pa.float64()),
        ("status", pa.string()),
    ]
)
"""One row a group and unit; distances and status are of the judged unit."""

ECDF_SCHEMA = pa.schema(
    [
        ("subject", pa.string()),
        ("unit", pa.string()),
        ("side", pa.string()),
        ("length", pa.float64()),
        ("cumulative_share", pa.float64()),
    ]
)
"""Points of the empirical distribution: `side` is `now` or `baseline`."""


def lengths_table(groups: list[Group], judged_unit: str, judged: dict[str, tuple[Shift, Status]]) -> pa.Table:
    """Return the quantiles of every group and unit, with the shift and status of what was judged."""
    rows = []
    for group in groups:
        for unit in UNITS:
            now, before = group.of(unit)
            if not now.docs:
                continue
            row: dict[str, object] = {"subject": group.name, "unit": unit, "n_docs": now.docs}
            row |= {name: now.quantile(p) for name, p in zip(_QUANTILE_COLUMNS, QUANTILES, strict=True)}
            if before is not None and before.docs:
                row["reference_n_docs"] = before.docs
                pairs = zip(_QUANTILE_COLUMNS, QUANTILES, strict=True)
                row |= {f"reference_{name}": before.quantile(p) for name, p in pairs}
            if unit == judged_unit and group.name in judged:
                one, status = judged[group.name]
                row |= {"w1_iqr": one.w1_iqr, "ks": one.ks, "ks_by_chance": one.ks_ceiling, "status": status.value}
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=LENGTHS_SCHEMA)


def ecdf_table(groups: list[Group], unit: str) -> pa.Table:
    """Return the curves of the first groups, now and in the baseline."""
    rows = []
    for group in groups[:MAX_CURVES]:
        for side, lengths in zip(("now", "baseline"), group.of(unit), strict=True):
            if lengths is None or not lengths.docs:
                continue
            rows += [
                {"subject": group.name, "unit": unit, "side": side, "length": length, "cumulative_share": share}
                for length, share in lengths.ecdf()
            ]
    return pa.Table.from_pylist(rows, schema=ECDF_SCHEMA)
