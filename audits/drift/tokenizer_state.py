"""What `tokenizer_stats` remembers: for every language the sums that its ratios and their intervals need.

Of each document eight numbers are taken, `COLUMNS`. With a one before them they are a row x of nine, and a language's
state is Σ xᵀx: documents, sums, squares and products at once, exact whole numbers that add up in any order. Domains
may be millions; theirs are summed over a sample of the documents.
"""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audits.batch import TextBatch
from audits.document_sample import HASH, DocumentSample
from audits.drift.share_state import encoded
from audits.findings import Evidence
from audits.ranking import Smallest
from audits.statistics import RatioSums
from audits.tokens.counting import TokenCounts

COLUMNS = ("bytes", "tokens", "unknown", "fallback", "special", "words", "pieces", "single")
"""UTF-8 bytes; tokens, of these unknown, and bytes or other parts of characters; 1 if a special token is in the text;
words by the word rules; pieces of the pre-tokenizer that have a letter, of these single tokens."""

RATIOS = {
    "bytes_per_token": ("bytes", "tokens"),
    "tokens_per_word": ("tokens", "words"),
    "fallback_share": ("fallback", "tokens"),
    "unknown_share": ("unknown", "tokens"),
    "single_token_share": ("single", "pieces"),
    "special_document_share": ("special", "docs"),
}
"""What is told of every group: Σ of the first over Σ of the second."""

SAMPLE = 20_000
"""Documents sampled, for single domains."""

EXAMPLES = 5

_BIG = pa.decimal128(38, 0)
_PLACES = {"docs": 0, **{name: at for at, name in enumerate(COLUMNS, 1)}}
_WIDTH = len(_PLACES)
SAMPLE_COLUMNS = pa.schema([("domain", pa.string()), *((name, pa.int64()) for name in COLUMNS)])
SUMS_SCHEMA = pa.schema([("language", pa.string()), ("first", pa.string()), ("second", pa.string()), ("sum", _BIG)])
FACTS_SCHEMA = pa.schema([("seen", pa.int64()), ("bound", pa.uint64())])

Sums = NDArray[Any]
"""Σ xᵀx, Python's whole numbers (dtype object) of shape (9, 9): squares of a large corpus pass 64 bits."""


def no_sums() -> Sums:
    """Return the sums over no documents."""
    return np.zeros((_WIDTH, _WIDTH), dtype=np.int64).astype(object)


def sums_of(columns: NDArray[np.int64]) -> Sums:
    """Return the sums over documents with these numbers, shape (documents, 8)."""
    rows = np.column_stack([np.ones(len(columns), dtype=np.int64), columns])
    return (rows.T @ rows).astype(object)


def ratio_sums(sums: Sums, name: str) -> RatioSums:
    """Return the sums for one of `RATIOS`."""
    y, n = (_PLACES[column] for column in RATIOS[name])
    return RatioSums(int(sums[0, 0]), *(int(sums[at]) for at in ((0, y), (0, n), (y, y), (y, n), (n, n))))


def total(sums: Sums, name: str) -> int:
    """Return Σ of one column, or the number of documents."""
    return int(sums[0, _PLACES[name]])


@dataclass
class TokenizerState:
    """Sums by language, a sample of documents for domains, and where special tokens stand in the text."""

    languages: dict[str, Sums] = field(default_factory=dict)
    sample: DocumentSample = field(default_factory=lambda: DocumentSample.empty(SAMPLE, SAMPLE_COLUMNS))
    special: dict[int, int] = field(default_factory=dict)
    examples: Smallest[Evidence] = field(default_factory=lambda: Smallest(EXAMPLES))

    def merge(self, other: Self) -> None:
        """Take over another state's sums."""
        for language, sums in other.languages.items():
            self.languages[language] = self.languages.get(language, no_sums()) + sums
        self.sample.merge(other.sample)
        for token, docs in other.special.items():
            self.special[token] = self.special.get(token, 0) + docs
        self.examples.merge(other.examples)

    def add(self, batch: TextBatch, tokens: TokenCounts, special: frozenset[int]) -> NDArray[np.int64]:
        """Add the documents of a batch with their tokens; return which have one of the `special` tokens."""
        columns = document_columns(batch, tokens)
        names, codes = encoded(batch.languages)
        for number, language in enumerate(names):
            sums = sums_of(columns[codes == number])
            self.languages[language] = self.languages.get(language, no_sums()) + sums
        chosen = self.sample.wanted(batch.doc_hashes)
        sampled = {
            HASH: batch.doc_hashes[chosen],
            "domain": [batch.domains[doc] for doc in chosen.tolist()],
            **{name: columns[chosen, at] for at, name in enumerate(COLUMNS)},
        }
        self.sample.offer(pa.table(sampled, schema=self.sample.table.schema), len(batch))
        for token, docs in zip(tokens.ids.tolist(), tokens.sums[3].tolist(), strict=True):
            if token in special:
                self.special[token] = self.special.get(token, 0) + docs
        return np.flatnonzero(columns[:, COLUMNS.index("special")])

    def corpus(self) -> Sums:
        """Return the sums over all languages."""
        return sum(self.languages.values(), no_sums())

    def domains(self, least: int) -> dict[str, Sums]:
        """Return the sums over the sampled documents of each domain with at least `least` of them, most first."""
        rows = self.sample.rows()
        names, codes = encoded(rows.column("domain").to_pylist())
        columns = np.column_stack([rows.column(name).to_numpy() for name in COLUMNS])
        docs = np.bincount(codes, minlength=len(names))
        order = sorted(range(len(names)), key=lambda number: (-int(docs[number]), names[number]))
        large = [number for number in order if docs[number] >= least]
        return {names[number]: sums_of(columns[codes == number]) for number in large}

    def to_tables(self) -> dict[str, pa.Table]:
        """Return the sums and the sample as tables."""
        rows = [
            {"language": language, "first": first, "second": second, "sum": int(sums[_PLACES[first], _PLACES[second]])}
            for language, sums in sorted(self.languages.items())
            for first in _PLACES
            for second in _PLACES
        ]
        facts = {"seen": self.sample.seen, "bound": int(self.sample.bound)}
        return {
            "sums": pa.Table.from_pylist(rows, schema=SUMS_SCHEMA),
            "sample": self.sample.rows(),
            "facts": pa.Table.from_pylist([facts], schema=FACTS_SCHEMA),
        }

    @classmethod
    def from_tables(cls, tables: dict[str, pa.Table]) -> Self:
        """Rebuild the sums and the sample."""
        state = cls()
        for row in tables["sums"].to_pylist():
            sums = state.languages.setdefault(row["language"], no_sums())
            sums[_PLACES[row["first"]], _PLACES[row["second"]]] = int(row["sum"])
        facts = tables["facts"].to_pylist()[0]
        state.sample = DocumentSample(SAMPLE, tables["sample"], facts["seen"], np.uint64(facts["bound"]))
        return state


def document_columns(batch: TextBatch, tokens: TokenCounts) -> NDArray[np.int64]:
    """Return `COLUMNS` of each document, shape (documents, 8)."""
    size, unknown, fallback, special, pieces, single = tokens.of_docs.T
    has_special = (special > 0).astype(np.int64)
    return np.column_stack([batch.byte_counts, size, unknown, fallback, has_special, batch.word_counts, pieces, single])
