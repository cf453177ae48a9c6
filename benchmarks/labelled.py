"""Texts with a known answer: rewordings of test items written for this project, and public pairs of paraphrases.

    texts = load_rewordings()                                  # what labelled/rewordings.jsonl holds
    items = Items.of(eval_items(data))
    documents = planted(half_of(texts, REPORTING), items, pages, PARAGRAPH)
    pairs = paraphrase_pairs(data)["paws"]                     # [Pair(text_a="In Paris , ...", text_b=..., same=False)]

Limits are tuned on one half and results reported on the other.
"""

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from audits.contamination.planting import Planted
from benchmarks.lexical_recall import Items

REWORDINGS = Path(__file__).parent / "labelled" / "rewordings.jsonl"
SAME_ITEM = ("reworded", "translated")
"""Kinds that leak their item; `new_numbers` is its twin with another answer, `same_topic` another problem."""

KINDS = (*SAME_ITEM, "new_numbers", "same_topic")
TUNING, REPORTING = "tuning", "reporting"
INLINE, PARAGRAPH = "inline", "paragraph"
_SENTENCE_END = re.compile(r"(?<=[.!?])[ \t]+(?=\S)")
_LINE_END = re.compile(r"\s*\n\s*")
_PAIRS = {
    "mrpc": ("t0_glue_mrpc_equivalent.jsonl", re.compile(r"[^\n]*\n(?P<a>[^\n]+)\n(?P<b>[^\n]+)\n"), "equivalent"),
    "qqp": ("t0_glue_qqp_duplicate.jsonl", re.compile(r'[^"]*"(?P<a>.+?)" and "(?P<b>.+)"\. Are they'), "yes"),
    "paws": (
        "t0_paws_labeled_final_Meaning.jsonl",
        re.compile(r"Sentence 1: (?P<a>[^\n]+)\nSentence 2: (?P<b>[^\n]+)\n"),
        "yes",
    ),
}


@dataclass(frozen=True)
class Labelled:
    """A text made of item `row` of `eval_set` (counted from 0 in the set's own order), in one of `KINDS`."""

    eval_set: str
    row: int
    kind: str
    language: str
    text: str


@dataclass(frozen=True)
class Pair:
    """Two texts, and whether people found that they say the same."""

    text_a: str
    text_b: str
    same: bool


def load_rewordings(path: Path = REWORDINGS) -> list[Labelled]:
    """Return the labelled texts in the order of the file."""
    return [Labelled(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def half_of(texts: Iterable[Labelled], half: str) -> list[Labelled]:
    """Return one half: of every set and kind, counted by row, each second text is for reporting.

    A row has one kind only, so that no item is in both halves.
    """
    groups = defaultdict(list)
    for text in texts:
        groups[text.eval_set, text.kind].append(text)
    first = {TUNING: 0, REPORTING: 1}[half]
    by_row = (sorted(groups[name], key=lambda text: (text.row, text.text)) for name in sorted(groups))
    return [text for group in by_row for text in group[first::2]]


def table_rows(texts: Iterable[Labelled], items: Items) -> list[int]:
    """Return the row of the table of all sets at which the item of each text is.

    Raises:
        ValueError: a test set lacks the row: it is not the whole set.
    """
    of_set = defaultdict(list)
    for row, (name, _) in enumerate(items.keys):
        of_set[name].append(row)
    rows = []
    for text in texts:
        if text.row >= len(of_set[text.eval_set]):
            there = len(of_set[text.eval_set])
            raise ValueError(f"{text.eval_set} has {there:,} items, and a text is labelled with row {text.row}")
        rows.append(of_set[text.eval_set][text.row])
    return rows


def planted(
    texts: Sequence[Labelled], items: Items, pages: Sequence[str], placement: str, seed: int = 1
) -> list[Planted]:
    """Return one page with each text in it, whose `row` counts in the table of all sets and `kind` is the text's.

    `INLINE` puts the text between two sentences of a paragraph, with blanks for its own line breaks unless it has
    code; `PARAGRAPH` puts it on lines of its own. Pages are used in turn.
    """
    put = {INLINE: put_inline, PARAGRAPH: put_as_paragraph}[placement]
    first = random.Random(f"{seed} {placement}").randrange(len(pages))
    documents = []
    for at, (text, row) in enumerate(zip(texts, table_rows(texts, items), strict=True)):
        rng = random.Random(f"{seed} {placement} {text.eval_set} {text.row} {text.kind}")
        documents.append(Planted(row, text.kind, put(text.text, pages[(first + at) % len(pages)], rng)))
    return documents


def put_inline(text: str, page: str, rng: random.Random) -> str:
    """Return the page with the text between two sentences.

    >>> put_inline("Leak.", "One. Two.", random.Random(1))
    'One. Leak. Two.'
    """
    code = "def " in text or "\n    " in text
    return _put(text if code else " ".join(text.split()), page, _SENTENCE_END, " ", rng)


def put_as_paragraph(text: str, page: str, rng: random.Random) -> str:
    r"""Return the page with the text as a paragraph of its own.

    >>> put_as_paragraph("Leak.", "One. Two.\nThree.", random.Random(1))
    'One. Two.\n\nLeak.\n\nThree.'
    """
    return _put(text, page, _LINE_END, "\n\n", rng)


def _put(text: str, page: str, boundary: re.Pattern[str], gap: str, rng: random.Random) -> str:
    page = page.strip()
    boundaries = list(boundary.finditer(page))
    if not boundaries:
        return f"{page}{gap}{text}"
    chosen = rng.choice(boundaries)
    return f"{page[: chosen.start()]}{gap}{text}{gap}{page[chosen.end() :]}"


def paraphrase_pairs(data: Path) -> dict[str, list[Pair]]:
    """Return the pairs of MRPC (news), QQP (questions of a forum) and PAWS (the same words in another order) by name.

    They are taken out of the prompts of T0's training set in `data / "train"`; what is not there is left out.
    """
    there = {name: data / "train" / file for name, (file, _, _) in _PAIRS.items()}
    return {name: _pairs(path, *_PAIRS[name][1:]) for name, path in there.items() if path.is_file()}


def _pairs(path: Path, prompt: re.Pattern[str], yes: str) -> list[Pair]:
    """Return the pairs of one file, less those whose prompt is not of its form."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    found = ((prompt.match(row["prompt"]), row["completion"]) for row in rows)
    return [
        Pair(match["a"].strip(), match["b"].strip(), answer.removesuffix("<|endoftext|>").strip().lower() == yes)
        for match, answer in found
        if match
    ]


def counts(texts: Iterable[Labelled]) -> Counter[tuple[str, str]]:
    """Return how many texts there are of each set and kind."""
    return Counter((text.eval_set, text.kind) for text in texts)
