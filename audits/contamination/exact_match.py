"""Test items found whole: every word of the question, in order, anywhere in a document.

Words are compared after folding, so case, punctuation, line breaks and width do not matter: the item
"Why is the sky blue?" is found in "why\\nis the sky BLUE …".

A question that says too little to identify its item ("Which of the following is true?", "Inflation") counts only
with the item's options or answer beside it; one that says nothing even then is unmatchable.
"""

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from audits.base import Resources
from audits.batch import TextBatch
from audits.contamination.detector import WordLevelConfig, WordLevelDetector
from audits.contamination.eval_parts import QUESTION
from audits.contamination.identification import MIN_WORDS, identify
from audits.contamination.match_state import MatchState
from audits.contamination.phrase_index import build_phrase_index
from audits.contamination.recorder import Subject, subject_of, whole_span
from audits.contamination.templates import Templates


class ExactMatchConfig(WordLevelConfig):
    """Options of `exact_match`.

    A question of fewer than `min_words` words needs its options or answer beside it.
    """

    kind: Literal["exact_match"] = "exact_match"
    min_words: Annotated[int, Field(ge=1)] = MIN_WORDS

    def build(self, resources: Resources) -> "ExactMatch":
        """Index the most telling words of every question."""
        subject = subject_of(resources)
        if self.min_words != MIN_WORDS:
            own = identify(subject.parts, subject.context, self.min_words)
            subject = replace(subject, identification=own)
        return ExactMatch(self, resources.eval_items, subject)


class ExactMatch(WordLevelDetector):
    """Finds documents that contain a whole question word for word."""

    phrase = "stand word for word in"

    def __init__(self, config: ExactMatchConfig, eval_items: pa.Table, subject: Subject) -> None:
        every_word = np.ones(len(subject.parts.words.hashes), dtype=bool)
        super().__init__(config, eval_items, subject, Templates(every_word, []))
        questions = (subject.parts.kinds == QUESTION) & subject.identification.supported
        self.phrases = build_phrase_index(subject.parts, questions, subject.context.information)

    def scan(self, state: MatchState, batch: TextBatch) -> None:
        """Record every document that contains a whole question."""
        sizes = self.subject.parts.sizes
        found = self.phrases.find(batch.words)
        self.recorder.record(state, batch, [whole_span(doc, part, at, int(sizes[part])) for doc, part, at in found])

    def matchable_by(self) -> list[str]:
        """Return what finds an item whole."""
        return self.subject.matchable_by()
