"""What a state keeps is bounded; beyond the bounds it still gives one answer, and says what it left out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.base import Resources
from audits.contamination import match_state
from audits.contamination.match_state import Found, MatchState, Place
from audits.findings import Match
from tests.audits.corpora import WORD_LEVEL, documents, found, gsm8k, inside, items, pages, scanned

LEAKED, OTHER = gsm8k()[0]["question"], gsm8k()[1]["question"]


@pytest.mark.parametrize("config", WORD_LEVEL)
@pytest.mark.parametrize("size", [3, 50])
def test_places_beyond_the_cap_are_counted_and_told(config, size, monkeypatch):
    monkeypatch.setattr(match_state, "MAX_PLACES", 10)
    audit = config().build(Resources(items([LEAKED, OTHER])))
    summary = audit.summary(scanned(audit, documents([inside(LEAKED, page) for page in pages(50)]), size))
    assert [exposure.row for exposure in summary.exposures] == list(range(10))
    [told] = found(summary, metric="places_left_out")
    assert told.value == 40 and told.suggestion
    assert summary.items[0].n_matches == 50


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 5)), max_size=40, unique_by=lambda t: t[:2]
    ),
    st.lists(st.integers(0, 3), min_size=40, max_size=40),
    st.permutations(range(4)),
)
def test_what_caps_leave_is_the_same_in_any_order(places, parts, order):
    """Beyond its caps, too, a state must not remember who came first."""

    def found_at(row, document, pattern):
        evidence = (
            "set",
            str(row),
            "question_only",
            str(document),
            "s",
            document,
            0,
            1,
            0,
            1,
            pattern / 10,
            "d",
            "",
            "",
        )
        return Found(Match(*evidence), row, bytes([pattern]), False)

    def state_of(chosen):
        state = MatchState()
        for row, document, pattern in chosen:
            state.add(row, found_at(row, document, pattern))
            state.add_place(row, Place("s", document, 0, 1, "", row, bytes([pattern]), False, "question_only"))
            state.cut_places()
        return state

    with pytest.MonkeyPatch.context() as caps:
        caps.setattr(match_state, "MAX_PLACES", 4)
        caps.setattr(match_state, "MAX_MATCHES_PER_ITEM", 2)
        whole, total = state_of(places), MatchState()
        for number in order:
            total.merge(state_of([place for place, part in zip(places, parts, strict=False) if part == number]))
        assert total.first_places() == whole.first_places()
        assert [list(total.of(row)) for row in range(3)] == [list(whole.of(row)) for row in range(3)]
        kept, left_out = whole.first_places()
        assert sum(map(len, kept.values())) + left_out == len(places)
