"""What contamination detectors remember: the best places of each test item, all places, and phrases of the corpus."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from audits.contamination.boilerplate import PartCounts
from audits.findings import Match
from audits.ranking import Smallest

MAX_MATCHES_PER_ITEM = 20
"""Places kept as evidence per test item and detector; `n_matches` counts the rest."""

MAX_PLACES = 200_000
"""Places kept for removal per detector; more are counted and said."""


MatchKey = tuple[float, str, int, int, str]


@dataclass(frozen=True)
class Found:
    """A match with what it takes to judge it again once the corpus's own phrases are known.

    `pattern` is the part's words that were found, as packed bits; `whole` tells that the question stands word for
    word and identifies its item, given what is around it.
    """

    match: Match
    part: int
    pattern: bytes
    whole: bool


class Place(NamedTuple):
    """One place that may expose an item: as little as its removal and its judgement need."""

    shard: str
    row: int
    start: int
    end: int
    doc_id: str
    part: int
    pattern: bytes
    whole: bool
    evidence_class: str


@dataclass
class MatchState:
    """Matches by row of the eval item table, with the documents scanned (in all and by source) and matched.

    `best` keeps the best places of an item, and `patterns` the best place of each different set of words found: a
    phrase that thousands of documents share is one pattern, and cannot crowd out a leak of other words.
    """

    documents: int = 0
    matched_documents: int = 0
    source_documents: Counter[str] = field(default_factory=Counter)
    best: dict[int, Smallest[Found]] = field(default_factory=dict)
    patterns: dict[int, dict[bytes, tuple[MatchKey, Found]]] = field(default_factory=dict)
    places: dict[int, list[Place]] = field(default_factory=dict)
    places_left_out: int = 0
    counts: dict[int, PartCounts] = field(default_factory=dict)

    def add(self, row: int, found: Found) -> None:
        """Offer one match of the item in `row`."""
        self.best.setdefault(row, Smallest(MAX_MATCHES_PER_ITEM)).offer(_key(found), found)
        self._offer_pattern(row, _key(found), found)

    def wants(self, row: int, key: MatchKey, pattern: bytes) -> bool:
        """Tell whether a match could be kept; to align and quote one that is not wanted would be for nothing."""
        known = self.patterns.get(row, {}).get(pattern)
        return row not in self.best or self.best[row].wants(key) or known is None or key < known[0]

    def add_place(self, row: int, place: Place) -> None:
        """Remember where the item in `row` may be exposed."""
        self.places.setdefault(row, []).append(place)

    def merge(self, other: Self) -> None:
        """Take over the matches and counts of another state."""
        self.documents += other.documents
        self.matched_documents += other.matched_documents
        self.source_documents.update(other.source_documents)
        self.places_left_out += other.places_left_out
        for row, kept in other.best.items():
            self.best.setdefault(row, Smallest(MAX_MATCHES_PER_ITEM)).merge(kept)
        for row, patterns in other.patterns.items():
            for key, found in patterns.values():
                self._offer_pattern(row, key, found)
        for row, places in other.places.items():
            self.places.setdefault(row, []).extend(places)
        for part, counts in other.counts.items():
            self.counts.setdefault(part, PartCounts()).merge(counts)
        self.cut_places()

    def cut_places(self) -> None:
        """Keep the first `MAX_PLACES` places and count the others, once there are so many that it pays."""
        if sum(map(len, self.places.values())) > 2 * MAX_PLACES:
            self.places, self.places_left_out = self.first_places()

    def first_places(self) -> tuple[dict[int, list[Place]], int]:
        """Return the first `MAX_PLACES` places by shard and row, and how many more there were.

        They are the same in whatever order states merge: no cut on the way leaves out one of them.
        """
        ranked = sorted((place, row) for row, places in self.places.items() for place in places)
        first: dict[int, list[Place]] = {}
        for place, row in ranked[:MAX_PLACES]:
            first.setdefault(row, []).append(place)
        return dict(sorted(first.items())), self.places_left_out + max(0, len(ranked) - MAX_PLACES)

    def of(self, row: int) -> Iterator[Found]:
        """Yield every kept match of the item in `row` once."""
        kept = {_key(found): found for found in self.best[row].entries()} if row in self.best else {}
        kept.update(dict(_first_patterns(self.patterns.get(row, {}))).values())
        yield from (found for _, found in sorted(kept.items(), key=lambda entry: entry[0]))

    def _offer_pattern(self, row: int, key: MatchKey, found: Found) -> None:
        patterns = self.patterns.setdefault(row, {})
        if found.pattern not in patterns or key < patterns[found.pattern][0]:
            patterns[found.pattern] = (key, found)
        if len(patterns) > 2 * MAX_MATCHES_PER_ITEM:
            self.patterns[row] = dict(_first_patterns(patterns))


def _first_patterns(patterns: dict[bytes, tuple[MatchKey, Found]]) -> list[tuple[bytes, tuple[Any, Found]]]:
    """Return the patterns of the best scores; a pattern has one score wherever it stands, so every cut keeps these."""
    return sorted(patterns.items(), key=lambda entry: (entry[1][0][0], entry[0]))[:MAX_MATCHES_PER_ITEM]


def _key(found: Found) -> MatchKey:
    match = found.match
    return match_key(match.score, match.shard, match.row, match.train_start, match.evidence_class)


def match_key(score: float, shard: str, row: int, start: int, evidence_class: str) -> MatchKey:
    """Return what orders the matches of an item, the best first."""
    return (-score, shard, row, start, evidence_class)
