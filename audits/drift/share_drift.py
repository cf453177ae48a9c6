"""Comparing shares with a baseline: three questions before anything is called drift (`audits.drift.gates`).

Is the change real (documents or hosts as clusters, Benjamini-Hochberg over all categories)? Is it large enough to
matter, by mass or by ratio? Is it news for this corpus? Stock tools ask one question and miss the headline
case: non-English tokens going from 12 % to 19 % has a Jensen-Shannon distance of 0.07 and a PSI of 0.04,
under every usual limit.
"""

from dataclasses import dataclass, field

import pyarrow as pa

from audits.drift.gates import Gates, Observed, Ruling, band_fields, judged
from audits.drift.share_hosts import HOSTS_SCHEMA, host_parts, host_rows
from audits.drift.share_limits import ShareDriftConfig, limit_passed, size_of
from audits.drift.share_sides import Side, Subject
from audits.drift.share_state import ShareState
from audits.drift.share_tables import (
    ATTRIBUTION_SCHEMA,
    SHARES_SCHEMA,
    alone_row,
    attribution_rows,
    distances_table,
    share_row,
)
from audits.drift.share_wording import from_hosts, from_sources, moved
from audits.findings import Finding, Metric, Status, Summary
from audits.history import NO_HISTORY, Band, History
from audits.statistics import Change, attribute_change, compare_ratios, false_discovery_rates
from audits.wording import percent

__all__ = ["ShareJudge", "Subject"]

MAX_FINDINGS = 20
"""Categories that get a sentence of their own; metrics.parquet has all."""

MIN_CLUSTERS = 20
"""Groups of hosts below which an interval by host says nothing."""

NO_BASELINE = "Accept a run as the baseline with `corpus-audit baseline pin RUN`, and set `baseline:` to it."

_ORDER = {Status.FAIL: 0, Status.WARN: 1, Status.INSUFFICIENT: 2, Status.INFO: 3}


@dataclass(frozen=True)
class _Judged:
    subject: Subject
    share: float
    change: Change
    q: float
    ruling: Ruling
    size: Status
    band: Band | None
    docs: int


@dataclass
class _Told:
    """What is collected while findings are written: rows of the tables `attribution` and `hosts`."""

    attribution: list[dict[str, object]] = field(default_factory=list)
    hosts: list[dict[str, object]] = field(default_factory=list)


