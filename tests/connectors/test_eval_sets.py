import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors import EvalSetSource, load_eval_set
from connectors.errors import EvalSetError, SourceError, SourceNotFound
from connectors.schema import EVAL_ITEM_SCHEMA

SAMPLES = Path(__file__).parents[1] / "data" / "eval"


def _load(name, path, **options):
    table = load_eval_set(EvalSetSource(name=name, path=str(path), **options))
    assert table.schema == EVAL_ITEM_SCHEMA
    return table.to_pylist()


@pytest.fixture
def load(tmp_path):
    """Loads rows that are written to a file of JSON lines."""

    def run(name, rows, **options):
        path = tmp_path / "rows.jsonl"
        path.write_text("\n".join(json.dumps(row) for row in rows))
        return _load(name, path, **options)

    return run


@pytest.mark.parametrize(
    ("name", "file", "items", "question", "answer"),
    [
        ("gsm8k", "gsm8k_test.jsonl", 3, "Janet", "#### 18"),
        ("math", "math_test.jsonl", 3, "How many vertical", "\\boxed{2}"),
        ("arc_challenge", "arc_challenge.jsonl", 3, "An astronomer", "days will become shorter."),
        ("boolq", "boolq.jsonl", 3, "does ethanol take more", "no"),
        ("humaneval", "humaneval.jsonl.gz", 2, "from typing import List", "return False\n"),
        ("mbpp", "mbpp.jsonl", 2, "Write a python function to remove first", "return s"),
        ("mmlu", "mmlu_test.jsonl", 2, "Find the degree", "4"),
    ],
)
def test_presets_read_the_files_that_are_passed_around(name, file, items, question, answer):
    rows = _load(name, SAMPLES / file)
    assert len(rows) == items
    assert rows[0]["question"].startswith(question)
    assert answer in rows[0]["answer"]
    for row in rows:
        assert row["choices"] is None or row["answer"] in row["choices"]
    assert len({row["item_id"] for row in rows}) == items


def test_details_of_the_layouts():
    mmlu = _load("mmlu", SAMPLES / "mmlu_test.jsonl")
    assert mmlu[0]["choices"] == ["0", "4", "2", "6"]
    assert (mmlu[1]["answer"], mmlu[1]["item_id"], mmlu[1]["split"]) == ("24", "1", "test")
    assert _load("boolq", SAMPLES / "boolq.jsonl")[0]["passage"].startswith("All biomass goes")
    assert _load("humaneval", SAMPLES / "humaneval.jsonl.gz")[1]["item_id"] == "HumanEval/1"
    # task_id 9 and 10 are prompts, not test items; an empty `where` asks for the whole file.
    assert [row["item_id"] for row in _load("mbpp", SAMPLES / "mbpp.jsonl")] == ["11", "12"]
    assert len(_load("mbpp", SAMPLES / "mbpp.jsonl", where={})) == 4
    assert len(_load("mbpp", SAMPLES / "mbpp.jsonl", where={"task_id": [9, 11]})) == 3


