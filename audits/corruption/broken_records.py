"""Records that never became documents, fields that a shard lost, and identifiers that name two documents.

The connectors set bad records aside with a reason each (`invalid_json`, `invalid_utf8`, `empty_text`, ...);
this audit says where they pile up. They are counted, not sampled, so a share is compared with its limit as it
is; the interval beside it says how far the shard stands for others like it.
"""

from collections import Counter
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field, model_validator

from audits.base import Audit, AuditConfig, Resources
from audits.batch import TextBatch
from audits.corruption.damage_state import Scope
from audits.corruption.record_state import MAX_EXAMPLES, RecordState, place_of
from audits.excerpts import visible
from audits.findings import Evidence, Finding, Metric, Status, Summary
from audits.ranking import Smallest
from audits.statistics import share_interval
from audits.wording import percent
from connectors.ledger import ShardReport

REASONS_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("shard", pa.string()),
        ("reason", pa.string()),
        ("records", pa.int64()),
        ("seen", pa.int64()),
        ("share", pa.float64()),
    ]
)

NOT_LISTED = "not_listed"
"""Reason of quarantined records beyond those that the connectors describe one by one."""

FIELDS = ("domain", "url", "language", "timestamp")
"""Optional fields of a document that a shard can lose."""

MIN_GIVEN_SHARE = 0.5
"""A source is expected to give a field that at least half of its documents have."""

_NAMED = 3


class BrokenRecordsConfig(AuditConfig):
    """Options of `broken_records`.

    `warn_share` and `fail_share` limit the quarantined records of any shard; `max_missing_share` the
    documents of a shard, of at least `min_docs`, without a field that their source usually gives.
    """

    kind: Literal["broken_records"] = "broken_records"
    warn_share: Annotated[float, Field(ge=0, lt=1)] = 0.001
    fail_share: Annotated[float, Field(ge=0, lt=1)] = 0.01
    max_missing_share: Annotated[float, Field(ge=0, lt=1)] = 0.05
    min_docs: Annotated[int, Field(ge=1)] = 30

    @model_validator(mode="after")
    def _limits_in_order(self) -> "BrokenRecordsConfig":
        if self.warn_share > self.fail_share:
            raise ValueError("`warn_share` is larger than `fail_share`")
        return self

    def build(self, resources: Resources) -> "BrokenRecords":
        """Make the audit; it needs nothing but its limits."""
        return BrokenRecords(self)


