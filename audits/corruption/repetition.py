"""Documents that repeat themselves: lines, paragraphs, phrases, passages, loops.

| rule, version 1 | a document is affected if | source |
|---|---|---|
| duplicate_lines | > 30 % of its lines, or > 20 % of its bytes in them, repeat an earlier line | Gopher A1 |
| duplicate_paragraphs | the same for paragraphs | Gopher A1 |
| top_ngrams | its most frequent 2-, 3- or 4-gram makes up > 20, 18 or 16 % | Gopher A1 |
| duplicate_ngrams | repeated 5- to 10-grams make up > 15, 14, 13, 12, 11 or 10 % | Gopher A1 |
| token_loops | a span of at most 13 words stands 32 times in a row | OLMo 2, Dolma |

Gopher is Rae et al. 2021 (arXiv 2112.11446), in datatrove's reading: copies after the first count, n-grams
without overlap. Ours differs in using folded words, and bytes instead of characters. The most frequent n-gram
must occur twice: without that, half of clean Chinese pages fail. Gopher asks for 50 words first, so its rules
are not applied to shorter documents; its n-gram rules not to scripts without spaces, where a word is a
character. Unlike Gopher's filter, the loop rule needs no minimum.

"buy now buy now buy now ..." breaks `top_ngrams`; a menu printed twice breaks `duplicate_lines`.
"""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from audits.base import Resources
from audits.batch import TextBatch
from audits.corruption.damage_shares import DamageAudit, DamageConfig, Rule
from audits.corruption.damage_state import DamageState, Defect
from audits.kernels.repetition import (
    LENGTHS,
    TOP_LENGTHS,
    longest_loops,
    measure_grams,
    measure_lines,
    standalone_word_counts,
)
from audits.kernels.words import NORMALISER

GRAM_LIMITS = (0.20, 0.18, 0.16, 0.15, 0.14, 0.13, 0.12, 0.11, 0.10)
"""Gopher, table A1: share of the most frequent 2- to 4-gram and of duplicate 5- to 10-grams."""

LINE_LIMITS = (0.30, 0.20)
"""Gopher, table A1: share of duplicate lines, and of the characters in them; the same for paragraphs."""

MIN_LOOPS = 32
"""Repeats in a row, as in OLMo's filter of n-gram repetition (which counts tokens, not words)."""

MAX_STANDALONE_SHARE = 0.5
"""Share of one-character words above which a document counts as written without spaces."""

RULES = (
    Rule(
        "duplicate_lines",
        1,
        "repeat their own lines",
        "Look for menus and templates; drop or clean these documents.",
    ),
    Rule(
        "duplicate_paragraphs",
        1,
        "repeat their own paragraphs",
        "Deduplicate paragraphs inside these documents.",
    ),
    Rule("top_ngrams", 1, "repeat one phrase over and over", "Filter keyword spam and lists."),
    Rule("duplicate_ngrams", 1, "repeat longer passages of their own", "Deduplicate inside these documents."),
    Rule("token_loops", 1, "loop on a few words", "Drop these documents; such loops often come from a model."),
)


class RepetitionConfig(DamageConfig):
    """Options of `repetition`: the limits of `DamageConfig` on the share of documents.

    Gopher's rules need documents of `min_words` words. Of 1,000 pages of C4, which is filtered, 2.6 % break
    the rule on phrases and 3.8 % the one on passages, hence the wide limits. None loops, so loops have the
    narrow limits of other damage.
    """

    kind: Literal["repetition"] = "repetition"
    warn_share: Annotated[float, Field(ge=0, lt=1)] = 0.10
    fail_share: Annotated[float, Field(ge=0, lt=1)] = 0.25
    loop_warn_share: Annotated[float, Field(ge=0, lt=1)] = 0.005
    loop_fail_share: Annotated[float, Field(ge=0, lt=1)] = 0.05
    min_words: Annotated[int, Field(ge=1)] = 50

    def build(self, resources: Resources) -> "Repetition":
        """Make the audit; it needs nothing but its limits."""
        return Repetition(self)


