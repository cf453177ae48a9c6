"""The vocabulary against a baseline: the tokens that moved most, and those that are new or gone.

Movers are for people to look at and nothing is gated on them; a token that is new or gone above a floor warns,
because that is how a broken tokenizer, a cleaning step that eats symbols, or a new boilerplate announces itself.
"""

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tokenizers import Tokenizer

from audits.drift.token_rates import TokenChanges, compare_tokens
from audits.drift.token_state import TokenState

MOVERS_SCHEMA = pa.schema(
    [
        ("token", pa.string()),
        ("rate_per_million", pa.float64()),
        ("reference_rate_per_million", pa.float64()),
        ("log2_ratio", pa.float64()),
        ("log_odds", pa.float64()),
        ("z", pa.float64()),
        ("q_value", pa.float64()),
        ("n_docs", pa.int64()),
        ("reference_docs", pa.int64()),
        ("log2_document_ratio", pa.float64()),
        ("why", pa.string()),
    ]
)
"""Rates are per million tokens, `log_odds` natural; `why` tells whether more or fewer documents have a token, or each
document has it more or less often, whichever makes up more of the change."""

MAX_Q = 0.01
EACH_WAY = 50
"""Tokens of a list."""

_MIN_PRIOR, _PRIOR_SHARE = 1000.0, 0.01
_MILLION = 1e6


@dataclass(frozen=True)
class Vocabulary:
    """What happened to the tokens of a vocabulary; tables in `MOVERS_SCHEMA`.

    `movers` has the 50 that rose and the 50 that fell most, `new` and `gone` those that one side has above the floor
    and the other not at all, with how many there are in all. `tested` tokens are in enough documents to be compared.
    """

    movers: pa.Table
    new: pa.Table
    gone: pa.Table
    counts: tuple[int, int]
    tested: int


def compare_vocabulary(
    state: TokenState, reference: TokenState, tokenizer: Tokenizer, min_docs: int, floor: float
) -> Vocabulary:
    """Return the movers, and what is new or gone above `floor` per million tokens.

    Only tokens in `min_docs` documents of one side with a q-value of at most 0.01 are listed
    (`audits.drift.token_rates`). Movers rank by the difference of the natural log-odds of their rates, both sides
    shrunken towards the pooled vocabulary (`shrunken_log_odds`).
    """
    if not state.corpus.units or not reference.corpus.units or state.vocabulary.shape != reference.vocabulary.shape:
        empty = MOVERS_SCHEMA.empty_table()
        return Vocabulary(empty, empty, empty, (0, 0), 0)
    changes = compare_tokens(state, reference, min_docs)
    odds = shrunken_log_odds(state, reference)
    real = changes.tested & (changes.q <= MAX_Q)
    lister = _Lister(state, reference, tokenizer, changes, odds)
    new = np.flatnonzero(real & (changes.before == 0) & (changes.now * _MILLION >= floor))
    gone = np.flatnonzero(real & (changes.now == 0) & (changes.before * _MILLION >= floor))
    rising, falling = np.flatnonzero(real & (odds > 0)), np.flatnonzero(real & (odds < 0))
    return Vocabulary(
        lister.table([*_first(rising, -odds), *_first(falling, odds)]),
        lister.table(_first(new, -changes.now)),
        lister.table(_first(gone, -changes.before)),
        (len(new), len(gone)),
        int(changes.tested.sum()),
    )


def shrunken_log_odds(state: TokenState, reference: TokenState) -> NDArray[np.float64]:
    """Return the log-odds-ratio of each token with an informative Dirichlet prior (Monroe, Colaresi & Quinn 2008).

    δ = ln[(y₁ + α)/(N₁ + α₀ − y₁ − α)] − ln[(y₀ + α)/(N₀ + α₀ − y₀ − α)], natural logarithm, with α = α₀ times the
    token's pooled share. α₀ is 1 % of the smaller side's tokens, at least 1,000: a token needs more than a
    hundredth of what is expected for a ratio to be told from chance or absence. Their z takes tokens for independent;
    `audits.drift.token_rates` tests with documents as clusters instead.
    """
    now, before = state.vocabulary[0].astype(float), reference.vocabulary[0].astype(float)
    units, units_before = state.corpus.units, reference.corpus.units
    prior = max(_MIN_PRIOR, _PRIOR_SHARE * min(units, units_before))
    alpha = prior * (now + before) / (units + units_before)
    odds = np.zeros(len(now))
    there = alpha > 0
    sides = ((now, units), (before, units_before))
    logs = [np.log((y + alpha)[there] / (n + prior - y - alpha)[there]) for y, n in sides]
    odds[there] = logs[0] - logs[1]
    return odds


def _first(tokens: NDArray[np.int64], key: NDArray[np.float64]) -> list[int]:
    order = np.lexsort((tokens, key[tokens]))
    chosen: list[int] = tokens[order[:EACH_WAY]].tolist()
    return chosen


@dataclass(frozen=True)
class _Lister:
    """Writes tokens down as rows of `MOVERS_SCHEMA`."""

    state: TokenState
    reference: TokenState
    tokenizer: Tokenizer
    changes: TokenChanges
    odds: NDArray[np.float64]

    def table(self, tokens: list[int]) -> pa.Table:
        """Return one row a token."""
        return pa.Table.from_pylist([self._row(token) for token in tokens], schema=MOVERS_SCHEMA)

    def _row(self, token: int) -> dict[str, object]:
        now, before = float(self.changes.now[token]), float(self.changes.before[token])
        docs, docs_before = int(self.state.vocabulary[3, token]), int(self.reference.vocabulary[3, token])
        ratio = _log2_ratio(now, before)
        of_documents = _log2_ratio(docs / self.state.corpus.docs, docs_before / self.reference.corpus.docs)
        return {
            # Byte-level vocabularies spell bytes as other letters; decoding gives the text they stand for.
            "token": self.tokenizer.decode([token], skip_special_tokens=False) or self.tokenizer.id_to_token(token),
            "rate_per_million": now * _MILLION,
            "reference_rate_per_million": before * _MILLION,
            "log2_ratio": ratio,
            "log_odds": float(self.odds[token]),
            "z": float(self.changes.z[token]),
            "q_value": float(self.changes.q[token]),
            "n_docs": docs,
            "reference_docs": docs_before,
            "log2_document_ratio": of_documents,
            "why": why(ratio, of_documents),
        }


def why(ratio: float | None, of_documents: float | None) -> str:
    """Say what makes up more of a change of rate: the documents that have a token, or how often each has it.

    Both arguments are log2 of ratios, None where one side has none. The rate is documents times occurrences in each,
    so what is left of its ratio is the second.

    >>> why(-1.0, -0.9), why(1.0, 0.1)
    ('fewer documents', 'more in each document')
    """
    if ratio is None or of_documents is None:
        return "only one side has it"
    within = ratio - of_documents
    if abs(of_documents) >= abs(within):
        return "more documents" if of_documents > 0 else "fewer documents"
    return "more in each document" if within > 0 else "less in each document"


def _log2_ratio(now: float, before: float) -> float | None:
    return math.log2(now / before) if now and before else None
