"""What leaked test items look like: verbatim, reformatted, or edited, from one item and a seed.

    item = PlantItem("gsm8k", "7", "Ann has 16 eggs. How many are left?", (), "12", None)
    EDITS["numbers_changed"](item, random.Random(1), material)   # 'Ann has 34 eggs. How many are left?'

Every edit is a pure function of the item, the generator and the material, and returns None where the item has
nothing that it could edit (no numbers, no options). Edits other than `question_answer` and `swap_*` keep to the
question, which is the harder case: an unchanged answer beside it can only help.
"""

import random
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"\S+")
_NUMBER = re.compile(r"[0-9]+")
_CAPITALISED = re.compile(r"(?<![\\\w])[A-Z][a-z]+\b")
_SENTENCE_START = re.compile(r"(?:\A|[.!?:][\"'”’)\]]*\s|\n)\s*[\"'“‘(\[]*\Z")

LOOKALIKE_SHARE = 0.1
"""Share of the letters with a look-alike that `lookalikes` replaces; every third word has one then."""

_LOOKALIKES = {
    **{latin: [cyrillic] for latin, cyrillic in zip("aceijopsxyABCEHIKMOPTX", "асеіјорѕхуАВСЕНІКМОРТХ", strict=True)},
    "v": ["ν"],
    "N": ["Ν"],
    "Z": ["Ζ"],
}
for _latin, _greek in zip("oABEHIKMOPTX", "οΑΒΕΗΙΚΜΟΡΤΧ", strict=True):
    _LOOKALIKES[_latin].append(_greek)
for _code in (*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1)):
    _LOOKALIKES.setdefault(chr(_code), []).append(chr(_code + 0xFEE0))  # full width


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST_NAMES = _words(
    "James Mary John Linda Robert Susan Michael Karen David Lisa William Nancy Richard Betty Joseph Sandra Thomas "
    "Ashley Charles Emily Daniel Donna Matthew Carol Mark Amanda Paul Laura Steven Sarah Andrew Rachel Kevin Anna "
    "Brian Julie Tom Kate Mike Jane Jim Alice Bob Sam Tim Ben Amy Janet Josh Carla Jean Toula Wendi Kylar Eliza Max "
    "Jack Ann Joe Peter Jerry Marie Jenny Ryan Lily Maria Sally Billy Tina Adam Greg Emma Jake Jill Nick Bill"
)
_OTHER_NAMES = _words(
    "Aiko Bjorn Chidi Dagny Esme Farid Gulnara Hamza Ingrid Jorge Kofi Leilani Mirek Nadia Oskar Priya Quentin "
    "Rosalind Sunita Tariq Ulrich Valeria Wanjiru Ximena Yusuf Zofia Anselm Beatriz Cosmo Dimitri"
)
# Capitalised in the middle of a sentence for reasons other than naming something.
_NO_NAMES = _words(
    "the a an if in on at of for and or but he she it they we you his her its their this that these those what which "
    "who whom when where why how is are was were do does did has have had can could will would should may might each "
    "every some all none find let given suppose assume note express answer write consider"
)


@dataclass(frozen=True)
class PlantItem:
    """One test item, in the fields of `EVAL_ITEM_SCHEMA`; `choices` is empty where it has none.

    `rewordings` are other ways to say the question that somebody wrote, if there are any.
    """

    eval_set: str
    item_id: str
    question: str
    choices: tuple[str, ...]
    answer: str | None
    passage: str | None
    rewordings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Material:
    """What edits take other text from: distinct `words` and whole `sentences` of the corpus."""

    words: tuple[str, ...]
    sentences: tuple[str, ...]


Edit = Callable[[PlantItem, random.Random, Material], str | None]


def question(item: PlantItem, rng: random.Random, material: Material) -> str | None:
    """Return the question as it is; None for an empty one."""
    return item.question if item.question.strip() else None


def question_answer(item: PlantItem, rng: random.Random, material: Material) -> str | None:
    """Return the question and the answer below it."""
    if not item.question.strip() or not (item.answer or "").strip():
        return None
    return f"{item.question}\n{item.answer}"


def question_options(item: PlantItem, rng: random.Random, material: Material) -> str | None:
    """Return the question and its options in order, lettered in one of three usual ways."""
    if not item.choices:
        return None
    form = rng.choice(["{}. {}", "{}) {}", "({}) {}"])
    lines = [form.format(chr(ord("A") + at), choice) for at, choice in enumerate(item.choices)]
    return "\n".join([item.question, *lines])


def options_shuffled(item: PlantItem, rng: random.Random, material: Material) -> str | None:
    """Return the question and its options in another order, numbered "(1)", "(2)" and so on."""
    if len(set(item.choices)) < 2:
        return None
    order = list(item.choices)
    while order == list(item.choices):
        rng.shuffle(order)
    return "\n".join([item.question, *(f"({at}) {choice}" for at, choice in enumerate(order, 1))])


def swap(share: float) -> Edit:
    """Return the edit that replaces this share of the words of question and answer, at least one."""

    def edit(item: PlantItem, rng: random.Random, material: Material) -> str | None:
        text = question_answer(item, rng, material) or item.question
        spans = [found.span() for found in _WORD.finditer(text) if _bare(found.group())]
        if not spans or not material.words:
            return None
        for start, end in sorted(rng.sample(spans, max(1, round(share * len(spans)))), reverse=True):
            text = text[:start] + _other_word(text[start:end], rng, material.words) + text[end:]
        return text

    return edit


