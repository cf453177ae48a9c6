"""Text that was decoded wrongly, or carries characters that no reader sees.

"L’Ã©cole" is UTF-8 read as Windows-1252; "Stra\\ufffde" lost a letter for good; "?????? ???" was Cyrillic.

| rule, version 1 | a document is affected by | source |
|---|---|---|
| mojibake | ftfy's badness of at least 1 | ftfy 6.3, `ftfy.badness` |
| replacement_character | U+FFFD, or its own mojibake "ï¿½" | Unicode Standard, 23.8 |
| question_mark_runs | "???" inside a word, three words of nothing but "?", or a text of little else | this project |
| control_characters | C0 except tab, line ends and form feed; DEL; C1; noncharacters | Unicode 23.1, 23.7 |
| invisible_payload | 8 invisible characters in a row, tags outside flags, open overrides | UTR 36; Trojan Source |

Trojan Source is Boucher & Anderson 2021 (CVE-2021-42574). A C1 character is usually Windows-1252 read as
Latin-1, so it counts as mojibake and as a control character. None of the rules depends on the language.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Literal

import ftfy
from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES

from audits.base import Resources
from audits.batch import TextBatch
from audits.corruption.damage_shares import DamageAudit, DamageConfig, Rule
from audits.corruption.damage_state import DamageState, Defect

RULES = (
    Rule(
        "mojibake",
        1,
        "have letters decoded with the wrong encoding",
        "Fetch or decode this text again with the right encoding, or repair it with `ftfy.fix_text`.",
    ),
    Rule(
        "replacement_character",
        1,
        "have letters replaced by U+FFFD",
        "The letters are lost: decode the source again with its own encoding.",
    ),
    Rule(
        "question_mark_runs",
        1,
        "have question marks where letters were",
        "The letters are lost: export the source again in UTF-8.",
    ),
    Rule(
        "control_characters",
        1,
        "have control characters or noncharacters",
        "Look for binary data or a wrong encoding (C1 characters are usually Windows-1252), and strip them.",
    ),
    Rule(
        "invisible_payload",
        1,
        "have runs of invisible characters, tag characters or open bidirectional overrides",
        "Read these documents before training on them: such characters can carry text that no reader sees.",
    ),
)

MARGIN = 8
"""Characters around a suspicious pair that ftfy is shown; its longest pattern has 6."""

# Every pattern of ftfy's badness has one of these beside another character outside ASCII, or one of `_ALONE`.
_PARTS = ("c1", "bad", "currency", "start_punctuation", "end_punctuation", "numeric", "upper_accented")
_TRIGGERS = "".join(MOJIBAKE_CATEGORIES[name] for name in (*_PARTS, "lower_accented", "box")) + "Ù°Ђ"
_ALONE = "\x80-\x9fÂÃŒœ"
_SUSPICIOUS = re.compile(rf"[{_TRIGGERS}](?:(?=[^\x00-\x7f])|(?<=[^\x00-\x7f].)|(?<=[{_ALONE}]))", re.DOTALL)

_REPLACED = re.compile("\ufffd|ï¿½")
_INSIDE_WORD = re.compile(r"(?<=[^\W\d_])\?{3,}(?=[^\W\d_])")
_LOST_WORDS = re.compile(r"(?<![^\s(\"'])\?{2,}(?:[\s,.;:!-]+\?{2,}){2,}")
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_UNSEEN = (
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
_ANY_UNSEEN, _UNSEEN_RUN = re.compile(_UNSEEN), re.compile(f"{_UNSEEN}{{8,}}")
_TAGS = re.compile("[\U000e0000-\U000e007f]+")
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
"""A subdivision flag such as Scotland's (UTS 51, ED-14a)."""
_OVERRIDE = re.compile("[\u202d\u202e]")

_LOST_RUNS = re.compile(r"(?<![^\W_?])(?<!\?)\?{5,}")
_MAX_LOST_SHARE = 0.5
"""Share of runs of 5 and more marks, not after a letter, above which a text has lost its letters."""

_ENCODINGS = {
    "utf-8": "UTF-8",
    "latin-1": "Latin-1",
    "macroman": "MacRoman",
    "windows-1252": "Windows-1252",
    "sloppy-windows-1250": "Windows-1250",
    "sloppy-windows-1251": "Windows-1251",
    "sloppy-windows-1252": "Windows-1252",
}

Span = tuple[int, int]
"""Start and end in characters."""


class EncodingDamageConfig(DamageConfig):
    """Options of `encoding_damage`: the limits of `DamageConfig`."""

    kind: Literal["encoding_damage"] = "encoding_damage"

    def build(self, resources: Resources) -> "EncodingDamage":
        """Make the audit; it needs nothing but its limits."""
        return EncodingDamage(self)


class EncodingDamage(DamageAudit):
    """Counts documents with damaged or hidden characters."""

    def __init__(self, config: EncodingDamageConfig) -> None:
        super().__init__(config, RULES)

    def digests(self) -> dict[str, str]:
        """Return the rules with their versions, and ftfy's."""
        return {**super().digests(), "ftfy": version("ftfy")}

    def scan(self, state: DamageState, batch: TextBatch) -> None:
        """Look at every document of a batch."""
        state.count(batch, {})
        state.add(
            batch,
            [
                _defect(doc, text, rule, spans)
                for doc, text in enumerate(batch.texts)
                for rule, spans in damages(text).items()
            ],
        )


def damages(text: str) -> dict[str, list[Span]]:
    """Return the places of `text`, in characters, at which each rule is broken; rules that hold are left out.

    >>> damages("Die Stra???enbahn")
    {'question_mark_runs': [(8, 11)]}
    >>> damages("What??? L’école, 日本, Zażółć")
    {}
    """
    return {rule: spans for rule, detect in DETECTORS.items() if (spans := list(detect(text)))}


