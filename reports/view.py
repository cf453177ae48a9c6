"""What the report shows and in what order, as plain values: the template only lays it out."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from audits.contamination.semantic.embedding_map import TABLE as MAP_TABLE
from audits.findings import Finding, Match, Status
from connectors.ledger import LedgerEntry
from reports.embedding_map import MapView, embedding_maps
from reports.result import RunResult
from reports.summary import contamination_counts, coverage_counts
from reports.sureness import SureRow, evidence_counts, sure_lines, sure_rows
from reports.verdict import SEVERITY, Verdict, by_severity, verdict_of

MAX_ROWS = 200
"""Rows of any table in the report; the Parquet files have all of them."""

MAX_PAIRS = 60
"""Pairs of test item and training text that are shown side by side."""

_NEEDS_A_LOOK = SEVERITY[:4]

TITLES = {
    "by_threshold": "Items exposed, and documents that expose one, if the threshold were another",
    "background": "Cosines of ordinary passages of this corpus with their nearest test item",
    "shares": "Shares of tokens (of letters for scripts, of documents for markers)",
    "attribution": "Where each change comes from, in share of all tokens",
    "sampling_weights": "How to restore the mix: share to keep when sampling down, epochs when sampling up",
    "hosts": "Hosts that moved a share, in share of all tokens",
    "frequent_hosts": "Hosts with most tokens",
    "distances": "Distances to the baseline, for those who know them; nothing is judged by them",
    "lengths": "Lengths of documents: quantiles now and in the baseline",
    "ecdf": "Lengths of documents: cumulative shares",
    "markers": "Markers of machine-written text, per million words",
    "features": "What tells this corpus from the baseline most",
    "movers": "Tokens that moved most",
    "new_tokens": "Tokens that the baseline does not have",
    "gone_tokens": "Tokens that only the baseline has",
    "tokenizer": "The tokenizer, by language and domain",
    "damage": "Damaged documents by rule",
    "domains": "Loss of each domain, newest part against the part before, beside its share in this run",
    "spikes": "Spikes of the loss",
    "spike_parts": "What the batches of a spike have, against all others",
    "spike_documents": "Documents of the batches of a spike, those of which something is known first",
    "scores": "Benchmarks by checkpoint",
    "deltas": "Benchmarks, newest checkpoint against the one before, beside drift and exposure",
    "clusters": "Where the errors of a benchmark gather",
    "reasons": "Records set aside, by shard and reason",
    "dropped_phrases": "Phrases that counted neither for nor against a leak: the test set's own form, or everywhere "
    "in the corpus",
}
"""Captions of the audits' tables."""

PREVIOUS = "previous_"
"""Begins the names of tables that compare with the last accepted run where there is a baseline as well."""

_NOT_SHOWN = ("rates", "ecdf", "curves", "candidates", MAP_TABLE)
"""Tables that are no tables for people: the detectors' rates stand beside their verdicts, curves and maps are drawn,
and pairs of windows and items are for cutting thresholds again."""


@dataclass(frozen=True)
class Group:
    """Findings of one status, worst groups first; the last ones are collapsed."""

    status: Status
    findings: list[Finding]
    collapsed: bool


@dataclass(frozen=True)
class TableView:
    """A table to show: at most `MAX_ROWS` of its `total` rows; `missing` are left out."""

    title: str
    audit: str
    name: str
    columns: list[str]
    rows: list[list[Any]]
    total: int

    @property
    def missing(self) -> int:
        """Rows that only the Parquet file has."""
        return self.total - len(self.rows)


@dataclass(frozen=True)
class MatrixRow:
    """One test set: items by overall verdict, and the exposed items that each detector found."""

    eval_set: str
    counts: dict[str, int]
    exposed_by: dict[str, int | None]