def _bare(word: str) -> str:
    return "".join(filter(str.isalnum, word)).casefold()


def _other_word(word: str, rng: random.Random, words: Sequence[str]) -> str:
    """Draw a word that differs in more than case and punctuation."""
    for _ in range(20):
        drawn = rng.choice(words)
        if _bare(drawn) != _bare(word):
            return drawn
    return f"{word}x"


def numbers_changed(item: PlantItem, rng: random.Random, material: Material) -> str | None:
    """Return the question with every number replaced by another of as many digits, equal ones alike."""
    others: dict[str, str] = {}

    def other(found: re.Match[str]) -> str:
        number = found.group()
        while others.get(number, number) == number:
            # A leading zero only where there was one: the "000" of 1,000 may become 042, 16 never 07.
            first = rng.choice("0123456789" if number[0] == "0" and len(number) > 1 else "123456789")
            others[number] = first + "".join(rng.choices("0123456789", k=len(number) - 1))
        return others[number]

    changed = _NUMBER.sub(other, item.question)
    return changed if others else None


def names_changed(item: PlantItem, rng: random.Random, material: Material) -> str | None:
    """Return the question with its names replaced, each by the same other name wherever it stands.

    A name is a common first name, or a capitalised word that does not begin a sentence.
    """
    found = list(_CAPITALISED.finditer(item.question))
    names = [m.group() for m in found if m.group() in _FIRST_NAMES or _inside_sentence(item.question, m.start())]
    names = [name for name in dict.fromkeys(names) if name.lower() not in _NO_NAMES]
    if not names:
        return None
    new = rng.sample(_OTHER_NAMES, len(_OTHER_NAMES))
    others = {name: new[at % len(new)] for at, name in enumerate(names)}
    return _CAPITALISED.sub(lambda m: others.get(m.group(), m.group()), item.question)


def _inside_sentence(text: str, at: int) -> bool:
    # What decides stands right before the word; a long text is not searched from its start for every word.
    return _SENTENCE_START.search(text[max(0, at - 12) : at]) is None


def inserted(item: PlantItem, rng: random.Random, material: Material) -> str | None:
    """Return the question with one or two unrelated sentences between its own."""
    own = SENTENCE_END.split(item.question.strip())
    if len(own) < 2 or not material.sentences:
        return None
    for _ in range(rng.choice([1, 2])):
        own.insert(rng.randrange(1, len(own)), rng.choice(material.sentences))
    return " ".join(own)


def reflowed(item: PlantItem, rng: random.Random, material: Material) -> str | None:
    """Return the question with eight words a line."""
    return _lines(item.question.split(), lambda: 8) or None


def split_lines(item: PlantItem, rng: random.Random, material: Material) -> str | None:
    """Return the question in lines of one to three words, plain or as a list with bullets."""
    marker, most = rng.choice(["", "- ", "* ", "• "]), rng.choice([1, 3])
    text = _lines(item.question.split(), lambda: rng.randint(1, most))
    return "\n".join(f"{marker}{line}" for line in text.splitlines()) or None


def numbered_lines(item: PlantItem, rng: random.Random, material: Material) -> str | None:
    """Return the question in lines of three to six words with a running number before each."""
    text = _lines(item.question.split(), lambda: rng.randint(3, 6))
    return "\n".join(f"{at}. {line}" for at, line in enumerate(text.splitlines(), 1)) or None


def _lines(words: list[str], size: Callable[[], int]) -> str:
    lines, at = [], 0
    while at < len(words):
        take = size()
        lines.append(" ".join(words[at : at + take]))
        at += take
    return "\n".join(lines)


def recased(item: PlantItem, rng: random.Random, material: Material) -> str | None:
    """Return the question in capitals or in small letters only, without punctuation."""
    # Apostrophes go without leaving a gap, as people leave them out.
    text = re.sub(r"['’]", "", item.question)
    text = "".join(" " if unicodedata.category(character)[0] == "P" else character for character in text)
    text = " ".join(text.split())
    return (text.upper() if rng.random() < 0.5 else text.lower()) or None


def lookalikes(item: PlantItem, rng: random.Random, material: Material) -> str | None:
    """Return the question with some Latin letters replaced by Cyrillic, Greek or full-width ones like them."""
    places = [at for at, letter in enumerate(item.question) if letter in _LOOKALIKES]
    if not places:
        return None
    letters = list(item.question)
    for at in rng.sample(places, max(1, round(LOOKALIKE_SHARE * len(places)))):
        letters[at] = rng.choice(_LOOKALIKES[letters[at]])
    return "".join(letters)


def reworded(item: PlantItem, rng: random.Random, material: Material) -> str | None:
    """Return one of the item's rewordings; only people and models can write them, so they must be given."""
    return rng.choice(item.rewordings) if item.rewordings else None


EDITS: dict[str, Edit] = {
    "question": question,
    "question_answer": question_answer,
    "question_options": question_options,
    "options_shuffled": options_shuffled,
    "swap_05": swap(0.05),
    "swap_10": swap(0.10),
    "swap_20": swap(0.20),
    "numbers_changed": numbers_changed,
    "names_changed": names_changed,
    "inserted": inserted,
    "reflowed": reflowed,
    "recased": recased,
    "lookalikes": lookalikes,
    "split_lines": split_lines,
    "numbered_lines": numbered_lines,
    "reworded": reworded,
}
"""Every kind of planted copy by its name; names are stable, results and reports are keyed by them."""
