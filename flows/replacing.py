"""Which unseen item takes the place of which exposed one, and what is said of it. Nothing here quotes an item."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import xxhash

from audits.findings import Finding, Status
from audits.wording import counted
from reports.result import Replacement

LABEL = "vault"
_WORDS = re.compile(r"\w+")
_NAMED_IDS = 5


@dataclass(frozen=True)
class Item:
    """What choosing needs of an item: who it is, its place in its set, what must agree, and its words."""

    eval_set: str
    item_id: str
    position: int
    stratum: str | None
    options: int
    words: int
    key: str


def question_key(text: str) -> str:
    """Return the words of a text after case folding: texts with equal keys are one question.

    >>> question_key("What is 2 + 3?") == question_key("what is 2, 3")
    True
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    # What has no words (symbols, emoji) is compared as it stands.
    return " ".join(_WORDS.findall(folded)) or folded.strip()


def choose_replacements(
    vault: pa.Table,
    files: Mapping[str, str],
    verdicts: Mapping[tuple[str, str], str],
    eval_items: pa.Table,
    exposed: set[tuple[str, str]],
) -> list[Replacement]:
    """Return an entry for each exposed item, in the order of the test sets.

    A replacement is clean, new (no test item and no earlier vault item asks the same), of the same stratum and
    number of options, and the nearest in words that is left. Who chooses first, and between equally near ones,
    is settled by digests of ids, so that neither the order of a file nor chance plays a part.
    """
    items = as_items(eval_items)
    left: dict[tuple[str, str | None, int], list[Item]] = {}
    for item in usable(as_items(vault), verdicts, items):
        left.setdefault((item.eval_set, item.stratum, item.options), []).append(item)
    chosen: dict[tuple[str, str], Item] = {}
    wanted = [item for item in items if (item.eval_set, item.item_id) in exposed]
    for item in sorted(wanted, key=lambda item: _draw(item.eval_set, item.item_id)):
        candidates = left.get((item.eval_set, item.stratum, item.options), [])
        if candidates:
            best = min(candidates, key=partial(_preference, item))
            candidates.remove(best)
            chosen[item.eval_set, item.item_id] = best
    return [_replacement(item, chosen.get((item.eval_set, item.item_id)), files) for item in wanted]


def usable(vault: Sequence[Item], verdicts: Mapping[tuple[str, str], str], eval_items: Sequence[Item]) -> list[Item]:
    """Return the vault's items that may replace others."""
    fresh = first_of_a_kind(vault, {item.key for item in eval_items})
    return [item for item in fresh if verdicts.get((item.eval_set, item.item_id)) == "clean"]


def first_of_a_kind(vault: Sequence[Item], taken: set[str]) -> list[Item]:
    """Return the items whose question neither is among the keys `taken` nor was asked by an earlier item."""
    first: dict[str, Item] = {}
    for item in vault:
        if item.key not in taken:
            first.setdefault(item.key, item)
    return list(first.values())


def as_items(table: pa.Table) -> list[Item]:
    """Return the rows of a table in `EVAL_ITEM_SCHEMA` without their texts."""
    names = ("eval_set", "item_id", "question", "choices", "stratum")
    counts = Counter[str]()
    items = []
    for eval_set, item_id, question, choices, stratum in zip(
        *(table.column(n).to_pylist() for n in names), strict=True
    ):
        key = question_key(question)
        items.append(Item(eval_set, item_id, counts[eval_set], stratum, len(choices or ()), key.count(" ") + 1, key))
        counts[eval_set] += 1
    return items


