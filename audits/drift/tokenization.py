"""Counting the tokens of a user's tokenizer."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from audits.errors import TokenizerUnavailable

_MAX_PIECE = 1_000_000
"""Characters encoded at once: the encoder takes some 100 bytes for each, so one 50 MB line would take 5 GB.
Longer texts are cut before white space, which can change a token at each cut."""


def load_tokenizer(path: Path) -> Tokenizer:
    """Return the tokenizer of a `tokenizer.json`, without truncation and padding.

    Raises:
        TokenizerUnavailable: the file is missing or is no tokenizer.
    """
    if not path.is_file():
        raise TokenizerUnavailable(
            f"token_drift: no tokenizer at {path}", "Give `tokenizer:` the path of a tokenizer.json, or leave it out"
        )
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain Exception
        raise TokenizerUnavailable(
            f"token_drift: {path} is no tokenizer.json ({error})", "Export it with `tokenizer.save(path)`"
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def tokenizer_digest(path: Path) -> str:
    """Return the SHA-256 of a tokenizer file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def count_tokens(tokenizer: Tokenizer, texts: list[str], vocabulary: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add the token counts of some documents to `vocabulary` (rows y, yy, yn, docs); return tokens of each."""
    owners, pieces = [], []
    for doc, text in enumerate(texts):
        for piece in cut(text):
            owners.append(doc)
            pieces.append(piece)
    ids: list[list[NDArray[np.int64]]] = [[] for _ in texts]
    for owner, encoding in zip(owners, tokenizer.encode_batch_fast(pieces, add_special_tokens=False), strict=True):
        ids[owner].append(np.array(encoding.ids, dtype=np.int64))
    sizes = np.zeros(len(texts), dtype=np.int64)
    for doc, arrays in enumerate(ids):
        tokens, counts = np.unique(np.concatenate(arrays), return_counts=True)
        sizes[doc] = counts.sum()
        vocabulary[0, tokens] += counts
        vocabulary[1, tokens] += counts * counts
        vocabulary[2, tokens] += counts * sizes[doc]
        vocabulary[3, tokens] += 1
    return sizes


def cut(text: str) -> list[str]:
    """Return a text in pieces of at most a million characters, cut before white space where there is any.

    >>> cut("short")
    ['short']
    """
    pieces = []
    while len(text) > _MAX_PIECE:
        at = text.rfind(" ", 1, _MAX_PIECE)
        at = at if at > 0 else _MAX_PIECE
        pieces.append(text[:at])
        text = text[at:]
    return [*pieces, text]