@dataclass(frozen=True)
class ReportView:
    """Everything on the page."""

    result: RunResult
    verdict: Verdict
    coverage: dict[str, int]
    groups: list[Group]
    joined: list[Group]
    detectors: list[str]
    matrix: list[MatrixRow]
    evidence: dict[str, dict[str, int]]
    sure: list[SureRow]
    sure_beside: dict[tuple[str, str], str]
    pairs: list[Match]
    pairs_total: int
    maps: list[MapView]
    tables: list[TableView]
    ledger: list[LedgerEntry]
    reasons: list[tuple[str, int]]
    dropped: list[str] = field(default_factory=list)

    @property
    def duration(self) -> float:
        """Seconds from start to end."""
        return (self.result.finished_at - self.result.started_at).total_seconds()


def report_view(result: RunResult, dropped: tuple[str, ...] = ()) -> ReportView:
    """Arrange a run for the report. `dropped` names the parts left out to keep the page small."""
    pairs = [] if "excerpts" in dropped else _pairs(result)
    shown = {(match.eval_set, match.item_id) for match in pairs[:MAX_PAIRS]}
    sure = sure_rows(result)
    tables = [] if "tables" in dropped else _tables(result)
    entries = sorted(result.ledger, key=lambda entry: (entry.whole(), entry.quarantined == 0, entry.shard))
    return ReportView(
        result=result,
        verdict=verdict_of(result.findings),
        coverage=coverage_counts(result),
        groups=_groups(result.findings),
        joined=_groups(result.joined),
        detectors=_detectors(result),
        matrix=_matrix(result),
        evidence=evidence_counts(result),
        sure=sure,
        sure_beside=sure_lines(sure),
        pairs=pairs[:MAX_PAIRS],
        pairs_total=len(pairs),
        maps=[] if "tables" in dropped else embedding_maps(result, shown),
        tables=tables,
        ledger=entries[:MAX_ROWS],
        reasons=Counter(row.reason for row in result.quarantine).most_common(),
        dropped=list(dropped),
    )


def _groups(findings: list[Finding]) -> list[Group]:
    ordered = by_severity(findings)
    groups = [
        Group(status, [f for f in ordered if f.status is status], status not in _NEEDS_A_LOOK) for status in SEVERITY
    ]
    return [group for group in groups if group.findings]


def _detectors(result: RunResult) -> list[str]:
    return list(dict.fromkeys(m.audit for m in result.metrics if m.metric == "exposed_share"))


def _matrix(result: RunResult) -> list[MatrixRow]:
    shares = {(m.subject, m.audit): m.value for m in result.metrics if m.metric == "exposed_share"}
    rows = []
    for eval_set, counts in contamination_counts(result).items():
        exposed_by: dict[str, int | None] = {}
        for detector in _detectors(result):
            share = shares.get((eval_set, detector))
            exposed_by[detector] = None if share is None else round(share * counts["items"])
        rows.append(MatrixRow(eval_set, counts, exposed_by))
    return rows


def _pairs(result: RunResult) -> list[Match]:
    """Return the best match of each exposed or suspect item, the exposed ones and the best scores first."""
    best: dict[tuple[str, str], Match] = {}
    telling = [match for match in result.matches if match.verdict in ("exposed", "suspect")]
    for match in sorted(telling, key=lambda m: (m.verdict != "exposed", -m.score, m.shard, m.row)):
        best.setdefault((match.eval_set, match.item_id), match)
    return list(best.values())


def _tables(result: RunResult) -> list[TableView]:
    views = []
    for audit, tables in result.tables.items():
        for name, table in tables.items():
            if table.num_rows and name.removeprefix(PREVIOUS) not in _NOT_SHOWN:
                views.append(_table(audit, name, table))
    return views


def _table(audit: str, name: str, table: pa.Table) -> TableView:
    records = table.to_pylist()
    known = name.removeprefix(PREVIOUS)
    if known == "shares":
        # What moved comes first, then the largest shares.
        records.sort(key=lambda row: (SEVERITY.index(Status(row["status"])), -row["share"], row["subject"]))
    rows = [list(row.values()) for row in records[:MAX_ROWS]]
    title = TITLES.get(known, known) + (", since the last accepted run" if known != name else "")
    return TableView(title, audit, name, table.column_names, rows, table.num_rows)
