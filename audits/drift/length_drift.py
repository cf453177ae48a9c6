"""Lengths of documents against a baseline: of the corpus, of each source, and of its larger domains.

A crawl that starts to cut pages off, or a source that suddenly brings whole books, shows here before it shows
anywhere else. Quantiles, distances and tails are told in words, bytes and characters; one of them is judged.
"""

from typing import Literal

import pyarrow as pa

from audits.base import Audit, Resources
from audits.batch import TextBatch
from audits.drift.gates import band_fields
from audits.drift.length_findings import TAILS, LengthJudge
from audits.drift.length_judging import QUANTILES, Group, Shift, shift
from audits.drift.length_limits import LengthLimits
from audits.drift.length_state import LengthState
from audits.drift.length_tables import ecdf_table, lengths_table
from audits.drift.share_drift import NO_BASELINE
from audits.findings import Finding, Metric, Status, Summary
from audits.kernels.words import NORMALISER
from audits.statistics import false_discovery_rates

MAX_DOMAINS = 50
"""Domains that are judged, those with most documents in the sample."""

MAX_FINDINGS = 20

_ORDER = (Status.FAIL, Status.WARN, Status.INFO)


class LengthDriftConfig(LengthLimits):
    """Options of `length_drift`: those of `LengthLimits`."""

    kind: Literal["length_drift"] = "length_drift"

    def build(self, resources: Resources) -> "LengthDrift":
        """Make the audit; it needs nothing but its limits."""
        return LengthDrift(self)


