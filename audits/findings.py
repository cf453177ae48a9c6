"""What an audit has to say: findings, metrics, contamination matches and item verdicts."""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

import pyarrow as pa
import xxhash


class Status(StrEnum):
    """Outcome of one check. Too little data is INSUFFICIENT, never PASS."""

    PASS = "PASS"
    INFO = "INFO"
    WARN = "WARN"
    FAIL = "FAIL"
    INSUFFICIENT = "INSUFFICIENT"
    ERROR = "ERROR"
    ACKED = "ACKED"


@dataclass(frozen=True)
class Evidence:
    """A place in the corpus that a reader can look up.

    Offsets are bytes into the UTF-8 of the document's text; `excerpt` is masked and at most 240 characters.
    `chosen` says how the place was chosen among others ("seeded random", "largest"), empty where it stands for itself.
    """

    doc_id: str
    shard: str
    row: int
    byte_start: int | None = None
    byte_end: int | None = None
    excerpt: str = ""
    chosen: str = ""


@dataclass(frozen=True)
class Finding:
    """One sentence of the report with the numbers behind it.

    `value`, `reference`, `ci_low`, `ci_high` and `threshold` share the unit of `metric` (shares are 0..1,
    counts are plain, ratios are dimensionless). `effect` is value minus reference for shares and value over
    reference for ratios; the audit's docstring says which. The interval is 95 %.
    """

    audit: str
    subject: str
    status: Status
    metric: str
    message: str
    value: float | None = None
    reference: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    threshold: float | None = None
    p_value: float | None = None
    q_value: float | None = None
    effect: float | None = None
    n_docs: int | None = None
    evidence: tuple[Evidence, ...] = ()
    suggestion: str = ""
    comparison: str = ""
    against: str = ""
    band_low: float | None = None
    band_high: float | None = None

    @property
    def finding_id(self) -> str:
        """Identifier that stays the same from night to night for the same check of the same subject."""
        parts = [self.audit, self.subject, self.metric, *(["previous"] if self.comparison == "previous" else [])]
        return xxhash.xxh3_64_hexdigest("\x1f".join(parts).encode("utf-8", "backslashreplace"))


@dataclass(frozen=True)
class Metric:
    """One measured number, kept whether or not it led to a finding; fields as in `Finding`."""

    audit: str
    subject: str
    metric: str
    value: float | None
    reference: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None
    q_value: float | None = None
    effect: float | None = None
    n_docs: int | None = None
    comparison: str = ""
    against: str = ""
    band_low: float | None = None
    band_high: float | None = None


@dataclass(frozen=True)
class Match:
    """One place of the corpus that holds (part of) one test item.

    Train offsets are bytes into the document's UTF-8 text, item offsets bytes into the item's question (or
    passage for `passage_only`). `score` is the detector's own, between 0 and 1. `excerpt` is the train side and
    `item_excerpt` the test side, both masked and at most 240 characters. `verdict` is what the detector makes
    of this place at its thresholds, `exposed` or `suspect`; empty until the summary.
    """

    eval_set: str
    item_id: str
    evidence_class: str
    doc_id: str
    shard: str
    row: int
    train_start: int
    train_end: int
    item_start: int
    item_end: int
    score: float
    detector: str
    excerpt: str
    item_excerpt: str
    verdict: str = ""
    coverage: float | None = None
    longest_match: int | None = None
    idf_containment: float | None = None
    edit: str = ""


@dataclass(frozen=True)
class Exposure:
    """One place of the corpus that exposes one test item, as little as a removal needs.

    `shard` is the full path; `byte_start` and `byte_end` are bytes into the document's UTF-8 text. Unlike
    matches, exposures are not cut to the best few of an item.
    """

    shard: str
    row: int
    doc_id: str
    byte_start: int
    byte_end: int
    eval_set: str
    item_id: str
    detector: str


@dataclass(frozen=True)
class ItemVerdict:
    """What one detector says of one test item: `exposed`, `suspect`, `clean` or `unmatchable`.

    `n_matches` counts every match found, also those beyond the number kept as evidence. `matchable_by` says
    what the item could be found by: `question`, `options` (its question alone is too short or too common), or
    nothing. `coverage`, `longest_match` and `idf_containment` are those of its best match.
    """

    eval_set: str
    split: str | None
    item_id: str
    verdict: str
    best_score: float
    evidence_class: str
    detector: str
    matchable: bool
    n_matches: int
    matchable_by: str = ""
    coverage: float | None = None
    longest_match: int | None = None
    idf_containment: float | None = None
    edit: str = ""


