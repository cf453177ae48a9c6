"""What detectors of test items have in common (limits, calibration), and what those that quote have beside it."""

from abc import abstractmethod
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Self

import pyarrow as pa
from pydantic import Field

from audits.base import Audit, AuditConfig, Resources, StateT
from audits.contamination.exposure_findings import Judgement
from audits.contamination.match_state import MatchState
from audits.contamination.recorder import Recorder, Subject
from audits.contamination.scoring import Judge, Limits, ScoredPlace
from audits.contamination.templates import Templates
from audits.contamination.verdicts import judge
from audits.findings import Status, Summary

Share = Annotated[float, Field(ge=0, le=1)]
Score = Annotated[float, Field(gt=0, le=1)]


class DetectorConfig(AuditConfig):
    """Options that every detector of test items shares.

    `thresholds` are limits by test set, such as `corpus-audit calibrate` finds; they go before the detector's own. A
    test set fails when more than `max_exposed_share` of its items are exposed; the check is INSUFFICIENT where less
    than `min_matchable_share` of them can be found at all.
    """

    needs_eval_sets: ClassVar[bool] = True
    limit_option: ClassVar[str | None] = None
    """Name of the option with the limit that `thresholds` override; None for a detector without one."""

    thresholds: Annotated[dict[str, Score], Field(default_factory=dict)]
    max_exposed_share: Share = 0.0
    min_matchable_share: Share = 0.8

    def limits(self) -> Limits:
        """Return the scores from which a place exposes an item, or makes it suspect."""
        return Limits(1.0, 1.0)

    def lowered(self) -> Self:
        """Return the same options with everything recorded that a lower limit might expose."""
        return self

    def build(self, resources: Resources) -> "Detector[Any]":
        """Make the detector, with whatever indexes it needs."""
        raise NotImplementedError


class Detector(Audit[StateT]):
    """What finds test items in documents, and can be calibrated: it has limits, and scores every place it finds."""

    unmeant: ClassVar[frozenset[str]] = frozenset()
    """Kinds of planted copies that are not meant to be exposed by it, and so tell nothing of its recall."""

    limits: Limits
    set_names: list[str]
    """Name of the test set of each item row."""

    @abstractmethod
    def matchable_by(self) -> list[str]:
        """Return per item row what the detector finds it by, "" for nothing."""

    @abstractmethod
    def scored(self, state: StateT) -> list[ScoredPlace]:
        """Return every place that some limit would make expose an item, in texts that copies were planted in."""


class WordLevelConfig(DetectorConfig):
    """Options of the detectors that quote, word for word or nearly."""

    def floor(self) -> float:
        """Return the score from which a place is recorded: the lowest that can make anything of it in any set."""
        limits = self.limits()
        return min(limits.exposed, limits.suspect, *limits.by_set.values())


class WordLevelDetector(Detector[MatchState]):
    """A detector whose matches can be quoted; a subclass finds spans and says what it found in words (`phrase`)."""

    phrase: str

    def __init__(self, config: WordLevelConfig, eval_items: pa.Table, subject: Subject, templates: Templates) -> None:
        self.label = config.label
        self.limits = config.limits()
        self.exposed_share, self.matchable_share = config.max_exposed_share, config.min_matchable_share
        self.eval_items = eval_items
        self.subject = subject
        self.set_names = subject.names
        self.templates = templates
        self.recorder = Recorder(self.label, subject)

    def new_state(self) -> MatchState:
        """Return the state of an empty corpus."""
        return MatchState()

    def judge_of(self, state: MatchState) -> Judge:
        """Return the judge of a state's matches."""
        return Judge(self.subject, self.templates, self.limits, state)

    def scored(self, state: MatchState) -> list[ScoredPlace]:
        """Return every place that some limit would make expose an item.

        Nothing is learnt of the corpus's own phrases: many copies of one item are none, they were put there.
        """
        return Judge(self.subject, self.templates, self.limits, replace(state, counts={})).scored()

    def summary(self, state: MatchState, reference: Any = None) -> Summary:
        """Judge every item by its best document; a baseline plays no part."""
        judges = self.judge_of(state)
        judgement = Judgement(
            detector=self.label,
            phrase=self.phrase,
            exposed_status=Status.FAIL,
            max_exposed_share=self.exposed_share,
            min_matchable_share=self.matchable_share,
            matchable_by=self.matchable_by(),
        )
        summary = judge(judgement, self.eval_items, judges.judged(self.label))
        dropped = judges.dropped()
        if dropped.num_rows:
            summary.tables["dropped_phrases"] = dropped
        return summary
