"""The numbers of a text, however they are written: what tells a rewording from another problem of the same kind.

>>> sorted(numbers("Three of 80,000 eggs, half of them at $2.50"))
['1/2', '2.5', '3', '80000']
"""

import re
import unicodedata

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_OTHERS = {
    "half": "1/2",
    "halves": "1/2",
    "quarter": "1/4",
    "once": "1",
    "first": "1",
    "single": "1",
    "twice": "2",
    "double": "2",
    "doubled": "2",
    "second": "2",
    "pair": "2",
    "thrice": "3",
    "triple": "3",
    "tripled": "3",
    "third": "3",
    "fourth": "4",
    "fifth": "5",
    "sixth": "6",
    "seventh": "7",
    "eighth": "8",
    "ninth": "9",
    "tenth": "10",
    "dozen": "12",
    "hundred": "100",
    "thousand": "1000",
    "million": "1000000",
}

NUMBER_WORDS = (
    {word: str(value) for value, word in enumerate(_UNITS.split())}
    | {word: str(10 * value) for value, word in enumerate(_TENS.split(), 2)}
    | _OTHERS
)
"""English number words and the number each stands for; "third" is an ordinal as often as a fraction."""

_MARKER = re.compile(r"^\s*\(?\d{1,2}[.)](?=\s)|(?<=\s)\(?\d{1,2}\)(?=\s)", re.MULTILINE)
"""The number of an option or step, "(2)", or "2." at the beginning of a line, which says nothing of the problem."""

_TOKEN = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+/\d+|\d+(?:\.\d+)?|[a-z]+")


def numbers(text: str) -> frozenset[str]:
    """Return the different numbers of a text in one spelling; "twenty-five" gives both its parts.

    The numbers of options and steps are left out.
    """
    folded = unicodedata.normalize("NFKC", text).lower().replace("⁄", "/")
    unmarked = _MARKER.sub(" ", folded)
    digits = "".join(str(unicodedata.decimal(c, c)) if c.isdecimal() else c for c in unmarked)
    return frozenset(number for token in _TOKEN.findall(digits) if (number := _number(token)))


_GROUPED = re.compile(r"(?<=\d)[.,\u00a0\u202f ](?=\d{3}(?!\d))")
"""What groups thousands in one language or another; "1.000" is a thousand in most."""

_WRITTEN = re.compile(r"\d+/\d+|\d+(?:[.,]\d+)?")


def written_numbers(text: str) -> frozenset[str]:
    """Return the numbers written in digits, of a text in any language.

    >>> sorted(written_numbers("80.000 Eier zu 2,50 Euro, drei davon weiß"))
    ['2.5', '80000']
    """
    folded = unicodedata.normalize("NFKC", _MARKER.sub(" ", text)).replace("⁄", "/")
    digits = "".join(str(unicodedata.decimal(c, c)) if c.isdecimal() else c for c in folded)
    return frozenset(_number(token.replace(",", ".")) for token in _WRITTEN.findall(_GROUPED.sub("", digits)))


def _number(token: str) -> str:
    if not token[0].isdecimal():
        return NUMBER_WORDS.get(token, "")
    plain = token.replace(",", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
