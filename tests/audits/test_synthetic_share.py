"""Markers of machine-written text: each one found, quotations left out, and the share judged."""

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from audits.base import Resources
from audits.drift.synthetic_markers import ANY_MARKER, JUDGED_KINDS, MARKERS, find_markers
from audits.drift.synthetic_share import SyntheticShareConfig
from audits.findings import Status
from connectors.schema import EVAL_ITEM_SCHEMA
from tests.audits.corpora import documents, scanned, sentences

NOTHING = Resources(EVAL_ITEM_SCHEMA.empty_table())
LANGUAGES = ["ar", "de", "en", "es", "fr", "hi", "ja", "pt", "ru", "tr", "vi", "zh"]

EXAMPLES = {
    "ai_language_model": "As an AI language model, I do not have opinions.",
    "just_an_ai": "I’m just an AI, so take this with care.",
    "ai_language_model_fr": "En tant que modèle de langage, je ne peux pas répondre.",
    "ai_language_model_de": "Als KI-Sprachmodell kann ich das nicht fühlen.",
    "ai_language_model_es": "Como modelo de lenguaje de IA, no tengo sentimientos.",
    "ai_language_model_pt": "Como um modelo de linguagem de inteligência artificial, não posso.",
    "ai_language_model_it": "Come modello linguistico, non posso rispondere.",
    "ai_language_model_ru": "Как языковая модель, я не имею мнения.",
    "ai_language_model_zh": "作为一个AI语言模型，我没有个人观点。",
    "ai_language_model_ja": "AI言語モデルとして、私には感情がありません。",
    "ai_language_model_ko": "AI 언어 모델로서 저는 의견이 없습니다.",
    "ai_language_model_tr": "Bir yapay zeka dil modeli olarak bunu yapamam.",
    "ai_language_model_vi": "Là một mô hình ngôn ngữ AI, tôi không có ý kiến.",
    "ai_language_model_ar": "بصفتي نموذج لغوي لا أستطيع ذلك.",
    "ai_language_model_hi": "एक एआई भाषा मॉडल के रूप में मैं राय नहीं रखता।",
    "knowledge_update": "As of my last knowledge update in September 2021, this was open.",
    "sorry_cannot": "I'm sorry, but I can't assist with that.",
    "cannot_fulfill": "I cannot fulfill your request.",
    "regenerate_response": "The end.\nRegenerate response\n",
    "citation_markup": "Growth was 3 %.:contentReference[oaicite:0]{index=0}",
    "chatml": "<|im_start|>user\nHello<|im_end|>",
    "end_of_text": "and that was it.<|endoftext|>Next",
    "llama3_header": "<|start_header_id|>user<|end_header_id|>",
    "phi_turn": "<|user|>\nHello<|end|>",
    "gemma_turn": "<start_of_turn>model",
    "inst": "[INST] Write a poem [/INST]",
    "alpaca": "### Instruction:\nName three colours.",
    "certainly_here": "Certainly! Here is a revised version.",
    "important_to_note": "In conclusion, it is important to plan ahead.",
    "delve": "Let us delve into the topic.",
    "tapestry": "a rich tapestry of cultures",
}


def markers_of(text):
    return {seen.marker.marker_id for seen in find_markers(text)}


def test_every_marker_has_an_example_version_and_source():
    assert [marker.marker_id for marker in MARKERS] == list(EXAMPLES)
    assert all(marker.version >= 1 and len(marker.source) > 10 for marker in MARKERS)


@pytest.mark.parametrize("marker", EXAMPLES)
def test_every_marker_is_found_in_its_example_by_both_engines(marker):
    text = EXAMPLES[marker]
    for written in (
        text,
        text.upper() if marker not in ("ai_language_model_tr",) else text,
        text.replace(" ", "\n", 3),
    ):
        assert marker in markers_of(written), written
        assert pc.match_substring_regex(pa.array([written]), ANY_MARKER)[0].as_py(), written


@pytest.mark.parametrize("language", LANGUAGES)
def test_ordinary_sentences_have_no_judged_marker(language):
    seen = [one.marker.marker_id for line in sentences(language) for one in find_markers(line)]
    kinds = {marker.marker_id: marker.kind for marker in MARKERS}
    assert not [marker for marker in seen if kinds[marker] in JUDGED_KINDS]


