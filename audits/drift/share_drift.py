"""Comparing shares with a baseline: three questions before anything is called drift.

Is the change real (documents as clusters, Benjamini-Hochberg over all categories)? Is it large enough to
matter, by mass or by ratio? Is there enough data to say? Stock tools ask one question and miss the headline
case: non-English tokens going from 12 % to 19 % has a Jensen-Shannon distance of 0.07 and a PSI of 0.04,
under every usual limit.
"""

import math
from dataclasses import dataclass

import pyarrow as pa

from audits.drift.share_limits import ShareDriftConfig, beyond, limit_passed
from audits.drift.share_state import Cell, ShareState, sums_of
from audits.findings import Evidence, Finding, Metric, Status, Summary
from audits.statistics import Change, Contribution, attribute_change, compare_ratios, false_discovery_rates
from audits.wording import percent, points

MAX_FINDINGS = 20
"""Categories that get a sentence of their own; metrics.parquet has all."""

SHARES_SCHEMA = pa.schema(
    [
        ("subject", pa.string()),
        ("share", pa.float64()),
        ("reference_share", pa.float64()),
        ("delta", pa.float64()),
        ("ratio", pa.float64()),
        ("delta_low", pa.float64()),
        ("delta_high", pa.float64()),
        ("status", pa.string()),
        ("n_docs", pa.int64()),
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


@dataclass(frozen=True)
class Subject:
    """A share to judge: its name in messages, and the categories whose words count."""

    name: str
    phrase: str
    categories: frozenset[str]


@dataclass(frozen=True)
class _Judged:
    subject: Subject
    share: float
    now: Cell
    before: Cell
    change: Change
    q: float
    status: Status


@dataclass(frozen=True)
class ShareJudge:
    """Judges the shares of one audit."""

    label: str
    config: ShareDriftConfig
    what: str

    def without_reference(self, state: ShareState, subjects: list[Subject]) -> Summary:
        """Return the shares alone, and say that there is nothing to compare them with."""
        whole, cells = state.totals(), state.by_category()
        summary = Summary()
        rows = []
        for subject in subjects:
            cell = _cell(cells, subject)
            share = sums_of(cell, whole).ratio
            summary.metrics.append(Metric(self.label, subject.name, "share", share, n_docs=cell.docs))
            rows.append({"subject": subject.name, "share": share, "status": "INFO", "n_docs": cell.docs})
        summary.tables["shares"] = pa.Table.from_pylist(rows, schema=SHARES_SCHEMA)
        message = f"With no baseline to compare with, the shares of {self.what} are only recorded."
        suggestion = "Accept a run as the baseline with `corpus-audit baseline pin RUN`, and set `baseline:` to it."
        summary.findings.append(
            Finding(self.label, "corpus", Status.INFO, "share", message, n_docs=whole.docs, suggestion=suggestion)
        )
        return summary

    def compare(self, state: ShareState, reference: ShareState, subjects: list[Subject]) -> Summary:
        """Return findings, metrics and tables of all subjects against the reference."""
        summary = Summary()
        if not state.totals().words or not reference.totals().words:
            side = "corpus" if not state.totals().words else "baseline"
            message = f"The {side} has no words, so no share of {self.what} can be compared."
            summary.findings.append(Finding(self.label, "corpus", Status.INSUFFICIENT, "share", message, n_docs=0))
            return summary
        judged = self._judge_all(state, reference, subjects)
        summary.metrics = [self._metric(one) for one in judged]
        summary.tables["shares"] = pa.Table.from_pylist([_share_row(one) for one in judged], schema=SHARES_SCHEMA)
        moved = [one for one in judged if one.status in (Status.FAIL, Status.WARN, Status.INSUFFICIENT)]
        moved.sort(key=lambda one: (_ORDER[one.status], -abs(one.change.delta), one.subject.name))
        attribution: list[dict[str, object]] = []
        for one in moved[:MAX_FINDINGS]:
            summary.findings.append(self._finding(one, state, reference, attribution))
        summary.tables["attribution"] = pa.Table.from_pylist(attribution, schema=ATTRIBUTION_SCHEMA)
        summary.findings += self._rest(judged, moved)
        return summary

    def _judge_all(self, state: ShareState, reference: ShareState, subjects: list[Subject]) -> list[_Judged]:
        whole, whole_before = state.totals(), reference.totals()
        by_category, by_category_before = state.by_category(), reference.by_category()
        cells = [(_cell(by_category, subject), _cell(by_category_before, subject)) for subject in subjects]
        changes = [compare_ratios(sums_of(now, whole), sums_of(before, whole_before)) for now, before in cells]
        rates = false_discovery_rates([change.p for change in changes])
        statuses = [
            self._status(now, before, whole, whole_before, change, q)
            for (now, before), change, q in zip(cells, changes, rates, strict=True)
        ]
        return [
            _Judged(subject, sums_of(now, whole).ratio, now, before, change, q, status)
            for subject, (now, before), change, q, status in zip(subjects, cells, changes, rates, statuses, strict=True)
        ]

    def _status(self, now: Cell, before: Cell, whole: Cell, whole_before: Cell, change: Change, q: float) -> Status:
        larger = max(now.words / whole.words, before.words / whole_before.words)
        if beyond(self.config, change, larger, "fail"):
            size = Status.FAIL
        elif beyond(self.config, change, larger, "warn"):
            size = Status.WARN
        else:
            return Status.PASS
        if max(now.docs, before.docs) < self.config.min_docs:
            # A change of this size in a handful of documents is neither drift nor the absence of it.
            return Status.INSUFFICIENT if size is Status.FAIL and q <= self.config.max_q else Status.PASS
        return size if q <= self.config.max_q else Status.PASS

    def _metric(self, one: _Judged) -> Metric:
        change = one.change
        return Metric(
            self.label,
            one.subject.name,
            "share",
            value=one.share,
            reference=one.share - change.delta,
            ci_low=change.low,
            ci_high=change.high,
            p_value=change.p,
            q_value=one.q,
            effect=change.delta,
            n_docs=one.now.docs,
        )

    def _finding(
        self, one: _Judged, state: ShareState, reference: ShareState, attribution: list[dict[str, object]]
    ) -> Finding:
        change, share = one.change, one.share
        categories = set(one.subject.categories)
        parts = attribute_change(state.by_source(categories), reference.by_source(categories))
        attribution += [
            {
                "subject": one.subject.name,
                "source": part.source,
                "mix": part.mix,
                "within": part.within,
                "interaction": part.interaction,
                "total": part.total,
            }
            for part in parts
        ]
        message = (
            f"{one.subject.phrase} went from {percent(share - change.delta)} to {percent(share)} of tokens "
            f"({points(change.delta)}, 95 % interval {points(change.low, False)} to {points(change.high, False)}"
            f"{_times(change)}). {_why(parts, change, state, reference)}"
        )
        if one.status is Status.INSUFFICIENT:
            message += f" Only {max(one.now.docs, one.before.docs):,} documents have it, too few to call it drift."
        return Finding(
            audit=self.label,
            subject=one.subject.name,
            status=one.status,
            metric="share",
            message=message.strip(),
            value=share,
            reference=share - change.delta,
            ci_low=share - change.delta + change.low,
            ci_high=share - change.delta + change.high,
            threshold=limit_passed(self.config, one.share, one.change, "warn" if one.status is Status.WARN else "fail"),
            p_value=change.p,
            q_value=one.q,
            effect=change.delta,
            n_docs=one.now.docs,
            evidence=_examples(state, one.subject),
            suggestion=(
                "Look at the documents below; if the change is not wanted, restore the mix by sampling "
                "(actions/sampling_weights.json) or leave out the source that brought it."
            ),
        )

    def _rest(self, judged: list[_Judged], moved: list[_Judged]) -> list[Finding]:
        findings = []
        if len(moved) > MAX_FINDINGS:
            message = f"{len(moved) - MAX_FINDINGS:,} more {self.what} moved; metrics.parquet lists all of them."
            worst = moved[MAX_FINDINGS].status
            findings.append(Finding(self.label, "further", worst, "moved", message, float(len(moved))))
        steady = len(judged) - len(moved)
        if steady:
            message = f"{steady:,} of {len(judged):,} {self.what} kept their share of tokens within the limits."
            findings.append(Finding(self.label, "corpus", Status.PASS, "share", message, float(steady)))
        return findings


_ORDER = {Status.FAIL: 0, Status.WARN: 1, Status.INSUFFICIENT: 2}


def _cell(cells: dict[str, Cell], subject: Subject) -> Cell:
    total = Cell()
    for category in subject.categories:
        if category in cells:
            total.merge(cells[category])
    return total


def _share_row(one: _Judged) -> dict[str, object]:
    change = one.change
    return {
        "subject": one.subject.name,
        "share": one.share,
        "reference_share": one.share - change.delta,
        "delta": change.delta,
        "ratio": change.factor if math.isfinite(change.factor) else None,
        "delta_low": change.low,
        "delta_high": change.high,
        "status": one.status.value,
        "n_docs": one.now.docs,
    }


def _times(change: Change) -> str:
    return f", ×{change.factor:.2f}" if math.isfinite(change.factor) and change.factor else ""


def _why(parts: list[Contribution], change: Change, state: ShareState, reference: ShareState) -> str:
    """Name the sources that make up most of a change; nothing where there is only one source."""
    if len(parts) < 2 or not change.delta:
        return ""
    largest = [part for part in parts if abs(part.total) >= 0.2 * abs(change.delta)][:2]
    now, before = state.by_source(set()), reference.by_source(set())
    sizes = [sum(words for _, words in side.values()) for side in (now, before)]
    clauses = []
    for part in largest:
        weight = now.get(part.source, (0, 0))[1] / sizes[0]
        weight_before = before.get(part.source, (0, 0))[1] / sizes[1]
        if abs(part.mix) >= abs(part.within):
            verb = "grew" if weight > weight_before else "shrank"
            how = f"which {verb} from {percent(weight_before)} to {percent(weight)} of tokens"
        else:
            how = "inside which the share itself moved"
        clauses.append(f"{points(part.total)} come from source {part.source}, {how}")
    return "; ".join(clauses) + "." if clauses else ""


def _examples(state: ShareState, subject: Subject) -> tuple[Evidence, ...]:
    pooled = [
        entry
        for category in subject.categories
        if category in state.examples
        for entry in state.examples[category].ranked()
    ]
    return tuple(place for _, place in sorted(pooled, key=lambda pair: pair[0])[:5])
