"""Which tokenizers can be counted piece by piece, and how: read from the parts of their `tokenizer.json`.

A text may be cut into pieces that are tokenized once each if normaliser and pre-tokenizer work on one character or
piece at a time. What is not known to do so is refused with the reason, and such a tokenizer encodes every text whole.
"""

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models

from audits.kernels import pieces
from audits.kernels.rewriting import IDENTITY, NEVER, UNKNOWN, Replacements
from audits.tokens import code_points

Part = dict[str, Any]

UNDERSCORE = "\u2581"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_UPPERS, _LOWERS = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_BEFORE = r"[^\r\n\p{L}\p{N}]?"
_FORMS = ("NFC", "NFD", "NFKC", "NFKD")
_CHARACTERWISE = ("Lowercase", "StripAccents", "Nmt", "BertNormalizer")


class NotPiecewise(Exception):
    """Why a tokenizer cannot be counted piece by piece."""


@dataclass(frozen=True)
class Recipe:
    """How to make pieces of a text.

    `replacements` say what each code point becomes, if it `rewrites` any; `keeps_text` that the normaliser changes
    nothing in texts without marks. Texts with marks are brought into the Unicode form `form` first. `prefix` is put
    before each text that does not begin with it, before every one if `prefix_always`, only before the beginning of a
    document if `prefix_first`. `classes` and `rule` are those of `audits.kernels.pieces.end_of_piece`; `rule[4]` sets
    numbers apart first.
    """

    replacements: Replacements
    classes: NDArray[np.uint8]
    rule: NDArray[np.int64]
    keeps_text: bool = True
    form: Literal["NFC", "NFD", "NFKC", "NFKD"] | None = None
    rewrites: bool = False
    prefix: str = ""
    prefix_always: bool = False
    prefix_first: bool = False
    byte_level: bool = False


@dataclass(frozen=True)
class _Cut:
    """What a pre-tokenizer does: its rule, what it puts before a text, and whether spaces become U+2581."""

    rule: tuple[int, int, int, int, int]
    prefix: str = ""
    first: bool = False
    underscores: bool = False
    byte_level: bool = False


def read_recipe(parts: Part) -> Recipe:
    """Return how a tokenizer's texts become pieces.

    Raises:
        NotPiecewise: it is not known that they can be cut.
    """
    steps = _steps(parts.get("normalizer"), "normalizers")
    before = "".join(step["prepend"] for step in steps if step["type"] == "Prepend")
    if before and (steps[0]["type"] != "Prepend" or before != UNDERSCORE):
        raise NotPiecewise("its normaliser puts something before a text")
    steps = [step for step in steps if step["type"] != "Prepend"]
    form = steps[0]["type"] if steps and steps[0]["type"] in _FORMS else None
    for step in steps[1:] if form else steps:
        _check_step(step)
    cut = _cut(parts.get("pre_tokenizer"), any(step["type"] == "Replace" for step in steps))
    if cut.underscores:
        steps = [*steps, {"type": "Replace", "pattern": {"String": " "}, "content": UNDERSCORE}]
    keeps_text = not before and all(step["type"] == "NFC" for step in steps[: len(steps) - cut.underscores])
    classes = _classes(cut, parts.get("pre_tokenizer"))
    table = _table(steps, form, classes)
    return Recipe(
        replacements=table,
        classes=classes,
        rule=np.array(cut.rule, dtype=np.int64),
        keeps_text=keeps_text,
        form=form,
        rewrites=bool((table.lengths != IDENTITY).any()) or bool(before or cut.prefix),
        prefix=before or cut.prefix,
        prefix_always=bool(before),
        prefix_first=cut.first,
        byte_level=cut.byte_level,
    )


def _steps(part: Part | None, key: str) -> list[Part]:
    """Return the parts of a sequence of normalisers or pre-tokenizers, one after the other."""
    if part is None:
        return []
    if part["type"] == "Sequence":
        return [step for inner in part[key] for step in _steps(inner, key)]
    return [part]


def is_byte_level(parts: Part) -> bool:
    """Tell whether a tokenizer's pieces are bytes, each written as one character (GPT-2)."""
    return any(step["type"] == "ByteLevel" for step in _steps(parts.get("pre_tokenizer"), "pretokenizers"))


def _check_step(step: Part) -> None:
    if step["type"] in _CHARACTERWISE:
        return
    if step["type"] == "Replace" and step["pattern"] == {"String": " "} and step["content"] == UNDERSCORE:
        return
    raise NotPiecewise(f"its normaliser has {step['type']}, which may look at more than one character")


def _table(steps: list[Part], form: str | None, classes: NDArray[np.uint8]) -> Replacements:
    normalizer = None
    if steps:
        normalizer = _from_json("normalizer", {"type": "Sequence", "normalizers": steps})
    strips = any(step["type"] in ("BertNormalizer", "StripAccents") for step in steps)
    never = code_points.moving_spacing_marks() if strips and form is None else frozenset()
    try:
        table = code_points.replacements(normalizer, form is not None, never)
    except ValueError as error:
        raise NotPiecewise(str(error)) from error
    table.leads[classes == pieces.UNASSIGNED] = UNKNOWN
    if [step["type"] for step in steps] == ["NFC"]:
        # Few texts have one of the characters that NFC changes; those are brought into the form as a whole.
        table.leads[table.lengths != IDENTITY] = NEVER
        table = replace(table, lengths=np.full_like(table.lengths, IDENTITY))
    return table


