"""A tokenizer's model as arrays, and the tokens of distinct pieces from it."""

import json
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from audits.kernels.piece_cache import PieceTable, table_of
from audits.kernels.token_models import bpe, fill_pairs, merges_of_bytes, unigram, wordpiece
from audits.kernels.tries import Trie, build_trie, child_of
from audits.tokens.recipe import UNDERSCORE, NotPiecewise, Part, Recipe

_UNKNOWN_PENALTY = 10.0
"""What the library takes from the lowest score for a character that no token covers (kUnkPenalty of SentencePiece)."""


def byte_characters() -> list[str]:
    """Return the character that byte-level tokenizers write for each byte (GPT-2's `bytes_to_unicode`)."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


_BYTE_CHARACTERS = byte_characters()
_BYTES = {character: byte for byte, character in enumerate(_BYTE_CHARACTERS)}


def token_bytes(token: str) -> bytes | None:
    """Return the bytes that a byte-level token stands for, None if it is written in other characters."""
    codes = [_BYTES.get(character) for character in token]
    return None if None in codes else bytes(code for code in codes if code is not None)


class Kernel(Protocol):
    """Tokenizes some of the pieces of a table into an array, one after the other.

    Returns how many tokens it wrote, and how many each piece has: -1 for those that it leaves to the library.
    """

    def __call__(
        self, table: PieceTable, first: int, last: int, out: NDArray[np.int32], counts: NDArray[np.int64]
    ) -> int:
        """Tokenize the pieces `first` to `last`."""


@dataclass(frozen=True)
class Bpe:
    """Byte-pair encoding of bytes or characters."""

    by_byte: bool
    by_code: NDArray[np.int32]
    fallback: NDArray[np.int32]
    pairs: NDArray[np.int64]
    sieve: NDArray[np.uint8]
    byte_pairs: NDArray[np.int64]
    whole: PieceTable
    numbers: NDArray[np.int32]

    def __call__(
        self, table: PieceTable, first: int, last: int, out: NDArray[np.int32], counts: NDArray[np.int64]
    ) -> int:
        """Tokenize pieces with `audits.kernels.token_models.bpe`."""
        return int(
            bpe(
                table.arena,
                table.begins,
                first,
                last,
                self.by_byte,
                self.by_code,
                self.fallback,
                self.pairs,
                self.sieve,
                self.byte_pairs,
                self.whole.slots,
                self.whole.begins,
                self.whole.arena,
                self.numbers,
                out,
                counts,
            )
        )


@dataclass(frozen=True)
class WordPiece:
    """Longest pieces from the left."""

    root: int
    unknown: int
    trie: Trie

    def __call__(
        self, table: PieceTable, first: int, last: int, out: NDArray[np.int32], counts: NDArray[np.int64]
    ) -> int:
        """Tokenize pieces with `audits.kernels.token_models.wordpiece`."""
        trie = self.trie
        arrays = (trie.firsts, trie.labels, trie.values)
        return int(wordpiece(table.arena, table.begins, first, last, self.root, self.unknown, *arrays, out, counts))


@dataclass(frozen=True)
class Unigram:
    """The most probable division into tokens."""

    unknown: int
    penalty: float
    scores: NDArray[np.float64]
    by_byte: NDArray[np.int32]
    trie: Trie

    def __call__(
        self, table: PieceTable, first: int, last: int, out: NDArray[np.int32], counts: NDArray[np.int64]
    ) -> int:
        """Tokenize pieces with `audits.kernels.token_models.unigram`."""
        trie = self.trie
        arrays = (self.scores, self.by_byte, trie.firsts, trie.labels, trie.values)
        return int(unigram(table.arena, table.begins, first, last, self.unknown, self.penalty, *arrays, out, counts))


class Library:
    """The library's own model, for the pieces that kernels leave to it; it knows no normaliser and no pre-tokenizer."""

    def __init__(self, parts: Part, byte_level: bool) -> None:
        bare: dict[str, Any] = {
            "normalizer": None,
            "pre_tokenizer": None,
            "post_processor": None,
            "decoder": None,
            "added_tokens": [],
        }
        self.tokenizer = Tokenizer.from_str(json.dumps({**parts, **bare, "truncation": None, "padding": None}))
        self.byte_level = byte_level

    def tokens(self, pieces: list[bytes]) -> list[list[int]]:
        """Return the tokens of each piece."""
        if self.byte_level:
            texts = ["".join(map(_BYTE_CHARACTERS.__getitem__, piece)) for piece in pieces]
        else:
            texts = [piece.decode("utf-8") for piece in pieces]
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


class NoKernel:
    """Leaves every piece to the library."""

    def __call__(
        self, table: PieceTable, first: int, last: int, out: NDArray[np.int32], counts: NDArray[np.int64]
    ) -> int:
        """Mark all pieces as the library's."""
        counts[: last - first] = -1
        return 0


