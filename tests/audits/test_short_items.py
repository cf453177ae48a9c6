"""Items that are too short or too generic to be told by their question alone."""

import pytest

from audits.contamination.exact_match import ExactMatchConfig
from audits.contamination.near_duplicate import NearDuplicateConfig
from audits.contamination.ngram_overlap import NgramOverlapConfig
from audits.findings import Status
from tests.audits.corpora import found, gsm8k, inside, items, pages, quoted, summary_of, verdicts

WHOLE = [ExactMatchConfig, NgramOverlapConfig]
"""Detectors that find short items whole."""

STEM = "Which of the following is true?"
OPTIONS = [
    ["Copper conducts better than silver", "Mercury is liquid in a warm room", "Lead floats", "Tin is a halogen"],
    ["Oslo lies in Sweden", "Bergen lies at the coast of Norway", "Malmö is in Finland", "Turku is a Danish harbour"],
    ["Haydn taught Mozart", "Verdi composed Fidelio", "Beethoven wrote nine symphonies", "Bach was born in Vienna"],
    ["Bats lay eggs", "Whales breathe through gills", "Kiwis are mammals", "Spiders have eight legs"],
]
GOLD = [1, 1, 2, 3]
LONG = gsm8k()[0]["question"]
STEMS = items(
    [*[STEM] * 4, LONG],
    [*(options[at] for options, at in zip(OPTIONS, GOLD, strict=True)), None],
    choices=[*OPTIONS, None],
)
PAGE = pages(1)[0]


def lettered(options):
    return "\n".join(f"{letter}. {option}" for letter, option in zip("ABCD", options, strict=True))


@pytest.mark.parametrize("config", WHOLE)
@pytest.mark.parametrize("number", range(4))
def test_a_stem_exposes_the_one_item_whose_options_stand_beside_it(config, number):
    text = inside(f"\n{STEM}\n{lettered(OPTIONS[number])}\n", PAGE)
    summary = summary_of(config, [*pages(5), text], STEMS)
    expected = ["clean"] * 5
    expected[number] = "exposed"
    assert verdicts(summary) == expected
    [match] = summary.matches
    assert (match.row, match.item_id, match.evidence_class) == (5, f"set-{number}", "question_only")
    assert STEM.rstrip("?") in quoted(text, match)
    assert {exposure.item_id for exposure in summary.exposures} == {f"set-{number}"}


@pytest.mark.parametrize("config", WHOLE)
@pytest.mark.parametrize("beside", ["", "Nobody in this room can tell.", "A. yes B. no C. maybe", OPTIONS[0][0]])
def test_a_stem_without_two_of_its_options_exposes_nothing(config, beside):
    summary = summary_of(config, [inside(f"{STEM} {beside}", PAGE)] * 30, STEMS)
    assert verdicts(summary) == ["clean"] * 5
    assert not summary.exposures and not summary.matches


@pytest.mark.parametrize("config", WHOLE)
def test_options_without_their_stem_expose_nothing(config):
    summary = summary_of(config, [inside(lettered(options), PAGE) for options in OPTIONS], STEMS)
    assert verdicts(summary) == ["clean"] * 5


@pytest.mark.parametrize("config", WHOLE)
def test_stems_in_a_row_each_have_options_of_their_own(config):
    text = "\n\n".join(f"{STEM}\n{lettered(OPTIONS[number])}\nAnswer: {'ABCD'[GOLD[number]]}" for number in (3, 1))
    summary = summary_of(config, [text], STEMS)
    assert verdicts(summary) == ["clean", "exposed", "clean", "exposed", "clean"]
    classes = {match.item_id: match.evidence_class for match in summary.matches}
    assert classes == {"set-1": "question_answer", "set-3": "question_answer"}
    starts = {exposure.item_id: exposure.byte_start for exposure in summary.exposures}
    assert starts == {"set-3": 0, "set-1": text.encode().rindex(STEM.encode())}


@pytest.mark.parametrize("config", WHOLE)
def test_the_answer_below_another_ones_options_is_not_its_own(config):
    """Both right options are B; only the first has its answer given."""
    text = f"{STEM}\n{lettered(OPTIONS[0])}\nAnswer: B\n\n{STEM}\n{lettered(OPTIONS[1])}"
    summary = summary_of(config, [text], STEMS)
    classes = {match.item_id: match.evidence_class for match in summary.matches}
    assert classes == {"set-0": "question_answer", "set-1": "question_only"}


