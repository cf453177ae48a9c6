"""Markers of machine-written text: how many documents have them, how often, and how that changed.

"As an AI language model" in a crawl is text that nobody read before it was published, and it brings more of its
kind. `audits.drift.synthetic_markers` lists every marker with its source, and says what markers cannot see.
"""

from dataclasses import replace
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field

from audits.base import Audit, Resources
from audits.batch import TextBatch
from audits.drift.gates import band_fields
from audits.drift.share_drift import ShareJudge, Subject
from audits.drift.share_limits import ClusteredShareConfig
from audits.drift.share_profile import PROFILE_VERSION
from audits.drift.synthetic_markers import JUDGED_KINDS, MARKERS, JudgedKind, Marker, markers_digest
from audits.drift.synthetic_state import MARKED, MarkerSums, SyntheticState
from audits.findings import Finding, Metric, Status, Summary
from audits.kernels.words import NORMALISER
from audits.statistics import Change, compare_ratios, false_discovery_rates, share_interval
from audits.wording import counted, percent

_MILLION = 1_000_000

MARKERS_TABLE = pa.schema(
    [
        ("marker", pa.string()),
        ("kind", pa.string()),
        ("language", pa.string()),
        ("judged", pa.bool_()),
        ("per_million", pa.float64()),
        ("reference_per_million", pa.float64()),
        ("q_value", pa.float64()),
        ("n_docs", pa.int64()),
        ("document_share", pa.float64()),
        ("reference_document_share", pa.float64()),
        ("reference_n_docs", pa.int64()),
        ("quoted", pa.int64()),
        ("version", pa.int64()),
        ("source", pa.string()),
    ]
)
"""Occurrences per million words outside quotation marks, documents with any, and `quoted` mentions."""


class SyntheticShareConfig(ClusteredShareConfig):
    """Options of `synthetic_share`.

    A document is marked by any marker of the `judged` kinds outside quotation marks. The corpus warns (fails) when the
    lower end of the 95 % interval of its share of marked documents exceeds `warn_share` (`fail_share`); the change
    against the baseline has the limits of `ClusteredShareConfig`, with a smaller floor, as marked documents are few.
    Leave `template` out of `judged` for corpora that hold conversations on purpose.
    """

    kind: Literal["synthetic_share"] = "synthetic_share"
    judged: tuple[JudgedKind, ...] = JUDGED_KINDS
    warn_share: Annotated[float, Field(ge=0, lt=1)] = 0.001
    fail_share: Annotated[float, Field(ge=0, lt=1)] = 0.01
    warn_ratio_min_share: Annotated[float, Field(gt=0)] = 0.0001
    fail_ratio_min_share: Annotated[float, Field(gt=0)] = 0.0005
    min_docs: Annotated[int, Field(ge=2)] = 20

    def build(self, resources: Resources) -> "SyntheticShare":
        """Make the audit; it needs nothing but its limits."""
        return SyntheticShare(self)


