"""Can a classifier tell two samples of documents apart, on hosts that it has not seen?

The classifier two-sample test (Lopez-Paz & Oquab 2017): if both samples come from one corpus, no classifier does better
than chance. Here it is a logistic regression on words and pairs of words, its measure the area under the ROC curve.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import ndtr
from scipy.stats import rankdata

from audits.drift.c2st_state import Features, Vectors

FOLDS = 5
_MIN_DF = 3
_MIN_SIDE = 5
"""Documents of each corpus that a fold needs."""

_RESAMPLES = 200
_SWAPS = 1_999
_SEED = 1

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Separation:
    """How well the corpora are told apart.

    `auc` with its 95 % interval; `chance` is what 99 of 100 random labellings stay below, `p` the probability that one
    reaches `auc`. `scores` are the documents' own, each from the fold that did not see its host; `weights` belong to
    `features` and are positive for what is more frequent now, whose shares of documents stand beside them.
    """

    auc: float
    low: float
    high: float
    chance: float
    p: float
    folds: int
    scores: Floats
    features: NDArray[np.uint32]
    weights: Floats
    shares: Floats
    reference_shares: Floats


def separation(now: Vectors, before: Vectors) -> Separation | None:
    """Return how well a classifier tells two samples apart, None where hosts are too few for three folds.

    - Folds are by host (`xxh3(host) mod 5`), so that no page is tested with a model that saw its site.
    - AUC = Σ over folds of pairs (now, before) in the right order / pairs; ties count half.
    - Interval: 200 bootstrap resamples of hosts (percentile); the classifiers stay as they are.
    - Chance: 1,999 times the two labels of all documents of a host are swapped or not, at random. Test labels are
      unknown to the classifier, so under no difference every labelling is as likely. `p` is one-sided, from the mean
      and standard deviation of these areas, whose distribution is close to normal (Mann & Whitney 1947).
    """
    features = [*now.features, *before.features]
    labels = np.array([True] * len(now) + [False] * len(before))
    groups = _groups([*now.hosts, *before.hosts], np.concatenate([now.hashes, before.hashes]))
    folds = np.array([xxhash.xxh3_64_intdigest(f"fold {group}".encode()) % FOLDS for group in groups.tolist()])
    matrix, names = _matrix(features)
    usable = [fold for fold in range(FOLDS) if _is_usable(labels, folds == fold)]
    if len(usable) < 3 or not len(names):
        return None
    scores = np.zeros(len(labels))
    for fold in usable:
        inside = folds == fold
        scores[inside] = _fit(matrix[~inside], labels[~inside]).decision_function(matrix[inside])
    ranked = _ranked(scores, folds, usable)
    auc = _auc(ranked, labels, np.ones(len(labels)))
    low, high = _interval(ranked, labels, groups)
    chances = _swapped(ranked, labels, groups)
    return Separation(
        auc,
        min(low, auc),
        max(high, auc),
        float(np.quantile(chances, 0.99)),
        float(ndtr(-(auc - chances.mean()) / max(float(chances.std()), 1e-12))),
        len(usable),
        scores,
        names,
        _fit(matrix, labels).coef_[0],
        np.asarray((matrix[labels] > 0).mean(axis=0)).ravel(),
        np.asarray((matrix[~labels] > 0).mean(axis=0)).ravel(),
    )


def least_different(auc: float) -> float:
    """Return the smallest share of documents that must be of another kind for a classifier to reach an AUC.

    With total variation t between the corpora, no ROC curve lies above min(1, x + t), whose area is 1 − (1−t)²/2; so
    t ≥ 1 − √(2 (1 − AUC)).

    >>> round(least_different(0.75), 3), least_different(0.4)
    (0.293, 0.0)
    """
    return max(0.0, 1 - float(np.sqrt(2 * (1 - min(1.0, auc)))))


def _fit(matrix: csr_matrix, labels: Flags) -> Any:
    # A second to import, for one audit of many.
    from sklearn.linear_model import LogisticRegression

    # With more features than documents, the dual problem is solved 30 times as fast as the primal one.
    options = {"solver": "liblinear", "dual": True, "class_weight": "balanced", "random_state": _SEED}
    model = LogisticRegression(C=1.0, max_iter=1000, **options)
    return model.fit(matrix, labels)


def _matrix(features: Features) -> tuple[csr_matrix, NDArray[np.uint32]]:
    """Return one row of unit length a document, and the features of the columns: those of at least 3 documents."""
    flat = np.concatenate([np.empty(0, np.uint32), *features])
    names, places, counts = np.unique(flat, return_inverse=True, return_counts=True)
    kept = counts >= _MIN_DF
    columns = np.cumsum(kept) - 1
    rows = np.repeat(np.arange(len(features)), [len(one) for one in features])
    inside = kept[places]
    rows, places = rows[inside], columns[places[inside]]
    sizes = np.bincount(rows, minlength=len(features))
    values = 1 / np.sqrt(sizes[rows])
    return csr_matrix((values, (rows, places)), shape=(len(features), int(kept.sum()))), names[kept]


def _groups(hosts: list[str], hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return a number for each document's host; a document without one is its own."""
    names = [host or f"document {number}" for host, number in zip(hosts, hashes.tolist(), strict=True)]
    return np.array([xxhash.xxh3_64_intdigest(name.encode()) >> 1 for name in names], dtype=np.int64)


