"""Is it still the same kind of corpus? A classifier is trained to tell its documents from the baseline's.

The other drift audits look where they were told to. This one looks for anything that words and pairs of words can
show: a new kind of boilerplate, another topic, an export gone wrong. It is an alarm for the whole corpus, with the
n-grams that gave it; it is not sensitive to a few per cent of new text, for which there are shares.
"""

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from audits.base import Audit, AuditConfig, Resources
from audits.batch import TextBatch
from audits.drift.c2st_state import FEATURE_BITS, HEAD, C2stState, Vectors
from audits.drift.c2st_test import Separation, least_different, separation
from audits.drift.gates import Gates, Observed, band_fields, judged
from audits.drift.share_drift import NO_BASELINE
from audits.findings import Evidence, Finding, Metric, Status, Summary
from audits.kernels.words import NORMALISER
from audits.wording import percent

_SHOWN = 8
"""N-grams named for each side in the message; the table has more."""

_LISTED = 25
_SUBJECT = "corpus"

FEATURES_SCHEMA = pa.schema(
    [
        ("ngram", pa.string()),
        ("more_frequent", pa.string()),
        ("weight", pa.float64()),
        ("document_share", pa.float64()),
        ("reference_document_share", pa.float64()),
    ]
)
"""What tells the corpora apart most: weight × difference of shares of documents, the largest first."""


class CorpusC2stConfig(AuditConfig):
    """Options of `corpus_c2st`.

    The corpus warns (fails) when a classifier tells its documents from the baseline's with an AUC of `warn_auc`
    (`fail_auc`), with a permutation p-value of at most `max_p` and an interval above 0.5. `documents` are sampled from
    each corpus; of fewer than `min_docs` nothing is said.
    """

    kind: Literal["corpus_c2st"] = "corpus_c2st"
    documents: Annotated[int, Field(ge=200, le=20_000)] = 2_000
    warn_auc: Annotated[float, Field(gt=0.5, lt=1)] = 0.6
    fail_auc: Annotated[float, Field(gt=0.5, lt=1)] = 0.75
    max_p: Annotated[float, Field(gt=0, lt=1)] = 0.01
    min_docs: Annotated[int, Field(ge=50)] = 100

    def build(self, resources: Resources) -> "CorpusC2st":
        """Make the audit; it needs nothing but its limits."""
        return CorpusC2st(self)


