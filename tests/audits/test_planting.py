"""Planted copies: each kind of edit changes what it says, and nothing else."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.contamination.planting import KINDS, embed, material_of, plant, plant_items
from audits.contamination.planting_edits import EDITS, Material, PlantItem
from audits.kernels.words import split_words_plain
from tests.audits.corpora import gsm8k, items, sentences

ENGLISH = sentences("en")
MATERIAL = material_of([" ".join(ENGLISH[at : at + 6]) for at in range(0, 120, 6)])
ROBE = "A robe takes 2 bolts of blue fiber and half that much white fiber.  How many bolts in total does it take?"

seeds = st.integers(0, 10_000)
texts = st.lists(st.sampled_from([*ENGLISH[:200], *(row["question"] for row in gsm8k())]), min_size=1, max_size=4)
questions = texts.map(" ".join)


def item(question=ROBE, choices=(), answer=None):
    return PlantItem("set", "1", question, tuple(choices), answer, None)


def edited(kind, planted, seed=1, material=MATERIAL):
    return EDITS[kind](planted, random.Random(seed), material)


def words(text):
    return [word for word, _, _ in split_words_plain(text)]


@pytest.mark.parametrize("kind", KINDS)
@given(question=questions, seed=seeds)
def test_the_same_seed_gives_the_same_copy(kind, question, seed):
    planted = item(question, ("one", "two", "three"), "two")
    assert edited(kind, planted, seed) == edited(kind, planted, seed)


@pytest.mark.parametrize(("kind", "share"), [("swap_05", 0.05), ("swap_10", 0.10), ("swap_20", 0.20)])
@given(question=questions, seed=seeds)
def test_swaps_change_the_share_of_words_that_they_name(kind, share, question, seed):
    before = f"{question}\nthe answer is 42".split()
    after = edited(kind, item(question, answer="the answer is 42"), seed).split()
    assert len(before) == len(after)
    changed = sum(words(old) != words(new) for old, new in zip(before, after, strict=True))
    swappable = sum(any(map(str.isalnum, word)) for word in before)
    assert changed == max(1, round(share * swappable))


@given(question=questions, seed=seeds)
def test_every_number_is_changed_and_keeps_its_digits(question, seed):
    before = re.findall("[0-9]+", question)
    changed = edited("numbers_changed", item(question), seed)
    if not before:
        assert changed is None
        return
    after = re.findall("[0-9]+", changed)
    assert [len(number) for number in before] == [len(number) for number in after]
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert re.sub("[0-9]", "0", question) == re.sub("[0-9]", "0", changed)


def test_equal_numbers_stay_equal():
    first, second = re.findall("[0-9]+", edited("numbers_changed", item("Ann has 16 eggs; 16 are brown.")))
    assert first == second


def test_names_change_alike_everywhere_and_nothing_else():
    question = "Janet bakes. On Monday Janet's friend Tim comes. How much does Tim eat, and where is Janet?"
    changed = edited("names_changed", item(question))
    new = re.match(r"(\w+) bakes\. On (\w+) (\w+)'s friend (\w+) comes\. (.*)", changed)
    assert new is not None
    assert new[1] == new[3] != "Janet"
    assert new[2] != "Monday"
    assert new[5] == f"How much does {new[4]} eat, and where is {new[1]}?"


@pytest.mark.parametrize("question", [ROBE, "What is $\\Delta$? Find it.", "Who?\nHow?"])
def test_without_names_there_is_nothing_to_rename(question):
    assert edited("names_changed", item(question)) is None


@given(question=questions, seed=seeds)
def test_insertions_keep_the_item_and_add_sentences_between_its_own(question, seed):
    changed = edited("inserted", item(question), seed)
    if changed is None:
        return
    left = words(question)
    rest = iter(words(changed))
    assert all(word in rest for word in left)
    assert words(changed)[0] == left[0] and words(changed)[-1] == left[-1]
    assert len(words(changed)) >= len(left) + 8


@pytest.mark.parametrize("kind", ["reflowed", "split_lines"])
@given(question=questions, seed=seeds)
def test_layouts_keep_every_word(kind, question, seed):
    changed = edited(kind, item(question), seed)
    assert words(changed) == words(question)
    most = 8 if kind == "reflowed" else 3
    assert max(len(line.lstrip("-*• ").split()) for line in changed.splitlines()) <= most


def test_numbered_lines_count_up():
    changed = edited("numbered_lines", item())
    assert [line.split(".")[0] for line in changed.splitlines()] == [str(n + 1) for n in range(changed.count("\n") + 1)]
    assert " ".join(line.partition(". ")[2] for line in changed.splitlines()) == " ".join(ROBE.split())


@given(seed=seeds)
def test_recasing_keeps_the_words_and_loses_the_punctuation(seed):
    changed = edited("recased", item("Janet’s ducks lay 16 eggs; she's selling (some)."), seed)
    assert changed in ("JANETS DUCKS LAY 16 EGGS SHES SELLING SOME", "janets ducks lay 16 eggs shes selling some")


@given(question=questions, seed=seeds)
def test_lookalikes_leave_the_length_and_change_some_letters_to_other_scripts(question, seed):
    changed = edited("lookalikes", item(question), seed)
    different = [(old, new) for old, new in zip(question, changed, strict=True) if old != new]
    assert different
    assert all(old.isascii() and old.isalpha() and not new.isascii() for old, new in different)
    assert len(different) <= max(1, len(question) // 10)


def test_options_are_lettered_or_shuffled_and_numbered():
    planted = item("Which?", ("red", "green", "blue"))
    assert words(edited("question_options", planted)) == ["which", "a", "red", "b", "green", "c", "blue"]
    lines = edited("options_shuffled", planted).splitlines()
    assert [line[:4] for line in lines[1:]] == ["(1) ", "(2) ", "(3) "]
    options = [line[4:] for line in lines[1:]]
    assert sorted(options) == ["blue", "green", "red"] and options != ["red", "green", "blue"]


def test_what_does_not_apply_is_none():
    assert edited("question_answer", item()) is None
    assert edited("question_options", item()) is None
    assert edited("options_shuffled", item(choices=("same", "same"))) is None
    assert edited("numbers_changed", item("No number here?")) is None
    assert edited("inserted", item("One sentence only?")) is None
    assert edited("inserted", item(), material=Material((), ())) is None
    assert {edited(kind, item("")) for kind in KINDS} == {None}


@given(page=st.lists(st.sampled_from(ENGLISH[:50]), max_size=6), gap=st.sampled_from(["\n", " ", "\n\n"]), seed=seeds)
def test_a_page_keeps_its_sentences_around_what_is_put_into_it(page, gap, seed):
    whole = gap.join(page)
    document = embed("LEAK", whole, random.Random(seed))
    assert document.split().count("LEAK") == 1
    assert [word for word in document.split() if word != "LEAK"] == whole.split()


def test_planting_takes_the_same_items_for_every_kind_and_pages_in_turn():
    table = items([row["question"] for row in gsm8k()], [row["answer"] for row in gsm8k()])
    pages = [f"Page number {n} begins. It also ends." for n in range(10)]
    planted = plant(table, pages, ["question", "swap_10"], per_set=2, seed=3)
    assert [p.kind for p in planted] == ["question"] * 2 + ["swap_10"] * 2
    assert planted[0].row == planted[2].row and planted[1].row == planted[3].row
    assert plant_items(table)[planted[0].row].question in planted[0].text
    assert len({p.text.split()[2] for p in planted[:2]}) == 2
    assert plant(table, pages, ["swap_10"], per_set=2, seed=3) == planted[2:]
    assert plant(table, pages, ["question"], per_set=2, seed=4) != planted[:2]


def test_planting_without_pages_gives_the_bare_copies():
    table = items([ROBE])
    assert [p.text for p in plant(table, [], ["question", "question_answer"], None)] == [ROBE]
