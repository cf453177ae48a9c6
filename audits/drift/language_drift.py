"""Languages against a baseline: how much of the corpus is in each, and how much is not in the main one.

"Non-English tokens went from 12.0 % to 19.0 %" is one finding, with its sources; every single language is
judged beside it. Languages are identified from the text (`audits.languages`), never taken from the source.
"""

from typing import Literal

import pyarrow as pa

from audits.base import Audit, Resources
from audits.batch import TextBatch
from audits.drift.share_drift import ShareJudge, Subject
from audits.drift.share_limits import ClusteredShareConfig
from audits.drift.share_profile import PROFILE_VERSION, share_tables, state_of
from audits.drift.share_state import Parts, ShareState, categories_of
from audits.findings import Summary
from audits.kernels.words import NORMALISER
from audits.languages import language_digest

SAMPLE = 20_000
"""Documents sampled to tell which hosts a change comes from."""


class LanguageDriftConfig(ClusteredShareConfig):
    """Options of `language_drift`: the limits of `ClusteredShareConfig`, and the language that is the norm."""

    kind: Literal["language_drift"] = "language_drift"
    main_language: str = "en"

    def build(self, resources: Resources) -> "LanguageDrift":
        """Make the audit; it needs nothing but its limits."""
        return LanguageDrift(self)


class LanguageDrift(Audit[ShareState]):
    """Counts documents and words by identified language."""

    compares = True
    profile_version = PROFILE_VERSION

    def __init__(self, config: LanguageDriftConfig) -> None:
        self.label = config.label
        self.config = config

    def new_state(self) -> ShareState:
        """Return the state of an empty corpus."""
        return ShareState.empty(SAMPLE)

    def scan(self, state: ShareState, batch: TextBatch) -> None:
        """Add the documents of a batch to their languages."""
        state.add(batch, Parts.of_documents(batch, batch.languages))

    def summary(self, state: ShareState, reference: ShareState | None = None) -> Summary:
        """Judge the share outside the main language first, then every language."""
        judge = ShareJudge(self.label, self.config, "languages", history=self.history)
        main = self.config.main_language
        categories = categories_of(state, reference)
        others = frozenset(categories - {main})
        subjects = [Subject(f"non-{main}", _phrase(main), others)] if others else []
        subjects += [
            Subject(language, f"Language {language}", frozenset({language})) for language in sorted(categories)
        ]
        if reference is None:
            return judge.without_reference(state, subjects)
        return judge.compare(state, reference, subjects)

    def digests(self) -> dict[str, str]:
        """Return the versions of the language models and of the word rules."""
        return {"languages": language_digest(), "words": NORMALISER}

    def to_profile(self, state: ShareState) -> dict[str, pa.Table]:
        """Return the sums by source and language, by random group of hosts, and the sample of documents."""
        return share_tables(state)

    def from_profile(self, tables: dict[str, pa.Table]) -> ShareState:
        """Rebuild the sums; examples are not kept."""
        return state_of(tables, SAMPLE)


def _phrase(main: str) -> str:
    return "Non-English text" if main == "en" else f"Text in other languages than {main}"