class BrokenRecords(Audit[RecordState]):
    """Reports quarantined records by reason, lost fields, and duplicate identifiers."""

    def __init__(self, config: BrokenRecordsConfig) -> None:
        self.label = config.label
        self.config = config

    def new_state(self) -> RecordState:
        """Return the state of an empty corpus."""
        return RecordState()

    def scan(self, state: RecordState, batch: TextBatch) -> None:
        """Remember the identifiers of a batch, and count its empty fields."""
        scopes = list(zip(batch.sources, batch.shards, strict=True))
        state.docs.update(scopes)
        state.ids.add(batch.doc_ids, batch.shards, batch.rows.tolist())
        for name in FIELDS:
            values = batch.documents.column(name).to_pylist()
            state.missing.update((scope, name) for scope, value in zip(scopes, values, strict=True) if not value)

    def close_shard(self, state: RecordState, report: ShardReport) -> None:
        """Count what the shard's reader set aside."""
        scope = (report.entry.source, report.entry.shard)
        state.seen[scope] += report.entry.seen
        for row in report.quarantine:
            state.quarantined[scope, row.reason] += 1
            kept = state.examples.setdefault(row.reason, Smallest(MAX_EXAMPLES))
            order = (row.shard, row.row)
            if len(kept.kept) < MAX_EXAMPLES or order < max(kept.kept):
                kept.offer(order, place_of(row))
        unlisted = report.entry.quarantined - len(report.quarantine)
        if unlisted > 0:
            state.quarantined[scope, NOT_LISTED] += unlisted

    def summary(self, state: RecordState, reference: RecordState | None = None) -> Summary:
        """Judge quarantined records by reason, fields and identifiers; a baseline plays no part."""
        summary = Summary(tables={"reasons": _reasons_table(state)})
        total, broken = sum(state.seen.values()), sum(state.quarantined.values())
        low, high = share_interval(broken, total)
        share = broken / total if total else 0.0
        summary.metrics.append(
            Metric(self.label, "corpus", "quarantined_share", share, ci_low=low, ci_high=high, n_docs=total)
        )
        summary.findings.append(self._shards_finding(state))
        reasons = sorted({reason for _, reason in state.quarantined})
        # One reason alone would repeat the finding on all reasons together.
        if len(reasons) > 1:
            summary.findings += [self._reason_finding(state, reason) for reason in reasons]
        for name in FIELDS:
            summary.metrics.append(self._field_metric(state, name))
            summary.findings += self._field_findings(state, name)
        summary.findings.append(self._ids_finding(state))
        return summary

    def _shards_finding(self, state: RecordState) -> Finding:
        """Judge all reasons together: ten rare faults in one shard are one bad shard."""
        counts = Counter[Scope]()
        for (scope, _), count in state.quarantined.items():
            counts[scope] += count
        total, broken = sum(state.seen.values()), sum(counts.values())
        names = ", ".join(sorted({reason for _, reason in state.quarantined}))
        message = f"{broken:,} of {total:,} records were set aside ({names})"
        if not total:
            return self._quarantine_finding("corpus", Status.INSUFFICIENT, "No record was seen", None, None, ())
        if not broken:
            message = f"None of {total:,} records had to be set aside"
            return self._quarantine_finding("corpus", Status.PASS, message, None, None, ())
        places = self._evidence(state, sorted(state.examples))
        return self._judged(state, "corpus", counts, message, places)

    def _reason_finding(self, state: RecordState, reason: str) -> Finding:
        counts = Counter({scope: count for (scope, why), count in state.quarantined.items() if why == reason})
        message = f"{sum(counts.values()):,} of {sum(state.seen.values()):,} records were set aside as {reason}"
        return self._judged(state, reason, counts, message, self._evidence(state, [reason]))

    def _judged(
        self,
        state: RecordState,
        subject: str,
        counts: Counter[Scope],
        message: str,
        evidence: tuple[Evidence, ...],
    ) -> Finding:
        shares = {scope: count / state.seen[scope] for scope, count in counts.items() if state.seen[scope]}
        order = sorted(shares, key=lambda scope: (-shares[scope], scope))
        worst = order[0]
        status = Status.WARN if shares[worst] > self.config.warn_share else Status.INFO
        if shares[worst] > self.config.fail_share:
            status = Status.FAIL
        named = "; ".join(
            f"{counts[scope]:,} of {state.seen[scope]:,} in {scope[1]} ({percent(shares[scope])})"
            for scope in order[:_NAMED]
        )
        more = f"; and in {len(order) - _NAMED:,} more shards" if len(order) > _NAMED else ""
        return self._quarantine_finding(
            subject, status, f"{message}: {named}{more}", counts[worst], state.seen[worst], evidence
        )

    def _quarantine_finding(
        self,
        subject: str,
        status: Status,
        message: str,
        count: int | None,
        seen: int | None,
        evidence: tuple[Evidence, ...],
    ) -> Finding:
        """Make the finding on one shard's `count` of `seen` records, or on none at all."""
        low, high = share_interval(count, seen) if count is not None and seen else (None, None)
        return Finding(
            audit=self.label,
            subject=subject,
            status=status,
            metric="quarantined_share",
            message=f"{message}.",
            value=count / seen if count is not None and seen else 0.0,
            ci_low=low,
            ci_high=high,
            threshold=self.config.fail_share if status is Status.FAIL else self.config.warn_share,
            n_docs=seen,
            evidence=evidence,
            suggestion="Look at quarantine.parquet; mend these records or fetch their shards again."
            if evidence
            else "",
        )

    def _evidence(self, state: RecordState, reasons: list[str]) -> tuple[Evidence, ...]:
        """Return rows of the given reasons, one of each before a second of any."""
        kept = [state.examples[reason].entries() for reason in reasons if reason in state.examples]
        turns = [places[turn] for turn in range(MAX_EXAMPLES) for places in kept if turn < len(places)]
        return tuple(turns[:MAX_EXAMPLES])

    def _field_metric(self, state: RecordState, name: str) -> Metric:
        total = sum(state.docs.values())
        missing = sum(count for (_, field_name), count in state.missing.items() if field_name == name)
        low, high = share_interval(missing, total)
        share = missing / total if total else 0.0
        return Metric(self.label, "corpus", f"missing_{name}_share", share, ci_low=low, ci_high=high, n_docs=total)

    def _field_findings(self, state: RecordState, name: str) -> list[Finding]:
        """Return the shards that lack a field which their source gives."""
        docs, missing = Counter[str](), Counter[str]()
        for scope, count in state.docs.items():
            docs[scope[0]] += count
            missing[scope[0]] += state.missing[scope, name]
        shares = {
            scope: state.missing[scope, name] / count
            for scope, count in state.docs.items()
            if count >= self.config.min_docs
            and missing[scope[0]] <= (1 - MIN_GIVEN_SHARE) * docs[scope[0]]
            and share_interval(state.missing[scope, name], count)[0] > self.config.max_missing_share
        }
        if not shares:
            return []
        order = sorted(shares, key=lambda scope: (-shares[scope], scope))
        named = "; ".join(
            f"{state.missing[scope, name]:,} of {state.docs[scope]:,} in {scope[1]} ({percent(shares[scope])})"
            for scope in order[:_NAMED]
        )
        more = f"; and in {len(order) - _NAMED:,} more shards" if len(order) > _NAMED else ""
        low, high = share_interval(state.missing[order[0], name], state.docs[order[0]])
        return [
            Finding(
                audit=self.label,
                subject=name,
                status=Status.WARN,
                metric="missing_field_share",
                message=f"The field {name}, which other documents of the source have, is empty for {named}{more}.",
                value=shares[order[0]],
                ci_low=low,
                ci_high=high,
                threshold=self.config.max_missing_share,
                n_docs=state.docs[order[0]],
                suggestion="Compare the field names of these shards with the others; a writer may have renamed one.",
            )
        ]

    def _ids_finding(self, state: RecordState) -> Finding:
        found = state.ids.repeats(MAX_EXAMPLES)
        total = sum(state.docs.values())
        sampled = f" (of a sample of {found.docs:,})" if found.level else ""
        message = f"All {total:,} documents have identifiers of their own{sampled}."
        if found.surplus:
            counted = f"{found.surplus:,} of {found.docs:,} {'sampled ' if found.level else ''}documents"
            (shard, row), (other, other_row) = found.pairs[0]
            message = (
                f"{counted} have the identifier of another document, such as row {other_row:,} of {other} that of row "
                f"{row:,} of {shard}."
            )
        places = tuple(
            Evidence("", *last, excerpt=visible(f"same identifier as row {first[1]:,} of {first[0]}"))
            for first, last in found.pairs
        )
        return Finding(
            audit=self.label,
            subject="doc_id",
            status=Status.WARN if found.surplus else Status.PASS if total else Status.INSUFFICIENT,
            metric="duplicate_ids_share",
            message=message if total else "No document was read, so no identifier is known.",
            value=found.surplus / found.docs if found.docs else 0.0,
            threshold=0.0,
            n_docs=found.docs,
            evidence=places,
            suggestion="Look for a shard that was written twice, or an `id:` that is not unique." if places else "",
        )


def _reasons_table(state: RecordState) -> pa.Table:
    rows = [
        {
            "source": scope[0],
            "shard": scope[1],
            "reason": reason,
            "records": count,
            "seen": state.seen[scope],
            "share": count / state.seen[scope] if state.seen[scope] else None,
        }
        for (scope, reason), count in sorted(state.quarantined.items())
    ]
    return pa.Table.from_pylist(rows, schema=REASONS_SCHEMA)