class CorpusC2st(Audit[C2stState]):
    """Keeps a sample of documents for a classifier two-sample test."""

    compares = True

    def __init__(self, config: CorpusC2stConfig) -> None:
        self.label = config.label
        self.config = config

    def new_state(self) -> C2stState:
        """Return the state of an empty corpus."""
        return C2stState.empty(self.config.documents)

    def scan(self, state: C2stState, batch: TextBatch) -> None:
        """Offer the documents of a batch to the sample."""
        state.add(batch)

    def summary(self, state: C2stState, reference: C2stState | None = None) -> Summary:
        """Train and test the classifier."""
        kept = state.sample.rows().num_rows
        metrics = [Metric(self.label, _SUBJECT, "sampled_documents", float(kept), n_docs=state.sample.seen)]
        if reference is None:
            message = f"With no baseline to tell it from, {kept:,} documents are only sampled for later runs."
            found = Finding(self.label, _SUBJECT, Status.INFO, "auc", message, n_docs=kept, suggestion=NO_BASELINE)
            return Summary([found], metrics)
        now, before = state.vectors(), reference.vectors()
        few = min(len(now), len(before))
        result = separation(now, before) if few >= self.config.min_docs else None
        if result is None:
            message = f"With {few:,} sampled documents on one side, or too few hosts, no classifier can be tested."
            return Summary([Finding(self.label, _SUBJECT, Status.INSUFFICIENT, "auc", message, n_docs=few)], metrics)
        table = self._features(state, reference, result)
        metrics.append(self._metric(result, few))
        return Summary([self._finding(state, now, result, table, few)], metrics, tables={"features": table})

    def digests(self) -> dict[str, str]:
        """Return the version of the word rules, and how documents become features."""
        return {"words": NORMALISER, "features": f"{HEAD}-bytes-1-2-grams-{FEATURE_BITS}-bits"}

    def to_profile(self, state: C2stState) -> dict[str, pa.Table]:
        """Return the sampled documents as features, and the names of those that several documents share."""
        return state.to_tables()

    def from_profile(self, tables: dict[str, pa.Table]) -> C2stState:
        """Rebuild the features."""
        return C2stState.from_tables(tables, self.config.documents)

    def _metric(self, result: Separation, docs: int) -> Metric:
        band = band_fields(self.history.band(_SUBJECT, "auc"))
        return Metric(
            self.label, _SUBJECT, "auc", result.auc, 0.5, result.low, result.high, result.p, None, n_docs=docs, **band
        )

    def _finding(self, state: C2stState, now: Vectors, result: Separation, table: pa.Table, docs: int) -> Finding:
        limits = self.config
        size = Status.FAIL if result.auc >= limits.fail_auc else Status.PASS
        if size is Status.PASS and result.auc >= limits.warn_auc:
            size = Status.WARN
        # An interval that reaches 0.5 is no separation, whatever the permutations say.
        p = result.p if result.low > 0.5 else 1.0
        band = self.history.band(_SUBJECT, "auc")
        observed = Observed(result.auc, 0.5, (result.high - result.low) / 3.92, p, docs)
        ruling = judged(observed, size, Gates(limits.max_p, limits.min_docs), band, lambda value: f"{value:.2f}")
        limit = limits.fail_auc if size is Status.FAIL else limits.warn_auc
        message = (
            f"A classifier tells documents of this corpus from the baseline's, on hosts that it had not seen, with an "
            f"AUC of {result.auc:.2f} (95 % interval {result.low:.2f} to {result.high:.2f}; 0.5 is no difference, "
            f"chance reaches {result.chance:.2f}, the limit is {limit:g})."
        )
        if ruling.status is not Status.PASS:
            least = least_different(result.low)
            message += f" At least {percent(least)} of the documents must be of another kind.{_named(table)}"
        return Finding(
            audit=self.label,
            subject=_SUBJECT,
            status=ruling.status,
            metric="auc",
            message=f"{message} {ruling.reason}".strip(),
            value=result.auc,
            reference=0.5,
            ci_low=result.low,
            ci_high=result.high,
            threshold=limit,
            p_value=result.p,
            n_docs=docs,
            evidence=() if ruling.status is Status.PASS else _typical(state, now, result),
            suggestion="" if ruling.status is Status.PASS else _SUGGESTION,
            **band_fields(band),
        )

    def _features(self, state: C2stState, reference: C2stState, result: Separation) -> pa.Table:
        pull = result.weights * (result.shares - result.reference_shares)
        rows = []
        for side, sign in (("now", 1), ("baseline", -1)):
            order = np.lexsort((result.features, -pull))
            chosen = [at for at in order.tolist() if sign * result.weights[at] > 0 and pull[at] > 0][:_LISTED]
            wanted = {int(result.features[at]) for at in chosen}
            names = {**reference.names(wanted), **state.names(wanted)}
            rows += [
                {
                    "ngram": names.get(int(result.features[at]), "(rare)"),
                    "more_frequent": side,
                    "weight": float(result.weights[at]),
                    "document_share": float(result.shares[at]),
                    "reference_document_share": float(result.reference_shares[at]),
                }
                for at in chosen
            ]
        return pa.Table.from_pylist(rows, schema=FEATURES_SCHEMA)


def _named(table: pa.Table) -> str:
    sentences = []
    for side, phrase in (("now", "More frequent now"), ("baseline", "in the baseline")):
        rows = [row["ngram"] for row in table.to_pylist() if row["more_frequent"] == side and row["ngram"] != "(rare)"]
        if rows:
            sentences.append(f"{phrase}: {', '.join(repr(name) for name in rows[:_SHOWN])}")
    return f" {'; '.join(sentences)}." if sentences else ""


def _typical(state: C2stState, now: Vectors, result: Separation) -> tuple[Evidence, ...]:
    """Return three documents that look least like the baseline, and two at random."""
    scores = result.scores[: len(now)]
    order = np.lexsort((now.hashes, -scores)).tolist()
    largest = [replace(state.place(at), chosen="least like the baseline") for at in order[:3]]
    random = [at for at in np.argsort(now.hashes, kind="stable").tolist() if at not in order[:3]][:2]
    return tuple(largest + [replace(state.place(at), chosen="seeded random") for at in random])


_SUGGESTION = (
    "Look at the n-grams in the table and at the documents below; the share audits may say where they come from."
)
