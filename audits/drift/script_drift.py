"""Scripts against a baseline: how much of the letters is Latin, Cyrillic, Han, Devanagari and so on.

Scripts see what a language model of texts cannot: a page that is half English and half Chinese counts with each
half. A document's language is one guess; its letters are what they are (`audits.scripts`).
"""

from typing import Literal

import numpy as np
import pyarrow as pa

from audits.base import Audit, Resources
from audits.batch import TextBatch
from audits.drift.share_drift import ShareJudge, Subject
from audits.drift.share_limits import ClusteredShareConfig
from audits.drift.share_profile import PROFILE_VERSION, share_tables, state_of
from audits.drift.share_state import Parts, ShareState, categories_of
from audits.findings import Summary
from audits.kernels.scripts import count_scripts
from audits.scripts import SCRIPTS, script_digest

SAMPLE = 20_000
"""Documents sampled to tell which hosts a change comes from."""


class ScriptDriftConfig(ClusteredShareConfig):
    """Options of `script_drift`: the limits of `ClusteredShareConfig`; shares are of letters, not of words."""

    kind: Literal["script_drift"] = "script_drift"

    def build(self, resources: Resources) -> "ScriptDrift":
        """Make the audit; it needs nothing but its limits."""
        return ScriptDrift(self)


class ScriptDrift(Audit[ShareState]):
    """Counts the letters of every document by script."""

    compares = True
    profile_version = PROFILE_VERSION

    def __init__(self, config: ScriptDriftConfig) -> None:
        self.label = config.label
        self.config = config

    def new_state(self) -> ShareState:
        """Return the state of an empty corpus."""
        return ShareState.empty(SAMPLE)

    def scan(self, state: ShareState, batch: TextBatch) -> None:
        """Add the letters of a batch's documents to their scripts."""
        state.add(batch, script_parts(batch))

    def summary(self, state: ShareState, reference: ShareState | None = None) -> Summary:
        """Judge every script that either side has."""
        judge = ShareJudge(self.label, self.config, "scripts", "letters", self.history)
        names = categories_of(state, reference)
        subjects = [Subject(name, f"{_phrase(name)} script", frozenset({name})) for name in sorted(names)]
        if reference is None:
            return judge.without_reference(state, subjects)
        return judge.compare(state, reference, subjects)

    def digests(self) -> dict[str, str]:
        """Return the version of the script property."""
        return {"scripts": script_digest()}

    def to_profile(self, state: ShareState) -> dict[str, pa.Table]:
        """Return the sums by source and script, by random group of hosts, and the sample of documents."""
        return share_tables(state)

    def from_profile(self, tables: dict[str, pa.Table]) -> ShareState:
        """Rebuild the sums; examples are not kept."""
        return state_of(tables, SAMPLE)


def script_parts(batch: TextBatch) -> Parts:
    """Return the letters of each document by script, and all of its letters as its units."""
    letters, sizes = count_scripts(batch.data, batch.offsets)
    letters[:, 0] = 0
    docs, codes = np.nonzero(letters)
    present, places = np.unique(codes, return_inverse=True)
    names = [SCRIPTS[code] for code in present.tolist()]
    return Parts(names, docs, places, letters[docs, codes], sizes[docs, codes], letters.sum(axis=1))


def _phrase(name: str) -> str:
    return name.replace("_", " ") if name != "Other" else "Any other"
