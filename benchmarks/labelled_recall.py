"""What `semantic_overlap` makes of the labelled rewordings of seven test sets, and of pages with none.

Every text is planted twice into C4 pages, between two sentences and as a paragraph of its own. Of `reworded` and
`translated` texts the item should be exposed; `new_numbers` are told apart as that class and are suspect at most;
`same_topic` should expose nothing. All sets are looked for at once. Numbers are those of the half for reporting.
Translations are planted into pages of web sentences in their own language, and looked for in the sets that have some.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from audits.base import Resources
from audits.contamination.planting import Planted
from audits.contamination.semantic_overlap import SemanticOverlapConfig
from audits.findings import Match, Summary
from benchmarks.data import eval_items, page_texts
from benchmarks.labelled import (
    INLINE,
    PARAGRAPH,
    REPORTING,
    Labelled,
    half_of,
    load_rewordings,
    planted,
    table_rows,
)
from benchmarks.lexical_recall import Items
from benchmarks.measuring import progress, scanned, share

_SENTENCES = Path(__file__).parents[1] / "tests" / "data" / "multilingual"
_LANGUAGES = ("ar", "de", "es", "fr", "hi", "ja", "pt", "ru", "tr", "vi", "zh")
_PLANTED_PAGES, _ORDINARY_PAGES = 30, 20
_TRANSLATION_ENCODES = 60_000
"""Enough for all items of four sets, MMLU's 20,340 among them."""

_RANKS = {"exposed": 2, "suspect": 1}


def has_whole_sets(data: Path) -> bool:
    """Tell whether the test sets are whole, as the labelled texts need them."""
    try:
        table_rows(load_rewordings(), Items.of(eval_items(data)))
    except ValueError:
        return False
    return True


def measure(data: Path, pages: Path, multilingual: Path | None = None, half: str = REPORTING) -> dict[str, object]:
    """Return by placement, set and kind which items are exposed, suspect and otherwise named, with 95 % intervals.

    Translated texts are looked for with the model in the folder `multilingual`, where one is given.
    """
    items, texts, labelled = Items.of(eval_items(data)), page_texts(pages), half_of(load_rewordings(), half)
    english = [text for text in labelled if text.kind != "translated"]
    progress(f"labelled_recall: {len(english):,} texts and {len(texts):,} pages")
    found: dict[str, object] = {"packaged model": _measured(SemanticOverlapConfig(), items, english, texts)}
    if multilingual is not None:
        translated = [text for text in labelled if text.kind == "translated"]
        found["multilingual model"] = translations(data, multilingual, translated)
    return {"half": half, **found}


def translations(data: Path, model: Path, texts: Sequence[Labelled]) -> dict[str, object]:
    """Return what is made of translations in pages of their language, and of such pages without any."""
    every = eval_items(data)
    wanted = pa.array(sorted({text.eval_set for text in texts}))
    items = Items.of(every.filter(pc.is_in(every.column("eval_set"), value_set=wanted)))
    config = SemanticOverlapConfig(model=str(model), translations=True, max_encodes=_TRANSLATION_ENCODES)
    audit = config.build(Resources(items.table))
    progress(f"labelled_recall: {len(texts):,} translations among {items.table.num_rows:,} items")
    result: dict[str, object] = {}
    for placement in (INLINE, PARAGRAPH):
        documents = [
            document
            for language in sorted({text.language for text in texts})
            for document in planted(
                [text for text in texts if text.language == language],
                items,
                foreign_pages(data, language, _PLANTED_PAGES, "hosts"),
                placement,
            )
        ]
        summary = scanned(audit, [document.text for document in documents])
        result[placement] = by_set_and_kind(summary, items, documents)
    pages = [page for name in _LANGUAGES for page in foreign_pages(data, name, _ORDINARY_PAGES, "ordinary")]
    summary = scanned(audit, pages)
    named = {"exposed": {place.row for place in summary.exposures}}
    named["suspect"] = {match.row for match in summary.matches if match.verdict == "suspect"} - named["exposed"]
    return result | {f"foreign pages {name}": share(len(rows), len(pages)) for name, rows in named.items()}


def foreign_pages(data: Path, language: str, count: int, seed: str) -> list[str]:
    """Return pages of two paragraphs of three web sentences each, drawn at random."""
    own = data / "multilingual" / f"{language}.txt"
    path = own if own.is_file() else _SENTENCES / own.name
    sentences = path.read_text(encoding="utf-8").splitlines()
    rng = random.Random(f"{seed} {language}")
    drawn = (rng.sample(sentences, 6) for _ in range(count))
    return ["\n\n".join((" ".join(page[:3]), " ".join(page[3:]))) for page in drawn]


def _measured(
    config: SemanticOverlapConfig, items: Items, chosen: Sequence[Labelled], pages: list[str]
) -> dict[str, object]:
    audit = config.build(Resources(items.table))
    result: dict[str, object] = {}
    for placement in (INLINE, PARAGRAPH):
        documents = planted(chosen, items, pages, placement)
        summary = scanned(audit, [document.text for document in documents])
        result[placement] = by_set_and_kind(summary, items, documents)
    accused = {place.row for place in scanned(audit, pages).exposures}
    return result | {"web pages accused": share(len(accused), len(pages))}


def by_set_and_kind(summary: Summary, items: Items, documents: list[Planted]) -> dict[str, dict[str, object]]:
    """Return for every "set, kind" in how many documents the own item is exposed or suspect, and another is exposed.

    An item that asks the same question as the own one counts as it.
    """
    own, others = _own_matches(summary, items, documents), _others_exposed(summary, items, documents)
    groups = defaultdict(list)
    for at, document in enumerate(documents):
        groups[f"{items.keys[document.row][0]}, {document.kind}"].append(at)
    return {
        name: {
            "exposed": share(sum(at in own and own[at].verdict == "exposed" for at in places), len(places)),
            "suspect": share(sum(at in own and own[at].verdict == "suspect" for at in places), len(places)),
            "named": dict(Counter(own[at].evidence_class for at in places if at in own)),
            "another item exposed": share(sum(at in others for at in places), len(places)),
        }
        for name, places in groups.items()
    }


def _own_matches(summary: Summary, items: Items, documents: list[Planted]) -> dict[int, Match]:
    """Return for each document the match of its own item with the gravest verdict."""
    best: dict[int, Match] = {}
    ranked = sorted(summary.matches, key=lambda match: (-_RANKS.get(match.verdict, 0), -match.score))
    for match in ranked:
        if _is_own(match.eval_set, match.item_id, items, documents[match.row]):
            best.setdefault(match.row, match)
    return best


def _others_exposed(summary: Summary, items: Items, documents: list[Planted]) -> set[int]:
    return {
        place.row
        for place in summary.exposures
        if not _is_own(place.eval_set, place.item_id, items, documents[place.row])
    }


def _is_own(eval_set: str, item_id: str, items: Items, document: Planted) -> bool:
    return items.groups[items.rows[eval_set, item_id]] == items.groups[document.row]
