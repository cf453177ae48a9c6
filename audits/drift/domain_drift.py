"""Domains against a baseline: the proportion of each, as in The Pile's table, and how to restore it.

A domain is whatever the source says: a field, a constant, or the host of a URL. Hosts come by the thousand;
those too small to judge on both sides are judged together as "(rare domains)".
"""

from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field

from audits.base import Audit, Resources
from audits.batch import TextBatch
from audits.drift.share_drift import ShareJudge, Subject
from audits.drift.share_limits import ShareDriftConfig
from audits.drift.share_state import Cell, ShareState
from audits.findings import Summary
from audits.kernels.words import NORMALISER

RARE = "(rare domains)"

WEIGHTS_SCHEMA = pa.schema(
    [
        ("domain", pa.string()),
        ("share", pa.float64()),
        ("target_share", pa.float64()),
        ("keep_share", pa.float64()),
    ]
)


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
        weights = sampling_weights(subjects, now, before)
        if weights.num_rows:
            summary.tables["sampling_weights"] = weights
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


def sampling_weights(subjects: list[Subject], now: dict[str, Cell], before: dict[str, Cell]) -> pa.Table:
    """Return which share of each domain to keep so that the baseline's mix results, by sampling down only.

    keep = (target/share) / max(target/share). A domain of the baseline that is gone cannot be restored by
    sampling: its keep_share is null, and the others restore the rest of the mix.
    """
    totals = [sum(cell.words for cell in side.values()) for side in (now, before)]
    rows, ratios = [], []
    for subject in subjects:
        words = [sum(side[name].words for name in subject.categories if name in side) for side in (now, before)]
        share, target = words[0] / totals[0] if totals[0] else 0.0, words[1] / totals[1] if totals[1] else 0.0
        ratio = target / share if share else None
        ratios.append(ratio or 0.0)
        rows.append({"domain": subject.name, "share": share, "target_share": target, "keep_share": ratio})
    largest = max(ratios, default=0.0)
    if not largest:
        return WEIGHTS_SCHEMA.empty_table()
    for row in rows:
        if isinstance(row["keep_share"], float):
            row["keep_share"] /= largest
    return pa.Table.from_pylist(rows, schema=WEIGHTS_SCHEMA)
