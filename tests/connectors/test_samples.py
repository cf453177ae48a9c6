"""Scores item by item, in the layouts in which evaluations leave them."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.errors import SamplesError, SourceNotFound
from connectors.samples import read_samples, sample_files


def harness(doc_id, score, **more):
    """Return a line as lm-evaluation-harness writes it (lm_eval/loggers/evaluation_tracker.py)."""
    return {
        "doc_id": doc_id,
        "doc": {"question": f"q{doc_id}", "answer": "#### 3", "choices": {"text": ["a", "b"], "label": ["A", "B"]}},
        "target": "#### 3",
        "arguments": {"gen_args_0": {"arg_0": f"Question: q{doc_id}\nAnswer:", "arg_1": {"until": ["Question:"]}}},
        "resps": [["3"]],
        "filtered_resps": ["3"],
        "filter": "strict-match",
        "metrics": ["exact_match"],
        "doc_hash": "a" * 64,
        "prompt_hash": "b" * 64,
        "target_hash": "c" * 64,
        "exact_match": score,
        **more,
    }


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_file_of_the_harness(tmp_path, suffix):
    path = tmp_path / "meta__Llama-3-8B" / f"samples_gsm8k_cot_2026-11-24T02-00-00.123456.jsonl{suffix}"
    first, second = read_samples(write(path, [harness(0, 1.0), harness(7, False, filter="none")]))
    assert (first.task, first.model, first.variant, first.position) == (
        "gsm8k_cot",
        "meta__Llama-3-8B",
        "strict-match",
        0,
    )
    assert first.scores == {"exact_match": 1.0}
    assert set(first.texts) == {"q0", "#### 3"}
    assert first.lists == (("a", "b"), ("A", "B"))
    assert (second.line, second.position, second.variant, second.scores) == (2, 7, "", {"exact_match": 0.0})


def test_older_files_that_list_no_metrics_and_python_s_own_numbers(tmp_path):
    row = harness(0, 1.0, acc=True, acc_norm=float("nan"), perplexity=[-3.0, 5])
    del row["metrics"]
    [sample] = read_samples(write(tmp_path / "samples_arc.jsonl", [row]))
    assert (sample.task, sample.scores) == ("arc", {"exact_match": 1.0, "acc": 1.0})


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_a_simple_table(tmp_path, kind):
    rows = [{"item_id": "x/1", "score": 0.5, "model": "m"}, {"item_id": "x/2", "score": 1.0, "model": "m"}]
    path = tmp_path / f"mine.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind == "jsonl":
        write(path, rows)
    else:
        mark = "," if kind == "csv" else "\t"
        path.write_text("\n".join(mark.join(map(str, row)) for row in [rows[0], *(r.values() for r in rows)]) + "\n")
    samples = list(read_samples(path))
    assert [(s.item_id, s.scores, s.model, s.task) for s in samples] == [
        ("x/1", {"score": 0.5}, "m", None),
        ("x/2", {"score": 1.0}, "m", None),
    ]


def test_row_numbers_test_sets_and_truth_values_of_a_table(tmp_path):
    (tmp_path / "run7.csv").write_text("doc_id,task,correct,note\n4,gsm8k,TRUE,fine\n5,gsm8k,false,\n")
    samples = list(read_samples(tmp_path / "run7.csv"))
    assert [(s.position, s.item_id, s.task, s.model) for s in samples] == [
        (4, None, "gsm8k", "run7"),
        (5, None, "gsm8k", "run7"),
    ]
    assert [s.scores for s in samples] == [{"correct": 1.0}, {"correct": 0.0}]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "score,model\n1,m\n", r"a\.csv, line 2: no item \(its columns are score, model\)"),
        ("a.csv", "item_id,score\n1,1,1\n", r"a\.csv, line 2: not the 2 columns"),
        ("a.csv", "item_id,score\n1\n", r"a\.csv, line 2: not the 2 columns"),
        ("a.csv", "doc_id,score\nfirst,1\n", r"a\.csv, line 2: no item"),
        ("a.jsonl", '{"item_id": 1, "score": 1}\n{"item_id"', r"a\.jsonl, line 2: not JSON"),
        ("a.jsonl", "[1]\n", r"a\.jsonl, line 1: a JSON list, expected an object"),
        ("a.jsonl", b"\xff\n", r"a\.jsonl cannot be read"),
        ("a.parquet", b"PAR1", r"a\.parquet cannot be read"),
        ("a.jsonl.gz", gzip.compress(b'{"item_id": 1}\n')[:-9], r"a\.jsonl\.gz: truncated"),
        ("a.txt", "1\n", r"a\.txt: the suffix says no format"),
    ],
)
def test_bad_files_are_named_with_the_line_and_what_to_do(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SamplesError, match=said) as caught:
        list(read_samples(path))
    assert caught.value.remedy


def test_folders_stand_for_the_samples_in_them(tmp_path):
    wanted = write(tmp_path / "m" / "samples_x_2026-11-24T02-00-00.1.jsonl", [harness(0, 1)])
    write(tmp_path / "m" / "results_2026-11-24.json", [{}])
    assert sample_files(tmp_path) == [wanted]
    with pytest.raises(SourceNotFound, match="does not exist"):
        sample_files(tmp_path / "none.jsonl")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceNotFound, match="holds no samples_"):
        sample_files(tmp_path / "empty")
