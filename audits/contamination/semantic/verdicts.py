"""From verified pairs to verdicts and matches."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from audits.contamination.edits import compare
from audits.contamination.eval_parts import split_texts
from audits.contamination.match_state import MAX_MATCHES_PER_ITEM
from audits.contamination.scoring import Judged, Limits, exposure_of
from audits.contamination.semantic.judging import Encoded, Pair
from audits.contamination.semantic.probes import Probes
from audits.contamination.semantic.verifier import NEW_NUMBERS, SAME_TOPIC
from audits.contamination.semantic.windows import Window
from audits.excerpts import excerpt
from audits.findings import Match

_MAX_BEHIND = 0.1
"""Cosine by which another item of the set may be nearer to a window that still exposes this one: near-copies of one
item lie within it, other items beyond."""

_ORDER = {"exposed": 0, "suspect": 1, "informational": 2}


@dataclass(frozen=True)
class Ruling:
    """A pair with its verdict (`exposed`, `suspect`, `informational`, or "" for none) and evidence class.

    `score` is the verifier's; `may_expose` tells that its class and its place among the window's neighbours let a low
    enough limit expose the item.
    """

    pair: Pair
    verdict: str
    evidence_class: str
    may_expose: bool

    @property
    def probe(self) -> int:
        """The probe of the pair."""
        return self.pair.probe

    @property
    def window(self) -> Window:
        """The window of the pair."""
        return self.pair.window

    @property
    def score(self) -> float:
        """The probability that the window says what the item says."""
        return self.pair.verification.score


def rule(encoded: Encoded, probes: Probes, limits: Limits) -> list[Ruling]:
    """Return the ruling on every pair, by the limits of its set."""
    return [_ruling(pair, probes.names[int(probes.sets[pair.probe])], limits) for pair in encoded.pairs]


def _ruling(pair: Pair, eval_set: str, limits: Limits) -> Ruling:
    verification, limit = pair.verification, limits.by_set.get(eval_set, limits.exposed)
    may_expose = verification.evidence_class not in (NEW_NUMBERS, SAME_TOPIC) and pair.ahead >= -_MAX_BEHIND
    verdict = ""
    if may_expose and verification.score >= limit:
        verdict = "exposed"
    elif verification.evidence_class == NEW_NUMBERS and pair.ahead >= -_MAX_BEHIND:
        verdict = "suspect" if verification.but_numbers >= limit else ""
    elif verification.score >= min(limit, limits.suspect):
        verdict = "suspect"
    elif verification.evidence_class == SAME_TOPIC:
        verdict = "informational"
    return Ruling(pair, verdict, verification.evidence_class, may_expose)


def judged_of(detector: str, probes: Probes, eval_items: pa.Table, rulings: Sequence[Ruling], documents: int) -> Judged:
    """Return matches by item, the best ones first, and every place that exposes an item."""
    judged = Judged(documents=documents)
    of_row: dict[int, dict[tuple[str, int, int], Ruling]] = defaultdict(dict)
    for ruling in sorted(rulings, key=_rank, reverse=True):
        if ruling.verdict:
            for row in probes.rows[ruling.probe]:
                of_row[row][ruling.window.shard, ruling.window.row, ruling.window.start] = ruling
    names, ids = (eval_items.column(name).to_pylist() for name in ("eval_set", "item_id"))
    for row, places in sorted(of_row.items()):
        ranked = sorted(places.values(), key=_rank)
        matches = [_match(detector, names[row], ids[row], probes.texts[r.probe], r) for r in ranked]
        best = zip(matches[:MAX_MATCHES_PER_ITEM], ranked, strict=False)
        judged.matches[row] = [_compared(match, ruling, probes) for match, ruling in best]
        judged.offered[row] = len(matches)
        judged.exposures += [exposure_of(match) for match in matches if match.verdict == "exposed"]
    return judged


def _rank(ruling: Ruling) -> tuple[int, float, str, int, int, int]:
    """Order rulings, the worst first."""
    window = ruling.window
    return _ORDER.get(ruling.verdict, 3), -ruling.score, window.shard, window.row, window.start, ruling.probe


def _match(detector: str, eval_set: str, item_id: str, question: str, ruling: Ruling) -> Match:
    window, item = ruling.window, question.encode()
    return Match(
        eval_set=eval_set,
        item_id=item_id,
        evidence_class=ruling.evidence_class,
        doc_id=window.doc_id,
        shard=window.shard,
        row=window.row,
        train_start=window.start,
        train_end=window.end,
        item_start=0,
        item_end=len(item),
        # Cosines differ in the last bits between batch shapes and machines.
        score=round(ruling.score, 4),
        detector=detector,
        excerpt=excerpt(window.text.encode(), 0, len(window.text.encode())),
        item_excerpt=excerpt(item, 0, len(item)),
        verdict=ruling.verdict,
    )


def _compared(match: Match, ruling: Ruling, probes: Probes) -> Match:
    """Add what the two sides have word for word, and what was edited."""
    first, last = probes.split.words.doc_offsets[ruling.probe : ruling.probe + 2]
    item = probes.split.words.hashes[first:last]
    words = split_texts([ruling.window.text]).words
    compared = compare(words.hashes, item, probes.word_texts(ruling.probe))
    return replace(
        match,
        coverage=round(float(compared.found.mean()), 6),
        longest_match=compared.longest,
        edit=compared.edit if compared.found.any() else "",
    )
