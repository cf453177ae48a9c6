"""What is looked for in other words: the question of each item, with its options where alone it says too little."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audits.contamination.eval_parts import SplitTexts, split_texts
from audits.contamination.semantic.numbers import numbers

_MIN_WORDS = 6
"""Words from which a question is looked for. "What is inflation?" is asked, and answered, in thousands of pages."""

_ALONE_WORDS = 20
"""Words from which a question is looked for by itself only: with its options it would be mostly options."""


@dataclass(frozen=True)
class Probes:
    """Texts to look for, several a test item where there are options.

    Probe p has the text `texts[p]`, belongs to the rows `rows[p]` of the eval item table (items of one set that share
    a text share its probe) and to the eval set numbered `sets[p]` (int64), named `names[sets[p]]`.
    """

    texts: list[str]
    rows: list[tuple[int, ...]]
    sets: NDArray[np.int64]
    names: list[str]

    @cached_property
    def split(self) -> SplitTexts:
        """The words of all probes."""
        return split_texts(self.texts)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Words of each probe."""
        return np.diff(self.split.words.doc_offsets)

    def words(self) -> list[str]:
        """Return the different words of all probes, in small letters."""
        words, data = self.split.words, self.split.data
        _, first = np.unique(words.hashes, return_index=True)
        bounds = zip(words.starts[first].tolist(), words.ends[first].tolist(), strict=True)
        return [data[start:end].tobytes().decode().lower() for start, end in bounds]

    def word_texts(self, probe: int) -> list[str]:
        """Return the words of one probe as they are written."""
        words, data = self.split.words, self.split.data
        first, last = words.doc_offsets[probe : probe + 2]
        bounds = zip(words.starts[first:last].tolist(), words.ends[first:last].tolist(), strict=True)
        return [data[start:end].tobytes().decode() for start, end in bounds]

    @cached_property
    def numbers(self) -> list[frozenset[str]]:
        """The numbers of each probe."""
        return [numbers(text) for text in self.texts]

    def of_set(self, code: int) -> NDArray[np.int64]:
        """Return the probes of one eval set."""
        return np.flatnonzero(self.sets == code)

    def item_rows(self) -> set[int]:
        """Return the rows of all items that have a probe."""
        return {row for rows in self.rows for row in rows}


def make_probes(eval_items: pa.Table) -> Probes:
    """Return the probes of a table in `EVAL_ITEM_SCHEMA`."""
    names = list(dict.fromkeys(eval_items.column("eval_set").to_pylist()))
    code = {name: at for at, name in enumerate(names)}
    rows_of: dict[tuple[int, str], list[int]] = {}
    columns = (eval_items.column(name).to_pylist() for name in ("eval_set", "question", "choices"))
    for row, (eval_set, question, choices) in enumerate(zip(*columns, strict=True)):
        for text in _texts(question or "", choices or []):
            rows_of.setdefault((code[eval_set], text), []).append(row)
    return Probes(
        texts=[text for _, text in rows_of],
        rows=[tuple(dict.fromkeys(rows)) for rows in rows_of.values()],
        sets=np.array([at for at, _ in rows_of], dtype=np.int64),
        names=names,
    )


def _texts(question: str, choices: list[str]) -> Iterator[str]:
    words = len(question.split())
    if words >= _MIN_WORDS:
        yield question
    with_options = "\n".join([question, *choices])
    if choices and words < _ALONE_WORDS and len(with_options.split()) >= _MIN_WORDS:
        yield with_options
