"""Leaks made on purpose: test items put into real documents, to measure what detectors find of them.

    planted = plant(eval_items, pages, kinds=["question", "swap_10"], per_set=300, seed=1)
    planted[0]        # Planted(row=7, kind="question", text="... page ... question ... page ...")

The kinds are those of `planting_edits.EDITS`. The same seed gives the same documents, and the copy of one item in one
kind does not depend on what else is planted.
"""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from audits.contamination.planting_edits import EDITS, SENTENCE_END, Material, PlantItem

KINDS = tuple(EDITS)
"""Names of all kinds of planted copies."""

_BOUNDARY = re.compile(r"\n\s*|(?<=[.!?])\s+(?=\S)")
_VOCABULARY = re.compile(r"[^\W\d_]{3,}")
_SENTENCE_WORDS = range(8, 31)
_MATERIAL_TEXTS = 500
"""Texts that words and sentences for edits are drawn from: some ten thousand words, whatever the corpus size."""


@dataclass(frozen=True)
class Planted:
    """A document with a test item in it: `row` of the item table, the `kind` of copy and the whole `text`."""

    row: int
    kind: str
    text: str


Rewordings = Mapping[tuple[str, str], Sequence[str]]
"""Rewordings of items by (eval set, item id)."""


def plant_items(eval_items: pa.Table, rewordings: Rewordings | None = None) -> list[PlantItem]:
    """Return the rows of a table in `EVAL_ITEM_SCHEMA` as items that edits work on."""
    known = rewordings or {}
    names = ("eval_set", "item_id", "question", "choices", "answer", "passage")
    columns = [eval_items.column(name).to_pylist() for name in names]
    return [
        PlantItem(
            eval_set,
            item_id,
            question,
            tuple(choices or ()),
            answer,
            passage,
            tuple(known.get((eval_set, item_id), ())),
        )
        for eval_set, item_id, question, choices, answer, passage in zip(*columns, strict=True)
    ]


def material_of(pages: Iterable[str], items: Sequence[PlantItem] = ()) -> Material:
    """Return the words and sentences of some real documents, and the words of some items, for edits to use."""
    texts = list(pages)[:_MATERIAL_TEXTS]
    words = dict.fromkeys(
        word
        for text in [*texts, *(item.question for item in items[:_MATERIAL_TEXTS])]
        for word in _VOCABULARY.findall(text)
    )
    sentences = dict.fromkeys(
        " ".join(sentence.split())
        for text in texts
        for line in text.splitlines()
        for sentence in SENTENCE_END.split(line)
        if len(sentence.split()) in _SENTENCE_WORDS
    )
    return Material(tuple(words), tuple(sentences))


def embed(text: str, page: str, rng: random.Random) -> str:
    """Return the page with the text in it, at the end of one of its paragraphs or sentences.

    >>> embed("Leak.", "First line.\\nSecond line.", random.Random(1))
    'First line.\\nLeak.\\nSecond line.'
    """
    boundaries = list(_BOUNDARY.finditer(page.rstrip()))
    if not boundaries:
        return f"{page.rstrip()}\n{text}" if page.strip() else text
    chosen = rng.choice(boundaries)
    gap = "\n" if "\n" in chosen.group() else " "
    return f"{page[: chosen.start()]}{gap}{text}{gap}{page[chosen.end() :]}"


def plant(
    eval_items: pa.Table,
    pages: Sequence[str],
    kinds: Sequence[str] = KINDS,
    per_set: int | None = 300,
    seed: int = 1,
    rewordings: Rewordings | None = None,
) -> list[Planted]:
    """Return documents with one test item each: for every set and kind, `per_set` items (None: all of them).

    The items are the same for every kind, less those that the kind does not apply to. Pages are used in turn, so that
    no page serves twice while there are enough. Of items with `rewordings` as many as there are, up to `per_set`, are
    planted in those. Without pages a document is the planted text alone.
    """
    items = plant_items(eval_items, rewordings)
    material = material_of(pages, items)
    rows_of: dict[str, list[int]] = {}
    for row, item in enumerate(items):
        rows_of.setdefault(item.eval_set, []).append(row)
    planted: list[Planted] = []
    for eval_set, rows in rows_of.items():
        chosen = _sample(rows, per_set, random.Random(f"{seed} {eval_set}"))
        worded = _sample(
            [r for r in rows if items[r].rewordings], per_set, random.Random(f"{seed} {eval_set} reworded")
        )
        for kind in kinds:
            first_page = random.Random(f"{seed} {eval_set} {kind}").randrange(len(pages) or 1)
            for at, row in enumerate(worded if kind == "reworded" else chosen):
                page = pages[(first_page + at) % len(pages)] if pages else ""
                planted.extend(_planted(items[row], row, kind, page, material, seed))
    return planted


def _sample(rows: list[int], per_set: int | None, rng: random.Random) -> list[int]:
    return rows if per_set is None or per_set >= len(rows) else sorted(rng.sample(rows, per_set))


def _planted(item: PlantItem, row: int, kind: str, page: str, material: Material, seed: int) -> list[Planted]:
    """Return the one document, or none where the kind does not apply."""
    rng = random.Random(f"{seed} {item.eval_set} {item.item_id} {kind}")
    text = EDITS[kind](item, rng, material)
    return [] if text is None else [Planted(row, kind, embed(text, page, rng))]
