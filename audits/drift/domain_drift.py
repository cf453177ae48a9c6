"""Domains against a baseline: the proportion of each, as in The Pile's table, and how to restore it.

A domain is whatever the source says: a field, a constant, or the host of a URL. Hosts come by the thousand;
those too small to judge on both sides are judged together as "(rare domains)". Beyond 200,000 of them shares
are estimated from a sample of 100,000 documents, and the report says so.
"""

from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field

from audits.base import Audit, Resources
from audits.batch import TextBatch
from audits.drift.gates import band_fields
from audits.drift.mix import Amount, MixPlan, restore_mix, weights_table
from audits.drift.share_cells import Cell
from audits.drift.share_drift import ShareJudge, Subject
from audits.drift.share_hosts import frequent_hosts
from audits.drift.share_limits import ShareDriftConfig
from audits.drift.share_profile import PROFILE_VERSION, share_tables, state_of
from audits.drift.share_sides import Side
from audits.drift.share_state import MAX_CELLS, Parts, ShareState
from audits.findings import Finding, Metric, Status, Summary
from audits.kernels.words import NORMALISER

RARE = "(rare domains)"

SAMPLE = 100_000
"""Documents sampled: a domain with one document in a thousand has 100 of them, as many as a judgement needs."""


class DomainDriftConfig(ShareDriftConfig):
    """Options of `domain_drift`: the limits of `ShareDriftConfig`, and which domains are judged alone.

    A domain with fewer than `min_domain_docs` documents on both sides counts among the rare ones.
    """

    kind: Literal["domain_drift"] = "domain_drift"
    min_domain_docs: Annotated[int, Field(ge=1)] = 30

    def build(self, resources: Resources) -> "DomainDrift":
        """Make the audit; it needs nothing but its limits."""
        return DomainDrift(self)


class DomainDrift(Audit[ShareState]):
    """Counts documents and words by domain, and distinct and frequent hosts."""

    compares = True
    profile_version = PROFILE_VERSION

    def __init__(self, config: DomainDriftConfig) -> None:
        self.label = config.label
        self.config = config

    def new_state(self) -> ShareState:
        """Return the state of an empty corpus."""
        return ShareState.empty(SAMPLE, clustered=False)

    def scan(self, state: ShareState, batch: TextBatch) -> None:
        """Add the documents of a batch to their domains."""
        state.add(batch, Parts.of_documents(batch, batch.domains))

    def summary(self, state: ShareState, reference: ShareState | None = None) -> Summary:
        """Judge every domain of some size, and the rare ones together."""
        judge = ShareJudge(self.label, self.config, "domains", history=self.history)
        now, before = state.seen().by_category(), reference.seen().by_category() if reference else {}
        subjects = self._subjects(now, before)
        if reference is None:
            summary = judge.without_reference(state, subjects)
        else:
            summary = judge.compare(state, reference, subjects)
            plan = _restoring(subjects, now, before)
            if plan.kept:
                summary.tables["sampling_weights"] = weights_table(plan, "domain")
        self._add_hosts(state, reference, summary)
        return summary

    def digests(self) -> dict[str, str]:
        """Return the version of the word rules that shares are counted by."""
        return {"words": NORMALISER}

    def to_profile(self, state: ShareState) -> dict[str, pa.Table]:
        """Return the sums by source and domain."""
        return share_tables(state)

    def from_profile(self, tables: dict[str, pa.Table]) -> ShareState:
        """Rebuild the sums."""
        return state_of(tables, SAMPLE, clustered=False)

    def _add_hosts(self, state: ShareState, reference: ShareState | None, summary: Summary) -> None:
        summary.tables["frequent_hosts"] = frequent_hosts(Side(state), Side(reference) if reference else None)
        count = float(state.hosts.count())
        before = float(reference.hosts.count()) if reference else None
        summary.metrics.append(
            Metric(
                self.label,
                "corpus",
                "distinct_hosts",
                count,
                before,
                effect=count / before if before else None,
                n_docs=state.sample.seen,
                **band_fields(self.history.band("corpus", "distinct_hosts")),
            )
        )
        if state.sampled:
            kept = state.sample.rows().num_rows
            message = (
                f"There are more than {MAX_CELLS:,} domains, so their shares are estimated from a seeded sample of "
                f"{kept:,} of {state.sample.seen:,} documents; numbers of documents are the sample's."
            )
            summary.findings.append(Finding(self.label, "sample", Status.INFO, "sampled", message, float(kept)))

    def _subjects(self, now: dict[str, Cell], before: dict[str, Cell]) -> list[Subject]:
        docs = {name: max(side[name].docs for side in (now, before) if name in side) for name in now | before}
        wide = [name for name in docs if docs[name] >= self.config.min_domain_docs]
        large = sorted(wide, key=lambda name: (-docs[name], name))
        rare = frozenset(docs) - set(large)
        subjects = [Subject(name, f"Domain {name}", frozenset({name})) for name in large]
        if rare:
            subjects.append(Subject(RARE, f"The {len(rare):,} rare domains together", rare))
        return subjects


def _restoring(subjects: list[Subject], now: dict[str, Cell], before: dict[str, Cell]) -> MixPlan:
    """Return how to restore the baseline's mix of the judged domains."""
    amounts = {one.name: _amount(one, now) for one in subjects}
    target = {one.name: float(_amount(one, before).tokens) for one in subjects}
    return restore_mix({name: amount for name, amount in amounts.items() if amount.documents}, target)


def _amount(subject: Subject, cells: dict[str, Cell]) -> Amount:
    inside = [cells[name] for name in subject.categories if name in cells]
    return Amount(*(sum(getattr(cell, name) for cell in inside) for name in ("words", "bytes", "docs")))
