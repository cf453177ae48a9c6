"""Translated test items: found with a multilingual model, within a budget, and told from ordinary foreign pages."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.base import Resources
from audits.contamination.semantic.foreign import make_tracks, sentence_runs, set_languages
from audits.contamination.semantic.numbers import written_numbers
from audits.contamination.semantic.probes import make_probes
from audits.contamination.semantic.translation import agree_across, relative_margin, verify_translation
from audits.contamination.semantic.verifier import NEW_NUMBERS, TRANSLATED
from audits.contamination.semantic_overlap import SemanticOverlapConfig
from audits.errors import ModelUnavailable
from audits.findings import Status
from tests.audits.bilingual import PAIRS, save_model
from tests.audits.corpora import batch, documents, found, items, pages, scanned, summary_of, verdicts

TABLE = items([english for english, _ in PAIRS])
PLAIN = pages(20, seed=3, language="de")
PLANTED = [
    f"{page}\n\n{german}\n\n{pages(1, n, 'de', 2)[0]}"
    for n, (page, (_, german)) in enumerate(zip(PLAIN[:6], PAIRS, strict=True))
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("bilingual"))


@pytest.fixture
def options(model):
    return {"model": model, "translations": True}


def test_translated_items_are_exposed_as_such_and_ordinary_foreign_pages_are_not(options):
    result = summary_of(SemanticOverlapConfig, [*PLANTED, *PLAIN], TABLE, **options)
    exposed = [match for match in result.matches if match.verdict == "exposed"]
    assert verdicts(result).count("exposed") >= len(PAIRS) - 1
    assert {match.evidence_class for match in exposed} == {"translated"}
    assert all(match.item_id == f"set-{match.row}" for match in exposed)
    for match in exposed:
        marked = PLANTED[match.row].encode()[match.train_start : match.train_end].decode()
        assert len(set(marked.split()) & set(PAIRS[match.row][1].split())) >= 5


def test_without_the_option_none_is_looked_for(model):
    result = summary_of(SemanticOverlapConfig, PLANTED, TABLE, model=model)
    assert not [match for match in result.matches if match.evidence_class == "translated"]


def test_english_copies_are_no_translations(options):
    texts = [f"{page}\n\n{english}\n" for page, (english, _) in zip(pages(6), PAIRS, strict=True)]
    result = summary_of(SemanticOverlapConfig, texts, TABLE, **options)
    assert verdicts(result).count("exposed") == len(PAIRS)
    assert {match.evidence_class for match in result.matches if match.verdict == "exposed"} == {"reworded"}


def test_an_english_quotation_in_a_german_page_is_no_translation(options):
    result = summary_of(SemanticOverlapConfig, [f"{PLAIN[0]}\n\n{PAIRS[0][0]}\n\n{PLAIN[1]}"], TABLE, **options)
    [best] = [item for item in result.items if item.verdict == "exposed"]
    assert best.evidence_class == "reworded"


def test_what_is_kept_does_not_depend_on_the_cut_of_the_stream(options):
    audit = SemanticOverlapConfig(max_encodes=120, **options).build(Resources(TABLE))
    rows = documents([*PLANTED, *PLAIN])
    whole = scanned(audit, rows)
    parts = [scanned(audit, rows[at : at + 5], size=2) for at in range(0, len(rows), 5)]
    merged = audit.new_state()
    for part in reversed(parts):
        merged.merge(pickle.loads(pickle.dumps(part)))
    assert merged.foreign.ranked() == whole.foreign.ranked()
    assert merged.foreign.offered == whole.foreign.offered > len(whole.foreign.entries()) == 30
    assert audit.summary(merged).matches == audit.summary(whole).matches


def test_windows_that_share_numbers_with_an_item_are_kept_first(options):
    audit = SemanticOverlapConfig(max_encodes=40, **options).build(Resources(TABLE))
    kept = scanned(audit, documents([*PLAIN, *PLANTED])).foreign.entries()
    assert len(kept) == 10
    assert sum(any(number in window.text for number in ("48", "360", "240", "25", "16")) for _, window in kept) >= 5


def test_what_was_not_looked_at_is_said(options):
    result = summary_of(SemanticOverlapConfig, [*PLANTED, *PLAIN], TABLE, max_encodes=40, **options)
    [finding] = found(result, subject="translations", metric="windows_not_kept")
    assert finding.status is Status.INSUFFICIENT and finding.value > 0 and "max_encodes" in finding.suggestion
    [finding] = found(
        summary_of(SemanticOverlapConfig, PLANTED, TABLE, max_encodes=8, **options), metric="sets_left_out"
    )
    assert finding.status is Status.INSUFFICIENT and "set" in finding.message
    assert not found(summary_of(SemanticOverlapConfig, PLANTED, TABLE, **options), subject="translations")


def test_an_english_corpus_costs_nothing_more(options):
    audit = SemanticOverlapConfig(**options).build(Resources(TABLE))
    state = scanned(audit, documents(pages(5)))
    assert not state.foreign.offered
    assert SemanticOverlapConfig(model=options["model"]).build(Resources(TABLE)).new_state().foreign is None


def test_the_packaged_model_is_refused():
    with pytest.raises(ModelUnavailable, match="multilingual") as error:
        SemanticOverlapConfig(translations=True).build(Resources(TABLE))
    assert "model:" in error.value.remedy


def test_a_set_has_the_language_of_most_of_its_items():
    german = items([german for _, german in PAIRS], eval_set="german")
    table = items([*[english for english, _ in PAIRS], PAIRS[0][1]])
    probes = make_probes(table)
    assert set_languages(probes) == ["en"]
    assert set_languages(make_probes(german)) == ["de"]
    [track] = make_tracks(probes, ["en"])
    assert (track.language, track.codes, track.asking) == ("en", (0,), True)
    assert abs(track.length - np.median(probes.sizes)) <= 8
    assert make_tracks(probes, [""]) == []


def test_windows_with_an_items_numbers_rank_above_lists_of_numbers():
    [track] = make_tracks(make_probes(TABLE), ["en"])
    own, listed = track.rank(PAIRS[0][1]), track.rank("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 48")
    assert own > listed > track.rank("Ein Satz ohne Zahl.") == 0
    assert track.rank("Was ist das?") == 1


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30), st.integers(4, 40))
def test_runs_cover_every_word_and_overlap(sizes, length):
    starts = np.cumsum([0, *sizes[:-1]])
    stop = sum(sizes)
    runs = list(sentence_runs(starts, stop, length))
    assert runs[0][0] == 0 and runs[-1][1] == stop
    assert all(last - first <= 2 * length for first, last in runs)
    assert all(one[0] < two[0] <= one[1] < two[1] for one, two in pairwise(runs))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80.000 Eier zu 2,50 Euro, drei davon", {"80000", "2.5"}),
        ("1 200 euros, dont 20 %", {"1200", "20"}),
        ("300本の３０ページ", {"300", "30"}),
        ("२४ घंटे", {"24"}),
        ("once y second", set()),
    ],
)
def test_numbers_in_digits_are_read_in_any_language(text, expected):
    assert written_numbers(text) == expected


def test_the_margin_and_the_numbers_decide():
    item, german = PAIRS[0]
    good = agree_across(item, german)
    changed = agree_across(item, german.replace("48", "52").replace("17", "19"))
    words = agree_across(item, german.replace("17", "siebzehn"))
    assert good.numbers_missing == good.numbers_extra == 0
    scores = [verify_translation(0.4, 0.15, agreement).score for agreement in (good, words, changed)]
    assert scores[0] > scores[1] > scores[2]
    assert verify_translation(0.4, 0.15, good).score > verify_translation(0.4, 0.0, good).score
    assert verify_translation(0.3, 0.15, good).score < scores[0]
    assert verify_translation(0.6, 0.2, changed).evidence_class == NEW_NUMBERS
    assert verify_translation(0.4, 0.15, words).evidence_class == TRANSLATED
    assert relative_margin(0.05, 0.8, 5) < relative_margin(0.05, 0.8, 500) < 0.25
    assert agree_across(item, "Пекарь продаёт 48 буханок и 17 булочек").names_missing == 0


def test_documents_of_unknown_language_are_left_alone(options):
    audit = SemanticOverlapConfig(**options).build(Resources(TABLE))
    state = audit.new_state()
    audit.scan(state, batch(documents(["1 2 3 48 17 360", "", "48 17"])))
    assert not state.foreign.offered
