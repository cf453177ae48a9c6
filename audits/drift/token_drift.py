"""Tokens against a baseline: a watch-list of terms that matter, and whatever else moved.

"∂ fell from 31 to 14 per million tokens": if the derivative sign is under-represented, derivatives get worse,
and no divergence over a whole vocabulary shows it (halving a token of 1e-5 moves it by 1e-6 bits). Rates are
compared with documents as clusters, so a term that is merely burstier is not called rarer.
"""

import math
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import xxhash
from pydantic import Field
from tokenizers import Tokenizer

from audits.base import Audit, AuditConfig, Resources
from audits.batch import TextBatch
from audits.drift.movers import movers_table
from audits.drift.token_state import TermSums, TokenState
from audits.drift.tokenization import count_tokens, load_tokenizer, tokenizer_digest
from audits.drift.watch_terms import count_term, first_place
from audits.findings import Finding, Metric, Status, Summary
from audits.kernels.words import NORMALISER
from audits.ranking import Smallest
from audits.statistics import Change, compare_ratios, false_discovery_rates
from audits.wording import per_million

_EXAMPLES = 5
_MILLION = 1_000_000


class TokenDriftConfig(AuditConfig):
    """Options of `token_drift`.

    `tokenizer` is the path of a `tokenizer.json`; without it rates count normalised words, and only watched
    terms are compared. A watched term warns when its rate leaves [1/`warn_ratio`, `warn_ratio`] and fails
    outside [1/`fail_ratio`, `fail_ratio`], at a q-value of at most `max_q` with the term in `min_docs`
    documents on one side. `min_per_million` are absolute floors, which need no baseline.
    """

    kind: Literal["token_drift"] = "token_drift"
    tokenizer: str | None = None
    watch: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = ()
    min_per_million: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    warn_ratio: Annotated[float, Field(gt=1)] = 1.25
    fail_ratio: Annotated[float, Field(gt=1)] = 2.0
    max_q: Annotated[float, Field(gt=0, lt=1)] = 0.01
    min_docs: Annotated[int, Field(ge=2)] = 20

    def build(self, resources: Resources) -> "TokenDrift":
        """Load the tokenizer.

        Raises:
            TokenizerUnavailable: the file is missing or is no tokenizer.
        """
        return TokenDrift(self)


