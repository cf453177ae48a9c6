"""What is said of watched terms: whether they keep their rate, and whether they reach their floor."""

import math
from dataclasses import dataclass, field
from typing import Any

from audits.drift.gates import Gates, Observed, Ruling, band_fields, judged
from audits.drift.share_drift import MIN_CLUSTERS
from audits.drift.token_rates import compare_rates
from audits.drift.token_state import TermCounts
from audits.findings import Evidence, Finding, Metric, Status
from audits.history import NO_HISTORY, History
from audits.statistics import Z95, Change, false_discovery_rates
from audits.wording import per_million, percent

MILLION = 1_000_000

_MIN_EXPECTED = 5.0
"""Occurrences that a corpus must be expected to have at a floor before falling short of it says anything."""

_SUGGESTION = "Compare the sources that used to bring this term, or add data that has it."


@dataclass(frozen=True)
class TermLimits:
    """Ratios of rates beyond which a term warns or fails, and what must hold beside."""

    warn_ratio: float
    fail_ratio: float
    gates: Gates

    def size(self, factor: float) -> Status:
        """Return how large a change of rate is."""
        if not 1 / self.fail_ratio < factor < self.fail_ratio:
            return Status.FAIL
        return Status.PASS if 1 / self.warn_ratio < factor < self.warn_ratio else Status.WARN


@dataclass(frozen=True)
class TermChange:
    """One term on both sides: its rate per unit, and the share of documents that have it, with q-values."""

    term: str
    rate: Change
    rate_q: float
    documents: Change
    documents_q: float
    docs: int
    docs_before: int


def compare_terms(now: TermCounts, before: TermCounts, terms: list[str], by_host: bool) -> list[TermChange]:
    """Compare the terms that both sides watch; q-values are over all terms."""
    rates = [compare_rates(now.rate_sums(term, by_host), before.rate_sums(term, by_host)) for term in terms]
    documents = [compare_rates(now.document_sums(term, by_host), before.document_sums(term, by_host)) for term in terms]
    qs = [false_discovery_rates([change.p for change in changes]) for changes in (rates, documents)]
    return [
        TermChange(term, rate, qs[0][at], share, qs[1][at], now.docs_of(term), before.docs_of(term))
        for at, (term, rate, share) in enumerate(zip(terms, rates, documents, strict=True))
    ]