HF = [
    ("hellaswag", {"ind": 4, "ctx": "A man", "endings": ["a", "b", "c", "d"], "label": "2"}, "A man", "c"),
    ("piqa", {"goal": "Boil water", "sol1": "pot", "sol2": "sieve", "label": 0}, "Boil water", "pot"),
    ("truthfulqa", {"question": "q?", "mc1_targets": {"choices": ["x", "y"], "labels": [0, 1]}}, "q?", "y"),
    ("bbh", {"input": "True and False is", "target": "False"}, "True and False is", "False"),
    ("mmlu", {"question": "q?", "subject": "s", "choices": ["1", "2", "3", "4"], "answer": 1}, "q?", "2"),
    ("arc", {"id": "M_1", "question": "q?", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "2"},
     "q?", "y"),
    ("boolq", {"question": "q", "passage": "p", "answer": True}, "q", "yes"),
    ("gsm8k", {"question": "q?", "answer": "#### 1"}, "q?", "#### 1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "row", "question", "answer"), HF)
def test_presets_read_the_hub_layouts(load, name, row, question, answer):
    [item] = load(name, [row])
    assert (item["question"], item["answer"]) == (question, answer)


@pytest.mark.parametrize(("gold", "answer"), [(1, "y"), ("B", "y"), ("y", "y"), ("1", "y"), (2, "2"), (-1, "-1"),
    ("", ""), (None, None), ("Z", "Z"), ("9" * 5000, "9" * 5000), (True, "True")])  # fmt: skip
def test_any_gold_survives(load, gold, answer):
    [item] = load("own", [{"q": "?", "c": ["x", "y"], "a": gold}], question="q", choices="c", answer="a")
    assert item["answer"] == answer


def test_a_number_is_an_index_even_among_numerals(load):
    [item] = load("own", [{"q": "?", "c": ["1", "2", "3"], "a": 1}], question="q", choices="c", answer="a")
    assert item["answer"] == "2"


@pytest.mark.parametrize("row", [
    {"question": "q", "choices": {"text": 5, "label": ["A"]}, "answerKey": "A"},
    {"question": "q", "choices": {"text": ["x"], "label": []}, "answerKey": None},
    {"question": "q", "choices": {"text": None}, "answerKey": "A"},
])  # fmt: skip
def test_odd_options_survive_for_the_audit(load, row):
    assert load("arc", [row])[0]["question"] == "q"


def test_formats(tmp_path):
    row = {"q": 'one, "two"\nthree', "a": "x"}
    (tmp_path / "a.json").write_text(json.dumps([row]))
    (tmp_path / "b.json").write_text(json.dumps({"examples": [row]}))
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbfq,a\r\n"one, ""two""\nthree",x\r\n')
    for name in ("a.json", "b.json", "a.parquet", "a.csv"):
        [item] = _load("own", tmp_path / name, question="q", answer="a")
        assert (item["question"], item["answer"]) == (row["q"], "x"), name


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([{"question": "q"}], {"question": "questions"}, "row 0: no field `questions`.*did you mean `question`"),
        ([{"q": "a", "id": 1}, {"q": "b", "id": 1}], {"question": "q", "id": "id"}, "names two items"),
        ([{"q": "a"}], {"preset": "gsm8kk"}, "unknown preset"),
        ([{"q": "a"}], {}, "no mapping"),
        ([["q"]], {"question": "q"}, "row 0: a JSON list"),
        ([{"q": "a", "c": "xyz"}], {"question": "q", "choices": "c"}, "expected a list of options"),
    ],
)
def test_what_does_not_fit_is_named(load, rows, options, message):
    with pytest.raises(EvalSetError, match=message):
        load("own", rows, **options)


def test_a_row_without_its_gold_mark_is_named(load):
    base = {"eval_instance_index": 0, "question": "q", "answer": "a"}
    with pytest.raises(EvalSetError, match=r"row 1.*is_correct"):
        load("mmlu", [{**base, "is_correct": True}, base])


@pytest.mark.parametrize("content", ['{"data": 5}', "[" * 100_000, "{", ""])
def test_a_file_that_is_no_list_of_records_is_named(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(EvalSetError, match=r"a\.json"):
        _load("own", tmp_path / "a.json", question="q")


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(SourceNotFound, match="gone"):
        _load("own", tmp_path / "gone.jsonl", question="q")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(SourceError, match="folder"):
        _load("own", tmp_path / "folder.jsonl", question="q")
    (tmp_path / "a.jsonl.gz").write_bytes((SAMPLES / "humaneval.jsonl.gz").read_bytes()[:500])
    with pytest.raises(EvalSetError, match="truncated"):
        _load("own", tmp_path / "a.jsonl.gz", question="prompt")


def test_strata_are_read_from_a_field_that_every_row_has(load):
    rows = [{"question": "a", "meta": {"level": 3}}, {"question": "b", "meta": {"level": None}}]
    items = load("s", rows, question="question", stratum="meta.level")
    assert [item["stratum"] for item in items] == ["3", None]
    assert [item["stratum"] for item in load("s", rows, question="question")] == [None, None]
    with pytest.raises(EvalSetError, match="row 0: no field `levl` for the stratum"):
        load("s", rows, question="question", stratum="levl")
