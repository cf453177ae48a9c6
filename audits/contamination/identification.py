"""Which questions identify their item by themselves, which need their options beside them, and which cannot.

"Which of the following statements is correct?" is the question of ten MMLU items and of no one in particular; with
its options beside it, it is one item again. "Inflation" needs its options too. "What is 2 + 2?" with the options 3,
4 and 5 identifies nothing that way either, and is unmatchable.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.contamination.context import Context, Surroundings
from audits.contamination.eval_parts import QUESTION, EvalParts
from audits.contamination.information import WHOLE_BITS
from audits.contamination.phrase_index import phrase_hashes

MIN_WORDS = 3
"""Words from which a question can identify its item alone. Ten of MMLU's questions of one or two words stand in 1,000
ordinary web pages; of those with three or more and enough bits, none."""

_MAX_SHARING = 2
"""Items of a set that may share a question; two are usually one item twice (MMLU), more are a stem."""

_MAX_SHARING_LONG = 10
"""Items that may share a question of twice the bits: nobody asks that much by way of a stem, so they are one item in
several rows (one for each option, or for each prompt)."""

_MIN_LOOKUP_BITS = 8.0
"""A shorter or commoner phrase ("Why?") stands in every document, and looking around each place costs too much."""


@dataclass(frozen=True)
class Identification:
    """What each part says about its item.

    `bits` (float64) is the information of a question, 0 for stems that several items share; `alone` and
    `supported` (bool) tell whether it identifies its item by itself, and with the options or answer of its item.
    """

    bits: NDArray[np.float64]
    alone: NDArray[np.bool_]
    supported: NDArray[np.bool_]

    def identifies(self, part: int, around: Surroundings) -> bool:
        """Tell whether a whole question identifies its item, given what stands around it."""
        if self.alone[part]:
            return True
        beside = around.options >= 2 or around.answer
        return beside and bool(self.bits[part] + around.bits >= WHOLE_BITS)

    def matchable_by(self, part: int, row: int, context: Context) -> str:
        """Return what an item can be found by: `question`, `options`, or nothing."""
        if self.alone[part]:
            return "question"
        beside = context.bits(row)
        return "options" if self.supported[part] and beside and self.bits[part] + beside >= WHOLE_BITS else ""


def identify(parts: EvalParts, context: Context, min_words: int = MIN_WORDS) -> Identification:
    """Judge every question among `parts`; other parts identify nothing."""
    information = context.information
    word_bits = information.bits_of(parts.words.hashes)
    total = np.concatenate([[0.0], np.cumsum(word_bits)])
    raw = total[parts.words.doc_offsets[1:]] - total[parts.words.doc_offsets[:-1]]
    questions = parts.kinds == QUESTION
    sharing = _sharing(parts)
    own = (sharing <= _MAX_SHARING) | ((sharing <= _MAX_SHARING_LONG) & (raw >= 2 * WHOLE_BITS))
    bits = np.where(questions & own, raw, 0.0)
    alone = (bits >= WHOLE_BITS) & (parts.sizes >= min_words)
    return Identification(bits, alone, questions & (raw >= _MIN_LOOKUP_BITS))


def _sharing(parts: EvalParts) -> NDArray[np.int64]:
    """Return how many items of its set have the words of each part as a text of the same kind."""
    order = np.lexsort((hashes := phrase_hashes(parts), parts.kinds, parts.set_codes))
    columns = (hashes, parts.kinds, parts.set_codes)
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.any([column[order][1:] != column[order][:-1] for column in columns], axis=0)
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum(new) - 1
    items = np.bincount(group, weights=[len(rows) for rows in parts.items])
    return items[group].astype(np.int64)
