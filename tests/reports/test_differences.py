import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.differences import marked
from tests.reports.examples import HOSTILE


@pytest.mark.parametrize(
    ("train", "item", "expected"),
    [
        (
            "A robe takes 3 bolts of blue fiber",
            "A robe takes 2 bolts of blue fiber",
            "A robe takes <mark>3</mark> bolts of blue fiber",
        ),
        ("see here: Tom has 3 eggs left. Next page", "Tom has 3 eggs.", "see here: Tom has 3 eggs left. Next page"),
        ("Tom has, they say, 3 eggs", "Tom has 3 eggs", "Tom has, <mark>they</mark> <mark>say,</mark> 3 eggs"),
        ("Each day 16 eggs come", "The ducks of Janet lay how many", "Each day 16 eggs come"),
        ("one two … five", "one two three four five", "one two … five"),
        ("one two thr … ur five", "one two three four five", "one two thr … ur five"),
        ("", "anything", ""),
    ],
)
def test_what_differs_is_marked(train, item, expected):
    assert str(marked(train, item)) == expected


def test_marks_escape_what_they_mark():
    text = str(marked(f"one two {HOSTILE} three four", "one two three four"))
    assert "<script" not in text and "<img" not in text
    assert "<mark>" in text and "\x1b" not in text


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_word_is_lost(train, item):
    shown = str(marked(train, item)).replace("<mark>", "").replace("</mark>", "")
    assert len(shown.split()) == len(str(marked(train, "")).split())
