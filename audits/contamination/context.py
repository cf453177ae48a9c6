"""What stands around a question in a document: its answer, its options, and whether the answer is given away.

A question alone is a leak of the input; with its answer it is a leak of the whole item. Options give nothing away
until one of them is singled out.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audits.contamination.eval_parts import SplitTexts, split_texts
from audits.contamination.information import Information
from audits.kernels.words import Words

_SHORT_ANSWER = 3
"""Words up to which an answer must stand whole; decon's rule (allenai/decon, `detection_config.rs`)."""

_SHORT_REACH = 50
_BARE_REACH = 15
"""Words after the question in which a short answer counts, and one that says next to nothing ("7", "yes")."""

_BARE_BITS = 14.0
_LONG_REACH = 100
_MARKER_REACH = 3
"""Words after "answer" in which the letter of the right option counts."""


@dataclass(frozen=True)
class Surroundings:
    """What was found near a question: whether its answer is given, how many options, and what they say in bits."""

    answer: bool
    options: int
    bits: float


@dataclass(frozen=True)
class Context:
    """Answers and options of the eval item table as words.

    `answers` has one text a row. The options of row r are the texts `bounds[r]` to `bounds[r + 1]` of `options`;
    the right one is option `gold[r]` of them, -1 where that is not known. `letters` are the hashes of a, b, c, ...
    """

    answers: SplitTexts
    options: SplitTexts
    bounds: NDArray[np.int64]
    gold: NDArray[np.int64]
    letters: NDArray[np.uint64]
    marker: int
    information: Information

    def bits(self, row: int) -> float:
        """Return the bits of all options of an item and, without options, of its answer."""
        texts = range(int(self.bounds[row]), int(self.bounds[row + 1]))
        if len(texts) >= 2:
            return sum(self._bits(_words(self.options.words, text)) for text in texts)
        return self._bits(_words(self.answers.words, row))

    def around(self, row: int, words: Words, first: int, last: int, end: int) -> Surroundings:
        """Look near the words `first:last` of a batch, and before word `end`, for answer and options of item `row`."""
        answer = _words(self.answers.words, row)
        options = [_words(self.options.words, text) for text in range(self.bounds[row], self.bounds[row + 1])]
        reach = max(_LONG_REACH, 3 * sum(map(len, options)))
        after = words.hashes[last : min(last + reach, end)]
        there = [option for option in options if len(option) and _count(after, option)]
        near = self._answer_near(answer, words, first, last, end)
        if len(there) >= 2:
            # An option may be part of another one ("red", "dark red") and so stand more than once in a bare list.
            listed = sum(_count(option, answer) for option in there)
            near = _count(after, answer) > max(1, listed) or self._marked(row, after, len(options))
            return Surroundings(near, len(there), sum(map(self._bits, there)))
        return Surroundings(near, len(there), self._bits(answer) if near else 0.0)

    def _bits(self, hashes: NDArray[np.uint64]) -> float:
        return float(self.information.bits_of(hashes).sum())

    def _answer_near(self, answer: NDArray[np.uint64], words: Words, first: int, last: int, end: int) -> bool:
        if not len(answer):
            return False
        if len(answer) <= _SHORT_ANSWER:
            reach = _SHORT_REACH if self._bits(answer) >= _BARE_BITS else _BARE_REACH
            return _count(words.hashes[last : min(last + reach + len(answer), end)], answer) > 0
        # A long answer may begin inside the stretch that was taken for the question.
        window = words.hashes[first : min(last + max(2 * len(answer), _LONG_REACH), end)].tolist()
        words_there = set(window)
        if sum(word in words_there for word in answer.tolist()) * 2 < len(answer):
            return False
        grams, seen = _trigrams(answer.tolist()), _trigrams(window)
        return len(grams & seen) * 2 >= len(grams)

    def _marked(self, row: int, after: NDArray[np.uint64], options: int) -> bool:
        """Tell whether the first letter of an option that follows "answer" is that of the right one."""
        gold, letters = int(self.gold[row]), self.letters[:options]
        if not 0 <= gold < len(letters):
            return False
        for at in np.flatnonzero(after == np.uint64(self.marker)):
            near = after[at + 1 : at + 1 + _MARKER_REACH]
            named = near[np.isin(near, letters)]
            if len(named) and named[0] == letters[gold]:
                return True
        return False


def eval_context(eval_items: pa.Table, information: Information) -> Context:
    """Return the answers and options of a table in `EVAL_ITEM_SCHEMA`."""
    answers = [answer or "" for answer in eval_items.column("answer").to_pylist()]
    choices = [options or [] for options in eval_items.column("choices").to_pylist()]
    gold = [
        options.index(answer) if answer in options else -1 for options, answer in zip(choices, answers, strict=True)
    ]
    return Context(
        answers=split_texts(answers),
        options=split_texts([option for options in choices for option in options]),
        bounds=np.concatenate([[0], np.cumsum([len(options) for options in choices])]).astype(np.int64),
        gold=np.array(gold, dtype=np.int64),
        letters=split_texts(["a b c d e f g h i j"]).words.hashes,
        marker=int(split_texts(["answer"]).words.hashes[0]),
        information=information,
    )


def all_texts(eval_items: pa.Table) -> SplitTexts:
    """Return every text of a table in `EVAL_ITEM_SCHEMA` as words, options too."""
    texts = [text or "" for name in ("question", "passage", "answer") for text in eval_items.column(name).to_pylist()]
    options = [option for options in eval_items.column("choices").to_pylist() for option in options or []]
    return split_texts(texts + options)


def _words(words: Words, text: int) -> NDArray[np.uint64]:
    return words.hashes[words.doc_offsets[text] : words.doc_offsets[text + 1]]


def _count(window: NDArray[np.uint64], phrase: NDArray[np.uint64]) -> int:
    """Return how often a phrase stands in a window, without overlaps."""
    if not len(phrase):
        return 0
    haystack, needle = window.tobytes(), phrase.tobytes()
    count, at = 0, haystack.find(needle)
    while at >= 0:
        whole = at % 8 == 0
        count += whole
        at = haystack.find(needle, at + (len(needle) if whole else 1))
    return count


def _trigrams(words: list[int]) -> set[tuple[int, ...]]:
    return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}