class LengthDrift(Audit[LengthState]):
    """Counts documents by length."""

    compares = True

    def __init__(self, config: LengthDriftConfig) -> None:
        self.label = config.label
        self.config = config

    def new_state(self) -> LengthState:
        """Return the state of an empty corpus."""
        return LengthState(self.config.cluster_by == "host")

    def scan(self, state: LengthState, batch: TextBatch) -> None:
        """Add the lengths of a batch's documents."""
        if len(batch):
            state.add(batch)

    def summary(self, state: LengthState, reference: LengthState | None = None) -> Summary:
        """Judge the corpus, each source and the larger domains."""
        groups = self._groups(state, reference)
        if reference is None:
            return self._alone(state, groups)
        large = [group for group in groups if self._is_large(group)]
        # Two distances are compared for each group.
        shifts = [self._shift(group, 2 * len(large)) for group in large]
        rates = false_discovery_rates([change.p for one in shifts for change in (one.short, one.long)])
        judge = LengthJudge(self.label, self.config, self.history)
        found = [
            judge.findings(group, one, rates[2 * at : 2 * at + 2])
            for at, (group, one) in enumerate(zip(large, shifts, strict=True))
        ]
        judged = {group.name: (one, _worst(said)) for group, one, said in zip(large, shifts, found, strict=True)}
        findings = [finding for said in found for finding in said]
        findings.sort(key=lambda f: (_ORDER.index(f.status), -(f.value or 0.0), f.subject, f.metric))
        metrics = [metric for group in groups for metric in self._metrics(group)]
        metrics += [metric for group, one in zip(large, shifts, strict=True) for metric in self._distances(group, one)]
        return Summary(
            findings=[*findings[:MAX_FINDINGS], *self._rest(groups, large, findings)],
            metrics=metrics,
            tables={
                "lengths": lengths_table(groups, self.config.unit, judged),
                "ecdf": ecdf_table(groups, self.config.unit),
            },
        )

    def digests(self) -> dict[str, str]:
        """Return the version of the word rules."""
        return {"words": NORMALISER}

    def to_profile(self, state: LengthState) -> dict[str, pa.Table]:
        """Return documents by source, unit, random group and bucket, and the sample of documents."""
        return state.to_tables()

    def from_profile(self, tables: dict[str, pa.Table]) -> LengthState:
        """Rebuild the counts."""
        return LengthState.from_tables(tables, self.config.cluster_by == "host")

    def _groups(self, state: LengthState, reference: LengthState | None) -> list[Group]:
        before = reference.whole() if reference else None
        groups = [Group("corpus", "Documents", state.whole(), before)]
        if len(state.counts) > 1:
            for source, counts in sorted(state.counts.items()):
                earlier = reference.counts.get(source) if reference else None
                groups.append(Group(f"source {source}", f"Documents of source {source}", counts, earlier))
        domains = state.domains(self.config.min_docs)
        order = sorted(domains, key=lambda name: (-int(domains[name].sum()), name))[:MAX_DOMAINS]
        if len(domains) > 1:
            earlier_ones = reference.domains(self.config.min_docs) if reference else {}
            groups += [
                Group(f"domain {name}", f"Documents of domain {name}", domains[name], earlier_ones.get(name))
                for name in order
            ]
        return groups

    def _is_large(self, group: Group) -> bool:
        sides = group.of(self.config.unit)
        return all(side is not None and side.docs >= self.config.min_docs for side in sides)

    def _alone(self, state: LengthState, groups: list[Group]) -> Summary:
        message = "With no baseline to compare with, the lengths of documents are only recorded."
        docs = groups[0].of(self.config.unit)[0].docs
        return Summary(
            findings=[
                Finding(self.label, "corpus", Status.INFO, "length", message, n_docs=docs, suggestion=NO_BASELINE)
            ],
            metrics=[metric for group in groups for metric in self._metrics(group)],
            tables={
                "lengths": lengths_table(groups, self.config.unit, {}),
                "ecdf": ecdf_table(groups, self.config.unit),
            },
        )

    def _metrics(self, group: Group) -> list[Metric]:
        now, before = group.of(self.config.unit)
        if not now.docs:
            return []
        found = []
        for percentile in QUANTILES:
            name = f"p{percentile}_{self.config.unit}"
            value = now.quantile(percentile)
            reference = before.quantile(percentile) if before is not None and before.docs else None
            effect = value / reference if reference else None
            band = band_fields(self.history.band(group.name, name))
            found.append(Metric(self.label, group.name, name, value, reference, effect=effect, n_docs=now.docs, **band))
        return found

    def _distances(self, group: Group, one: Shift) -> list[Metric]:
        docs = group.of(self.config.unit)[0].docs
        values = {
            "w1_iqr": one.w1_iqr,
            "ks": one.ks,
            **dict(zip((f"{tail}_share" for tail in TAILS), one.shares, strict=True)),
        }
        return [Metric(self.label, group.name, name, value, n_docs=docs) for name, value in values.items()]

    def _shift(self, group: Group, comparisons: int) -> Shift:
        now, before = group.of(self.config.unit)
        assert before is not None
        return shift(now, before, comparisons)

    def _rest(self, groups: list[Group], large: list[Group], findings: list[Finding]) -> list[Finding]:
        corpus = groups[0]
        if corpus.name not in {group.name for group in large}:
            docs = min(side.docs if side else 0 for side in corpus.of(self.config.unit))
            message = f"With {docs:,} documents on one side there are too few to compare their lengths."
            return [Finding(self.label, "corpus", Status.INSUFFICIENT, "length", message, n_docs=docs)]
        rest = []
        if len(findings) > MAX_FINDINGS:
            message = f"{len(findings) - MAX_FINDINGS:,} more shifts of lengths are in the table."
            rest.append(Finding(self.label, "further", findings[MAX_FINDINGS].status, "length", message))
        steady = len(large) - len({finding.subject for finding in findings})
        if steady:
            message = f"{steady:,} of {len(large):,} groups of documents kept their lengths within the limits."
            rest.append(Finding(self.label, "groups", Status.PASS, "length", message, float(steady)))
        return rest


def _worst(findings: list[Finding]) -> Status:
    return min((finding.status for finding in findings), key=_ORDER.index, default=Status.PASS)
