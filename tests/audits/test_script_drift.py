"""Letters by script: the kernel against its twin, real sentences of twelve languages, and mixed documents."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.base import Resources
from audits.batch import text_buffers
from audits.drift.script_drift import ScriptDriftConfig
from audits.findings import Status
from audits.kernels.scripts import count_scripts, count_scripts_plain
from audits.scripts import SCRIPTS, script_of, script_table
from connectors.schema import EVAL_ITEM_SCHEMA
from tests.audits.corpora import documents, scanned, sentences

NOTHING = Resources(EVAL_ITEM_SCHEMA.empty_table())
OF_LANGUAGE = {
    "ar": {"Arabic"},
    "de": {"Latin"},
    "en": {"Latin"},
    "es": {"Latin"},
    "fr": {"Latin"},
    "hi": {"Devanagari"},
    "ja": {"Hiragana", "Katakana", "Han"},
    "pt": {"Latin"},
    "ru": {"Cyrillic"},
    "tr": {"Latin"},
    "vi": {"Latin"},
    "zh": {"Han"},
}


def counted(texts):
    data, offsets = text_buffers(pa.array(texts, pa.string()))
    letters, sizes = count_scripts(data, offsets)
    return [
        {SCRIPTS[at]: (int(letters[doc, at]), int(sizes[doc, at])) for at in np.flatnonzero(letters[doc])}
        for doc in range(len(texts))
    ]


@settings(deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_the_kernel_counts_as_its_twin(texts):
    assert counted(texts) == [count_scripts_plain(text) for text in texts]


@pytest.mark.parametrize("language", OF_LANGUAGE)
def test_sentences_are_in_the_scripts_of_their_language(language):
    [letters] = counted(["\n".join(sentences(language))])
    named = {script: count for script, (count, _) in letters.items() if script}
    own = sum(named.get(script, 0) for script in OF_LANGUAGE[language])
    # Hindi sentences of the web have English words in them.
    assert own >= 0.9 * sum(named.values())
    assert sum(count for count, _ in letters.values()) == len("\n".join(sentences(language)))
    assert sum(size for _, size in letters.values()) == len("\n".join(sentences(language)).encode())


def test_what_scripts_share_counts_nowhere_and_rare_scripts_count_together():
    assert [script_of(character) for character in "1.̈\n€"] == [""] * 5
    assert script_of("𐤀") == "Other"  # Phoenician
    assert script_table()[ord("ﬁ")] == SCRIPTS.index("Latin")


def summary_of(now, before, **options):
    audit = ScriptDriftConfig(min_docs=20, **options).build(NOTHING)
    return audit.summary(scanned(audit, now), scanned(audit, before))


def test_a_document_counts_with_each_of_its_halves():
    english, russian = sentences("en")[:90], sentences("ru")[:90]
    halves = [f"{one} {other}" for one, other in zip(english, russian, strict=True)]
    audit = ScriptDriftConfig().build(NOTHING)
    cells = scanned(audit, documents(halves)).seen().by_category()
    assert cells["Latin"].docs == cells["Cyrillic"].docs == 90
    assert cells["Cyrillic"].words == sum("а" <= character.lower() <= "ё" for line in russian for character in line)
    assert cells["Cyrillic"].words_crossed > cells["Cyrillic"].words_squared


def test_more_text_in_another_script_is_seen_with_its_unit():
    english = [" ".join(sentences("en")[n : n + 4]) for n in range(0, 92, 1)] * 4
    before = documents([*english, *sentences("ru")[:20]])
    now = documents([*english, *sentences("ru")[:90], *sentences("ru")[:30]])
    summary = summary_of(now, before)
    found = {f.subject: f for f in summary.findings}
    assert found["Cyrillic"].status is Status.FAIL
    assert "Cyrillic script went from" in found["Cyrillic"].message and "of letters" in found["Cyrillic"].message
    assert summary.tables["shares"].column("byte_share").null_count == 0
    row = next(row for row in summary.tables["shares"].to_pylist() if row["subject"] == "Cyrillic")
    # A Cyrillic letter takes two bytes.
    assert row["byte_share"] > 1.5 * row["share"]


def test_documents_without_letters_are_documents():
    audit = ScriptDriftConfig().build(NOTHING)
    state = scanned(audit, documents(["", "123", "…", "abc"]))
    assert state.seen().whole().docs == 4
    assert state.seen().whole().words == 3
