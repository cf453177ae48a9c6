"""From kept windows to verified pairs: encodes what the budget allows, compares, verifies.

Every pair keeps what it was judged by, so that another threshold needs no other encoding.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from audits.contamination.semantic.agreement import Agreement, agree
from audits.contamination.semantic.background import unrelated_cosine
from audits.contamination.semantic.item_vectors import item_vectors
from audits.contamination.semantic.model import Encoder
from audits.contamination.semantic.nearest import build_index, nearest
from audits.contamination.semantic.probes import Probes
from audits.contamination.semantic.verifier import Verification, relative_cosine, verify
from audits.contamination.semantic.windows import SemanticState, Window
from audits.languages import identify_languages

_NEIGHBOURS = 3
"""Items of a set that each window is compared with besides those it was kept for."""

_BACKGROUND_SHARE = 10
"""A tenth of the budget at most goes to ordinary windows."""


@dataclass(frozen=True)
class Pair:
    """A window beside a probe: cosine, cosine relative to the background, how far the window's best probe is ahead."""

    probe: int
    window: Window
    cosine: float
    relative: float
    behind: float
    agreement: Agreement
    verification: Verification


@dataclass
class Encoded:
    """All pairs, the vectors of the probes and windows concerned (float32), and what the encoding came to.

    `probes` and `windows` give the rows of `probe_vectors` and `window_vectors`; `left_out` windows were over the
    budget and `kept` were not, `zero` is the cosine of unrelated texts, and `background` has by set the
    cosine of each ordinary window of the corpus with its nearest probe.
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


@dataclass(frozen=True)
class Encoding:
    """How to encode: with which encoder, how many texts at most, whether vectors of test items may be kept on disk.

    With `translations`, windows in another language than their item's are judged as translations.
    """

    encoder: Encoder
    max_encodes: int
    keep: bool
    translations: bool = False


def encode_pairs(probes: Probes, state: SemanticState, how: Encoding) -> Encoded:
    """Encode the likeliest windows within the budget, with their items, and verify every pair."""
    background = [entry for entry in state.background.entries() if entry][: how.max_encodes // _BACKGROUND_SHARE]
    chosen, left_out = _affordable(probes, state, how.max_encodes - len(background))
    if not chosen:
        return Encoded(left_out=left_out)
    result = Encoded(kept=len(chosen), left_out=left_out)
    result.zero = unrelated_cosine(how.encoder)
    result.windows = {window: at for at, window in enumerate(dict.fromkeys(window for _, window in chosen))}
    texts = {text: at for at, text in enumerate(dict.fromkeys(window.text for window in result.windows))}
    vectors = how.encoder.encode([*texts, *background])
    result.window_vectors = vectors[[texts[window.text] for window in result.windows]]
    for code, members in _by_set(probes, chosen).items():
        _compare_set(probes, code, members, vectors[len(texts) :], how, result)
    return result


def _compare_set(
    probes: Probes,
    code: int,
    members: list[tuple[int, Window]],
    ordinary: NDArray[np.float32],
    how: Encoding,
    result: Encoded,
) -> None:
    """Encode the probes of one set and add its pairs."""
    concerned = sorted({probe for probe, _ in members})
    vectors = item_vectors(how.encoder, probes.names[code], [probes.texts[probe] for probe in concerned], how.keep)
    start = len(result.probes)
    result.probes |= {probe: start + at for at, probe in enumerate(concerned)}
    result.probe_vectors = np.concatenate([result.probe_vectors.reshape(-1, vectors.shape[1]), vectors])
    result.background[code] = (ordinary @ vectors.T).max(axis=1) if len(ordinary) else np.zeros(0, dtype=np.float32)
    result.pairs += _pairs(probes, code, concerned, vectors, members, result, how.translations)


def _affordable(probes: Probes, state: SemanticState, budget: int) -> tuple[list[tuple[int, Window]], int]:
    """Return the (probe, window) pairs within the budget, likeliest first, and how many are not."""
    ranked = sorted(
        ((key, probe, window) for probe, kept in state.windows.items() for key, window in kept.ranked()),
        key=lambda entry: entry[:2],
    )
    chosen: list[tuple[int, Window]] = []
    needed: set[str] = set()
    for _, probe, window in ranked:
        more = {probes.texts[probe], window.text}
        if len(needed | more) > budget:
            break
        needed |= more
        chosen.append((probe, window))
    return chosen, len(ranked) - len(chosen)


def _by_set(probes: Probes, chosen: list[tuple[int, Window]]) -> dict[int, list[tuple[int, Window]]]:
    members: dict[int, list[tuple[int, Window]]] = defaultdict(list)
    for probe, window in chosen:
        members[int(probes.sets[probe])].append((probe, window))
    return dict(sorted(members.items()))


def _pairs(
    probes: Probes,
    code: int,
    of_probes: list[int],
    vectors: NDArray[np.float32],
    members: list[tuple[int, Window]],
    result: Encoded,
    translations: bool,
) -> Iterator[Pair]:
    """Yield each window with the probes it was kept for and its nearest ones of the set."""
    proposed: dict[Window, list[int]] = defaultdict(list)
    place = {probe: at for at, probe in enumerate(of_probes)}
    for probe, window in members:
        proposed[window].append(place[probe])
    rows = [result.windows[window] for window in proposed]
    found = nearest(build_index(vectors), result.window_vectors[rows], _NEIGHBOURS)
    for row, (window, own), near, best in zip(
        rows, proposed.items(), found.items.tolist(), found.cosines[:, 0].tolist(), strict=True
    ):
        for at in dict.fromkeys([*own, *(item for item in near if item >= 0)]):
            text = probes.texts[of_probes[at]]
            cosine = float(result.window_vectors[row] @ vectors[at])
            relative = relative_cosine(cosine, result.zero)
            agreement = agree(text, window.text)
            translated = translations and _language(text) != _language(window.text)
            verification = verify(relative, agreement, translated)
            yield Pair(of_probes[at], window, cosine, relative, max(0.0, best - cosine), agreement, verification)


@lru_cache(maxsize=100_000)
def _language(text: str) -> str:
    return identify_languages([text])[0]