@pytest.mark.parametrize(
    "text",
    [
        "A model of language, as an aid to thought.",
        "She works as an AI engineer.",
        "He is sorry but he can't help it.",
        "The system and the user are connected by <end> tags.",
        "Turn 0 search 1, or turn02.",
        "Use the regenerate response button",
    ],
)
def test_innocent_wording_is_no_marker(text):
    assert not markers_of(text)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("The page said “As an AI language model, I cannot”.", True),
        ('It began: "... as an AI language model, I cannot', True),
        ("Never write `As an AI language model` in a report.", True),
        ("> As an AI language model, I cannot", True),
        ("Er sagte: „Als KI-Sprachmodell kann ich das nicht.“", True),
        ("»Als KI-Sprachmodell kann ich das nicht«, sagte es.", True),
        ('He said "no."<|endoftext|>', False),
        ("That's it’ <|endoftext|>", False),
        ("As an AI language model, I cannot", False),
        ("Hello.\nAs an AI language model, I cannot", False),
    ],
)
def test_mentions_are_told_from_use(text, quoted):
    assert {seen.quoted for seen in find_markers(text)} == {quoted}


def corpus(marked, quoted=0, total=2000, host="bot.example"):
    english = sentences("en")
    texts = [f"{english[n % 100]} {english[(7 * n) % 100]}" for n in range(total - marked - quoted)]
    own = [f"As an AI language model, I cannot tell. {english[n % 100]}" for n in range(marked)]
    said = [f"They wrote “As an AI language model”. {english[n % 100]}" for n in range(quoted)]
    rows = documents([*texts, *own, *said])
    for row in rows[len(texts) : len(texts) + marked]:
        row["url"] = f"https://{host}/{row['row']}"
    return rows


def summary_of(now, before=None, **options):
    audit = SyntheticShareConfig(**options).build(NOTHING)
    return audit.summary(scanned(audit, now), scanned(audit, before) if before else None)


def of(summary, **wanted):
    return [f for f in summary.findings if all(getattr(f, key) == value for key, value in wanted.items())]


@pytest.mark.parametrize(("marked", "status"), [(1, Status.PASS), (10, Status.WARN), (60, Status.FAIL)])
def test_the_share_of_marked_documents_has_limits_of_its_own(marked, status):
    [found] = of(summary_of(corpus(marked, quoted=5)), metric="marked_share")
    assert found.status is status
    assert found.value == pytest.approx(marked / 2000)
    assert "5 quoted mentions" in found.message and "not seen" in found.message
    if marked > 1:
        assert "As an AI language model" in found.evidence[0].excerpt


def test_more_of_it_is_drift_with_its_hosts():
    summary = summary_of(corpus(60), corpus(8))
    [found] = of(summary, subject="marked")
    assert found.status is Status.FAIL
    assert "Documents with markers of machine-written text went from 0.4 % to 3.0 % of documents" in found.message
    assert found.evidence and all("As an AI" in place.excerpt for place in found.evidence)
    hosts = [row["host"] for row in summary.tables["hosts"].to_pylist()]
    assert hosts[0] == "bot.example"
    row = next(row for row in summary.tables["markers"].to_pylist() if row["marker"] == "ai_language_model")
    assert (row["n_docs"], row["reference_n_docs"]) == (60, 8)
    assert row["per_million"] > 5 * row["reference_per_million"] and row["q_value"] < 1e-6
    assert row["document_share"] == pytest.approx(0.03)


def test_quoted_mentions_are_shown_and_not_judged():
    summary = summary_of(corpus(0, quoted=60), corpus(0))
    assert not of(summary, status=Status.FAIL) and not of(summary, status=Status.WARN)
    row = next(row for row in summary.tables["markers"].to_pylist() if row["marker"] == "ai_language_model")
    assert (row["n_docs"], row["quoted"]) == (0, 60)


def test_templates_can_be_left_out_for_corpora_of_conversations():
    rows = documents([f"### Instruction:\n{line}\n### Response:\nYes." for line in sentences("en")])
    assert of(summary_of(rows), metric="marked_share")[0].status is Status.FAIL
    kept = [kind for kind in JUDGED_KINDS if kind != "template"]
    assert of(summary_of(rows, judged=kept), metric="marked_share")[0].status is Status.PASS


def test_style_alone_marks_nothing():
    rows = documents([f"{line} It is important to note that we delve into it." for line in sentences("en")])
    summary = summary_of(rows)
    assert of(summary, metric="marked_share")[0].value == 0
    rates = {row["marker"]: row["per_million"] for row in summary.tables["markers"].to_pylist()}
    assert rates["delve"] > 0 and rates["important_to_note"] > 0


def test_markers_with_other_kinds_judged_are_not_comparable():
    one, other = (SyntheticShareConfig(judged=kinds).build(NOTHING) for kinds in (("refusal",), ("cutoff",)))
    assert one.digests() != other.digests()
    assert re.fullmatch(r"(\w+-\d+ ?)+", one.digests()["markers"])