@dataclass(frozen=True)
class ShareJudge:
    """Judges the shares of one audit: `what` it has shares of, in which `unit`."""

    label: str
    config: ShareDriftConfig
    what: str
    unit: str = "tokens"
    history: History = NO_HISTORY

    def without_reference(self, state: ShareState, subjects: list[Subject]) -> Summary:
        """Return the shares alone, and say that there is nothing to compare them with."""
        side, summary = Side(state), Summary()
        rows = [alone_row(subject, side) for subject in subjects]
        for subject in subjects:
            names = ("share", "byte_share", "document_share")
            for name, value in zip(names, side.shares(subject), strict=True):
                summary.metrics.append(self._metric(subject.name, name, value, n_docs=side.cell(subject).docs))
        summary.tables["shares"] = pa.Table.from_pylist(rows, schema=SHARES_SCHEMA)
        message = f"With no baseline to compare with, the shares of {self.what} are only recorded."
        docs = side.whole.docs
        summary.findings = [
            Finding(self.label, "corpus", Status.INFO, "share", message, n_docs=docs, suggestion=NO_BASELINE)
        ]
        return summary

    def compare(self, state: ShareState, reference: ShareState, subjects: list[Subject]) -> Summary:
        """Return findings, metrics and tables of all subjects against the reference."""
        now, before, summary = Side(state), Side(reference), Summary()
        lacking = self._lacking(now, before)
        if lacking and not (now.whole.words and before.whole.words):
            summary.findings.append(lacking)
            return summary
        ruled = self._judge_all(now, before, subjects)
        summary.metrics = [metric for one in ruled for metric in self._metrics(one, now, before)]
        rows = [
            {**share_row(one.subject, now, before, one.change, one.ruling.status.value), **band_fields(one.band)}
            for one in ruled
        ]
        summary.tables["shares"] = pa.Table.from_pylist(rows, schema=SHARES_SCHEMA)
        summary.tables["distances"] = distances_table(now, before, self.unit, self.config.by_host)
        told = [one for one in ruled if one.ruling.status in _ORDER]
        told.sort(key=lambda one: (_ORDER[one.ruling.status], -abs(one.change.delta), one.subject.name))
        tables = _Told()
        summary.findings = [self._finding(one, now, before, tables) for one in told[:MAX_FINDINGS]]
        summary.tables["attribution"] = pa.Table.from_pylist(tables.attribution, schema=ATTRIBUTION_SCHEMA)
        summary.tables["hosts"] = pa.Table.from_pylist(tables.hosts, schema=HOSTS_SCHEMA)
        summary.findings += self._rest(ruled, told, lacking)
        return summary

    def _judge_all(self, now: Side, before: Side, subjects: list[Subject]) -> list[_Judged]:
        by_host = self.config.by_host
        changes = [compare_ratios(now.sums(one, by_host), before.sums(one, by_host)) for one in subjects]
        rates = false_discovery_rates([change.p for change in changes])
        return [
            self._judged(subject, now, before, change, q)
            for subject, change, q in zip(subjects, changes, rates, strict=True)
        ]

    def _judged(self, subject: Subject, now: Side, before: Side, change: Change, q: float) -> _Judged:
        share, reference = now.shares(subject)[0], before.shares(subject)[0]
        docs = now.cell(subject).docs
        size = size_of(self.config, change, max(share, reference))
        band = self.history.band(subject.name, "share")
        observed = Observed(share, reference, change.error, q, max(docs, before.cell(subject).docs))
        gates = Gates(self.config.max_q, self.config.min_docs)
        ruling = judged(observed, size, gates, band, percent)
        return _Judged(subject, share, change, q, ruling, size, band, docs)

    def _metrics(self, one: _Judged, now: Side, before: Side) -> list[Metric]:
        change = one.change
        share = Metric(
            self.label,
            one.subject.name,
            "share",
            value=one.share,
            reference=one.share - change.delta,
            ci_low=one.share - change.delta + change.low,
            ci_high=one.share - change.delta + change.high,
            p_value=change.p,
            q_value=one.q,
            effect=change.delta,
            n_docs=one.docs,
            **band_fields(one.band),
        )
        (_, sizes, docs), (_, sizes_before, docs_before) = now.shares(one.subject), before.shares(one.subject)
        return [
            share,
            self._metric(one.subject.name, "byte_share", sizes, sizes_before, one.docs),
            self._metric(one.subject.name, "document_share", docs, docs_before, one.docs),
        ]

    def _metric(
        self, subject: str, metric: str, value: float, reference: float | None = None, n_docs: int | None = None
    ) -> Metric:
        effect = None if reference is None else value - reference
        band = band_fields(self.history.band(subject, metric))
        return Metric(self.label, subject, metric, value, reference, effect=effect, n_docs=n_docs, **band)

    def _finding(self, one: _Judged, now: Side, before: Side, told: _Told) -> Finding:
        change, subject = one.change, one.subject
        parts = attribute_change(now.seen.by_source(subject.categories), before.seen.by_source(subject.categories))
        told.attribution += attribution_rows(subject, parts)
        estimated = not (now.state.sample.whole and before.state.sample.whole)
        hosts = host_parts(now, before, subject.categories)
        if {part.host for part in hosts} <= subject.categories:
            hosts = []
        told.hosts += host_rows(subject.name, hosts, estimated) if hosts else []
        sentences = [
            moved(subject, one.share, change, self.unit),
            from_sources(parts, change, now, before, self.unit),
            from_hosts(hosts, change, estimated),
            one.ruling.reason,
        ]
        rising = [part.source for part in parts if part.total * change.delta > 0 and part.source in now.seen.wholes]
        reference = one.share - change.delta
        return Finding(
            audit=self.label,
            subject=subject.name,
            status=one.ruling.status,
            metric="share",
            message=" ".join(sentence for sentence in sentences if sentence),
            value=one.share,
            reference=reference,
            ci_low=reference + change.low,
            ci_high=reference + change.high,
            threshold=limit_passed(self.config, one.share, change, "warn" if one.size is Status.WARN else "fail"),
            p_value=change.p,
            q_value=one.q,
            effect=change.delta,
            n_docs=one.docs,
            evidence=now.state.examples.evidence(subject.categories, rising[0] if rising else None),
            suggestion=(
                "Look at the documents below; if the change is not wanted, restore the mix by sampling "
                "(actions/sampling_weights.json) or leave out the source that brought it."
            ),
            **band_fields(one.band),
        )

    def _rest(self, ruled: list[_Judged], told: list[_Judged], lacking: Finding | None) -> list[Finding]:
        findings = [lacking] if lacking else []
        if len(told) > MAX_FINDINGS:
            message = f"{len(told) - MAX_FINDINGS:,} more {self.what} moved; metrics.parquet lists all of them."
            worst = told[MAX_FINDINGS].ruling.status
            findings.append(Finding(self.label, "further", worst, "moved", message, float(len(told))))
        steady = len(ruled) - len(told)
        if steady and not lacking:
            message = f"{steady:,} of {len(ruled):,} {self.what} kept their share of {self.unit} within the limits."
            findings.append(Finding(self.label, "corpus", Status.PASS, "share", message, float(steady)))
        return findings

    def _lacking(self, now: Side, before: Side) -> Finding | None:
        """Return the finding that there is too little to compare, if so."""
        docs = min(now.whole.docs, before.whole.docs)
        clusters = min(side.state.group_sums(frozenset()).docs for side in (now, before)) if self.config.by_host else 0
        if not now.whole.words or not before.whole.words:
            side = "corpus" if not now.whole.words else "baseline"
            message = f"The {side} has no {self.unit}, so no share of {self.what} can be compared."
        elif docs < self.config.min_docs:
            message = (
                f"With {docs:,} documents on one side, shares of {self.what} that look steady are not known to be."
            )
        elif self.config.by_host and clusters < MIN_CLUSTERS:
            message = f"Only {clusters:,} groups of hosts are on one side, too few for intervals by host."
        else:
            return None
        return Finding(self.label, "corpus", Status.INSUFFICIENT, "share", message, n_docs=docs)