@dataclass
class Summary:
    """Everything one audit hands to the report.

    `exposures` are all places that expose an item. `tables` are named pandas-ready Arrow tables that the report
    may show (`shares`, `attribution`, ...).
    """

    findings: list[Finding] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)
    items: list[ItemVerdict] = field(default_factory=list)
    exposures: list[Exposure] = field(default_factory=list)
    tables: dict[str, pa.Table] = field(default_factory=dict)


_EVIDENCE = pa.struct(
    [
        ("doc_id", pa.string()),
        ("shard", pa.string()),
        ("row", pa.int64()),
        ("byte_start", pa.int64()),
        ("byte_end", pa.int64()),
        ("excerpt", pa.string()),
        ("chosen", pa.string()),
    ]
)
_NUMBERS = [(name, pa.float64()) for name in ("value", "reference", "ci_low", "ci_high")]
_COMPARED = [
    ("comparison", pa.string()),
    ("against", pa.string()),
    ("band_low", pa.float64()),
    ("band_high", pa.float64()),
]

FINDING_SCHEMA = pa.schema(
    [
        ("finding_id", pa.string()),
        ("audit", pa.string()),
        ("subject", pa.string()),
        ("status", pa.string()),
        ("metric", pa.string()),
        *_NUMBERS,
        ("threshold", pa.float64()),
        ("p_value", pa.float64()),
        ("q_value", pa.float64()),
        ("effect", pa.float64()),
        ("n_docs", pa.int64()),
        ("message", pa.string()),
        ("evidence", pa.list_(_EVIDENCE)),
        ("suggestion", pa.string()),
        *_COMPARED,
    ]
)
METRIC_SCHEMA = pa.schema(
    [
        ("audit", pa.string()),
        ("subject", pa.string()),
        ("metric", pa.string()),
        *_NUMBERS,
        ("p_value", pa.float64()),
        ("q_value", pa.float64()),
        ("effect", pa.float64()),
        ("n_docs", pa.int64()),
        *_COMPARED,
    ]
)
MATCH_SCHEMA = pa.schema(
    [
        ("eval_set", pa.string()),
        ("item_id", pa.string()),
        ("evidence_class", pa.string()),
        ("doc_id", pa.string()),
        ("shard", pa.string()),
        ("row", pa.int64()),
        ("train_start", pa.int64()),
        ("train_end", pa.int64()),
        ("item_start", pa.int64()),
        ("item_end", pa.int64()),
        ("score", pa.float64()),
        ("detector", pa.string()),
        ("excerpt", pa.string()),
        ("item_excerpt", pa.string()),
        ("verdict", pa.string()),
        ("coverage", pa.float64()),
        ("longest_match", pa.int64()),
        ("idf_containment", pa.float64()),
        ("edit", pa.string()),
    ]
)
ITEM_SCHEMA = pa.schema(
    [
        ("eval_set", pa.string()),
        ("split", pa.string()),
        ("item_id", pa.string()),
        ("verdict", pa.string()),
        ("best_score", pa.float64()),
        ("evidence_class", pa.string()),
        ("detector", pa.string()),
        ("matchable", pa.bool_()),
        ("n_matches", pa.int64()),
        ("matchable_by", pa.string()),
        ("coverage", pa.float64()),
        ("longest_match", pa.int64()),
        ("idf_containment", pa.float64()),
        ("edit", pa.string()),
    ]
)


def as_row(record: Any) -> dict[str, Any]:
    """Turn a finding, metric, match or verdict into a plain row for its Arrow schema."""
    row = dict(record.__dict__)
    if isinstance(record, Finding):
        row["finding_id"] = record.finding_id
        row["status"] = record.status.value
        row["evidence"] = [dict(place.__dict__) for place in record.evidence]
    return row


def finding_from_row(row: dict[str, Any]) -> Finding:
    """Return the finding that a row in `FINDING_SCHEMA` was made from."""
    known = {field.name for field in fields(Finding)}
    values = {key: value for key, value in row.items() if key in known}
    values["status"] = Status(row["status"])
    values["evidence"] = tuple(Evidence(**place) for place in row["evidence"] or ())
    return Finding(**values)


def to_table(records: list[Any], schema: pa.Schema) -> pa.Table:
    """Collect records of one kind into a table with exactly the columns of `schema`."""
    return pa.Table.from_pylist([as_row(record) for record in records], schema=schema)
