"""Tokens against a baseline: a watch-list of terms that matter, and whatever else moved.

"∂ fell from 31 to 14 per million tokens": if the derivative sign is under-represented, derivatives get worse,
and no divergence over a whole vocabulary shows it (halving a token of 1e-5 moves it by 1e-6 bits). Rates are
compared with documents as clusters, so a term that is merely burstier is not called rarer.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from audits.base import Audit, AuditConfig, Resources
from audits.batch import TextBatch
from audits.drift.gates import Gates
from audits.drift.movers import Vocabulary, compare_vocabulary
from audits.drift.share_drift import NO_BASELINE
from audits.drift.token_state import TermCounts, TokenState
from audits.drift.watch_findings import TermLimits, WatchJudge
from audits.drift.watch_terms import first_place
from audits.findings import Finding, Status, Summary
from audits.kernels.terms import TermFinder
from audits.kernels.words import NORMALISER
from audits.ranking import Smallest
from audits.tokens.counting import counter_of
from audits.tokens.files import TokenizerFile, read_tokenizer

_EXAMPLES = 5
_NAMED = 5

Term = Annotated[str, Field(min_length=1, max_length=100)]
Floor = Annotated[float, Field(gt=0)]


class TokenDriftConfig(AuditConfig):
    """Options of `token_drift`.

    `tokenizer` is the path of a `tokenizer.json`; without it rates count normalised words, and only watched
    terms are compared. A watched term warns when its rate leaves [1/`warn_ratio`, `warn_ratio`] and fails
    outside [1/`fail_ratio`, `fail_ratio`], at a q-value of at most `max_q` with the term in `min_docs`
    documents on one side, and outside the corpus's own history. `min_per_million` are absolute floors, which need no
    baseline; `domain_min_per_million` are floors inside a domain (`{math: {"∂": 3}}`). A token of the vocabulary
    that is new or gone warns if the side that has it has it `new_per_million` times per million. Intervals of watched
    terms count documents, or with `cluster_by: host` hosts; those of the vocabulary always documents.
    """

    kind: Literal["token_drift"] = "token_drift"
    tokenizer: str | None = None
    watch: tuple[Term, ...] = ()
    min_per_million: dict[Term, Floor] = Field(default_factory=dict)
    domain_min_per_million: dict[str, dict[Term, Floor]] = Field(default_factory=dict, max_length=100)
    warn_ratio: Annotated[float, Field(gt=1)] = 1.25
    fail_ratio: Annotated[float, Field(gt=1)] = 2.0
    max_q: Annotated[float, Field(gt=0, lt=1)] = 0.01
    min_docs: Annotated[int, Field(ge=2)] = 20
    cluster_by: Literal["doc", "host"] = "doc"
    new_per_million: Annotated[float, Field(gt=0)] = 10.0

    def build(self, resources: Resources) -> "TokenDrift":
        """Read the tokenizer.

        Raises:
            TokenizerUnavailable: the file is missing or is no tokenizer.
        """
        return TokenDrift(self)


class TokenDrift(Audit[TokenState]):
    """Counts watched terms, and tokens where there is a tokenizer."""

    compares = True
    profile_version = 2

    def __init__(self, config: TokenDriftConfig) -> None:
        self.label = config.label
        self.config = config
        self.file: TokenizerFile | None = None
        if config.tokenizer:
            self.file = read_tokenizer(Path(config.tokenizer), config.label)
        of_domains = [term for floors in config.domain_min_per_million.values() for term in floors]
        self.terms = list(dict.fromkeys([*config.watch, *config.min_per_million, *of_domains]))
        self.finder = TermFinder(self.terms)
        self.unit = "tokens" if config.tokenizer else "words"

    def new_state(self) -> TokenState:
        """Return the state of an empty corpus, which knows every watched term."""
        nothing = np.zeros(0, dtype=np.int64)
        state = TokenState()
        state.corpus.add(nothing, dict.fromkeys(self.terms, nothing), nothing)
        if self.file is not None:
            state.vocabulary = np.zeros((4, counter_of(self.file).size), dtype=np.int64)
        return state

    def scan(self, state: TokenState, batch: TextBatch) -> None:
        """Add the terms and tokens of a batch."""
        units = batch.word_counts
        if self.file is not None:
            tokens = batch.tokens(self.file)
            state.add_tokens(tokens)
            units = tokens.sizes
        counts = dict(zip(self.terms, self.finder.counts(batch.data, batch.offsets).T, strict=True))
        state.corpus.add(units, counts, batch.clusters)
        for domain, floors in self.config.domain_min_per_million.items():
            inside = np.array([name == domain for name in batch.domains], dtype=np.bool_)
            state.domains.setdefault(domain, TermCounts()).add(
                units[inside], {term: counts[term][inside] for term in floors}, batch.clusters[inside]
            )
        for term in self.terms:
            self._add_examples(state, batch, term, np.flatnonzero(counts[term]))

    def summary(self, state: TokenState, reference: TokenState | None = None) -> Summary:
        """Judge every watched term, and list the tokens that moved most."""
        gates = Gates(self.config.max_q, self.config.min_docs)
        limits = TermLimits(self.config.warn_ratio, self.config.fail_ratio, gates)
        examples = {term: tuple(kept.entries()) for term, kept in state.examples.items()}
        by_host = self.config.cluster_by == "host"
        judge = WatchJudge(self.label, self.unit, limits, self.history, examples, by_host)
        summary = Summary(findings=self._floors(judge, state))
        if reference is None:
            summary.metrics = judge.alone(state.corpus, self.terms)
            summary.findings.append(self._without_reference(state))
            return summary
        findings, summary.metrics = judge.compare(state.corpus, reference.corpus, self.terms)
        summary.findings += findings
        if self.file is not None:
            self._add_vocabulary(summary, state, reference)
        return summary

    def digests(self) -> dict[str, str]:
        """Return the digest of the tokenizer file, and the version of the word rules."""
        return {"tokenizer": self.file.digest if self.file else "words", "words": NORMALISER}

    def notes(self) -> dict[str, str]:
        """Return how tokens are counted, if they are."""
        return {"counting": counter_of(self.file).how} if self.file else {}

    def to_profile(self, state: TokenState) -> dict[str, pa.Table]:
        """Return the sums by term and token."""
        return state.to_tables()

    def from_profile(self, tables: dict[str, pa.Table]) -> TokenState:
        """Rebuild the sums; examples and domains are not kept."""
        return TokenState.from_tables(tables)

    def _add_examples(self, state: TokenState, batch: TextBatch, term: str, docs: "np.ndarray") -> None:
        kept = state.examples.setdefault(term, Smallest(_EXAMPLES))
        # No more of a batch than its smallest hashes can be among the smallest of all.
        smallest = docs[np.argsort(batch.doc_hashes[docs])[:_EXAMPLES]]
        for doc in smallest.tolist():
            key = (int(batch.doc_hashes[doc]), batch.shards[doc], int(batch.rows[doc]))
            if kept.wants(key):
                kept.offer(key, first_place(batch, doc, term))

    def _floors(self, judge: WatchJudge, state: TokenState) -> list[Finding]:
        findings = [judge.floor(term, floor, state.corpus) for term, floor in self.config.min_per_million.items()]
        for domain, floors in self.config.domain_min_per_million.items():
            counts = state.domains.get(domain, TermCounts())
            findings += [judge.floor(term, floor, counts, domain) for term, floor in floors.items()]
        return findings

    def _without_reference(self, state: TokenState) -> Finding:
        message = f"With no baseline to compare with, the rates of {len(self.terms):,} watched terms are only recorded."
        docs = state.corpus.docs
        return Finding(
            self.label, "corpus", Status.INFO, "rate_per_million", message, n_docs=docs, suggestion=NO_BASELINE
        )

    def _add_vocabulary(self, summary: Summary, state: TokenState, reference: TokenState) -> None:
        assert self.file is not None
        tokenizer = counter_of(self.file).tokenizer
        found = compare_vocabulary(state, reference, tokenizer, self.config.min_docs, self.config.new_per_million)
        summary.tables |= {"movers": found.movers, "new_tokens": found.new, "gone_tokens": found.gone}
        summary.findings += [self._movers(found), *self._only_one_side(found)]

    def _movers(self, found: Vocabulary) -> Finding:
        count, status = found.movers.num_rows, Status.INFO
        message = f"{count:,} tokens of the vocabulary moved most; the table lists them."
        if not found.tested:
            status = Status.INSUFFICIENT
            message = f"No token is in {self.config.min_docs:,} documents of either side, too few to see any move."
        elif not count:
            status, message = Status.PASS, f"None of {found.tested:,} tokens moved by more than chance."
        return Finding(self.label, "vocabulary", status, "movers", message, float(count))

    def _only_one_side(self, found: Vocabulary) -> list[Finding]:
        """Return findings on the tokens that are new and that are gone, where there are any."""
        findings = []
        floor = self.config.new_per_million
        for name, verb, table, count in (
            ("new_tokens", "are new", found.new, found.counts[0]),
            ("gone_tokens", "are gone", found.gone, found.counts[1]),
        ):
            if count:
                named = ", ".join(repr(token) for token in table.column("token").to_pylist()[:_NAMED])
                message = (
                    f"{count:,} tokens with at least {floor:g} per million {verb}: {named}"
                    f"{' and more, in the table' if count > _NAMED else ''}."
                )
                findings.append(
                    Finding(
                        self.label,
                        "vocabulary",
                        Status.WARN,
                        name,
                        message,
                        float(count),
                        threshold=0.0,
                        suggestion="Look for what brings or removes them: a source, a cleaning step, new boilerplate.",
                    )
                )
        return findings