def build_kernel(model: Part, recipe: Recipe) -> Kernel:
    """Return what tokenizes distinct pieces.

    Raises:
        NotPiecewise: pieces of this model depend on chance or on each other.
    """
    kind = model["type"]
    if kind == "BPE":
        return _bpe(model, recipe)
    if recipe.byte_level:
        return NoKernel()
    if kind == "WordPiece":
        return _wordpiece(model)
    if kind == "Unigram":
        return _unigram(model)
    return NoKernel()


def _bpe(model: Part, recipe: Recipe) -> Kernel:
    if model.get("dropout"):
        raise NotPiecewise("its model drops merges by chance")
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        return NoKernel()
    vocabulary: dict[str, int] = model["vocab"]
    merges: list[tuple[str, str]] = model["merges"]
    lefts, rights, results = (
        np.array([vocabulary[text] for text in texts], dtype=np.int64)
        for texts in (
            [left for left, _ in merges],
            [right for _, right in merges],
            [left + right for left, right in merges],
        )
    )
    slots = 1 << max(4, (2 * len(merges)).bit_length())
    pairs = np.full(2 * slots, -1, dtype=np.int64)
    sieve = np.zeros(max(64, slots // 2), dtype=np.uint8)
    fill_pairs(lefts, rights, results, pairs, sieve)
    by_code, fallback = _single_tokens(model, recipe.byte_level)
    whole = _whole_tokens(vocabulary, recipe.byte_level) if model.get("ignore_merges") else {}
    numbers = np.array(list(whole.values()), dtype=np.int32)
    byte_pairs = merges_of_bytes(fallback, pairs, sieve) if recipe.byte_level else np.empty(0, dtype=np.int64)
    return Bpe(recipe.byte_level, by_code, fallback, pairs, sieve, byte_pairs, table_of(list(whole)), numbers)


def joins_across_underscores(model: Part) -> bool:
    """Tell whether a merge makes a token with U+2581 behind another character, so that words do not stand alone."""
    if model["type"] != "BPE" or UNDERSCORE not in model["vocab"]:
        return True
    return any(UNDERSCORE in (left + right).lstrip(UNDERSCORE) for left, right in model["merges"])


def _single_tokens(model: Part, byte_level: bool) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the tokens of single characters by code point and of single bytes; -1 where there is none."""
    vocabulary: dict[str, int] = model["vocab"]
    by_code, fallback = np.full(1, -1, dtype=np.int32), np.full(256, -1, dtype=np.int32)
    if byte_level:
        for byte, character in enumerate(_BYTE_CHARACTERS):
            fallback[byte] = vocabulary.get(character, -1)
        return by_code, fallback
    by_code = np.full(0x110000, -1, dtype=np.int32)
    for token, number in vocabulary.items():
        if len(token) == 1:
            by_code[ord(token)] = number
    if model.get("byte_fallback"):
        for byte in range(256):
            fallback[byte] = vocabulary.get(f"<0x{byte:02X}>", -1)
    return by_code, fallback


def _whole_tokens(vocabulary: dict[str, int], byte_level: bool) -> dict[bytes, int]:
    spelled = {token: token_bytes(token) if byte_level else token.encode("utf-8") for token in vocabulary}
    return {text: vocabulary[token] for token, text in spelled.items() if text}


def _wordpiece(model: Part) -> Kernel:
    vocabulary: dict[str, int] = model["vocab"]
    trie = build_trie([token.encode("utf-8") for token in vocabulary], list(vocabulary.values()))
    root = 0
    for byte in model["continuing_subword_prefix"].encode("utf-8"):
        root = int(child_of(root, byte, trie.firsts, trie.labels)) if root >= 0 else root
    if root < 0 or model["unk_token"] not in vocabulary or model["max_input_chars_per_word"] < 64:
        return NoKernel()
    return WordPiece(root, vocabulary[model["unk_token"]], trie)


def _unigram(model: Part) -> Kernel:
    entries: list[tuple[str, float]] = model["vocab"]
    numbers = {token: number for number, (token, _) in enumerate(entries)}
    scores = np.array([score for _, score in entries], dtype=np.float64)
    letters = [numbers.get(f"<0x{byte:02X}>", -1) for byte in range(256)] if model.get("byte_fallback") else []
    # Scores are logarithms of probabilities. With others, unknown characters could be joined to a known token.
    if model.get("unk_id") is None or -1 in letters or not len(scores) or scores.max() > 0:
        return NoKernel()
    trie = build_trie([token.encode("utf-8") for token in numbers], list(numbers.values()))
    penalty = float(scores.min()) - _UNKNOWN_PENALTY
    return Unigram(int(model["unk_id"]), penalty, scores, np.array(letters, dtype=np.int32), trie)


def vocabulary_of(parts: Part) -> dict[int, str]:
    """Return the tokens by number, added ones included."""
    vocabulary: Any = parts["model"]["vocab"]
    if isinstance(vocabulary, dict):
        tokens = {number: token for token, number in vocabulary.items()}
    else:
        tokens = {number: token for number, (token, _) in enumerate(vocabulary)}
    return tokens | {token["id"]: token["content"] for token in parts.get("added_tokens") or []}
