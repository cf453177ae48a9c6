"""Counting a tokenizer's tokens, exactly as the library encodes, many times faster.

Byte-pair encoding, WordPiece and Unigram work on one pre-token at a time, and a text has few distinct ones: each
is tokenized once, kept in a bounded table, and documents become numbers of entries. Where a tokenizer does not allow
this (`TokenCounter.reason` says why) every text is encoded whole.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.kernels.piece_cache import MAX_BYTES, MAX_PIECES
from audits.kernels.token_sums import COLUMNS, FALLBACK, SPECIAL, UNKNOWN, add_documents
from audits.tokens.files import TokenizerFile
from audits.tokens.models import token_bytes, vocabulary_of
from audits.tokens.piecewise import Piecewise
from audits.tokens.recipe import NotPiecewise, Part, is_byte_level
from audits.tokens.selfcheck import sample_texts

_MAX_PIECE = 1_000_000
"""Characters encoded at once: the encoder takes some 100 bytes for each, so one 50 MB line would take 5 GB.
Longer texts are cut before white space, which can change a token at each cut."""


@dataclass(frozen=True)
class TokenCounts:
    """The tokens of some documents.

    `of_docs` has a row for each with its tokens, how many of these are unknown, fallback (a byte or another part of
    a character) and special, its words (pieces with a letter) and how many of these are a single token. `sums` are
    Σy, Σy², Σy·n and documents of each token in `ids`, y its occurrences in a document of n tokens.
    """

    of_docs: NDArray[np.int64]
    ids: NDArray[np.int64]
    sums: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Tokens of each document."""
        return self.of_docs[:, 0]


@lru_cache(maxsize=4)
def counter_of(file: TokenizerFile) -> "TokenCounter":
    """Return the counter of a tokenizer, made once in a process: its tables take a second and 100 MB."""
    return TokenCounter(file)


class TokenCounter:
    """Counts the tokens of documents.

    `reason` says why texts are encoded whole; it is None where they are counted piece by piece. `size` is the largest
    token number plus one, `special` the special tokens.
    """

    def __init__(self, file: TokenizerFile, max_pieces: int = MAX_PIECES, max_bytes: int = MAX_BYTES) -> None:
        parts = file.parts()
        self.tokenizer = file.tokenizer()
        self.size = max(vocabulary_of(parts), default=-1) + 1
        self.kinds = _kinds(parts, self.size)
        self.special: dict[int, str] = {
            token["id"]: token["content"] for token in parts.get("added_tokens") or [] if token["special"]
        }
        self.reason: str | None = None
        self._piecewise: Piecewise | None = None
        self._counts = np.zeros(self.size, dtype=np.int64)
        self._sums = np.zeros((self.size, 4), dtype=np.int64)
        try:
            self._piecewise = Piecewise(parts, max_pieces, max_bytes)
        except NotPiecewise as error:
            self.reason = str(error)
        else:
            self._check()

    @property
    def how(self) -> str:
        """How texts are counted, and why if each is encoded whole."""
        return f"whole texts, because {self.reason}" if self.reason else "piece by piece"

    def forget(self) -> None:
        """Forget the pieces seen so far."""
        if self._piecewise is not None:
            self._piecewise.tokens.clear()

    def count(self, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> TokenCounts:
        """Count the tokens of the texts `data[offsets[d]:offsets[d + 1]]`, valid UTF-8."""
        docs = len(offsets) - 1
        of_docs = np.zeros((docs, COLUMNS), dtype=np.int64)
        touched, used = np.empty(self.size, dtype=np.int64), 0
        whole = np.full(docs, self._piecewise is None)
        shared = (self.kinds, self._counts, self._sums, touched)
        if self._piecewise is not None:
            for first, last, arrays in self._piecewise.numbered(data, offsets, whole):
                used = add_documents(*arrays, *shared, used, of_docs[first:last])
        left = np.flatnonzero(whole)
        if len(left):
            rows = np.zeros((len(left), COLUMNS), dtype=np.int64)
            used = add_documents(*self._encoded(data, offsets, left), *shared, used, rows)
            of_docs[left] = rows
        ids = np.sort(touched[:used])
        sums = self._sums[ids]
        self._sums[ids] = 0
        return TokenCounts(of_docs, ids, sums.T)

    def _encoded(self, data: NDArray[np.uint8], offsets: NDArray[np.int64], docs: NDArray[np.int64]) -> tuple[Any, ...]:
        """Return documents encoded whole, as `add_documents` begins: no pieces, only tokens."""
        texts = [data[offsets[doc] : offsets[doc + 1]].tobytes().decode("utf-8") for doc in docs.tolist()]
        pieces = [cut(text) for text in texts]
        encodings = iter(
            self.tokenizer.encode_batch_fast([p for of_doc in pieces for p in of_doc], add_special_tokens=False)
        )
        ids = [np.array([i for _ in of_doc for i in next(encodings).ids], dtype=np.int32) for of_doc in pieces]
        ends = np.zeros(len(docs) + 1, dtype=np.int64)
        np.cumsum([len(of_doc) for of_doc in ids], out=ends[1:])
        return -1 - np.concatenate(ids), ends, _NONE, _NONE.astype(np.int32)

    def _check(self) -> None:
        """Encode a sample whole where counting it piece by piece gives anything else."""
        texts = [text.encode("utf-8") for text in sample_texts(self.tokenizer)]
        data = np.frombuffer(b"".join(texts), dtype=np.uint8)
        offsets = np.zeros(len(texts) + 1, dtype=np.int64)
        np.cumsum([len(text) for text in texts], out=offsets[1:])
        fast, piecewise = self.count(data, offsets), self._piecewise
        self._piecewise = None
        slow = self.count(data, offsets)
        same = np.array_equal(fast.sizes, slow.sizes) and np.array_equal(fast.ids, slow.ids)
        if same and np.array_equal(fast.sums, slow.sums):
            self._piecewise = piecewise
        else:
            self.reason = "a self-check on sample text gave other counts than the library"


_NONE = np.empty(0, dtype=np.int64)


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


def _kinds(parts: Part, size: int) -> NDArray[np.uint8]:
    """Return what each token is, as bits of `audits.kernels.token_sums`."""
    kinds = np.zeros(size, dtype=np.uint8)
    model = parts["model"]
    tokens = vocabulary_of(parts)
    numbers = {token: number for number, token in tokens.items()}
    unknown = model.get("unk_id") if "unk_id" in model else numbers.get(model.get("unk_token"))
    if unknown is not None:
        kinds[unknown] |= UNKNOWN
    if is_byte_level(parts):
        broken = [number for number, token in tokens.items() if _is_broken(token_bytes(token))]
    else:
        broken = [numbers[name] for name in (f"<0x{b:02X}>" for b in range(256)) if name in numbers]
        broken = broken if model.get("byte_fallback") else []
    kinds[broken] |= FALLBACK
    added = parts.get("added_tokens") or []
    kinds[[token["id"] for token in added]] &= UNKNOWN
    kinds[[token["id"] for token in added if token["special"]]] |= SPECIAL
    return kinds


def _is_broken(text: bytes | None) -> bool:
    """Tell whether bytes begin or end inside of a character."""
    try:
        (text or b"").decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False