def _is_usable(labels: Flags, inside: Flags) -> bool:
    sides = (int(labels[inside].sum()), int((~labels[inside]).sum()))
    rest = (int(labels[~inside].sum()), int((~labels[~inside]).sum()))
    return min(*sides, *rest) >= _MIN_SIDE


@dataclass(frozen=True)
class _Fold:
    """Tested documents of one fold, and the rank of each one's score among them."""

    docs: NDArray[np.int64]
    ranks: NDArray[np.int64]


def _ranked(scores: Floats, folds: NDArray[np.int64], usable: list[int]) -> list[_Fold]:
    ranked = []
    for fold in usable:
        docs = np.flatnonzero(folds == fold)
        ranked.append(_Fold(docs, np.unique(scores[docs], return_inverse=True)[1]))
    return ranked


def _auc(ranked: list[_Fold], labels: Flags, weights: Floats) -> float:
    """Return the weight of pairs in the right order, ties as half, over that of all pairs, within folds."""
    right = pairs = 0.0
    for fold in ranked:
        here, mine = weights[fold.docs], labels[fold.docs]
        ours, theirs = np.bincount(fold.ranks, here * mine), np.bincount(fold.ranks, here * ~mine)
        right += float(np.sum(ours * (np.cumsum(theirs) - theirs / 2)))
        pairs += float(ours.sum() * theirs.sum())
    return right / pairs if pairs else 0.5


def _interval(ranked: list[_Fold], labels: Flags, groups: NDArray[np.int64]) -> tuple[float, float]:
    generator = np.random.default_rng(_SEED)
    names, places = np.unique(groups, return_inverse=True)
    aucs = []
    for _ in range(_RESAMPLES):
        drawn = np.bincount(generator.integers(0, len(names), len(names)), minlength=len(names))
        aucs.append(_auc(ranked, labels, drawn[places].astype(float)))
    low, high = np.percentile(aucs, [2.5, 97.5])
    return float(low), float(high)


def _swapped(ranked: list[_Fold], labels: Flags, groups: NDArray[np.int64]) -> Floats:
    """Return the AUC of each random labelling, from the sums of mid-ranks (Mann & Whitney 1947)."""
    generator = np.random.default_rng(_SEED)
    names, places = np.unique(groups, return_inverse=True)
    labellings = (generator.random((_SWAPS, len(names))) < 0.5)[:, places] ^ labels
    right, pairs = np.zeros(_SWAPS), np.zeros(_SWAPS)
    for fold in ranked:
        mine = labellings[:, fold.docs].astype(np.float64)
        ours = mine.sum(axis=1)
        theirs = len(fold.docs) - ours
        right += mine @ rankdata(fold.ranks) - ours * (ours + 1) / 2
        pairs += ours * theirs
    chances: Floats = np.divide(right, pairs, out=np.full(_SWAPS, 0.5), where=pairs > 0)
    return chances
