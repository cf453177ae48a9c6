"""The script of a letter: Latin, Cyrillic, Han, Devanagari and so on, as Unicode names them.

A character counts when it is a letter or a mark (general categories L and M) of a script; what scripts share (digits,
punctuation, combining accents: Common and Inherited) counts nowhere. Scripts are those in modern use (Unicode
Standard Annex 31, tables 5 and 7, version 16); all others are "Other" together. The property is that of Unicode
Standard Annex 24, from the package `regex`.
"""

import unicodedata
from functools import cache
from importlib.metadata import version

import numpy as np
import regex
from numpy.typing import NDArray

_RECOMMENDED = """
Latin Cyrillic Greek Arabic Hebrew Han Hiragana Katakana Hangul Devanagari Bengali Tamil Telugu Thai Georgian Armenian
Gujarati Gurmukhi Kannada Malayalam Sinhala Oriya Khmer Lao Myanmar Tibetan Ethiopic Bopomofo Thaana
"""
_LIMITED = """
Adlam Balinese Bamum Batak Canadian_Aboriginal Chakma Cham Cherokee Hanifi_Rohingya Javanese Kayah_Li Lepcha Limbu Lisu
Mandaic Meetei_Mayek Miao Mongolian New_Tai_Lue Newa Nko Nyiakeng_Puachue_Hmong Ol_Chiki Osage Saurashtra Sundanese
Syloti_Nagri Syriac Tai_Le Tai_Tham Tai_Viet Tifinagh Vai Wancho Yi
"""

SCRIPTS = ["", *_RECOMMENDED.split(), *_LIMITED.split(), "Other"]
"""Names by number; number 0 is what has no script."""


def script_digest() -> str:
    """Return the name of the property's version; profiles made with different ones are not comparable."""
    return f"unicode-scripts-regex-{version('regex')}"


@cache
def script_table() -> NDArray[np.uint8]:
    """Return the number in `SCRIPTS` of every code point, shape (0x110000,); made in 0.4 s."""
    table = np.zeros(0x110000, dtype=np.uint8)
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    letters = [code for code in codes if unicodedata.category(chr(code))[0] in "LM"]
    text = "".join(map(chr, letters))
    for found in regex.finditer(r"[^\p{Script=Common}\p{Script=Inherited}]+", text):
        table[letters[found.start() : found.end()]] = len(SCRIPTS) - 1
    for number, name in enumerate(SCRIPTS[1:-1], 1):
        for found in regex.finditer(rf"\p{{Script={name}}}+", text):
            table[letters[found.start() : found.end()]] = number
    return table


def script_of(character: str) -> str:
    """Return the script of one letter, empty for what has none.

    >>> [script_of(character) for character in "aжμ你あ1"]
    ['Latin', 'Cyrillic', 'Greek', 'Han', 'Hiragana', '']
    """
    return SCRIPTS[int(script_table()[ord(character)])]