class Repetition(DamageAudit):
    """Counts documents that repeat themselves beyond Gopher's limits."""

    def __init__(self, config: RepetitionConfig) -> None:
        super().__init__(config, RULES)
        self.config = config

    def limits_of(self, rule_id: str) -> tuple[float, float]:
        """Return the shares above which a rule warns and fails."""
        if rule_id == "token_loops":
            return self.config.loop_warn_share, self.config.loop_fail_share
        return super().limits_of(rule_id)

    def digests(self) -> dict[str, str]:
        """Return the rules with their versions, and what they count words by."""
        return {**super().digests(), "words": NORMALISER, "min_words": str(self.config.min_words)}

    def scan(self, state: DamageState, batch: TextBatch) -> None:
        """Look at every document of a batch."""
        long_enough = batch.word_counts >= self.config.min_words
        alone = standalone_word_counts(batch.data, batch.words)
        spaced = long_enough & (alone <= MAX_STANDALONE_SHARE * batch.word_counts)
        short, unspaced = np.flatnonzero(~long_enough).tolist(), np.flatnonzero(~spaced).tolist()
        lines, grams = ("duplicate_lines", "duplicate_paragraphs"), ("top_ngrams", "duplicate_ngrams")
        state.count(batch, dict.fromkeys(lines, short) | dict.fromkeys(grams, unspaced))
        state.add(batch, _line_defects(batch, long_enough) + _gram_defects(batch, spaced) + _loop_defects(batch))


def _line_defects(batch: TextBatch, applies: NDArray[np.bool_]) -> list[Defect]:
    measured = measure_lines(batch.data, batch.offsets)
    units = np.maximum(measured.counts[:, :, 0], 1)
    sizes = np.maximum(batch.byte_counts, 1)[:, None]
    repeats, characters = measured.counts[:, :, 1] / units, measured.counts[:, :, 2] / sizes
    excess = np.maximum(repeats / LINE_LIMITS[0], characters / LINE_LIMITS[1])
    defects = []
    for which, rule in enumerate(("duplicate_lines", "duplicate_paragraphs")):
        for doc in np.flatnonzero((excess[:, which] > 1) & applies).tolist():
            start, end = measured.places[doc, which].tolist()
            defects.append(Defect(doc, rule, float(excess[doc, which]), start, end))
    return defects


def _gram_defects(batch: TextBatch, applies: NDArray[np.bool_]) -> list[Defect]:
    measured = measure_grams(batch.words, applies)
    excess = measured.sizes / np.maximum(batch.byte_counts, 1)[:, None] / np.array(GRAM_LIMITS)
    defects = []
    for rule, columns in (
        ("top_ngrams", slice(0, len(TOP_LENGTHS))),
        ("duplicate_ngrams", slice(len(TOP_LENGTHS), None)),
    ):
        worst = excess[:, columns].argmax(axis=1) + columns.start
        for doc in np.flatnonzero(excess[:, columns].max(axis=1) > 1).tolist():
            column = int(worst[doc])
            first = int(measured.first_words[doc, column])
            start, end = _bytes(batch, doc, first, first + LENGTHS[column])
            defects.append(Defect(doc, rule, float(excess[doc, column]), start, end))
    return defects


def _loop_defects(batch: TextBatch) -> list[Defect]:
    repeats, spans = longest_loops(batch.words, MIN_LOOPS)
    return [
        Defect(doc, "token_loops", float(repeats[doc]), *_bytes(batch, doc, *spans[doc].tolist()))
        for doc in np.flatnonzero(repeats).tolist()
    ]


def _bytes(batch: TextBatch, doc: int, first: int, last: int) -> tuple[int, int]:
    offset = int(batch.offsets[doc])
    return int(batch.words.starts[first]) - offset, int(batch.words.ends[last - 1]) - offset