@pytest.mark.parametrize("config", WHOLE)
def test_a_right_answer_beside_a_short_question_identifies_it(config):
    table = items(["Who wrote Hedda Gabler?", LONG], ["Henrik Johan Ibsen of Skien", None])
    exposed = summary_of(config, [inside("Who wrote Hedda Gabler? Henrik Johan Ibsen of Skien did.", PAGE)], table)
    assert verdicts(exposed) == ["exposed", "clean"]
    assert exposed.matches[0].evidence_class == "question_answer"


SHORT = ["What is 2 + 2?", STEM, "Why?", LONG, "Inflation"]
SHORT_OPTIONS = [["3", "4", "5"], OPTIONS[0], ["Because", "So", "No", "Yes"], None, None]


@pytest.mark.parametrize("config", WHOLE)
def test_every_item_says_what_it_can_be_found_by(config):
    summary = summary_of(config, pages(5), items(SHORT, choices=SHORT_OPTIONS))
    assert [item.matchable_by for item in summary.items] == ["", "options", "", "question", ""]
    assert [item.matchable for item in summary.items] == [False, True, False, True, False]
    assert verdicts(summary) == ["unmatchable", "clean", "unmatchable", "clean", "unmatchable"]


@pytest.mark.parametrize("config", WHOLE)
def test_numbers_as_options_make_sums_no_findable_item(config):
    text = inside("What is 2 + 2?\nA. 3\nB. 4\nC. 5\nAnswer: B", PAGE)
    summary = summary_of(config, [text] * 3, items(SHORT, choices=SHORT_OPTIONS))
    assert summary.items[0].verdict == "unmatchable"
    assert not summary.exposures


@pytest.mark.parametrize("config", [*WHOLE, NearDuplicateConfig])
def test_a_set_that_cannot_be_checked_is_insufficient_with_a_remedy(config):
    table = items(SHORT, choices=SHORT_OPTIONS)
    [told] = found(summary_of(config, pages(5), table), metric="unmatchable_share")
    assert told.status is Status.INSUFFICIENT
    assert "choices" in told.suggestion
    [accepted] = found(summary_of(config, pages(5), table, min_matchable_share=0.1), metric="unmatchable_share")
    assert accepted.status is Status.INFO
    assert accepted.value == told.value >= 3 / 5


def test_near_duplicates_need_words_to_align():
    summary = summary_of(NearDuplicateConfig, pages(5), items(["one two three four five six seven", LONG]))
    assert [item.matchable_by for item in summary.items] == ["", "question"]
    summary = summary_of(NearDuplicateConfig, pages(5), items(["one two three four five", LONG]), min_words=5)
    assert [item.matchable_by for item in summary.items] == ["question", "question"]


def test_exact_match_asks_for_fewer_words_where_told_to():
    table = items(["Zanzibar archipelago capital", LONG])
    texts = [inside("Zanzibar archipelago capital", PAGE)]
    assert verdicts(summary_of(ExactMatchConfig, texts, table))[0] == "exposed"
    assert verdicts(summary_of(ExactMatchConfig, texts, table, min_words=4))[0] == "unmatchable"


@pytest.mark.parametrize("config", WHOLE)
def test_two_items_with_one_question_are_one_item_twice_and_both_exposed(config):
    table = items([LONG, LONG, gsm8k()[1]["question"]])
    assert verdicts(summary_of(config, [inside(LONG, PAGE)], table)) == ["exposed", "exposed", "clean"]


@pytest.mark.parametrize("config", [*WHOLE, NearDuplicateConfig])
def test_empty_and_equal_options_and_empty_questions_are_no_trouble(config):
    questions = ["", "???", STEM, gsm8k()[1]["question"], STEM, STEM]
    choices = [["", ""], None, ["same", "same", "", "same"], ["", "", ""], [], None]
    summary = summary_of(config, [inside(f"{STEM} same same", PAGE), "", "same"], items(questions, choices=choices))
    assert [item.verdict for item in summary.items] == ["unmatchable"] * 3 + ["clean"] + ["unmatchable"] * 2


@pytest.mark.parametrize("config", WHOLE)
def test_a_long_question_in_a_row_for_each_option_exposes_all_its_rows(config):
    rows = items([*[LONG] * 4, *["Is the moon larger than Pluto?"] * 4], [None] * 8)
    summary = summary_of(config, [inside(LONG, PAGE), inside("Is the moon larger than Pluto?", PAGE)], rows)
    assert verdicts(summary) == ["exposed"] * 4 + ["unmatchable"] * 4
