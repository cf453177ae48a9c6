"""Domains against a baseline: the proportion of each, as in The Pile's table, and how to restore it.

A domain is whatever the source says: a field, a constant, or the host of a URL. Hosts come by the thousand;
those too small to judge on both sides are judged together as "(rare domains)".
"""

from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field

from audits.base import Audit, Resources
from audits.batch import TextBatch
from audits.drift.mix import Amount, MixPlan, restore_mix, weights_table
from audits.drift.share_drift import ShareJudge, Subject
from audits.drift.share_limits import ShareDriftConfig
from audits.drift.share_state import Cell, ShareState
from audits.findings import Summary
from audits.kernels.words import NORMALISER

RARE = "(rare domains)"


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
    """Counts documents and words by domain."""

    def __init__(self, config: DomainDriftConfig) -> None:
        self.label = config.label
        self.config = config

    def new_state(self) -> ShareState:
        """Return the state of an empty corpus."""
        return ShareState()

    def scan(self, state: ShareState, batch: TextBatch) -> None:
        """Add the documents of a batch to their domains."""
        # Hosts are many and examples are large: the domain and the source say where to look.
        state.add(batch, batch.domains, with_examples=False)

    def summary(self, state: ShareState, reference: ShareState | None = None) -> Summary:
        """Judge every domain of some size, and the rare ones together."""
        judge = ShareJudge(self.label, self.config, "domains")
        now, before = state.by_category(), reference.by_category() if reference else {}
        subjects = self._subjects(now, before)
        if reference is None:
            return judge.without_reference(state, subjects)
        summary = judge.compare(state, reference, subjects)
        plan = _restoring(subjects, now, before)
        if plan.kept:
            summary.tables["sampling_weights"] = weights_table(plan, "domain")
        return summary

    def digests(self) -> dict[str, str]:
        """Return the version of the word rules that shares are counted by."""
        return {"words": NORMALISER}

    def to_profile(self, state: ShareState) -> dict[str, pa.Table]:
        """Return the sums by source and domain."""
        return {"shares": state.to_table()}

    def from_profile(self, tables: dict[str, pa.Table]) -> ShareState:
        """Rebuild the sums."""
        return ShareState.from_table(tables["shares"])

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
