"""The language of a text: CLD2 where it is sure, py3langid for the rest.

Measured on 75 languages of web sentences: 98.2 % right, with 4 % of texts going on to py3langid; either
model alone is slower or less right. Both models are inside their wheels. Labels are ISO 639-1 where there is
one, with `zxx` for what is no language (base64, digits) and `und` for texts with nothing to tell from.

CLD2's time grows with what it reads, so it reads a little of a text first and more only where the little is not of one
language. That gave the labels of the larger sample to all of 1,000 C4 pages and 1,000 instruction pairs, was right
as often on 12,000 sentences and 2,400 pages in 12 languages (98.8 % and 100 %) and on texts of two languages (75.8 %
in the one with more characters, 75.7 %), and took half the time.
"""

import re
from importlib.metadata import version

import py3langid
import pycld2

MIN_TOP_SHARE = 80
"""CLD2's answer to the larger sample stands if it is reliable by itself and its first language has this percentage."""

_WINDOW = 400
"""Characters of each of the three pieces of the larger sample; 700 gave the same label to all of 1,000 C4 pages and of
1,200 mixed texts in 12 languages, and took half as long again."""

_FIRST_WINDOW, _FIRST_TOP_SHARE = 150, 95
"""The same of the smaller sample, and the percentage at which it is enough."""

# CLD2 raises on NUL, C1 controls and surrogates; none of them says anything about the language.
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]+")
# CLD2's names for what others call by another code.
_ALIASES = {"iw": "he", "zh-Hant": "zh", "jw": "jv", "nb": "no", "nn": "no", "in": "id", "mo": "ro"}


def language_digest() -> str:
    """Return the name of the models that decide; profiles made with different ones are not comparable."""
    samples = f"sample-{_FIRST_WINDOW}-{_WINDOW}"
    return f"cld2-{version('pycld2')}+py3langid-{version('py3langid')}+{samples}"


def identify_languages(texts: list[str]) -> list[str]:
    """Return one language code a text, from its beginning, middle and end (1,200 characters at most).

    >>> identify_languages(["Guten Morgen, wie geht es Ihnen heute?", ""])
    ['de', 'und']
    """
    return [identify_language(text) for text in texts]


def identify_language(text: str) -> str:
    """Return the language code of one text."""
    if len(text) > 3 * _FIRST_WINDOW:
        found = _ask(_sample(text, _FIRST_WINDOW), _FIRST_TOP_SHARE)
        if found is not None:
            return found
    sample = _UNSPEAKABLE.sub("", _sample(text, _WINDOW))
    if not any(character.isalpha() for character in sample):
        return "und" if not sample.strip() else "zxx"
    found = _ask(sample, MIN_TOP_SHARE)
    if found is not None:
        return found
    code = str(py3langid.classify(sample)[0])
    return _ALIASES.get(code, code)


def _ask(sample: str, top_share: int) -> str | None:
    """Return CLD2's answer if it is reliable and its first language has the share, else None."""
    try:
        reliable, _, details = pycld2.detect(sample.encode("utf-8", "ignore"), bestEffort=False)
    except pycld2.error:
        # The few bytes that CLD2 refuses are for py3langid to judge.
        return None
    if not reliable or details[0][2] < top_share:
        return None
    found = str(details[0][1])
    return _ALIASES.get(found, found)


def _sample(text: str, window: int) -> str:
    if len(text) <= 3 * window:
        return text
    middle = len(text) // 2 - window // 2
    return "\n".join((text[:window], text[middle : middle + window], text[-window:]))
