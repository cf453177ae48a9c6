"""What pre-tokenizers and normalisers do with each code point: from Unicode's tables, or asked of the library itself.

Code points that this Python does not know are UNASSIGNED: texts with one are left to the library, whose tables may
be newer. Categories of the others do not change from one version of Unicode to the next.
"""

import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray
from tokenizers import normalizers, pre_tokenizers

from audits.kernels import pieces
from audits.kernels.rewriting import IDENTITY, NEVER, SAFE, UNKNOWN, Replacements

_PLANES = (*range(0xD800), *range(0xE000, 0x33480), *range(0xE0000, 0xE01F0))
"""All code points that are assigned, but for the private planes."""
_CLASSES = {"Lu": pieces.UPPER, "Lt": pieces.UPPER, "Ll": pieces.LOWER, "Lm": pieces.LETTER, "Lo": pieces.LETTER}
_NOT_BLANK = frozenset("\x1c\x1d\x1e\x1f")
r"""Python's `isspace` has these four beside the White_Space of Unicode, which is `\s`."""
_BETWEEN = "|"


@cache
def known() -> tuple[int, ...]:
    """Return the code points with a category, surrogates aside."""
    return tuple(code for code in _PLANES if unicodedata.category(chr(code)) != "Cn")


@cache
def byte_level_classes() -> NDArray[np.uint8]:
    """Return the class of each code point for the byte-level rules, shape (0x110000,)."""
    table = np.full(0x110000, pieces.UNASSIGNED, dtype=np.uint8)
    for code in known():
        character = chr(code)
        category = unicodedata.category(character)
        kind = _CLASSES.get(category, pieces.OTHER)
        if category[0] == "N":
            kind = pieces.NUMBER
        elif category[0] == "M":
            kind = pieces.MARK
        elif character.isspace() and character not in _NOT_BLANK:
            kind = pieces.NEWLINE if character in "\r\n" else pieces.SPACE
        table[code] = kind
    return table


def run_classes(pre_tokenizer: pre_tokenizers.PreTokenizer) -> NDArray[np.uint8]:
    """Return the class of each code point for a pre-tokenizer that drops some, isolates some, and joins equal ones.

    Letters are taken to join with "a"; everything else is asked of the library, between two of them.
    """
    table = np.full(0x110000, pieces.UNASSIGNED, dtype=np.uint8)
    asked = []
    for code in known():
        if unicodedata.category(chr(code))[0] == "L":
            table[code] = pieces.FIRST_RUN
        else:
            asked.append(code)
    text = "".join(f"a{chr(code) * 2}a\n" for code in asked)
    lengths: dict[int, list[tuple[int, int]]] = {}
    for _, (start, stop) in pre_tokenizer.pre_tokenize_str(text):
        lengths.setdefault(start // 5, []).append((start % 5, stop - start))
    for place, code in enumerate(asked):
        table[code] = _run_class(lengths.get(place, []))
    return table


def _run_class(found: list[tuple[int, int]]) -> int:
    """Return the class of x from the pieces (start, length) of "axxa"."""
    classes = {
        ((0, 4),): pieces.FIRST_RUN,
        ((0, 1), (1, 2), (3, 1)): pieces.FIRST_RUN + 1,
        ((0, 1), (1, 1), (2, 1), (3, 1)): pieces.ALONE,
        ((0, 1), (3, 1)): pieces.DROPPED,
    }
    return classes.get(tuple(found), pieces.UNASSIGNED)


@cache
def _composing() -> frozenset[int]:
    """Return the code points that may combine with one before them under NFC or NFKC."""
    seconds = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
    for code in known():
        decomposed = unicodedata.decomposition(chr(code))
        if decomposed and not decomposed.startswith("<") and " " in decomposed:
            seconds.add(int(decomposed.split()[1], 16))
    return frozenset(seconds)


@cache
def moving_spacing_marks() -> frozenset[int]:
    """Return the code points with a spacing mark in them that may change places with its neighbours.

    They are all that is left to move where a normaliser decomposes and then takes the other marks away.
    """
    return frozenset(
        code
        for code in known()
        if any(
            unicodedata.category(c) == "Mc" and unicodedata.combining(c)
            for c in unicodedata.normalize("NFD", chr(code))
        )
    )


def replacements(
    normalizer: normalizers.Normalizer | None, moves_marks: bool, never: frozenset[int] = frozenset()
) -> Replacements:
    """Return what each code point becomes by itself, and where characters do not stand by themselves.

    `moves_marks`: the normaliser decomposes or composes, so combining marks may change places or join. `never`
    are code points that it may treat together with their neighbours.
    """
    lengths = np.full(0x110000, IDENTITY, dtype=np.uint8)
    begins = np.zeros(0x110000, dtype=np.int32)
    leads = np.full(0x110000, UNKNOWN, dtype=np.uint8)
    trails = np.zeros(0x110000, dtype=np.uint8)
    leads[list(known())] = SAFE
    arena = bytearray()
    for code, result in _asked(normalizer):
        character = chr(code)
        if result != character:
            encoded = result.encode("utf-8")
            lengths[code], begins[code] = len(encoded), len(arena)
            arena += encoded
        if moves_marks and code >= 0x80:
            leads[code], trails[code] = _marks(character, result)
    leads[list(never)] = NEVER
    return Replacements(lengths, begins, np.frombuffer(bytes(arena) or b"\0", dtype=np.uint8), leads, trails)


def _asked(normalizer: normalizers.Normalizer | None) -> list[tuple[int, str]]:
    """Return each known code point with what the library makes of it, between two bars where it makes no bar itself."""
    if normalizer is None:
        return [(code, chr(code)) for code in known()]
    bars = [code for code in known() if _BETWEEN in unicodedata.normalize("NFKD", chr(code))]
    codes = [code for code in known() if code not in bars]
    text = _BETWEEN + _BETWEEN.join(map(chr, codes)) + _BETWEEN
    results = normalizer.normalize_str(text).split(_BETWEEN)[1:-1]
    if len(results) != len(codes):
        raise ValueError("its normaliser makes or takes away bars")
    return [*zip(codes, results, strict=True), *((code, normalizer.normalize_str(chr(code))) for code in bars)]


def _marks(character: str, result: str) -> tuple[int, int]:
    """Return the combining classes with which a character and its replacement begin and end; NEVER if it may join."""
    first = result[:1] or character
    forms = [unicodedata.normalize("NFKD", text) for text in (character, result or character)]
    if _composing() & {ord(character), ord(first)}:
        return NEVER, max(unicodedata.combining(form[-1]) for form in forms)
    lead = max(unicodedata.combining(c) for c in (character, first))
    return lead, max(unicodedata.combining(form[-1]) for form in forms)
