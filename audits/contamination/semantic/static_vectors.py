"""Static word vectors of the configured model: its own input embeddings, reduced by principal components.

They cost a table look-up a word where the model costs millions of multiplications, and rank windows nearly as well:
over 660 LMSYS rewordings of GSM8K, the right one of 1,319 items comes first for 98 %. Model2Vec (Tulkens & van
Dongen 2024) sends each word piece through the whole model; on this task that ranked the same and took a minute or
two a model instead of one second (docs/decisions/0012).
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from audits.contamination.semantic.model import ModelFiles, load
from audits.contamination.semantic.store import read_arrays, write_arrays
from audits.errors import ModelUnavailable

DIMENSIONS = 256
"""Principal components kept; with 128, the margin between rewordings and web pages shrinks by a tenth."""

_MAX_WORDS = 60_000
"""Whole words of the vocabulary that are used, the first ones: vocabularies list frequent words first."""

_WORD_START = ("▁", "Ġ")
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class StaticVectors:
    """The vector of every word piece of a model (`matrix`, float32, shape (pieces, dimensions))."""

    tokenizer: str
    matrix: NDArray[np.float32]

    @cached_property
    def words(self) -> dict[str, int]:
        """The whole words of the vocabulary in lower case, with their rows, in the vocabulary's order."""
        vocabulary = self._tokenizer.get_vocab()
        pieces = sorted((row, piece) for piece, row in vocabulary.items() if row < len(self.matrix))
        start = next((mark for mark in _WORD_START if any(piece.startswith(mark) for _, piece in pieces)), "")
        words: dict[str, int] = {}
        for row, piece in pieces:
            word = piece.removeprefix(start).lower()
            if piece.startswith(start) and _WORD.fullmatch(word) and len(words) < _MAX_WORDS:
                words.setdefault(word, row)
        return words

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_str(self.tokenizer)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def of(self, words: list[str]) -> NDArray[np.float32]:
        """Return the mean vector of the pieces of each word, float32 of shape (words, dimensions)."""
        vectors = np.zeros((len(words), self.matrix.shape[1]), dtype=np.float32)
        for row, encoding in enumerate(self._tokenizer.encode_batch_fast(words, add_special_tokens=False)):
            if encoding.ids:
                vectors[row] = self.matrix[encoding.ids].mean(axis=0)
        return vectors


def static_vectors(files: ModelFiles) -> StaticVectors:
    """Return the static vectors of a model, made once and kept.

    Raises:
        ModelUnavailable: the model has no table of input embeddings or no fast tokenizer.
    """
    name = f"static-{DIMENSIONS}-{files.digest[:32]}"
    kept = read_arrays(name)
    if kept is not None and {"matrix", "tokenizer"} <= kept.keys():
        return StaticVectors(bytes(kept["tokenizer"].astype(np.uint8)).decode(), kept["matrix"].astype(np.float32))
    model = load(files, device="cpu")
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", model.tokenizer)
    if not isinstance(tokenizer, Tokenizer):
        raise ModelUnavailable(
            f"semantic_overlap: the model at {files.path} has no fast tokenizer (tokenizer.json)",
            "Use a model that has one, as nearly all sentence-transformers models do",
        )
    made = StaticVectors(tokenizer.to_str(), reduced(_input_embeddings(model, files)))
    text = np.frombuffer(made.tokenizer.encode(), dtype=np.uint8)
    # Half precision loses less than the fourth digit of a cosine, and half of the file.
    write_arrays(name, {"matrix": made.matrix.astype(np.float16), "tokenizer": text})
    return StaticVectors(made.tokenizer, made.matrix.astype(np.float16).astype(np.float32))


def _input_embeddings(model: Any, files: ModelFiles) -> NDArray[np.float32]:
    """Return the table that turns pieces into the model's input; of a StaticEmbedding, all it has."""
    first = model[0]
    if hasattr(first, "embedding"):
        table = first.embedding.weight
    elif hasattr(getattr(first, "auto_model", None), "get_input_embeddings"):
        table = first.auto_model.get_input_embeddings().weight
    else:
        raise ModelUnavailable(
            f"semantic_overlap: the model at {files.path} has no input embeddings to screen with",
            "Use a transformer or a StaticEmbedding of sentence-transformers",
        )
    return np.asarray(table.detach().cpu().float().numpy(), dtype=np.float32)


def reduced(table: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the table in its first `DIMENSIONS` principal components, whose signs do not depend on the machine."""
    centred = table - table.mean(axis=0)
    values, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes = axes[:, np.argsort(values)[::-1][:DIMENSIONS]]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    return np.asarray(centred @ axes, dtype=np.float32)
