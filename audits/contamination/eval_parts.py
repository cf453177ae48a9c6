"""The texts of the test items as words: questions, passages and answers, each to be found apart from the others."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audits.batch import text_buffers
from audits.kernels.words import Words, split_words

QUESTION = 0
PASSAGE = 1
ANSWER = 2


@dataclass(frozen=True)
class EvalParts:
    """The distinct question, passage and answer texts of all test items.

    Part p has the text `texts[p]`, the kind `kinds[p]` (QUESTION, PASSAGE or ANSWER, int8), the words
    `words.doc_offsets[p]` to `words.doc_offsets[p + 1]`, and belongs to the rows `items[p]` of the eval item
    table: items that share a text share its part. `set_codes` (int64) numbers the eval set of each part.
    `offsets` are the parts' starts in `data`, the text buffer that `words.starts` counts in.
    """

    texts: list[str]
    kinds: NDArray[np.int8]
    items: list[tuple[int, ...]]
    set_codes: NDArray[np.int64]
    words: Words
    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Words of each part."""
        return np.diff(self.words.doc_offsets)

    def hashes_of(self, part: int) -> NDArray[np.uint64]:
        """Return the word hashes of one part."""
        return self.words.hashes[self.words.doc_offsets[part] : self.words.doc_offsets[part + 1]]

    def rows_of(self, chosen: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
        """Yield (part, item row) for every item of the chosen parts."""
        for part in np.flatnonzero(chosen).tolist():
            yield from ((part, row) for row in self.items[part])

    def word_texts(self, part: int) -> list[str]:
        """Return the words of one part as they are written."""
        start, stop = self.words.doc_offsets[part], self.words.doc_offsets[part + 1]
        bounds = zip(self.words.starts[start:stop].tolist(), self.words.ends[start:stop].tolist(), strict=True)
        return [self.data[first:last].tobytes().decode("utf-8", "replace") for first, last in bounds]


@dataclass(frozen=True)
class SplitTexts:
    """Some texts with their words, their common buffer, and where each starts in it."""

    words: Words
    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]


def split_texts(texts: list[str]) -> SplitTexts:
    """Return the words of some texts."""
    data, offsets = text_buffers(pa.array(texts, type=pa.string()))
    return SplitTexts(split_words(data, offsets), data, offsets)


def eval_parts(eval_items: pa.Table) -> EvalParts:
    """Collect the distinct questions, passages and answers of a table in `EVAL_ITEM_SCHEMA`.

    Equal texts are one part within one eval set, so that what is common to many items counts once.
    """
    rows_of: dict[tuple[str, int, str], list[int]] = {}
    columns = [eval_items.column(name).to_pylist() for name in ("eval_set", "question", "passage", "answer")]
    for row, (eval_set, *texts) in enumerate(zip(*columns, strict=True)):
        for kind, text in zip((QUESTION, PASSAGE, ANSWER), texts, strict=True):
            if text:
                rows_of.setdefault((eval_set, kind, text), []).append(row)
    codes = {name: code for code, name in enumerate(dict.fromkeys(columns[0]))}
    texts = [text for _, _, text in rows_of]
    split = split_texts(texts)
    return EvalParts(
        texts=texts,
        kinds=np.array([kind for _, kind, _ in rows_of], dtype=np.int8),
        items=[tuple(rows) for rows in rows_of.values()],
        set_codes=np.array([codes[name] for name, _, _ in rows_of], dtype=np.int64),
        words=split.words,
        data=split.data,
        offsets=split.offsets,
    )
