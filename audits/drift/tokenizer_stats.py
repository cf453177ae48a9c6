"""Does the tokenizer fit the corpus, and does it fit as well as it did?

Text in a language that the tokenizer hardly knows costs several times the tokens, fills the context and is learnt
worse; unknown tokens lose it. Symbols that a cleaning step broke into bytes, and special tokens that stand in the
text as if someone had written them, show here too.

Of the corpus, every language and the larger domains:

- bytes per token, Σ bytes / Σ tokens;
- fertility, Σ tokens / Σ words (words by the word rules, each character of scripts without spaces);
- fallback share: tokens that are a byte or another part of a character; unknown share: unknown tokens;
- single-token share: of the pieces of the pre-tokenizer that have a letter, those that are one token (the single-token
  retention rate of arXiv 2510.09947, over running text instead of a list of words). It is not known for tokenizers
  that encode whole texts (`audits.tokens`), and means little for scripts without spaces, whose pieces are phrases;
- the share of documents with a special token in their text.

Intervals are 95 %, with documents as clusters (`audits.statistics.RatioSums`).
"""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pyarrow as pa

from audits.base import Audit, Resources
from audits.batch import TextBatch
from audits.drift.tokenizer_changes import ChangeJudge, worst_by_group
from audits.drift.tokenizer_fit import FitJudge
from audits.drift.tokenizer_groups import Group, group_metrics, group_table
from audits.drift.tokenizer_limits import TokenizerLimits
from audits.drift.tokenizer_state import TokenizerState, total
from audits.excerpts import excerpt
from audits.findings import Evidence, Finding, Status, Summary
from audits.kernels.words import NORMALISER
from audits.languages import language_digest
from audits.tokens.counting import TokenCounter, counter_of
from audits.tokens.files import TokenizerFile, read_tokenizer

MAX_DOMAINS = 50
"""Domains that are judged, those with most documents in the sample."""


class TokenizerStatsConfig(TokenizerLimits):
    """Options of `tokenizer_stats`: the path of a `tokenizer.json`, and the limits of `TokenizerLimits`."""

    kind: Literal["tokenizer_stats"] = "tokenizer_stats"
    tokenizer: str

    def build(self, resources: Resources) -> "TokenizerStats":
        """Read the tokenizer.

        Raises:
            TokenizerUnavailable: the file is missing or is no tokenizer.
        """
        return TokenizerStats(self)


class TokenizerStats(Audit[TokenizerState]):
    """Sums bytes, tokens and words by language, and keeps a sample for domains."""

    compares = True

    def __init__(self, config: TokenizerStatsConfig) -> None:
        self.label = config.label
        self.config = config
        self.file: TokenizerFile = read_tokenizer(Path(config.tokenizer), config.label)

    def new_state(self) -> TokenizerState:
        """Return the state of an empty corpus."""
        return TokenizerState()

    def scan(self, state: TokenizerState, batch: TextBatch) -> None:
        """Add the documents of a batch."""
        if not len(batch):
            return
        counter = counter_of(self.file)
        for doc in state.add(batch, batch.tokens(self.file), frozenset(counter.special)).tolist():
            key = (int(batch.doc_hashes[doc]), batch.shards[doc], int(batch.rows[doc]))
            if state.examples.wants(key):
                state.examples.offer(key, _special_place(batch, doc, counter))
            else:
                state.examples.pass_over()

    def summary(self, state: TokenizerState, reference: TokenizerState | None = None) -> Summary:
        """Judge the tokenizer by itself, and against the baseline."""
        groups = self._groups(state, reference)
        if not total(groups[0].now, "tokens"):
            message = "The corpus has no tokens, so nothing can be said of the tokenizer."
            return Summary(findings=[Finding(self.label, "corpus", Status.INSUFFICIENT, "tokens", message, n_docs=0)])
        fit = FitJudge(self.label, self.config)
        changes = ChangeJudge(self.label, self.config, self.history)
        compared = changes.compare(groups)
        tested = {(one.group.name, one.name): (one.change.p, one.q) for one in compared}
        return Summary(
            findings=[
                *fit.findings(groups),
                *fit.special_tokens(state, counter_of(self.file).special),
                *(changes.findings(groups, compared) if reference else [changes.alone(groups[0])]),
            ],
            metrics=[metric for group in groups for metric in group_metrics(self.label, group, self.history, tested)],
            tables={"tokenizer": group_table(groups, worst_by_group(compared))},
        )

    def digests(self) -> dict[str, str]:
        """Return the digest of the tokenizer file, and the versions of the word rules and of the language models."""
        return {"tokenizer": self.file.digest, "words": NORMALISER, "languages": language_digest()}

    def notes(self) -> dict[str, str]:
        """Return how tokens are counted."""
        return {"counting": counter_of(self.file).how}

    def to_profile(self, state: TokenizerState) -> dict[str, pa.Table]:
        """Return the sums by language, and the sample of documents."""
        return state.to_tables()

    def from_profile(self, tables: dict[str, pa.Table]) -> TokenizerState:
        """Rebuild the sums; examples are not kept."""
        return TokenizerState.from_tables(tables)

    def _groups(self, state: TokenizerState, reference: TokenizerState | None) -> list[Group]:
        """Return the corpus, then every language, then the larger domains."""
        sides = [("corpus", "the corpus", state.corpus(), reference.corpus() if reference else None)]
        if len(state.languages) > 1:
            before = reference.languages if reference else {}
            sides += [
                (f"language {name}", f"language {name}", sums, before.get(name))
                for name, sums in sorted(state.languages.items())
            ]
        domains = state.domains(self.config.min_docs)
        if len(domains) > 1:
            before = reference.domains(self.config.min_docs) if reference else {}
            chosen = list(domains.items())[:MAX_DOMAINS]
            sides += [(f"domain {name}", f"domain {name}", sums, before.get(name)) for name, sums in chosen]
        by_pieces = counter_of(self.file).reason is None
        return [Group(*side, by_pieces) for side in sides]


def _special_place(batch: TextBatch, doc: int, counter: TokenCounter) -> Evidence:
    """Return where a document, one of a seeded choice, has a special token first."""
    text = batch.data[batch.offsets[doc] : batch.offsets[doc + 1]].tobytes()
    contents = [content.encode("utf-8") for content in counter.special.values()]
    found = [(at, -len(content)) for content in contents if (at := text.find(content)) >= 0]
    start, size = min(found, default=(0, 0))
    place = batch.place(doc, start, start - size, excerpt(text, start, start - size, context=80))
    return replace(place, chosen="seeded random")