class TokenDrift(Audit[TokenState]):
    """Counts watched terms, and tokens where there is a tokenizer."""

    def __init__(self, config: TokenDriftConfig) -> None:
        self.label = config.label
        self.config = config
        self.tokenizer: Tokenizer | None = load_tokenizer(Path(config.tokenizer)) if config.tokenizer else None
        self.terms = list(dict.fromkeys([*config.watch, *config.min_per_million]))
        self.unit = "tokens" if config.tokenizer else "words"

    def new_state(self) -> TokenState:
        """Return the state of an empty corpus, which knows every watched term."""
        size = self.tokenizer.get_vocab_size(with_added_tokens=True) if self.tokenizer else 0
        return TokenState(
            terms={term: TermSums() for term in self.terms}, vocabulary=np.zeros((4, size), dtype=np.int64)
        )

    def scan(self, state: TokenState, batch: TextBatch) -> None:
        """Add the terms and tokens of a batch."""
        if self.tokenizer is None:
            units = batch.word_counts
        else:
            units = count_tokens(self.tokenizer, batch.texts, state.vocabulary)
        state.docs += len(batch)
        state.units += int(units.sum())
        state.units_squared += int((units * units).sum())
        for term in self.terms:
            counts = count_term(batch.documents.column("text"), term)
            state.terms[term].merge(
                TermSums(
                    int(counts.sum()),
                    int((counts * counts).sum()),
                    int((counts * units).sum()),
                    int((counts > 0).sum()),
                )
            )
            self._add_examples(state, batch, term, np.flatnonzero(counts))

    def summary(self, state: TokenState, reference: TokenState | None = None) -> Summary:
        """Judge every watched term, and list the tokens that moved most."""
        summary = Summary()
        self._judge_floors(state, summary)
        if reference is None:
            self._without_reference(state, summary)
            return summary
        self._judge_terms(state, reference, summary)
        if self.tokenizer is not None:
            summary.tables["movers"] = movers_table(state, reference, self.tokenizer)
            summary.findings.append(self._movers_finding(summary.tables["movers"]))
        return summary

    def digests(self) -> dict[str, str]:
        """Return the digest of the tokenizer file, and the version of the word rules."""
        path = self.config.tokenizer
        return {"tokenizer": tokenizer_digest(Path(path)) if path else "words", "words": NORMALISER}

    def to_profile(self, state: TokenState) -> dict[str, pa.Table]:
        """Return the sums by term and token."""
        return state.to_tables()

    def from_profile(self, tables: dict[str, pa.Table]) -> TokenState:
        """Rebuild the sums; examples are not kept."""
        return TokenState.from_tables(tables)

    def _add_examples(self, state: TokenState, batch: TextBatch, term: str, docs: "np.ndarray") -> None:
        kept = state.examples.setdefault(term, Smallest(_EXAMPLES))
        for doc in docs.tolist():
            key = (xxhash.xxh3_64_intdigest(batch.doc_ids[doc].encode()), batch.shards[doc], int(batch.rows[doc]))
            if len(kept.kept) >= _EXAMPLES and key > max(kept.kept):
                kept.offered += 1
                continue
            kept.offer(key, first_place(batch, doc, term))

    def _judge_floors(self, state: TokenState, summary: Summary) -> None:
        for term, floor in self.config.min_per_million.items():
            sums = state.sums_of(term)
            rate = sums.ratio * _MILLION
            low = rate < floor
            message = (
                f"{term!r} occurs {per_million(rate)} times per million {self.unit}, "
                f"{'below' if low else 'at or above'} the floor of {floor:g}."
            )
            status = (Status.FAIL if low else Status.PASS) if state.docs else Status.INSUFFICIENT
            summary.findings.append(
                Finding(self.label, term, status, "floor_per_million", message, rate, threshold=floor, n_docs=sums.docs)
            )

    def _without_reference(self, state: TokenState, summary: Summary) -> None:
        for term in self.terms:
            rate = state.sums_of(term).ratio * _MILLION
            summary.metrics.append(Metric(self.label, term, "rate_per_million", rate, n_docs=state.terms[term].docs))
        message = f"With no baseline to compare with, the rates of {len(self.terms):,} watched terms are only recorded."
        suggestion = "Accept a run as the baseline with `corpus-audit baseline pin RUN`, and set `baseline:` to it."
        summary.findings.append(
            Finding(self.label, "corpus", Status.INFO, "rate_per_million", message, suggestion=suggestion)
        )

    def _judge_terms(self, state: TokenState, reference: TokenState, summary: Summary) -> None:
        known = [term for term in self.terms if term in reference.terms]
        changes = [compare_ratios(state.sums_of(term), reference.sums_of(term)) for term in known]
        rates = false_discovery_rates([change.p for change in changes])
        steady = 0
        for term, change, q in zip(known, changes, rates, strict=True):
            status = self._status(state, reference, term, change, q)
            summary.metrics.append(self._metric(state, reference, term, change, q))
            if status is Status.PASS:
                steady += 1
            else:
                summary.findings.append(self._finding(state, reference, term, change, q, status))
        if steady:
            message = f"{steady:,} of {len(self.terms):,} watched terms kept their rate within the limits."
            summary.findings.append(
                Finding(self.label, "watch", Status.PASS, "rate_per_million", message, float(steady))
            )
        for term in self.terms:
            if term not in reference.terms:
                message = f"{term!r} is not in the baseline's watch-list, so there is nothing to compare it with."
                summary.findings.append(Finding(self.label, term, Status.INSUFFICIENT, "rate_per_million", message))

    def _status(self, state: TokenState, reference: TokenState, term: str, change: Change, q: float) -> Status:
        if not state.units or not reference.units:
            return Status.INSUFFICIENT
        docs = max(state.terms[term].docs, reference.terms[term].docs)
        if docs < self.config.min_docs:
            # Nowhere in either corpus is an answer too; rare in both is none.
            return Status.INSUFFICIENT if docs else Status.PASS
        if q > self.config.max_q or 1 / self.config.warn_ratio < change.factor < self.config.warn_ratio:
            return Status.PASS
        far = not 1 / self.config.fail_ratio < change.factor < self.config.fail_ratio
        return Status.FAIL if far else Status.WARN

    def _metric(self, state: TokenState, reference: TokenState, term: str, change: Change, q: float) -> Metric:
        return Metric(
            self.label,
            term,
            "rate_per_million",
            value=state.sums_of(term).ratio * _MILLION,
            reference=reference.sums_of(term).ratio * _MILLION,
            p_value=change.p,
            q_value=q,
            effect=change.factor if math.isfinite(change.factor) else None,
            n_docs=state.terms[term].docs,
        )

    def _finding(
        self, state: TokenState, reference: TokenState, term: str, change: Change, q: float, status: Status
    ) -> Finding:
        rate, before = state.sums_of(term).ratio * _MILLION, reference.sums_of(term).ratio * _MILLION
        docs, docs_before = state.terms[term].docs, reference.terms[term].docs
        expected = docs_before * state.docs / reference.docs if reference.docs else 0.0
        if status is Status.INSUFFICIENT:
            message = f"{term!r} is in {docs:,} documents now and {docs_before:,} of the baseline, too few to compare."
        else:
            factor = f", ×{change.factor:.2f}" if math.isfinite(change.factor) else ""
            message = (
                f"{term!r} {'rose' if rate > before else 'fell'} from {per_million(before)} to {per_million(rate)} "
                f"per million {self.unit}{factor}; {docs:,} documents have it, and at the baseline's frequency "
                f"{expected:,.0f} would."
            )
        limit = self.config.fail_ratio if status is Status.FAIL else self.config.warn_ratio
        return Finding(
            audit=self.label,
            subject=term,
            status=status,
            metric="rate_per_million",
            message=message,
            value=rate,
            reference=before,
            ci_low=before * change.factor_low if before else None,
            ci_high=before * change.factor_high if before and math.isfinite(change.factor_high) else None,
            threshold=before * limit if rate > before else before / limit,
            p_value=change.p,
            q_value=q,
            effect=change.factor if math.isfinite(change.factor) else None,
            n_docs=docs,
            evidence=tuple(state.examples[term].entries()) if term in state.examples else (),
            suggestion="Compare the sources that used to bring this term, or add data that has it.",
        )

    def _movers_finding(self, movers: pa.Table) -> Finding:
        message = f"{movers.num_rows:,} tokens of the vocabulary moved most; the table lists them."
        if not movers.num_rows:
            message = "No token of the vocabulary moved by more than chance."
        return Finding(self.label, "vocabulary", Status.INFO if movers.num_rows else Status.PASS, "movers", message)