def vault_findings(
    vault: pa.Table,
    verdicts: Mapping[tuple[str, str], str],
    eval_items: pa.Table,
    replacements: Sequence[Replacement],
) -> list[Finding]:
    """Return for every test set how many exposed items are replaced, and how much of its vault can be used."""
    stored, items = as_items(vault), as_items(eval_items)
    free = Counter(item.eval_set for item in usable(stored, verdicts, items))
    findings = []
    for eval_set in dict.fromkeys(item.eval_set for item in items):
        mine = [one for one in replacements if one.eval_set == eval_set]
        own = [item for item in stored if item.eval_set == eval_set]
        findings.append(_replaced(eval_set, mine, _stock(own, verdicts, stored, items, free[eval_set])))
        found = [item.item_id for item in own if verdicts.get((eval_set, item.item_id)) == "exposed"]
        if found:
            findings.append(_found_out(eval_set, found, len(own)))
    return findings


def _replaced(eval_set: str, mine: Sequence[Replacement], stock: str) -> Finding:
    replaced = sum(one.vault_item_id is not None for one in mine)
    short = replaced < len(mine)
    if mine:
        message = f"{replaced:,} of {counted(len(mine), 'exposed item')} of {eval_set} have a replacement in the vault"
    else:
        message = f"No item of {eval_set} needs a replacement"
    return Finding(
        audit=LABEL,
        subject=eval_set,
        status=Status.WARN if short else Status.INFO,
        metric="replaced_share",
        message=f"{message}; {stock}.",
        value=replaced / len(mine) if mine else None,
        n_docs=len(mine) or None,
        suggestion="Add unseen items to the vault; the reason of each is in actions/replacements.jsonl."
        if short
        else "",
    )


def _stock(
    own: Sequence[Item],
    verdicts: Mapping[tuple[str, str], str],
    stored: Sequence[Item],
    items: Sequence[Item],
    free: int,
) -> str:
    """Say what a test set's part of the vault is worth: "of its 40 items 31 can be used (4 exposed, ...)"."""
    if not own:
        return "the vault has no items for it"
    counts = Counter(verdicts.get((item.eval_set, item.item_id), "not looked for") for item in own)
    asked = {item.key for item in items}
    known = sum(item.key in asked for item in own)
    fresh = set(first_of_a_kind(stored, asked))
    twice = sum(item not in fresh for item in own) - known
    parts = [f"{counts[verdict]:,} {verdict}" for verdict in counts if verdict != "clean"]
    parts += [f"{known:,} with the question of a test item"] if known else []
    parts += [f"{twice:,} with the question of an earlier one"] if twice else []
    because = f" ({', '.join(parts)})" if parts else ""
    return f"of the {counted(len(own), 'item')} that the vault has for it {free:,} can be used{because}"


def _found_out(eval_set: str, found: Sequence[str], total: int) -> Finding:
    named = ", ".join(found[:_NAMED_IDS]) + (", ..." if len(found) > _NAMED_IDS else "")
    return Finding(
        audit=LABEL,
        subject=eval_set,
        status=Status.WARN,
        metric="vault_exposed",
        message=f"{len(found):,} of the vault's {counted(total, 'item')} for {eval_set} are in the corpus themselves "
        f"({named}).",
        value=float(len(found)),
        n_docs=total,
        suggestion="They are unseen no more: take them out of the vault, and find out how they got into the corpus.",
    )


def _replacement(item: Item, found: Item | None, files: Mapping[str, str]) -> Replacement:
    if found is not None:
        place = files[item.eval_set], found.position, found.item_id
        return Replacement(item.eval_set, item.item_id, item.stratum, *place)
    if item.eval_set not in files:
        reason = f"the vault has no file for {item.eval_set}"
    else:
        stratum = "" if item.stratum is None else f"stratum {item.stratum}"
        options = f"{item.options} options" if item.options else ""
        what = " and ".join(part for part in (stratum, options) if part)
        reason = "the vault has no usable item left" + (f" with {what}" if what else "")
    return Replacement(item.eval_set, item.item_id, item.stratum, reason=reason)


def _preference(item: Item, other: Item) -> tuple[int, int]:
    return abs(item.words - other.words), _draw(item.eval_set, item.item_id, other.item_id)


def _draw(*ids: str) -> int:
    return int(xxhash.xxh3_64_intdigest("\x1f".join(ids).encode("utf-8", "backslashreplace")))
