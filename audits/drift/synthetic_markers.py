"""Wording and markup that language models leave in text, each with its version and where it is known from.

What markers can see: text that was pasted from a chatbot without reading it, or dumps of conversations. What they
cannot: text that was edited, or written by a model that was told to sound otherwise, which is most of it. Their rate is
a lower bound that moves with the share of machine-written text, not an estimate of it. People write some of these words
as well, most of all when they write about chatbots; a marker that stands in quotation marks counts apart.

| kind | says | judged |
|---|---|---|
| disclaimer | a model speaks of itself as one | yes |
| cutoff | it speaks of its last knowledge update | yes |
| refusal | it declines in the set phrase | yes |
| interface | remains of a chatbot's page: buttons, citation markup, tracking parameters | yes |
| template | tokens that separate the turns of a conversation | yes |
| opening | an answer's opening at the start of a line | no |
| style | words that became much more frequent with chatbots | no |
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

GLYNN = "Glynn 2024, arXiv:2411.15218"
STRZELECKI = "Strzelecki 2025, Learned Publishing 38(1)"
SHAREGPT = "removal list of ShareGPT_Vicuna_unfiltered, 2023"
CONROY = "Cabanac, in Conroy 2023, Nature (8 September)"
WIKIPEDIA = "Wikipedia, Signs of AI writing"
KOBAK = "Kobak et al. 2025, Science Advances 11(27)"
OWN = "this project: the English disclaimer as chatbots write it in this language"

JudgedKind = Literal["disclaimer", "cutoff", "refusal", "interface", "template"]
JUDGED_KINDS: tuple[JudgedKind, ...] = ("disclaimer", "cutoff", "refusal", "interface", "template")


@dataclass(frozen=True)
class Marker:
    """A marker: `wording` is a regular expression, read without regard to case, whose spaces stand for any white space.

    `language` is empty for markup, which has none. Word boundaries stand beside ASCII letters: RE2 knows no others.
    A text without any of the `needles` in small letters has not the marker: looking for them is 30 times as fast.
    """

    marker_id: str
    version: int
    kind: str
    language: str
    wording: str
    source: str
    needles: tuple[str, ...]

    @property
    def pattern(self) -> str:
        """The expression as both `re` and RE2 read it."""
        return self.wording.replace(" ", r"\s+").replace("'", "['’]")

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The compiled expression."""
        return re.compile(self.pattern, re.IGNORECASE | re.MULTILINE)


