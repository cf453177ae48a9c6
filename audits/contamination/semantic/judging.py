"""From kept windows to verified pairs: encodes what the budget allows, compares, verifies.

Every pair keeps what it was judged by, so that another threshold needs no other encoding.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from audits.contamination.semantic.agreement import Agreement, agree
from audits.contamination.semantic.background import unrelated_cosine
from audits.contamination.semantic.foreign import Track
from audits.contamination.semantic.item_vectors import item_vectors
from audits.contamination.semantic.model import Encoder
from audits.contamination.semantic.nearest import build_index, nearest
from audits.contamination.semantic.probes import Probes
from audits.contamination.semantic.screen import RIVALS, SetScreen
from audits.contamination.semantic.translating import ForeignWindows, foreign_windows, is_translation
from audits.contamination.semantic.translation import LOWEST, agree_across, relative_margin, verify_translation
from audits.contamination.semantic.verifier import Verification, relative_cosine, verify
from audits.contamination.semantic.windows import SemanticState, Window

_NEIGHBOURS = 4
"""Items of a set that each window is compared with besides those it was kept for."""

MAX_AHEAD = 0.3
"""Cosine beyond which being further ahead says no more."""

_BACKGROUND_SHARE = 10
"""A tenth of the budget at most goes to ordinary windows."""


@dataclass(frozen=True)
class Pair:
    """A window beside a probe.

    `relative` is the cosine from what unrelated texts have, `ahead` by how much it is above the window's cosine with
    the nearest other item of the set, at most `MAX_AHEAD` (and that where there is no other); negative if below.
    """

    probe: int
    window: Window
    cosine: float
    relative: float
    ahead: float
    agreement: Agreement
    verification: Verification


@dataclass
class Encoded:
    """All pairs, the vectors of the probes and windows concerned (float32), and what the encoding came to.

    `probes` and `windows` give the rows of `probe_vectors` and `window_vectors`; `left_out` windows were over the
    budget and `kept` were not, `foreign` are those in other languages, `zero` is the cosine of unrelated texts, and
    `background` has by set the cosine of each ordinary window of the corpus with its nearest probe.
    """

    pairs: list[Pair] = field(default_factory=list)
    probes: dict[int, int] = field(default_factory=dict)
    windows: dict[Window, int] = field(default_factory=dict)
    probe_vectors: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    window_vectors: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    zero: float = 0.0
    background: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    kept: int = 0
    left_out: int = 0
    foreign: ForeignWindows = field(default_factory=ForeignWindows)


@dataclass(frozen=True)
class Encoding:
    """How to encode: with which encoder, how many texts at most, whether vectors of test items may be kept on disk.

    `tracks` are empty where translations are not looked for.
    """

    encoder: Encoder
    max_encodes: int
    keep: bool
    tracks: Sequence[Track] = ()

    def language_of(self, code: int) -> str:
        """Return the language of an eval set's items, "" where translations of them are not looked for."""
        return next((track.language for track in self.tracks if code in track.codes), "")