class SyntheticShare(Audit[SyntheticState]):
    """Counts documents with markers of machine-written text."""

    compares = True
    profile_version = PROFILE_VERSION

    def __init__(self, config: SyntheticShareConfig) -> None:
        self.label = config.label
        self.config = config
        self.marking = [marker.marker_id for marker in MARKERS if marker.kind in config.judged]

    def new_state(self) -> SyntheticState:
        """Return the state of an empty corpus."""
        return SyntheticState(frozenset(self.config.judged))

    def scan(self, state: SyntheticState, batch: TextBatch) -> None:
        """Look for markers in the documents of a batch."""
        state.add(batch)

    def summary(self, state: SyntheticState, reference: SyntheticState | None = None) -> Summary:
        """Judge the share of marked documents by itself, and against the baseline; list every marker."""
        judge = ShareJudge(self.label, self.config, "marked documents", "documents", self.history)
        subjects = [Subject(MARKED, "Documents with markers of machine-written text", frozenset({MARKED}))]
        if reference is None:
            summary = judge.without_reference(state.shares, subjects)
        else:
            summary = judge.compare(state.shares, reference.shares, subjects)
        places = state.places(self.marking)
        summary.findings = [
            replace(finding, evidence=places, suggestion=_SUGGESTION) if finding.subject == MARKED else finding
            for finding in summary.findings
        ]
        summary.findings.insert(0, self._absolute(state))
        changes = self._changes(state, reference)
        summary.metrics += [self._metric(state, marker, changes.get(marker.marker_id)) for marker in MARKERS]
        summary.tables["markers"] = self._table(state, reference, changes)
        return summary

    def digests(self) -> dict[str, str]:
        """Return the markers with their versions, the kinds that mark, and the version of the word rules."""
        return {"markers": markers_digest(), "judged": " ".join(sorted(self.config.judged)), "words": NORMALISER}

    def to_profile(self, state: SyntheticState) -> dict[str, pa.Table]:
        """Return the shares of marked documents, and the sums by marker."""
        return state.to_tables()

    def from_profile(self, tables: dict[str, pa.Table]) -> SyntheticState:
        """Rebuild the sums; examples are not kept."""
        return SyntheticState.from_tables(tables, frozenset(self.config.judged))

    def _absolute(self, state: SyntheticState) -> Finding:
        docs = state.docs
        cells = state.shares.seen().by_category()
        marked = cells[MARKED].docs if MARKED in cells else 0
        low, high = share_interval(marked, docs)
        limits = self.config
        if docs < limits.min_docs:
            status = Status.INSUFFICIENT
        elif low > limits.fail_share:
            status = Status.FAIL
        else:
            status = Status.WARN if low > limits.warn_share else Status.PASS
        limit = limits.fail_share if status is Status.FAIL else limits.warn_share
        share = marked / docs if docs else 0.0
        quoted = sum(state.markers[one].quoted for one in self.marking if one in state.markers)
        message = (
            f"{marked:,} of {docs:,} documents ({percent(share)}, 95 % interval {percent(low)} to {percent(high)}) "
            f"have markers of machine-written text; the limit is {percent(limit)}.{self._most(state)} "
            f"Not counted: {counted(quoted, 'quoted mention')}; not seen: what a model wrote without a marker."
        )
        bad = status in (Status.WARN, Status.FAIL)
        return Finding(
            audit=self.label,
            subject="corpus",
            status=status,
            metric="marked_share",
            message=message,
            value=share,
            ci_low=low,
            ci_high=high,
            threshold=limit,
            n_docs=docs,
            evidence=state.places(self.marking) if marked else (),
            suggestion=_SUGGESTION if bad else "",
        )

    def _most(self, state: SyntheticState) -> str:
        found = [(state.markers[one].docs, one) for one in self.marking if one in state.markers]
        named = [f"{one} in {docs:,}" for docs, one in sorted(found, key=lambda pair: (-pair[0], pair[1]))[:3] if docs]
        return f" Most frequent: {', '.join(named)}." if named else ""

    def _changes(self, state: SyntheticState, reference: SyntheticState | None) -> dict[str, tuple[Change, float]]:
        """Return the change of every marker's rate with its q-value."""
        if reference is None or not state.words or not reference.words:
            return {}
        names = [marker.marker_id for marker in MARKERS]
        changes = [compare_ratios(state.sums_of(name), reference.sums_of(name)) for name in names]
        rates = false_discovery_rates([change.p for change in changes])
        return dict(zip(names, zip(changes, rates, strict=True), strict=True))

    def _metric(self, state: SyntheticState, marker: Marker, change: tuple[Change, float] | None) -> Metric:
        name = marker.marker_id
        rate = state.sums_of(name).ratio * _MILLION
        sums = state.markers.get(name, MarkerSums())
        band = band_fields(self.history.band(name, "per_million"))
        if change is None:
            return Metric(self.label, name, "per_million", rate, n_docs=sums.docs, **band)
        delta, q = change
        before = rate - delta.delta * _MILLION
        return Metric(
            self.label,
            name,
            "per_million",
            rate,
            reference=max(0.0, before),
            ci_low=before + delta.low * _MILLION,
            ci_high=before + delta.high * _MILLION,
            p_value=delta.p,
            q_value=q,
            n_docs=sums.docs,
            **band,
        )

    def _table(
        self, state: SyntheticState, reference: SyntheticState | None, changes: dict[str, tuple[Change, float]]
    ) -> pa.Table:
        rows = []
        for marker in MARKERS:
            name = marker.marker_id
            sums = state.markers.get(name, MarkerSums())
            row: dict[str, object] = {
                "marker": name,
                "kind": marker.kind,
                "language": marker.language,
                "judged": name in self.marking,
                "per_million": state.sums_of(name).ratio * _MILLION,
                "n_docs": sums.docs,
                "document_share": sums.docs / state.docs if state.docs else None,
                "quoted": sums.quoted,
                "version": marker.version,
                "source": marker.source,
            }
            if reference is not None:
                row["reference_per_million"] = reference.sums_of(name).ratio * _MILLION
                before = reference.markers.get(name, MarkerSums()).docs
                row["reference_n_docs"] = before
                row["reference_document_share"] = before / reference.docs if reference.docs else None
                row["q_value"] = changes[name][1] if name in changes else None
            rows.append(row)
        return pa.Table.from_pylist(rows, schema=MARKERS_TABLE)


_SUGGESTION = (
    "Read the places below; leave out the hosts that bring such text, or dates after which a source is full of it."
)