MARKERS = (
    Marker(
        "ai_language_model",
        1,
        "disclaimer",
        "en",
        r"\bas an? (?:ai|artificial intelligence|large)(?: language)? (?:model|assistant|chatbot)\b",
        GLYNN,
        ("model", "assistant", "chatbot"),
    ),
    Marker(
        "just_an_ai",
        1,
        "disclaimer",
        "en",
        r"\bi(?:'m| am) (?:just|only) an? (?:ai|language model)\b",
        SHAREGPT,
        ("just", "only"),
    ),
    Marker(
        "ai_language_model_fr",
        1,
        "disclaimer",
        "fr",
        r"\ben tant que mod[eè]le de langage(?: d'ia)?,",
        OWN,
        ("langage",),
    ),
    Marker(
        "ai_language_model_de",
        1,
        "disclaimer",
        "de",
        r"\bals (?:ein )?(?:ki-|großes )?sprachmodell,? (?:kann|habe|bin|ist)",
        OWN,
        ("sprachmodell",),
    ),
    Marker(
        "ai_language_model_es",
        1,
        "disclaimer",
        "es",
        r"\bcomo (?:un )?modelo de lenguaje(?: de (?:ia|inteligencia artificial))?,",
        OWN,
        ("lenguaje",),
    ),
    Marker(
        "ai_language_model_pt",
        1,
        "disclaimer",
        "pt",
        r"\bcomo (?:um )?modelo de linguagem(?: de (?:ia|intelig[eê]ncia artificial))?,",
        OWN,
        ("linguagem",),
    ),
    Marker(
        "ai_language_model_it",
        1,
        "disclaimer",
        "it",
        r"\bcome modello linguistico(?: di (?:ia|intelligenza artificiale))?,",
        OWN,
        ("linguistico",),
    ),
    Marker(
        "ai_language_model_ru",
        1,
        "disclaimer",
        "ru",
        r"как (?:большая )?языковая модель(?: ии| искусственного интеллекта)?, я ",
        OWN,
        ("языковая",),
    ),
    Marker(
        "ai_language_model_zh",
        1,
        "disclaimer",
        "zh",
        r"作为(?:一个|一名|一款)?(?:ai|人工智能|大型)(?:语言模型|助手)",
        OWN,
        ("作为",),
    ),
    Marker(
        "ai_language_model_ja",
        1,
        "disclaimer",
        "ja",
        r"(?:ai|人工知能|大規模)言語モデルとして",
        OWN,
        ("言語モデルとして",),
    ),
    Marker("ai_language_model_ko", 1, "disclaimer", "ko", r"(?:ai|인공지능) 언어 ?모델로서", OWN, ("모델로서",)),
    Marker("ai_language_model_tr", 1, "disclaimer", "tr", r"\byapay zek[aâ] dil modeli olarak\b", OWN, ("modeli",)),
    Marker(
        "ai_language_model_vi",
        1,
        "disclaimer",
        "vi",
        r"\blà một mô hình ngôn ngữ (?:ai|lớn|trí tuệ nhân tạo), tôi\b",
        OWN,
        ("ngôn",),
    ),
    Marker(
        "ai_language_model_ar", 1, "disclaimer", "ar", r"(?:بصفتي|كوني) نموذج(?:ًا|اً|ا)? (?:لغوي|لغة)", OWN, ("نموذج",)
    ),
    Marker("ai_language_model_hi", 1, "disclaimer", "hi", r"(?:एआई|ai) (?:भाषा|लैंग्वेज) मॉडल के रूप में", OWN, ("मॉडल",)),
    Marker(
        "knowledge_update",
        1,
        "cutoff",
        "en",
        r"\b(?:as of|since|until) my (?:last|latest|knowledge|training)(?: knowledge| training)? (?:update|cut-?off)\b",
        f"{GLYNN}; {STRZELECKI}",
        ("update", "cut"),
    ),
    Marker(
        "sorry_cannot",
        1,
        "refusal",
        "en",
        r"\bi(?:'m| am) sorry,? but i (?:can't|cannot|am unable to|won't) (?:assist|help|comply|fulfil|provide|create)",
        SHAREGPT,
        ("sorry",),
    ),
    Marker(
        "cannot_fulfill",
        1,
        "refusal",
        "en",
        r"\bi (?:can't|cannot|am unable to) (?:fulfill?|comply with|assist with) (?:that|this|your) request\b",
        SHAREGPT,
        ("request",),
    ),
    Marker("regenerate_response", 1, "interface", "", r"^[ \t]*regenerate response[ \t]*$", CONROY, ("regenerate",)),
    Marker(
        "citation_markup",
        1,
        "interface",
        "",
        r"\boaicite\b|\bcontentreference\[|\bturn\d+(?:search|news|image|view)\d+\b|utm_source=(?:chatgpt\.com|openai)\b",
        WIKIPEDIA,
        ("oaicite", "contentreference", "turn", "utm_source"),
    ),
    Marker("chatml", 1, "template", "", r"<\|im_(?:start|end|sep)\|>", "OpenAI, ChatML", ("<|im_",)),
    Marker(
        "end_of_text",
        1,
        "template",
        "",
        r"<\|(?:endoftext|begin_of_text|end_of_text)\|>",
        "OpenAI, GPT-2; Meta, Llama 3",
        ("_text|>", "<|endoftext|>"),
    ),
    Marker(
        "llama3_header",
        1,
        "template",
        "",
        r"<\|(?:start_header_id|end_header_id|eot_id|eom_id)\|>",
        "Meta, Llama 3 prompt format",
        ("header_id|>", "_id|>"),
    ),
    Marker(
        "phi_turn", 1, "template", "", r"<\|(?:system|user|assistant|end)\|>", "Microsoft, Phi-3 prompt format", ("<|",)
    ),
    Marker("gemma_turn", 1, "template", "", r"<(?:start|end)_of_turn>", "Google, Gemma prompt format", ("_of_turn>",)),
    Marker("inst", 1, "template", "", r"\[/?inst\]|<</?sys>>", "Meta, Llama 2 prompt format", ("inst]", "sys>")),
    Marker(
        "alpaca", 1, "template", "", r"^### (?:instruction|response):", "Taori et al. 2023, Stanford Alpaca", ("###",)
    ),
    Marker(
        "certainly_here",
        1,
        "opening",
        "en",
        r"^[ \t]*(?:certainly|absolutely|sure|of course)[!,.] here(?:'s| is| are)\b",
        GLYNN,
        ("here",),
    ),
    Marker(
        "important_to_note",
        1,
        "style",
        "en",
        r"\bin conclusion, it is (?:important|worth|essential|crucial)\b|\bit(?: is|'s) important to note that\b",
        SHAREGPT,
        ("important", "conclusion"),
    ),
    Marker("delve", 1, "style", "en", r"\bdelv(?:es?|ed|ing) into\b", KOBAK, ("delv",)),
    Marker("tapestry", 1, "style", "en", r"\b(?:rich|intricate|vibrant) tapestry\b", WIKIPEDIA, ("tapestry",)),
)


ANY_MARKER = "(?im)" + "|".join(f"(?:{marker.pattern})" for marker in MARKERS)
"""All markers in one expression for RE2, which finds the few documents with any at 480 MB/s."""


@dataclass(frozen=True)
class Seen:
    """A marker at characters `start` to `end` of a text; `quoted` where it is only mentioned."""

    marker: Marker
    start: int
    end: int
    quoted: bool


_OPENING = "“„«‘‚「『‹`"
_EITHER = "\"'»›”’"
"""Quotation marks that open where white space or a bracket stands before them, and close elsewhere."""


def find_markers(text: str) -> list[Seen]:
    """Return every marker of a text, in the order of the list above.

    A marker right behind an opening quotation mark or backtick is quoted, and so is one in a line that begins with ">".

    >>> [(seen.marker.marker_id, seen.quoted) for seen in find_markers("It said: “As an AI language model, I...”")]
    [('ai_language_model', True)]
    """
    small = text.lower()
    return [
        Seen(marker, found.start(), found.end(), _is_quoted(text, found.start()))
        for marker in MARKERS
        if any(needle in small for needle in marker.needles)
        for found in marker.expression.finditer(text)
    ]


def _is_quoted(text: str, at: int) -> bool:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    before = line.rstrip(" \t….")
    if line.lstrip().startswith(">"):
        return True
    if not before or before[-1] not in _OPENING + _EITHER:
        return False
    return before[-1] in _OPENING or len(before) == 1 or before[-2] in " \t([{"


def markers_digest() -> str:
    """Return the markers with their versions; profiles made with others are not comparable."""
    return " ".join(f"{marker.marker_id}-{marker.version}" for marker in MARKERS)
