"""The texts of the test items as words: questions and passages to be found, answers to look for nearby."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audits.batch import text_buffers
from audits.kernels.words import Words, split_words

QUESTION = 0
PASSAGE = 1


@dataclass(frozen=True)
class EvalParts:
    """The distinct question and passage texts of all test items.

    Part p has the text `texts[p]`, the kind `kinds[p]` (QUESTION or PASSAGE, int8), the words
    `words.doc_offsets[p]` to `words.doc_offsets[p + 1]`, and belongs to the rows `items[p]` of the eval item
    table: items that share a text share its part. `offsets` are the parts' starts in the text buffer that
    `words.starts` counts in.
    """

    texts: list[str]
    kinds: NDArray[np.int8]
    items: list[tuple[int, ...]]
    words: Words
    offsets: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Words of each part."""
        return np.diff(self.words.doc_offsets)

    def eval_sets(self, names: list[str]) -> list[str]:
        """Return the eval set of each part, given that of each item row."""
        return [names[rows[0]] for rows in self.items]


def words_of(texts: list[str]) -> tuple[Words, NDArray[np.int64]]:
    """Return the words of some texts and where each text starts in their common buffer."""
    data, offsets = text_buffers(pa.array(texts, type=pa.string()))
    return split_words(data, offsets), offsets


def eval_parts(eval_items: pa.Table) -> EvalParts:
    """Collect the distinct questions and passages of a table in `EVAL_ITEM_SCHEMA`.

    Equal texts are one part within one eval set, so that what is common to many items counts once.
    """
    rows_of: dict[tuple[str, int, str], list[int]] = {}
    columns = [eval_items.column(name).to_pylist() for name in ("eval_set", "question", "passage")]
    for row, (eval_set, question, passage) in enumerate(zip(*columns, strict=True)):
        for kind, text in ((QUESTION, question), (PASSAGE, passage)):
            if text:
                rows_of.setdefault((eval_set, kind, text), []).append(row)
    texts = [text for _, _, text in rows_of]
    words, offsets = words_of(texts)
    kinds = np.array([kind for _, kind, _ in rows_of], dtype=np.int8)
    return EvalParts(texts, kinds, [tuple(rows) for rows in rows_of.values()], words, offsets)


@dataclass(frozen=True)
class Answers:
    """Gold answers as words, one entry an eval item row; items without an answer have no words."""

    words: Words

    def near(self, row: int, words: Words, doc: int, first: int, last: int) -> bool:
        """Tell whether the answer of item `row` stands near the words `first:last` of a document.

        Short answers (up to three words) must stand whole within 50 words after the question, longer ones
        must share half of their 3-grams with the 100 words (or twice their length) after it; decon's rule
        for where an answer may stand (allenai/decon, `detection_config.rs`).
        """
        start, stop = self.words.doc_offsets[row], self.words.doc_offsets[row + 1]
        answer = self.words.hashes[start:stop].tolist()
        if not answer:
            return False
        reach = 50 + len(answer) if len(answer) <= 3 else max(2 * len(answer), 100)
        # The question's own last words may belong to the answer's side of the cluster.
        begin = last if len(answer) <= 3 else first
        window = words.hashes[begin : min(last + reach, words.doc_offsets[doc + 1])].tolist()
        n = min(3, len(answer))
        grams = {tuple(answer[at : at + n]) for at in range(len(answer) - n + 1)}
        seen = {tuple(window[at : at + n]) for at in range(len(window) - n + 1)}
        return len(grams & seen) * 2 >= len(grams)


def eval_answers(eval_items: pa.Table) -> Answers:
    """Return the gold answers of a table in `EVAL_ITEM_SCHEMA` as words."""
    return Answers(words_of([answer or "" for answer in eval_items.column("answer").to_pylist()])[0])
