"""The tokens of a vocabulary that moved most, for people to look at; nothing is gated on them."""

import math

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tokenizers import Tokenizer

from audits.drift.token_state import TokenState
from audits.statistics import compare_ratios, false_discovery_rates

MOVERS_SCHEMA = pa.schema(
    [
        ("token", pa.string()),
        ("rate_per_million", pa.float64()),
        ("reference_rate_per_million", pa.float64()),
        ("log2_ratio", pa.float64()),
        ("q_value", pa.float64()),
        ("n_docs", pa.int64()),
    ]
)

_MIN_DOCS = 20
_MAX_Q = 0.01
_EACH_WAY = 50
_PRIOR = 1000.0
"""Pseudo-tokens of the pooled vocabulary added to both sides (Monroe, Colaresi & Quinn 2008): rare tokens
need more evidence for the same ratio."""


def movers_table(state: TokenState, reference: TokenState, tokenizer: Tokenizer) -> pa.Table:
    """Return the 50 tokens that rose and the 50 that fell most, by shrunken log-odds.

    Only tokens in 20 documents of one side, with a Benjamini-Hochberg q-value of at most 0.01 from the
    document-clustered comparison, are listed.
    """
    if not state.units or not reference.units or state.vocabulary.shape != reference.vocabulary.shape:
        return MOVERS_SCHEMA.empty_table()
    tested = np.flatnonzero(np.maximum(state.vocabulary[3], reference.vocabulary[3]) >= _MIN_DOCS).tolist()
    changes = [compare_ratios(state.sums_of_token(token), reference.sums_of_token(token)) for token in tested]
    rates = false_discovery_rates([change.p for change in changes])
    odds = _shrunken_log_odds(state, reference)
    moved = [(float(odds[token]), token, q) for token, q in zip(tested, rates, strict=True) if q <= _MAX_Q]
    rising = sorted((entry for entry in moved if entry[0] > 0), key=lambda entry: (-entry[0], entry[1]))
    falling = sorted((entry for entry in moved if entry[0] < 0), key=lambda entry: (entry[0], entry[1]))
    chosen = [*rising[:_EACH_WAY], *falling[:_EACH_WAY]]
    rows = [_row(state, reference, tokenizer, token, q) for _, token, q in chosen]
    return pa.Table.from_pylist(rows, schema=MOVERS_SCHEMA)


def _shrunken_log_odds(state: TokenState, reference: TokenState) -> NDArray[np.float64]:
    now, before = state.vocabulary[0].astype(float), reference.vocabulary[0].astype(float)
    prior = _PRIOR * (now + before) / (state.units + reference.units)
    share_now = (now + prior) / (state.units + _PRIOR)
    share_before = (before + prior) / (reference.units + _PRIOR)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.log(share_now / (1 - share_now)) - np.log(share_before / (1 - share_before))
    finite: NDArray[np.float64] = np.nan_to_num(odds)
    return finite


def _row(state: TokenState, reference: TokenState, tokenizer: Tokenizer, token: int, q: float) -> dict[str, object]:
    now, before = (side.sums_of_token(token).ratio * 1e6 for side in (state, reference))
    return {
        # Byte-level vocabularies spell bytes as other letters; decoding gives the text they stand for.
        "token": tokenizer.decode([token], skip_special_tokens=False) or tokenizer.id_to_token(token),
        "rate_per_million": now,
        "reference_rate_per_million": before,
        "log2_ratio": math.log2(now / before) if now and before else None,
        "q_value": q,
        "n_docs": int(state.vocabulary[3, token]),
    }