def encode_pairs(probes: Probes, screens: Sequence[SetScreen], state: SemanticState, how: Encoding) -> Encoded:
    """Encode the likeliest windows within the budget, with their items, and verify every pair."""
    foreign = foreign_windows(probes, how.tracks, state, how.max_encodes)
    background = [entry for entry in state.background.entries() if entry][: how.max_encodes // _BACKGROUND_SHARE]
    chosen, left_out = _affordable(probes, state, how.max_encodes - len(background) - foreign.encodes)
    result = Encoded(kept=len(chosen), left_out=left_out, foreign=foreign)
    members = _by_set(probes, chosen, foreign)
    if not members:
        return result
    result.zero = unrelated_cosine(how.encoder)
    every = dict.fromkeys(window for windows in members.values() for window in windows)
    result.windows = {window: at for at, window in enumerate(every)}
    texts = {text: at for at, text in enumerate(dict.fromkeys(window.text for window in result.windows))}
    vectors = how.encoder.encode([*texts, *background])
    result.window_vectors = vectors[[texts[window.text] for window in result.windows]]
    screen_of = {int(probes.sets[screen.probes[0]]): screen for screen in screens}
    for code, proposed in members.items():
        _compare_set(probes, screen_of[code], proposed, vectors[len(texts) :], how, result)
    return result


def _compare_set(
    probes: Probes,
    screen: SetScreen,
    proposed: dict[Window, list[int]],
    ordinary: NDArray[np.float32],
    how: Encoding,
    result: Encoded,
) -> None:
    """Encode the probes of one set and add its pairs."""
    code = int(probes.sets[screen.probes[0]])
    concerned = sorted({probe for found in proposed.values() for probe in found})
    if code in result.foreign.by_set:
        concerned = screen.probes.tolist()
    else:
        concerned = sorted([*concerned, *screen.rivals(concerned)])
    vectors = item_vectors(how.encoder, probes.names[code], [probes.texts[probe] for probe in concerned], how.keep)
    start = len(result.probes)
    result.probes |= {probe: start + at for at, probe in enumerate(concerned)}
    result.probe_vectors = np.concatenate([result.probe_vectors.reshape(-1, vectors.shape[1]), vectors])
    result.background[code] = (ordinary @ vectors.T).max(axis=1) if len(ordinary) else np.zeros(0, dtype=np.float32)
    result.pairs += _pairs(probes, concerned, vectors, proposed, result, how.language_of(code))


def _affordable(probes: Probes, state: SemanticState, budget: int) -> tuple[list[tuple[int, Window]], int]:
    """Return the (probe, window) pairs within the budget, likeliest first, and how many are not.

    An item costs itself and its rivals, whether or not their vectors are kept from an earlier run.
    """
    ranked = sorted(
        ((key, probe, window) for probe, kept in state.windows.items() for key, window in kept.ranked()),
        key=lambda entry: entry[:2],
    )
    chosen: list[tuple[int, Window]] = []
    items: set[int] = set()
    texts: set[str] = set()
    for _, probe, window in ranked:
        items.add(probe)
        texts.add(window.text)
        if len(items) * (1 + RIVALS) + len(texts) > budget:
            break
        chosen.append((probe, window))
    return chosen, len(ranked) - len(chosen)


def _by_set(
    probes: Probes, chosen: list[tuple[int, Window]], foreign: ForeignWindows
) -> dict[int, dict[Window, list[int]]]:
    """Return by set its windows, each with the probes it was kept for; those in other languages are for all probes."""
    members: dict[int, dict[Window, list[int]]] = defaultdict(lambda: defaultdict(list))
    for probe, window in chosen:
        members[int(probes.sets[probe])][window].append(probe)
    for code, windows in foreign.by_set.items():
        for window in windows:
            members[code].setdefault(window, [])
    return dict(sorted(members.items()))


def _pairs(
    probes: Probes,
    of_probes: list[int],
    vectors: NDArray[np.float32],
    proposed: dict[Window, list[int]],
    result: Encoded,
    language: str,
) -> Iterator[Pair]:
    """Yield each window with the probes it was kept for and its nearest ones of the set, whose items are in `language`.

    Of windows that were kept for no probe, only the pairs that may be translations.
    """
    place = {probe: at for at, probe in enumerate(of_probes)}
    rows = [result.windows[window] for window in proposed]
    found = nearest(build_index(vectors), result.window_vectors[rows], _NEIGHBOURS)
    for row, (window, own), near in zip(rows, proposed.items(), found.items.tolist(), strict=True):
        compared = dict.fromkeys([*(place[probe] for probe in own), *near])
        cosines = {at: float(result.window_vectors[row] @ vectors[at]) for at in compared if at >= 0}
        translated = bool(language) and is_translation(window, language)
        for at, cosine in cosines.items():
            text, items = probes.texts[of_probes[at]], set(probes.rows[of_probes[at]])
            others = [c for other, c in cosines.items() if not items & set(probes.rows[of_probes[other]])]
            ahead = min(MAX_AHEAD, cosine - max(others, default=-1.0))
            relative = relative_cosine(cosine, result.zero)
            if translated:
                agreement = agree_across(text, window.text)
                margin = relative_margin(ahead, result.zero, len(of_probes))
                verification = verify_translation(relative, margin, agreement)
            else:
                agreement = agree(text, window.text)
                verification = verify(relative, ahead, agreement)
            if own or max(verification.score, verification.but_numbers) >= LOWEST:
                yield Pair(of_probes[at], window, cosine, relative, ahead, agreement, verification)