def _from_json(name: str, part: Part | None) -> Any:
    """Return a "normalizer" or "pre_tokenizer" from its description; the library reads them only inside a tokenizer."""
    described = json.loads(Tokenizer(models.BPE()).to_str())
    return getattr(Tokenizer.from_str(json.dumps({**described, name: part})), name)


def _classes(cut: _Cut, part: Part | None) -> NDArray[np.uint8]:
    if cut.rule[0] == pieces.RUNS:
        return code_points.run_classes(_from_json("pre_tokenizer", part))
    return code_points.byte_level_classes()


def _cut(part: Part | None, spaces_are_gone: bool) -> _Cut:
    steps = _steps(part, "pretokenizers")
    kinds = [step["type"] for step in steps]
    if kinds == ["Split"] and steps[0]["pattern"] == {"String": " "} and spaces_are_gone:
        kinds = []
    if not kinds and spaces_are_gone:
        return _Cut((pieces.UNDERSCORES, 0, 0, 0, 0))
    if kinds in (["BertPreTokenizer"], ["Whitespace"], ["WhitespaceSplit"]):
        return _Cut((pieces.RUNS, 0, 0, 0, 0))
    if kinds == ["Metaspace"]:
        return _metaspace(steps[0])
    if kinds and kinds[-1] == "ByteLevel":
        return _byte_level(steps)
    raise NotPiecewise(f"its pre-tokenizer ({', '.join(kinds) or 'none'}) is not among the known ones")


def _metaspace(step: Part) -> _Cut:
    if step["replacement"] != UNDERSCORE:
        raise NotPiecewise("its Metaspace writes spaces in an unusual way")
    rule = pieces.METASPACE if step["split"] else pieces.UNDERSCORES
    scheme = step["prepend_scheme"]
    prefix = "" if scheme == "never" else UNDERSCORE
    return _Cut((rule, 0, 0, 0, 0), prefix, first=scheme == "first", underscores=True)


def _byte_level(steps: list[Part]) -> _Cut:
    last, kinds = steps[-1], [step["type"] for step in steps]
    prefix = " " if last["add_prefix_space"] else ""
    splits = last["use_regex"]
    if kinds == ["ByteLevel"] and splits:
        return _Cut((pieces.GPT2, 0, 0, 0, 0), prefix, byte_level=True)
    if prefix:
        raise NotPiecewise("its ByteLevel puts a space before every piece of another pre-tokenizer")
    if kinds == ["Digits", "ByteLevel"] and steps[0]["individual_digits"] and splits:
        return _Cut((pieces.GPT2, 0, 0, 0, 1), byte_level=True)
    if kinds == ["Split", "ByteLevel"] and not splits:
        step = steps[0]
        isolated = step["behavior"] == "Isolated" and not step["invert"]
        rule = KNOWN_PATTERNS.get(step["pattern"].get("Regex", ""))
        # These patterns match everything, so isolating matches and removing what is between them are the same.
        if rule is not None and (isolated or (step["behavior"] == "Removed" and step["invert"])):
            return _Cut(rule, byte_level=True)
        raise NotPiecewise("its Split has a pattern that is not among the known ones")
    raise NotPiecewise(f"its pre-tokenizer ({', '.join(kinds)}) is not among the known ones")


def _known_patterns() -> dict[str, tuple[int, int, int, int, int]]:
    """Return the patterns of published byte-level tokenizers with their rules."""
    space = r"\s*[\r\n]+|\s+(?!\S)|\s+"
    known = {}
    for digits, number in {3: r"\p{N}{1,3}", 1: r"\p{N}", 0: r"\p{N}+"}.items():
        plain = rf"{_BEFORE}\p{{L}}+|{number}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{space}"
        known[f"{_CONTRACTIONS}|{plain}"] = (pieces.TIKTOKEN, digits, 1, 0, 0)
        known[plain] = (pieces.TIKTOKEN, digits, 0, 0, 0)
        for suffix, place in ((f"{_CONTRACTIONS}?", 2), ("", 0)):
            words = f"{_BEFORE}{_UPPERS}*{_LOWERS}+{suffix}|{_BEFORE}{_UPPERS}+{_LOWERS}*{suffix}"
            pattern = rf"{words}|{number}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{space}"
            known[pattern] = (pieces.CASED, digits, place, 1, 0)
    gpt2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    known[gpt2] = (pieces.GPT2, 0, 0, 0, 0)
    return known


KNOWN_PATTERNS = _known_patterns()
"""Split patterns that the kernels follow: GPT-2; cl100k, Llama 3 and Qwen; o200k and Tekken."""
