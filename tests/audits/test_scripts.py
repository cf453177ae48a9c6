"""Test items in twelve languages and in disguise: other letters, other digits, other lines."""

import random

import pytest

from audits.contamination.near_duplicate import NearDuplicateConfig
from audits.contamination.ngram_overlap import NgramOverlapConfig
from tests.audits.corpora import (
    WORD_LEVEL,
    documents,
    gsm8k,
    inside,
    items,
    pages,
    quoted,
    sentences,
    summary_of,
    verdicts,
)

LANGUAGES = ["ar", "de", "en", "es", "fr", "hi", "ja", "pt", "ru", "tr", "vi", "zh"]
QUESTION = gsm8k()[0]["question"]
PAGE = pages(1)[0]
THAI = [
    "แม่น้ำเจ้าพระยาไหลผ่านกรุงเทพมหานครลงสู่อ่าวไทยที่จังหวัดสมุทรปราการ",
    "เมื่อวานนี้ฝนตกหนักมากจนถนนหลายสายในเมืองเชียงใหม่มีน้ำท่วมสูง",
    "นักเรียนทุกคนควรอ่านหนังสือก่อนเข้าห้องเรียนเพื่อให้เข้าใจบทเรียนได้ง่ายขึ้น",
    "ตลาดน้ำดำเนินสะดวกเปิดตั้งแต่เช้าตรู่และมีเรือขายผลไม้มากมาย",
]


def split_in_two(language):
    """Return twelve long sentences as items, and the other sentences as the corpus."""
    lines = [line for line in dict.fromkeys(sentences(language)) if line.strip()]
    asked = sorted(lines, key=len)[-24::2]
    return asked, [line for line in lines if line not in asked]


@pytest.mark.parametrize("config", WORD_LEVEL)
@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_of_every_language_are_found_in_others_and_nothing_else_is(config, language):
    asked, others = split_in_two(language)
    planted = [f"{others[n]} {asked[n]} {others[-n - 1]}" for n in range(6)]
    summary = summary_of(config, [*others, *planted], items(asked))
    assert verdicts(summary) == ["exposed"] * 6 + ["clean"] * 6
    assert {match.row for match in summary.matches if match.verdict == "exposed"} == {len(others) + n for n in range(6)}
    for match in summary.matches:
        number = match.row - len(others)
        assert match.item_id == f"set-{number}"
        assert quoted(planted[number], match) in asked[number]


@pytest.mark.parametrize("config", WORD_LEVEL)
@pytest.mark.parametrize("language", ["zh", "ja"])
def test_an_item_without_spaces_is_found_in_the_middle_of_a_sentence(config, language):
    asked, others = split_in_two(language)
    host = others[0]
    text = host[: len(host) // 2] + asked[0] + host[len(host) // 2 :]
    summary = summary_of(config, [text], items(asked))
    assert verdicts(summary) == ["exposed"] + ["clean"] * 11


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_thai_is_found_and_other_thai_is_not(config):
    table = items(THAI[:2])
    assert verdicts(summary_of(config, [THAI[2] + THAI[0] + THAI[3]], table)) == ["exposed", "clean"]
    assert verdicts(summary_of(config, THAI[2:], table)) == ["clean", "clean"]


@pytest.mark.parametrize("language", ["zh", "ja", "ru", "ar", "hi"])
def test_edited_copies_are_found_in_other_scripts(language):
    asked, others = split_in_two(language)
    text = asked[-1]
    middle = text.find(" ", len(text) // 2) if " " in text else len(text) // 2
    edited = text[:middle] + others[3][:4] + text[middle + 1 :]
    summary = summary_of(NearDuplicateConfig, [f"{others[0]} {edited} {others[1]}"], items(asked))
    assert verdicts(summary) == ["clean"] * 11 + ["exposed"]


CYRILLIC = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")
GREEK = str.maketrans("oABEHIKMNOPTXYZ", "οΑΒΕΗΙΚΜΝΟΡΤΧΥΖ")
WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
DEVANAGARI_DIGITS = str.maketrans("0123456789", "०१२३४५६७८९")


DISGUISES = {
    "Cyrillic": lambda text: text.translate(CYRILLIC),
    "Greek": lambda text: text.translate(GREEK),
    "full width": lambda text: text.translate(WIDE),
    "Arabic digits": lambda text: text.translate(ARABIC_DIGITS),
    "Devanagari digits": lambda text: text.translate(DEVANAGARI_DIGITS),
    "accents": lambda text: text.replace("e", "é").replace("o", "o\u0302"),
    "zero width": "\u200b".join,
    "soft hyphens": lambda text: text.replace("and", "a\u00adnd"),
    "list of sentences": lambda text: "\n".join(f"- {line}" for line in text.split(". ")),
    "a word a line": lambda text: "\r\n\r\n".join(text.split(" ")),
    "quoted mail": lambda text: "\n> ".join(text.split(" ")),
    "wide spaces": lambda text: text.replace(" ", "\u3000"),
    "bold words": lambda text: f"**{text.replace(' ', '** **')}**",
}


@pytest.mark.parametrize("config", WORD_LEVEL)
@pytest.mark.parametrize("change", DISGUISES.values(), ids=DISGUISES)
def test_disguises_do_not_hide_an_item(config, change):
    text = inside(change(QUESTION), PAGE)
    assert change(QUESTION) != QUESTION
    summary = summary_of(config, [*pages(3), text], items([QUESTION, gsm8k()[1]["question"]]))
    assert verdicts(summary) == ["exposed", "clean"]
    assert summary.matches[0].edit == "verbatim"


@pytest.mark.parametrize("config", [NgramOverlapConfig, NearDuplicateConfig])
def test_a_numbered_list_of_an_items_sentences_is_found(config):
    text = "\n".join(f"{n}. {line}" for n, line in enumerate(QUESTION.split(". "), 1))
    [match] = summary_of(config, [inside(text, PAGE)], items([QUESTION])).matches
    assert (match.verdict, match.edit) == ("exposed", "text_inserted")


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_items_in_one_document_are_found_once_each_where_they_stand(config):
    rng = random.Random(5)
    questions = [" ".join(rng.sample(sentences("en")[:60], 2)) for _ in range(8)]
    filler = sentences("en")[60:]
    text = " ".join(part for n, question in enumerate(questions) for part in (filler[n], question, filler[n + 8]))
    summary = summary_of(config, [text], items(questions))
    assert verdicts(summary) == ["exposed"] * 8
    whole = {match.item_id: quoted(text, match) for match in summary.matches if match.edit == "verbatim"}
    assert len(whole) == len(summary.matches) == len(summary.exposures) == 8
    assert all(questions[int(name.split("-")[1])].startswith(marked) for name, marked in whole.items())
    assert len({exposure.byte_start for exposure in summary.exposures}) == 8


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_an_item_twice_in_one_document_is_one_document(config):
    text = f"{QUESTION} {PAGE} {QUESTION}"
    summary = summary_of(config, [text, PAGE], items([QUESTION]))
    assert verdicts(summary) == ["exposed"]
    assert summary.items[0].n_matches == 1
    [exposure] = summary.exposures
    assert (exposure.row, exposure.byte_start) == (0, 0)
    assert " 1 training document." in summary.findings[0].message


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_documents_of_no_word_and_of_one_are_documents(config):
    texts = ["", "x", " \n\t", "...", QUESTION, "16"]
    summary = summary_of(config, texts, items([QUESTION]))
    assert [(e.row, e.doc_id) for e in summary.exposures] == [(4, documents(texts)[4]["doc_id"])]
    assert summary.findings[0].n_docs == 6