@dataclass(frozen=True)
class WatchJudge:
    """Judges the watched terms of one audit, whose rates count `unit`."""

    label: str
    unit: str
    limits: TermLimits
    history: History = NO_HISTORY
    examples: dict[str, tuple[Evidence, ...]] = field(default_factory=dict)
    by_host: bool = False

    def compare(self, now: TermCounts, before: TermCounts, terms: list[str]) -> tuple[list[Finding], list[Metric]]:
        """Return findings and metrics of every term against the baseline."""
        findings, metrics, steady = [], [], 0
        known = [term for term in terms if term in before.terms]
        for change in compare_terms(now, before, known, self.by_host):
            metrics += self._metrics(change, now, before)
            finding = self._finding(change, now, before)
            steady += finding is None
            findings += [finding] if finding else []
        if steady:
            message = f"{steady:,} of {len(terms):,} watched terms kept their rate within the limits."
            findings.append(Finding(self.label, "watch", Status.PASS, "rate_per_million", message, float(steady)))
        for term in terms:
            if term not in before.terms:
                message = f"{term!r} is not in the baseline's watch-list, so there is nothing to compare it with."
                findings.append(Finding(self.label, term, Status.INSUFFICIENT, "rate_per_million", message))
        return findings, metrics

    def alone(self, now: TermCounts, terms: list[str]) -> list[Metric]:
        """Return the metrics of every term by itself."""
        return [metric for term in terms for metric in self._own_metrics(term, now)]

    def floor(self, term: str, floor: float, counts: TermCounts, domain: str | None = None) -> Finding:
        """Judge a term's rate against a floor per million that needs no baseline, in the corpus or in one domain.

        It fails if the 95 % interval (documents or hosts as clusters) lies below the floor and warns if only the rate
        does. Where fewer than 5 occurrences are expected at the floor nothing can be said.
        """
        sums = counts.rate_sums(term, self.by_host)
        rate, spread = sums.ratio * MILLION, Z95 * math.sqrt(sums.variance) * MILLION
        low, high = max(0.0, rate - spread), rate + spread
        expected = floor * counts.units / MILLION
        if counts.docs < 2 or expected < _MIN_EXPECTED:
            status = Status.INSUFFICIENT
        elif rate >= floor:
            status = Status.PASS
        else:
            status = Status.FAIL if high < floor else Status.WARN
        place = f" in {domain}" if domain else ""
        if status is Status.INSUFFICIENT:
            message = (
                f"At the floor of {floor:g} per million {self.unit}, {expected:.2g} occurrences of {term!r} would be "
                f"expected{place}: too few to judge."
            )
        else:
            message = (
                f"{term!r} occurs {per_million(rate)} times per million {self.unit}{place} (95 % interval "
                f"{per_million(low)} to {per_million(high)}), "
                f"{'at or above' if status is Status.PASS else 'below'} the floor of {floor:g}."
            )
        bad = status in (Status.WARN, Status.FAIL)
        return Finding(
            audit=self.label,
            subject=f"{term} in {domain}" if domain else term,
            status=status,
            metric="floor_per_million",
            message=message,
            value=rate if counts.docs else None,
            ci_low=low if math.isfinite(high) else None,
            ci_high=high if math.isfinite(high) else None,
            threshold=floor,
            n_docs=counts.docs_of(term),
            evidence=self.examples.get(term, ()) if bad and not domain else (),
            suggestion=f"Add data that has {term!r}{place}, or sample what has it up." if bad else "",
        )

    def _own_metrics(self, term: str, now: TermCounts) -> list[Metric]:
        rate, share = now.rate_sums(term).ratio * MILLION, now.document_sums(term).ratio
        docs = now.docs_of(term)
        return [
            Metric(self.label, term, "rate_per_million", rate, n_docs=docs, **self._band(term)),
            Metric(self.label, term, "document_share", share, n_docs=docs),
        ]

    def _metrics(self, one: TermChange, now: TermCounts, before: TermCounts) -> list[Metric]:
        found = []
        pairs = (
            ("rate_per_million", MILLION, one.rate, one.rate_q),
            ("document_share", 1, one.documents, one.documents_q),
        )
        sides = ((side.rate_sums(one.term), side.document_sums(one.term)) for side in (now, before))
        for (name, scale, change, q), value, reference in zip(pairs, *sides, strict=True):
            low, high = change.low * scale, change.high * scale
            finite = math.isfinite(low) and math.isfinite(high)
            found.append(
                Metric(
                    self.label,
                    one.term,
                    name,
                    value=value.ratio * scale,
                    reference=reference.ratio * scale,
                    ci_low=reference.ratio * scale + low if finite else None,
                    ci_high=reference.ratio * scale + high if finite else None,
                    p_value=change.p,
                    q_value=q,
                    effect=change.factor if math.isfinite(change.factor) else None,
                    n_docs=one.docs,
                    **(self._band(one.term) if name == "rate_per_million" else {}),
                )
            )
        return found

    def _band(self, term: str) -> dict[str, Any]:
        return band_fields(self.history.band(term, "rate_per_million"))

    def _finding(self, one: TermChange, now: TermCounts, before: TermCounts) -> Finding | None:
        """Return what there is to say of a term, None if it kept its rate."""
        docs = max(one.docs, one.docs_before)
        if not now.units or not before.units:
            return self._insufficient(one, "One side has no text to compare.")
        groups = min(side.groups.used for side in (now, before))
        if self.by_host and groups < MIN_CLUSTERS:
            return self._insufficient(one, f"Only {groups:,} groups of hosts are on one side, too few for intervals.")
        if docs < self.limits.gates.min_docs:
            # Nowhere in either corpus is an answer too; rare in both is none.
            few = f"{one.docs:,} documents have it now and {one.docs_before:,} of the baseline, too few to compare."
            return self._insufficient(one, few) if docs else None
        rate, reference = now.rate_sums(one.term).ratio * MILLION, before.rate_sums(one.term).ratio * MILLION
        band = self.history.band(one.term, "rate_per_million")
        observed = Observed(rate, reference, one.rate.error * MILLION, one.rate_q, docs)
        size = self.limits.size(one.rate.factor)
        ruling = judged(observed, size, self.limits.gates, band, per_million)
        if ruling.status is Status.PASS:
            return self._burst(one, now, before)
        return self._moved(one, now, before, rate, reference, size, ruling)

    def _moved(
        self,
        one: TermChange,
        now: TermCounts,
        before: TermCounts,
        rate: float,
        reference: float,
        size: Status,
        ruling: Ruling,
    ) -> Finding:
        change = one.rate
        message = (
            f"{one.term!r} {'rose' if rate > reference else 'fell'} from {per_million(reference)} to "
            f"{per_million(rate)} per million {self.unit}{_times(change)}: {_documents(one, now, before)}. "
            f"{ruling.reason}"
        )
        limit = self.limits.fail_ratio if size is Status.FAIL else self.limits.warn_ratio
        return Finding(
            audit=self.label,
            subject=one.term,
            status=ruling.status,
            metric="rate_per_million",
            message=message.strip(),
            value=rate,
            reference=reference,
            ci_low=max(0.0, reference + change.low * MILLION),
            ci_high=reference + change.high * MILLION,
            threshold=reference * limit if rate > reference else reference / limit,
            p_value=change.p,
            q_value=one.rate_q,
            effect=change.factor if math.isfinite(change.factor) else None,
            n_docs=one.docs,
            evidence=self.examples.get(one.term, ()),
            suggestion=_SUGGESTION
            if rate < reference
            else "Look at the documents below, and at the sources they came from.",
            **self._band(one.term),
        )

    def _burst(self, one: TermChange, now: TermCounts, before: TermCounts) -> Finding | None:
        """Say that a term with a steady rate is spread over clearly fewer or more documents, if it is."""
        factor = one.documents.factor
        if one.documents_q > self.limits.gates.max_q or 1 / self.limits.warn_ratio < factor < self.limits.warn_ratio:
            return None
        share, reference = now.document_sums(one.term).ratio, before.document_sums(one.term).ratio
        how = "burstier" if factor < 1 else "more evenly spread"
        message = (
            f"{one.term!r} kept its rate within the limits, but is {how}: {percent(share)} of documents have it, "
            f"{percent(reference)} of the baseline's do."
        )
        return Finding(
            audit=self.label,
            subject=one.term,
            status=Status.INFO,
            metric="document_share",
            message=message,
            value=share,
            reference=reference,
            ci_low=max(0.0, reference + one.documents.low),
            ci_high=min(1.0, reference + one.documents.high),
            p_value=one.documents.p,
            q_value=one.documents_q,
            effect=factor if math.isfinite(factor) else None,
            n_docs=one.docs,
            evidence=self.examples.get(one.term, ()),
        )

    def _insufficient(self, one: TermChange, message: str) -> Finding:
        return Finding(
            self.label,
            one.term,
            Status.INSUFFICIENT,
            "rate_per_million",
            f"{one.term!r}: {message}",
            n_docs=one.docs,
            evidence=self.examples.get(one.term, ()),
        )


def _times(change: Change) -> str:
    if not math.isfinite(change.factor) or not change.factor:
        return ""
    return f" (×{change.factor:.2f}, 95 % interval ×{change.factor_low:.2f} to ×{change.factor_high:.2f})"


def _documents(one: TermChange, now: TermCounts, before: TermCounts) -> str:
    """Say how many documents have a term and how many would at the baseline's frequency; and how often each has it."""
    expected = one.docs_before * now.docs / before.docs
    clause = f"{one.docs:,} documents have it, and at the baseline's frequency {expected:,.0f} would"
    within = one.rate.factor / one.documents.factor if one.documents.factor else math.inf
    if math.isfinite(within) and within > 0 and one.docs and one.docs_before:
        clause += f"; by their length, each has it ×{within:.2f} as often as then"
    return clause
