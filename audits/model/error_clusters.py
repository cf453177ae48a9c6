"""Where a benchmark's errors gather: items grouped by their words, each group's share of wrong answers beside the rest.

Questions become TF-IDF vectors, 50 singular components of them (Deerwester et al. 1990), and k-means groups (seeded, so
that the same items give the same groups whatever their order). A group is named by the terms that it has more of.
"""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import diags
from scipy.stats import fisher_exact, ttest_ind

from audits.statistics import Z95, bootstrap_mean, false_discovery_rates, share_interval

MIN_ITEMS = 60
"""Scored items below which there is nothing to group."""

MAX_CLUSTERS = 10
_ITEMS_PER_CLUSTER = 30
_COMPONENTS = 50
_MAX_DF = 0.5
"""Terms in more of the items than this are the form of the benchmark, whatever its language."""

_IDF_POWER = 1.5
"""Above 1, grammar weighs less and subjects more, without a list of stop words, which would be of one language. Of 1,
1.5 and 2 it named the groups of GSM8K and MATH best ("feet, inches, tall", "term, sequence, arithmetic")."""

_TERMS = 5
_SEED = 0

# Words, single characters of scripts without spaces, and symbols ($, %, ∂); numbers say nothing of a subject.
_TERM = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]|[^\\W\\d_]{2,}|[^\\w\\s.,;:!?'\"()\\[\\]-]")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ErrorCluster:
    """A group of items: what it is called, its share of wrong answers, and how that compares with all other items.

    `lift` is the share of wrong answers over that of all other items, with its 95 % interval (Katz et al. 1978), None
    where the others have none. `before` is the share at the earlier checkpoint, `part` what the group adds to the
    change of the whole score: (items / all items)·(before − now). `members` are places in the order given.
    """

    terms: str
    items: int
    wrong: float
    low: float
    high: float
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    p: float
    q: float
    before: float | None
    part: float | None
    members: tuple[int, ...]


def error_clusters(
    keys: Sequence[str], texts: Sequence[str], wrong: Floats, before: Floats | None = None, most: int = MAX_CLUSTERS
) -> list[ErrorCluster]:
    """Return the groups, those with the largest share of wrong answers first; none of fewer than `MIN_ITEMS` items.

    Args:
        keys: an identifier of each item, by which they are put in order.
        texts: what each item asks.
        wrong: 1 for a wrong answer, 0 for a right one, or what is missing from a full score.
        before: the same at an earlier checkpoint.
        most: groups at most; about one in thirty items.
    """
    order = np.array(sorted(range(len(keys)), key=lambda at: (keys[at], texts[at])), dtype=np.int64)
    if len(order) < MIN_ITEMS:
        return []
    labels, names = _groups([texts[at] for at in order], min(most, len(order) // _ITEMS_PER_CLUSTER))
    found = [_cluster(names[label], order[labels == label], wrong, before) for label in range(len(names))]
    rates = false_discovery_rates([one.p for one in found])
    ranked = [replace(one, q=q) for one, q in zip(found, rates, strict=True)]
    return sorted(ranked, key=lambda one: (-one.wrong, one.terms))


def _groups(texts: Sequence[str], count: int) -> tuple[NDArray[np.int64], list[str]]:
    """Return the group of each text, and the terms of each group."""
    found = _vectors(texts)
    if found is None:
        return np.zeros(len(texts), dtype=np.int64), ["(no common words)"]
    vectors, terms = found
    _, labels = np.unique(_labels(vectors, count), return_inverse=True)
    overall = np.asarray(vectors.mean(axis=0)).ravel()
    names = []
    for label in range(int(labels.max()) + 1):
        more = np.asarray(vectors[labels == label].mean(axis=0)).ravel() - overall
        best = [at for at in np.lexsort((terms, -more))[:_TERMS] if more[at] > 0]
        names.append(", ".join(terms[at] for at in best) or "(other)")
    return labels.astype(np.int64), names


def _vectors(texts: Sequence[str]) -> tuple[Any, Any] | None:
    """Return the weighted terms of each text, and the terms; None where no term stands in two texts."""
    # Importing scikit-learn takes a second, which every command would wait for.
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    vectorizer = TfidfVectorizer(
        lowercase=True, tokenizer=_TERM.findall, token_pattern=None, min_df=2, max_df=_MAX_DF, sublinear_tf=True
    )
    try:
        plain = vectorizer.fit_transform(texts)
    except ValueError:
        return None
    return normalize(plain @ diags(vectorizer.idf_ ** (_IDF_POWER - 1))), vectorizer.get_feature_names_out()


def _labels(vectors: Any, count: int) -> NDArray[np.int32]:
    """Return the group of each vector by k-means, on singular components where there are more terms than those."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.preprocessing import normalize
    from threadpoolctl import threadpool_limits

    # More threads add up in another order, and the last bit may move an item.
    with threadpool_limits(1), warnings.catch_warnings():
        # Fewer different items than groups make fewer groups, which is no fault.
        warnings.simplefilter("ignore", ConvergenceWarning)
        if min(vectors.shape) > _COMPONENTS + 1:
            vectors = normalize(TruncatedSVD(_COMPONENTS, random_state=_SEED).fit_transform(vectors))
        labels: NDArray[np.int32] = KMeans(count, n_init=10, random_state=_SEED).fit_predict(vectors)
    return labels


def _cluster(terms: str, members: NDArray[np.int64], wrong: Floats, before: Floats | None) -> ErrorCluster:
    rest = np.setdiff1d(np.arange(len(wrong)), members)
    inside, outside = wrong[members], wrong[rest]
    share = float(inside.mean())
    binary = bool(np.isin(wrong, (0, 1)).all())
    if binary:
        low, high = share_interval(int(inside.sum()), len(inside))
    else:
        low, high = bootstrap_mean(inside, _SEED) if len(inside) > 1 else (0.0, 1.0)
    lift, lift_low, lift_high = _lift(inside, outside) if binary else (_ratio(inside, outside), None, None)
    earlier = None if before is None else float(before[members].mean())
    return ErrorCluster(
        terms,
        len(members),
        share,
        low,
        high,
        lift,
        lift_low,
        lift_high,
        _p(inside, outside, binary),
        1.0,
        earlier,
        None if earlier is None else len(members) / len(wrong) * (earlier - share),
        tuple(int(at) for at in members),
    )


def _ratio(inside: Floats, outside: Floats) -> float | None:
    return float(inside.mean() / outside.mean()) if len(outside) and outside.mean() else None


def _lift(inside: Floats, outside: Floats) -> tuple[float | None, float | None, float | None]:
    """Return the ratio of two shares with its interval on the logarithm: sqrt(1/a − 1/n + 1/b − 1/m)."""
    ratio = _ratio(inside, outside)
    a, n, b, m = inside.sum(), len(inside), outside.sum(), len(outside)
    if ratio is None or not a:
        return ratio, None, None
    spread = Z95 * float(np.sqrt(max(0.0, 1 / a - 1 / n + 1 / b - 1 / m)))
    return ratio, ratio * float(np.exp(-spread)), ratio * float(np.exp(spread))


def _p(inside: Floats, outside: Floats, binary: bool) -> float:
    """Return the p-value that a group is as often wrong as the rest: Fisher's exact test, else Welch's t."""
    if min(len(inside), len(outside)) < 2:
        return 1.0
    if binary:
        a, b = int(inside.sum()), int(outside.sum())
        return float(fisher_exact([[a, len(inside) - a], [b, len(outside) - b]]).pvalue)
    if np.ptp(inside) == 0 and np.ptp(outside) == 0:
        return 1.0
    return float(ttest_ind(inside, outside, equal_var=False).pvalue)
