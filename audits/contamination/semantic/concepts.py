"""Words that mean nearly the same as one thing to look for: "buys", "purchased" and "acquires", "three" and "3".

A rewording keeps a test item's concepts where it does not keep its words. Concepts cost a look-up a word, as words
do: of 659 LMSYS rewordings in web pages, the screen keeps 658 by concepts and 654 by words.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.batch import TextBatch
from audits.contamination.eval_parts import split_texts
from audits.contamination.semantic.model import ModelFiles
from audits.contamination.semantic.numbers import NUMBER_WORDS
from audits.contamination.semantic.static_vectors import StaticVectors, static_vectors
from audits.contamination.semantic.store import read_arrays, write_arrays
from audits.kernels.ngrams import GramTable, build_table, find_grams

_MIN_COSINE = 0.5
"""Cosine of input embeddings from which two words are one concept."""

_VERSION = 1


@dataclass(frozen=True)
class ConceptTable:
    """Known words: `table` finds a word hash's row, `concepts` (int32) and `vectors` (float32) describe each row."""

    table: GramTable
    concepts: NDArray[np.int32]
    vectors: NDArray[np.float32]

    @property
    def size(self) -> int:
        """How many concepts there are."""
        return int(self.concepts.max(initial=-1)) + 1

    def rows_of(self, batch: TextBatch) -> NDArray[np.int32]:
        """Return the row of each word of a batch, -1 for unknown words."""
        rows = np.full(len(batch.words.hashes), -1, dtype=np.int32)
        _, positions, found = find_grams(batch.words, 1, self.table)
        rows[positions] = found
        return rows


def concept_table(files: ModelFiles, words: list[str]) -> ConceptTable:
    """Return the table of a model's vocabulary and the (folded) words of the test items.

    Words of the vocabulary that are near each other share a concept, number words share it with their digits, and
    any other word is a concept of its own.
    """
    static = static_vectors(files)
    known = list(static.words)
    labels = _clusters(files, static)
    # An item's "three" must be found as "3", and the other way round.
    both_ways = {digits for digits in NUMBER_WORDS.values() if digits.isdecimal()} | NUMBER_WORDS.keys()
    extra = sorted((set(words) | both_ways) - set(known))
    every = [*known, *extra]
    own = [("cluster", str(label)) for label in labels] + [("word", word) for word in extra]
    names = [("number", digits) if (digits := _digits(word)) else name for word, name in zip(every, own, strict=True)]
    split = split_texts(every)
    # A word that folding takes apart (or leaves nothing of) is none by itself.
    whole = np.diff(split.words.doc_offsets) == 1
    hashes = split.words.hashes[split.words.doc_offsets[:-1][whole]]
    keys, first = np.unique(hashes, return_index=True)
    chosen = np.flatnonzero(whole)[first]
    vectors = np.concatenate([static.matrix[list(static.words.values())], static.of(extra)])[chosen]
    codes: dict[tuple[str, str], int] = {}
    concepts = [codes.setdefault(names[row], len(codes)) for row in chosen.tolist()]
    return ConceptTable(build_table(keys), np.array(concepts, dtype=np.int32), np.ascontiguousarray(vectors))


def _digits(word: str) -> str:
    """Return the digits of a number, written so or in words; "" for other words."""
    return word if word.isdecimal() else NUMBER_WORDS.get(word, "")


def _clusters(files: ModelFiles, static: StaticVectors) -> NDArray[np.int32]:
    """Return the cluster of each word of the vocabulary."""
    name = f"concepts-{_VERSION}-{files.digest[:32]}"
    kept = read_arrays(name)
    if kept is not None and len(kept.get("labels", ())) == len(static.words):
        return kept["labels"].astype(np.int32)
    labels = leader_clusters(static.matrix[list(static.words.values())], _MIN_COSINE)
    write_arrays(name, {"labels": labels})
    return labels


def leader_clusters(vectors: NDArray[np.float32], min_cosine: float) -> NDArray[np.int32]:
    """Return a cluster for each vector (leader clustering, Hartigan 1975): that of the nearest leader before it.

    A vector with no leader at `min_cosine` or nearer leads a cluster of its own. Blocks keep this to a few matrix
    products: 22,000 words take three seconds.
    """
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    labels = np.full(len(units), -1, dtype=np.int32)
    leaders = np.zeros((0, units.shape[1]), dtype=np.float32)
    for start in range(0, len(units), 512):
        block = units[start : start + 512]
        near = block @ leaders.T
        fresh: list[int] = []
        for at, unit in enumerate(block):
            every = np.concatenate([near[at], block[fresh] @ unit])
            best = int(every.argmax()) if len(every) else -1
            if best < 0 or every[best] < min_cosine:
                best = len(leaders) + len(fresh)
                fresh.append(at)
            labels[start + at] = best
        leaders = np.concatenate([leaders, block[fresh]])
    return labels
