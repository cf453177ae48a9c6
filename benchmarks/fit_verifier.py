"""Fit the verifier of `semantic_overlap`: prints the coefficients that `semantic/verifier.py` holds.

    python -m benchmarks.fit_verifier DATA PAGES

Only the tuning halves are used: every second of LMSYS's rewordings, of GSM8K's training problems, of the pages and of
the labelled texts. What each window came to is taken from the table `candidates` of a run, so that the fit sees what
the screening lets through. Signs are held: a difference can only count against a pair.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.optimize import minimize

from audits.base import Resources
from audits.contamination.semantic.agreement import FEATURES
from audits.contamination.semantic_overlap import SemanticOverlapConfig
from benchmarks.data import eval_items, innocent_texts, page_texts
from benchmarks.labelled import INLINE, TUNING, half_of, load_rewordings, planted
from benchmarks.lexical_recall import Items
from benchmarks.measuring import progress, scanned
from benchmarks.semantic_recall import lmsys_rewordings

_WEIGHT = {"leak": 1.0, "other item": 4.0, "same_topic": 0.5, "new_numbers": 0.15, "gsm8k_train": 3.0, "pages": 10.0}
"""What each group weighs in all: innocent documents more than leaks, as a corpus has more of them."""

_HOST = 600
"""Characters of the pages that labelled texts are planted in: the pages themselves are negatives of their own."""

_RIDGE = 3e-4
_COLUMNS = ("relative_cosine", *FEATURES[1:])


@dataclass(frozen=True)
class Text:
    """A document with the row of the item it was made of (-1 for none) and what it is."""

    row: int
    kind: str
    text: str


def main() -> None:
    """Collect, fit and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("pages", type=Path)
    options = parser.parse_args()
    rows = [row for group in _documents(options.data, options.pages) for row in _samples(*group)]
    values = np.array([value for _, _, value in rows])
    names, leaks = [name for name, _, _ in rows], np.array([leak for _, leak, _ in rows])
    for name, coefficient in zip((*FEATURES, "intercept"), fit(values, names, leaks).tolist(), strict=True):
        print(f"{name:16} {coefficient:+.2f}")


def _documents(data: Path, pages: Path) -> Iterator[tuple[pa.Table, list[Text]]]:
    table, texts = eval_items(data), page_texts(pages)
    gsm8k = table.filter(pc.equal(table.column("eval_set"), "gsm8k"))
    lmsys = lmsys_rewordings(data, Items.of(gsm8k), texts)[1::2]
    train = innocent_texts(data, pages)["gsm8k_train"][1::2]
    yield gsm8k, [Text(copy.row, "reworded", copy.text) for copy in lmsys]
    yield gsm8k, [Text(-1, "gsm8k_train", text) for text in train]
    labelled = [text for text in half_of(load_rewordings(), TUNING) if text.kind != "translated"]
    copies = planted(labelled, Items.of(table), [text[:_HOST] for text in texts], INLINE)
    yield table, [Text(copy.row, copy.kind, copy.text) for copy in copies]
    yield table, [Text(-1, "pages", text) for text in texts[1::2]]


def _samples(table: pa.Table, texts: list[Text]) -> Iterator[tuple[str, bool, list[float]]]:
    """Yield (group, is it a leak, features) of every window and item compared."""
    progress(f"fit_verifier: {len(texts):,} documents")
    items = Items.of(table)
    summary = scanned(SemanticOverlapConfig(max_encodes=200_000).build(Resources(table)), [text.text for text in texts])
    for pair in summary.tables["candidates"].to_pylist():
        text = texts[pair["row"]]
        own = text.row >= 0 and items.groups[items.rows[pair["eval_set"], pair["item_id"]]] == items.groups[text.row]
        leak = own and text.kind == "reworded"
        group = "leak" if leak else text.kind if own or text.row < 0 else "other item"
        yield group, leak, [pair[name] for name in _COLUMNS]


def fit(values: NDArray[np.float64], names: list[str], leaks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the coefficients of a ridge-regularised logistic regression, the intercept last."""
    groups = np.array(names)
    weight = np.array([_WEIGHT[name] / (groups == name).sum() for name in names])
    weight /= weight.sum()
    mean, spread = values.mean(axis=0), values.std(axis=0) + 1e-9
    design = np.c_[(values - mean) / spread, np.ones(len(values))]
    sign = 2.0 * leaks - 1.0

    def loss(coefficients: NDArray[np.float64]) -> float:
        surprise = weight * np.logaddexp(0, -sign * (design @ coefficients))
        return float(surprise.sum() + _RIDGE * (coefficients[:-1] ** 2).sum())

    held = [(0, None), (0, None), *[(None, 0)] * (len(FEATURES) - 2), (None, None)]
    found = minimize(loss, np.zeros(design.shape[1]), bounds=held).x
    return np.r_[found[:-1] / spread, found[-1] - (found[:-1] * mean / spread).sum()]


if __name__ == "__main__":
    main()
