"""Labelled texts: the file keeps its promises, halves do not share items, planted texts are in their pages whole."""

import json
import random
import re
from collections import defaultdict
from pathlib import Path

import pytest

from benchmarks.data import EVAL_FILES, eval_items, page_texts
from benchmarks.labelled import (
    INLINE,
    KINDS,
    PARAGRAPH,
    REPORTING,
    REWORDINGS,
    TUNING,
    Labelled,
    Pair,
    counts,
    half_of,
    load_rewordings,
    paraphrase_pairs,
    planted,
    put_as_paragraph,
    put_inline,
    table_rows,
)
from benchmarks.lexical_recall import Items

DEMO = Path(__file__).parents[2] / "examples" / "data"


@pytest.fixture(scope="module")
def texts():
    return load_rewordings()


@pytest.fixture(scope="module")
def items():
    return Items.of(eval_items(DEMO))


def test_every_line_is_of_a_known_set_kind_and_language(texts):
    assert {text.eval_set for text in texts} == set(EVAL_FILES)
    assert {text.kind for text in texts} == set(KINDS)
    for text in texts:
        assert text.text == text.text.strip() != ""
        assert (text.language != "en") == (text.kind == "translated")
        assert text.eval_set != "gsm8k" or text.row >= 660


def test_a_row_has_texts_of_one_kind(texts):
    kinds = defaultdict(set)
    for text in texts:
        kinds[text.eval_set, text.row].add(text.kind)
    assert all(len(of_row) == 1 for of_row in kinds.values())


def test_the_counts_in_the_readme_are_those_of_the_file(texts):
    told = {}
    for line in (REWORDINGS.parent / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in EVAL_FILES:
            told |= {
                (cells[0], kind): int(cell)
                for kind, cell in zip(("reworded", "new_numbers", "same_topic", "translated"), cells[1:], strict=True)
                if cell
            }
    assert told == dict(counts(texts))


def test_halves_are_equal_and_share_no_item(texts):
    tuning, reporting = half_of(texts, TUNING), half_of(texts, REPORTING)
    assert sorted(map(str, tuning + reporting)) == sorted(map(str, texts))
    assert not {(text.eval_set, text.row) for text in tuning} & {(text.eval_set, text.row) for text in reporting}
    assert all(abs(counts(tuning)[group] - counts(reporting)[group]) <= 1 for group in counts(texts))
    assert half_of(list(reversed(texts)), TUNING) == tuning


def test_rows_count_in_the_table_of_all_sets(items):
    made = [Labelled("humaneval", 2, "reworded", "en", "a"), Labelled("gsm8k", 5, "reworded", "en", "b")]
    first, second = table_rows(made, items)
    assert items.keys[first][0] == "humaneval"
    assert items.table["question"][second].as_py() == _question(5)
    with pytest.raises(ValueError, match=r"gsm8k has 200 items, and a text is labelled with row 200"):
        table_rows([Labelled("gsm8k", 200, "reworded", "en", "c")], items)


def _question(row):
    return json.loads((DEMO / "eval" / "gsm8k.jsonl").read_text(encoding="utf-8").splitlines()[row])["question"]


@pytest.mark.parametrize("placement", [INLINE, PARAGRAPH])
def test_planted_texts_are_in_real_pages(texts, items, placement):
    there = [text for text in texts if text.eval_set == "humaneval" and text.row < 50]
    pages = page_texts(DEMO / "baseline" / "web")
    documents = planted(there, items, pages, placement)
    assert documents == planted(there, items, pages, placement)
    for text, document in zip(there, documents, strict=True):
        assert document.kind == text.kind
        assert re.sub(r"\s+", " ", text.text) in re.sub(r"\s+", " ", document.text)
        assert len(document.text) > len(text.text) + 100


def test_inline_texts_stand_between_sentences_and_code_keeps_its_lines():
    rng = random.Random(3)
    assert put_inline("A\nleak.", "One.  Two.", rng) == "One. A leak. Two."
    assert put_inline("def f():\n    pass", "One. Two.", rng) == "One. def f():\n    pass Two."
    assert put_as_paragraph("A\nleak.", "One.\nTwo.", rng) == "One.\n\nA\nleak.\n\nTwo."
    assert put_as_paragraph("A leak.", "One line", rng) == "One line\n\nA leak."


def test_pairs_are_taken_out_of_their_prompts(tmp_path):
    folder = tmp_path / "train"
    folder.mkdir()
    rows = {
        "t0_glue_mrpc_equivalent.jsonl": ('Are the following "equivalent"?\nA b .\nC d .\n', "not equivalent"),
        "t0_glue_qqp_duplicate.jsonl": ('I received the questions "A?" and "Is "b" c?". Are they duplicates?\n', "yes"),
        "t0_paws_labeled_final_Meaning.jsonl": ("Sentence 1: A b\nSentence 2: B a\nQuestion: Do they?\n", "Yes"),
    }
    for name, (prompt, answer) in rows.items():
        row = {"prompt": prompt, "completion": f"{answer}<|endoftext|>"}
        (folder / name).write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert paraphrase_pairs(tmp_path) == {
        "mrpc": [Pair("A b .", "C d .", False)],
        "qqp": [Pair("A?", 'Is "b" c?', True)],
        "paws": [Pair("A b", "B a", True)],
    }
    (folder / "t0_glue_qqp_duplicate.jsonl").unlink()
    assert list(paraphrase_pairs(tmp_path)) == ["mrpc", "paws"]
