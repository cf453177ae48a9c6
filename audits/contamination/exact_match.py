"""Test items found whole: every word of the question, in order, anywhere in a document.

Words are compared after folding, so case, punctuation, line breaks and width do not matter: the item
"Why is the sky blue?" is found in "why\\nis the sky BLUE …".

A question that says too little to identify its item ("Which of the following is true?", "Inflation") counts only
with the item's options or answer beside it; one that says nothing even then is unmatchable.
"""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from audits.base import Audit, AuditConfig, Resources
from audits.batch import TextBatch
from audits.contamination.eval_parts import QUESTION
from audits.contamination.identification import MIN_WORDS, identify
from audits.contamination.match_state import MatchState
from audits.contamination.phrase_index import build_phrase_index
from audits.contamination.recorder import Recorder, Subject, subject_of, whole_span
from audits.contamination.scoring import Judge, Limits
from audits.contamination.templates import Templates
from audits.contamination.verdicts import Judgement, judge
from audits.findings import Status, Summary


class ExactMatchConfig(AuditConfig):
    """Options of `exact_match`.

    A question of fewer than `min_words` words needs its options or answer beside it.
    """

    needs_eval_sets: ClassVar[bool] = True

    kind: Literal["exact_match"] = "exact_match"
    min_words: Annotated[int, Field(ge=1)] = MIN_WORDS
    max_exposed_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    min_matchable_share: Annotated[float, Field(ge=0, le=1)] = 0.8

    def build(self, resources: Resources) -> "ExactMatch":
        """Index the rarest words of every question."""
        subject = subject_of(resources)
        if self.min_words != MIN_WORDS:
            own = identify(subject.parts, subject.context, self.min_words)
            subject = replace(subject, identification=own)
        return ExactMatch(self, resources.eval_items, subject)


class ExactMatch(Audit[MatchState]):
    """Finds documents that contain a whole question word for word."""

    def __init__(self, config: ExactMatchConfig, eval_items: pa.Table, subject: Subject) -> None:
        self.label = config.label
        self.config = config
        self.eval_items = eval_items
        self.subject = subject
        questions = (subject.parts.kinds == QUESTION) & subject.identification.supported
        self.phrases = build_phrase_index(subject.parts, questions, subject.context.information)
        self.recorder = Recorder(self.label, subject)

    def new_state(self) -> MatchState:
        """Return the state of an empty corpus."""
        return MatchState()

    def scan(self, state: MatchState, batch: TextBatch) -> None:
        """Record every document that contains a whole question."""
        spans = []
        for doc, part, first in self.phrases.find(batch.words):
            spans.append(whole_span(doc, part, first, int(self.subject.parts.sizes[part])))
        self.recorder.record(state, batch, spans)

    def summary(self, state: MatchState, reference: MatchState | None = None) -> Summary:
        """Judge every item; a baseline plays no part."""
        templates = Templates(np.ones(len(self.subject.parts.words.hashes), dtype=bool), [])
        judged = Judge(self.subject, templates, Limits(1.0, 1.0), state).judged(self.label)
        judgement = Judgement(
            detector=self.label,
            phrase="stand word for word in",
            exposed_status=Status.FAIL,
            max_exposed_share=self.config.max_exposed_share,
            min_matchable_share=self.config.min_matchable_share,
            matchable_by=self.subject.matchable_by(),
        )
        return judge(judgement, self.eval_items, judged)
