"""Windows of documents in another language than a test set's, kept for `translations: true`.

Nothing cheap finds translations: static vectors put the right one of 400 items among the first 20 for 60-90 % only.
The model itself must read the windows, so that the budget bounds how many are kept: those first that share numbers
with an item, and ask something where the items do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xxhash
from numpy.typing import NDArray

from audits.batch import TextBatch
from audits.contamination.semantic.numbers import written_numbers
from audits.contamination.semantic.probes import Probes
from audits.contamination.semantic.windows import Window, window_bytes, window_text
from audits.kernels.spans import sentence_starts
from audits.languages import identify_languages
from audits.ranking import Smallest

UNKNOWN = ("und", "zxx", "")
"""Labels that name no language."""

_LENGTHS = (12, 24, 48, 96)
"""Words of windows. A set has that nearest to its median question, so that all sets together have few."""

_UNSPACED = ("zh", "ja", "th", "lo", "my", "km")
_UNSPACED_WORDS = 1.5
"""Characters, each counted as a word, for a word of English: 1.4 in Chinese and 1.9 in Japanese translations."""

_LONGEST = 2
"""Lengths of a window that one sentence without an end may fill."""

_SHORTEST = 1 / 3
"""Of its length, that a window must have to be looked at: "Ethernet." by itself is near to many things."""

_SAMPLE = 200
_MARKS = ("?", "？", "؟")


@dataclass(frozen=True)
class Track:
    """The sets (`codes`) whose items are in `language` and are looked for in windows of about `length` words.

    `postings` has by number the places of the items with it, `sizes` how many different ones each item has;
    `asking` tells that most of the items have a question mark.
    """

    language: str
    length: int
    codes: tuple[int, ...]
    postings: dict[str, NDArray[np.int64]]
    sizes: NDArray[np.float64]
    asking: bool

    def rank(self, text: str) -> float:
        """Return how much a window promises: shared numbers times the cosine of both number sets, 1 for a question."""
        written = written_numbers(text)
        known = [self.postings[number] for number in written if number in self.postings]
        rank = float(self.asking and any(mark in text for mark in _MARKS))
        if known:
            shared = np.zeros(len(self.sizes))
            for places in known:
                shared[places] += 1
            rank += float((shared**2 / np.sqrt(self.sizes * len(written))).max())
        return round(rank, 3)


def set_languages(probes: Probes) -> list[str]:
    """Return the language of each eval set: that of most of a sample of its probes, "" where none is known."""
    languages = []
    for code in range(len(probes.names)):
        members = probes.of_set(code)
        sample = [probes.texts[at] for at in members[:: max(1, len(members) // _SAMPLE)]]
        votes = [label for label in identify_languages(sample) if label not in UNKNOWN]
        languages.append(max(sorted(set(votes)), key=votes.count) if votes else "")
    return languages


def make_tracks(probes: Probes, languages: Sequence[str]) -> list[Track]:
    """Return the tracks of all sets whose language is known."""
    groups: dict[tuple[str, int], list[int]] = {}
    for code, language in enumerate(languages):
        if language:
            groups.setdefault((language, window_length(probes, code)), []).append(code)
    return [_track(probes, *key, codes) for key, codes in sorted(groups.items())]


def window_length(probes: Probes, code: int) -> int:
    """Return the words of the windows in which a set's items are looked for."""
    median = float(np.median(probes.sizes[probes.of_set(code)]))
    return min(_LENGTHS, key=lambda length: abs(np.log(length / max(median, 1.0))))


def _track(probes: Probes, language: str, length: int, codes: list[int]) -> Track:
    members = np.concatenate([probes.of_set(code) for code in codes])
    places: dict[str, list[int]] = {}
    for at, probe in enumerate(members):
        for number in probes.numbers[probe]:
            places.setdefault(number, []).append(at)
    postings = {number: np.array(found) for number, found in places.items()}
    sizes = np.array([max(1, len(probes.numbers[probe])) for probe in members], dtype=np.float64)
    asking = 2 * sum("?" in probes.texts[probe] for probe in members) > len(members)
    return Track(language, length, tuple(codes), postings, sizes, asking)


def offer_foreign(kept: Smallest[tuple[int, Window]], batch: TextBatch, tracks: Sequence[Track]) -> None:
    """Offer the windows of a batch's documents that are in another language than a track's items."""
    strange = [
        (doc, track)
        for track in tracks
        for doc, language in enumerate(batch.languages)
        if language not in UNKNOWN and language != track.language
    ]
    if not strange:
        return
    words = batch.words
    begins = sentence_starts(batch.data, words.starts, words.ends, words.doc_offsets)
    for doc, track in strange:
        first, stop = int(words.doc_offsets[doc]), int(words.doc_offsets[doc + 1])
        length = track.length * (_UNSPACED_WORDS if batch.languages[doc] in _UNSPACED else 1)
        for run in sentence_runs(np.flatnonzero(begins[first:stop]) + first, stop, int(length)):
            if run[1] - run[0] >= _SHORTEST * length:
                _offer(kept, batch, doc, track, run)


def sentence_runs(starts: NDArray[np.int64], stop: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield runs of whole sentences of up to `length` words, each beginning in the latter half of the one before.

    Sentences start at `starts`, and the last one ends at `stop`.

    >>> list(sentence_runs(np.array([0, 5, 10, 15]), 20, 10))
    [(0, 10), (5, 15), (10, 20)]
    """
    bounds = [*_split(starts.tolist(), stop, _LONGEST * length), stop]
    at, covered, last = 0, 0, len(bounds) - 1
    while covered < last:
        end = at + 1
        while end < last and bounds[end + 1] - bounds[at] <= length:
            end += 1
        if end > covered:
            yield bounds[at], bounds[end]
            covered = end
        half = (bounds[at] + bounds[end]) / 2
        at = next(place for place in range(at + 1, end + 1) if bounds[place] >= half)


def _split(starts: list[int], stop: int, longest: int) -> Iterator[int]:
    """Yield the starts, and more of them where a sentence is too long."""
    for start, end in zip(starts, [*starts[1:], stop], strict=True):
        yield from range(start, max(end, start + 1), longest)


def _offer(kept: Smallest[tuple[int, Window]], batch: TextBatch, doc: int, track: Track, run: tuple[int, int]) -> None:
    start, end = window_bytes(batch, doc, *run)
    text = window_text(batch, doc, start, end)
    digest = xxhash.xxh3_64_intdigest(text.encode())
    key = (-track.rank(text), digest, batch.shards[doc], int(batch.rows[doc]), start, end, track.length, track.language)
    if not kept.wants(key):
        kept.pass_over()
        return
    place = batch.place(doc)
    window = Window(place.doc_id, place.shard, place.row, start, end, text, 0.0, 0.0, batch.languages[doc])
    kept.offer(key, (track.length, window))
