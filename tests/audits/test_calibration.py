"""Limits and thresholds: what a score exposes at which limit, and how calibration chooses among limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.contamination.calibration import Calibration, Measured, Samples, choose_threshold, measure, rate
from audits.contamination.near_duplicate import NearDuplicateConfig
from audits.contamination.ngram_overlap import NgramOverlapConfig
from audits.contamination.scoring import Limits
from tests.audits.corpora import gsm8k, inside, items, pages, summary_of, verdicts

shares = st.floats(0.01, 1).map(lambda share: round(share, 3))
words = st.integers(1, 60)


@given(score=shares, words=words, limit=shares)
def test_a_place_exposes_from_its_threshold_down_and_no_limit_above(score, words, limit):
    """`threshold_of` is the reverse of `of`: whichever limit is chosen, both say the same of a place."""
    threshold = Limits(limit, limit).threshold_of(score, words)
    exposed = score >= Limits(limit, limit).of("set", words)
    if abs(threshold - limit) > 1e-9:
        assert exposed is (threshold >= limit)


@given(limit=shares, suspect=shares, words=words)
def test_short_items_need_more_and_never_less(limit, suspect, words):
    limits = Limits(max(limit, suspect), min(limit, suspect))
    assert limits.of("set", words) >= limits.of("set", words + 1) >= limits.exposed
    assert limits.suspect_of(words) >= limits.suspect_of(words + 1) >= limits.suspect
    assert limits.of("set", 12) == pytest.approx(max(limits.exposed, 0.9))
    assert limits.of("set", 30) == limits.exposed
    assert limits.suspect_of(words) <= limits.of("set", words) + 1e-9


@pytest.mark.parametrize("limit", [0.30, 0.312, 0.5, 0.7, 0.83])
def test_nine_of_ten_words_are_enough_for_a_short_item(limit):
    assert Limits(limit, 0.2).of("set", 10) <= 9 / 10


def test_a_share_that_is_the_limit_of_its_length_is_enough():
    """13 of 15 words are 0.7 + 0.2 * 15 / 18."""
    assert Limits(0.7, 0.6).of("set", 15) <= 13 / 15


def test_limits_by_set_go_before_the_detectors_own():
    limits = Limits(0.7, 0.5, {"hard": 0.4})
    assert (limits.of("hard", 50), limits.of("easy", 50)) == (0.4, 0.7)


@pytest.mark.parametrize("config", [NgramOverlapConfig, NearDuplicateConfig])
def test_thresholds_of_a_set_decide_over_its_items_alone(config):
    question = gsm8k()[0]["question"]
    tokens = question.split()
    for at in (9, 23, 36):
        tokens[at] = "replaced"
    texts, table = [inside(" ".join(tokens), pages(1)[0])], items([question])
    assert verdicts(summary_of(config, texts, table)) == ["exposed"]
    assert verdicts(summary_of(config, texts, table, thresholds={"set": 0.99})) == ["suspect"]
    assert verdicts(summary_of(config, texts, table, thresholds={"other": 0.99})) == ["exposed"]


@pytest.mark.parametrize(("config", "kept", "low"), [(NgramOverlapConfig, 14, 0.2), (NearDuplicateConfig, 26, 0.45)])
def test_a_threshold_below_what_is_suspect_is_kept_to_as_well(config, kept, low):
    """The question has 52 words; what calibration measured at 0.45, a run must find at 0.45."""
    question = gsm8k()[0]["question"]
    texts, table = [inside(" ".join(question.split()[:kept]), pages(1)[0])], items([question, gsm8k()[1]["question"]])
    assert verdicts(summary_of(config, texts, table)) == ["clean", "clean"]
    assert verdicts(summary_of(config, texts, table, thresholds={"set": low})) == ["exposed", "clean"]


def samples(copies, documents):
    return Samples("ngram_overlap", "set", {"question": copies}, documents)


def test_without_false_alarms_the_highest_threshold_of_full_recall_is_chosen():
    assert choose_threshold(samples([1.0, 0.81, 0.625], [0.0] * 100), 0.01) == 0.62
    assert choose_threshold(samples([1.0, 1.0], [0.0] * 100), 0.01) == pytest.approx(0.95)


def test_false_alarms_push_the_threshold_up_past_copies():
    documents = [0.0] * 98 + [0.55, 0.705]
    copies = [0.5, 0.6, 0.8, 0.9]
    assert choose_threshold(samples(copies, documents), 0.05) == 0.5, "two alarms in a hundred are allowed"
    assert choose_threshold(samples(copies, documents), 0.01) == 0.6, "one is, so the other must go"
    assert choose_threshold(samples(copies, documents), 0.001) == 0.8, "none is"


def test_a_copy_in_a_thousand_is_given_up_for_a_higher_threshold():
    assert choose_threshold(samples([0.4, *[0.9] * 999], [0.0] * 100), 0.01) == 0.9
    assert choose_threshold(samples([*[0.4] * 10, *[0.9] * 990], [0.0] * 100), 0.01) == 0.4


def test_where_every_threshold_alarms_the_highest_is_left():
    assert choose_threshold(samples([0.5], [1.0] * 10), 0.01) == pytest.approx(0.95)


@given(st.lists(shares, min_size=1, max_size=30), st.lists(shares, min_size=1, max_size=60), st.floats(0, 0.3))
def test_a_chosen_threshold_keeps_the_rate_and_no_allowed_one_has_more_recall(copies, documents, allowed):
    chosen = choose_threshold(samples(copies, documents), allowed)
    grid = [round(0.30 + 0.01 * step, 2) for step in range(66)]
    assert chosen in grid

    def alarms(limit):
        return sum(score >= limit for score in documents) / len(documents)

    def recall(limit):
        return sum(score >= limit for score in copies) / len(copies)

    good = [limit for limit in grid if alarms(limit) <= allowed]
    if good:
        assert chosen in good
        assert recall(chosen) >= max(map(recall, good)) - 0.005
        assert all(recall(limit) < max(map(recall, good)) - 0.005 for limit in good if limit > chosen)


@given(score=shares, words=words)
def test_a_place_is_worth_the_grids_threshold_that_exposes_it(score, words):
    """What calibration compares with its grid is what the detector will do with that threshold."""
    threshold = Limits(0.5, 0.3).threshold_of(score, words)
    for limit in (round(0.30 + 0.01 * step, 2) for step in range(66)):
        if abs(threshold - limit) > 1e-9:
            assert (threshold >= limit) is (score >= Limits(0.5, 0.3, {"set": limit}).of("set", words))


def test_measuring_counts_copies_alarms_and_both_together():
    of_set = Samples(
        "ngram_overlap", "set", {"question": [1.0, 1.0], "swap_10": [0.9, 0.3, 0.6]}, [0.0] * 2998 + [0.65, 0.4]
    )
    measured = measure(of_set, 0.6, 0.001)
    assert {kind: (r.hits, r.of) for kind, r in measured.recall.items()} == {"question": (2, 2), "swap_10": (2, 3)}
    assert (measured.overall.hits, measured.overall.of) == (4, 5)
    assert (measured.false_alarms.hits, measured.false_alarms.of) == (1, 3000)
    assert (measured.precision.hits, measured.precision.of) == (4, 5)
    assert measured.false_alarms.low < 1 / 3000 < measured.false_alarms.high < 0.003
    assert measured.enough


@pytest.mark.parametrize(("documents", "asked", "enough"), [(2999, 0.001, False), (3000, 0.001, True), (30, 0.1, True)])
def test_a_rate_is_only_shown_by_documents_enough(documents, asked, enough):
    assert measure(samples([1.0], [0.0] * documents), 0.5, asked).enough is enough


def test_a_detector_without_limits_counts_what_it_exposes():
    measured = measure(samples([1.0, 0.0], [0.0] * 10), None, 0.001)
    assert measured.threshold is None
    assert measured.overall.share == 0.5


def test_a_rate_of_nothing_is_zero_and_not_known():
    nothing = rate(0, 0)
    assert nothing.share == 0
    assert (nothing.low, nothing.high) == (0, 1)


def test_a_calibration_survives_its_file():
    measured = measure(samples([1.0, 0.4], [0.0] * 50), 0.5, 0.1)
    calibration = Calibration(
        created="2026-11-25T00:00:00Z",
        false_alarm_rate=0.1,
        per_set=2,
        seed=1,
        documents=50,
        held=0,
        items={"set": "1"},
        options={"ngram_overlap": "2"},
        measured=[measured],
    )
    again = Calibration.model_validate_json(calibration.model_dump_json())
    assert again == calibration
    assert isinstance(again.measured[0], Measured) and again.measured[0].recall["question"].share == 0.5