def mojibake(text: str) -> Iterator[Span]:
    """Yield the characters of `text` that make no sense together, as ftfy sees it.

    The verdict is that of ftfy on the whole text, at 80 times its speed.

    >>> list(mojibake("fermÃ©e")), list(mojibake("fermée"))
    ([(3, 6)], [])
    """
    for start, end in _windows(text):
        for found in BADNESS_RE.finditer(text[start:end]):
            yield start + found.start(), start + found.end()


def _windows(text: str) -> Iterator[Span]:
    """Yield the neighbourhoods of suspicious characters, those that touch as one."""
    start, end = 0, -1
    for found in _SUSPICIOUS.finditer(text):
        if end >= 0 and found.start() - MARGIN > end:
            yield start, end
            end = -1
        if end < 0:
            start = max(0, found.start() - MARGIN)
        end = min(len(text), found.end() + MARGIN)
    if end >= 0:
        yield start, end


def replacement_characters(text: str) -> Iterator[Span]:
    """Yield U+FFFD and what it looks like after one more wrong decoding.

    >>> list(replacement_characters("Stra\\ufffde"))
    [(4, 5)]
    """
    return (found.span() for found in _REPLACED.finditer(text))


def question_mark_runs(text: str) -> Iterator[Span]:
    """Yield runs of question marks that stand for letters.

    "What???No way" goes on in upper case, "??? ??? ???" has words of one length, and the marks of "Why??????"
    stand after a letter: people write so.

    >>> list(question_mark_runs("I don???t know")), list(question_mark_runs("What???"))
    ([(5, 8)], [])
    """
    if "??" not in text:
        return
    for found in _INSIDE_WORD.finditer(text):
        if text[found.end()].islower():
            yield found.span()
    for found in _LOST_WORDS.finditer(text):
        if len({len(run) for run in re.findall(r"\?+", found.group())}) > 1:
            yield found.span()
    lost = [found.span() for found in _LOST_RUNS.finditer(text)]
    if lost and sum(end - start for start, end in lost) > _MAX_LOST_SHARE * len("".join(text.split())):
        yield lost[0][0], lost[-1][1]


def control_characters(text: str) -> Iterator[Span]:
    """Yield characters that have no place in text.

    >>> list(control_characters("a\\x00b\\tc"))
    [(1, 2)]
    """
    return (found.span() for found in _CONTROL.finditer(text))


def invisible_payloads(text: str) -> Iterator[Span]:
    """Yield characters that nobody sees and a tokenizer does.

    Joiners between letters, soft hyphens and flags are what these characters are for.

    >>> list(invisible_payloads("Hi\\U000e0068\\U000e0069")), list(invisible_payloads("می‌خواهم"))
    ([(2, 4)], [])
    """
    if not _ANY_UNSEEN.search(text):
        return
    yield from (found.span() for found in _UNSEEN_RUN.finditer(text))
    flags = {(found.start() + 1, found.end()) for found in _FLAG.finditer(text)}
    for found in _TAGS.finditer(text):
        if found.span() not in flags and found.end() - found.start() < 8:
            yield found.span()
    if _OVERRIDE.search(text):
        yield from _open_overrides(text)


def _open_overrides(text: str) -> Iterator[Span]:
    """Yield bidirectional overrides that their paragraph does not close."""
    opened: list[int] = []
    for at, character in enumerate(f"{text}\n"):
        if character in "\u202a\u202b\u202d\u202e":
            opened.append(at)
        elif character == "\u202c" and opened:
            opened.pop()
        elif character in "\n\u2029":
            yield from ((place, place + 1) for place in opened if _OVERRIDE.match(text, place))
            opened = []


def _outside_ascii(detect: Callable[[str], Iterator[Span]]) -> Callable[[str], Iterator[Span]]:
    # Python knows this of every string without looking at it.
    return lambda text: iter(()) if text.isascii() else detect(text)


DETECTORS: dict[str, Callable[[str], Iterator[Span]]] = {
    "mojibake": _outside_ascii(mojibake),
    "replacement_character": _outside_ascii(replacement_characters),
    "question_mark_runs": question_mark_runs,
    "control_characters": control_characters,
    "invisible_payload": _outside_ascii(invisible_payloads),
}


def _defect(doc: int, text: str, rule: str, spans: list[Span]) -> Defect:
    first, last = spans[0]
    start = len(text[:first].encode())
    end = start + len(text[first:last].encode())
    severity = 1000 * len(spans) / len(text)
    explain = (lambda: explain_mojibake(text[max(0, first - 60) : last + 60])) if rule == "mojibake" else None
    return Defect(doc, rule, severity, start, end, explain)


def explain_mojibake(text: str) -> str:
    """Return what ftfy takes for the cause of damage, "" if it knows none.

    >>> explain_mojibake("voilÃ\\xa0 lâ€™Ã©cole fermÃ©e")
    'ftfy reads it as UTF-8 that was decoded as Windows-1252'
    """
    steps = ftfy.fix_and_explain(text).explanation or []
    for step, following in itertools.pairwise(steps):
        if (step.action, following.action) == ("encode", "decode"):
            right, wrong = (_ENCODINGS.get(name, name) for name in (following.parameter, step.parameter))
            return f"ftfy reads it as {right} that was decoded as {wrong}"
    if any(step.parameter == "decode_inconsistent_utf8" for step in steps):
        return "ftfy reads parts of it as UTF-8 that was decoded as another encoding"
    return ""
