"""Scores under the verdicts of a run: the numbers, how samples find their items, and what is said aloud."""

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.findings import ItemVerdict
from connectors.errors import SamplesError
from connectors.schema import EVAL_ITEM_SCHEMA
from reports.errors import RunFolderUnreadable
from reports.reading import read_run
from reports.run_folder import write_run, write_views
from reports.sample_matching import set_of_task
from reports.score_files import read_scores, score_run, write_scores
from reports.scores import MIN_ITEMS, score_card, score_lines
from tests.connectors.test_samples import harness, write
from tests.reports.examples import HOSTILE, make_result

VERDICTS = ["exposed"] * 40 + ["suspect"] * 10 + ["clean"] * 140 + ["unmatchable"] * 10


def item_table(name="gsm8k", count=200, **more):
    rows = [
        {"eval_set": name, "split": "test", "item_id": f"id-{n}", "question": f"What is {n} + 1?"} | more
        for n in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=EVAL_ITEM_SCHEMA)


def run_folder(path, *tables, verdicts=VERDICTS):
    table = pa.concat_tables(tables or (item_table(),))
    columns = [table.column(name).to_pylist() for name in ("eval_set", "item_id")]
    items = [
        ItemVerdict(eval_set, "test", item_id, verdicts[int(item_id[3:])], 1.0, "", "exact_match", True, 0)
        for eval_set, item_id in zip(*columns, strict=True)
    ]
    return write_run(make_result(items=items), path, table)


def right(n):
    """Exposed items are answered right three times in four, others once in four."""
    return float(n % 4 != 0) if n < 40 else float(n % 4 == 0)


def sample(n, score=None, question=None, **more):
    line = harness(n, right(n) if score is None else score, **more)
    line["doc"] = {"question": question or f"what  is {n} + 1?", "answer": "#### 3"}
    return line


def score(folder, *paths, metric=None, eval_set=None):
    return score_run(folder, read_run(folder).items, paths, metric, eval_set)


def named(path, task="gsm8k", model="m"):
    return path / model / f"samples_{task}_2026-11-24T02-00-00.1.jsonl"


def test_all_clean_exposed_and_the_gain(tmp_path):
    folder = run_folder(tmp_path / "runs")
    path = write(named(tmp_path), [sample(n) for n in range(200)])
    [card], problems = score(folder, path)
    assert problems == []
    assert (card.eval_set, card.model, card.metric) == ("gsm8k", "m", "exact_match,strict-match")
    subsets = {part.subset: part for part in card.subsets}
    assert {name: part.items for name, part in subsets.items()} == {
        "all": 200,
        "clean": 160,
        "exposed": 40,
        "suspect": 10,
        "unmatchable": 10,
    }
    assert [subsets[name].score for name in ("all", "clean", "exposed")] == pytest.approx([0.35, 0.25, 0.75])
    assert card.gain == pytest.approx(0.10)
    for part in card.subsets:
        assert part.ci_low <= part.score <= part.ci_high
    assert 0 < card.gain_low < card.gain < card.gain_high
    assert card.enough and card.notes == ()
    assert score(folder, path) == ([card], [])


@pytest.mark.parametrize(("exposed", "clean"), [(MIN_ITEMS - 1, 100), (100, MIN_ITEMS - 1), (0, 100), (100, 0)])
def test_too_few_items_are_said_aloud(exposed, clean):
    verdicts = {f"e{n}": "exposed" for n in range(exposed)} | {f"c{n}": "clean" for n in range(clean)}
    card = score_card("gsm8k", "m", "acc", dict.fromkeys(verdicts, 1.0), verdicts)
    assert not card.enough
    assert "not enough data" in card.notes[0]
    assert "not enough data" in "\n".join(score_lines([card]))
    assert (card.gain is None) == (clean == 0)


def test_enough_items_are_enough():
    verdicts = {f"e{n}": "exposed" for n in range(MIN_ITEMS)} | {f"c{n}": "clean" for n in range(MIN_ITEMS)}
    card = score_card("gsm8k", "m", "acc", dict.fromkeys(verdicts, 1.0), verdicts)
    assert card.enough and card.notes == ()


def test_samples_without_an_item_are_counted_and_named(tmp_path):
    folder = run_folder(tmp_path / "runs")
    lines = [sample(n) for n in range(190)] + [sample(n, question=f"Another question {n}") for n in range(12)]
    [card], _ = score(folder, write(named(tmp_path), lines))
    assert card.subsets[0].items == 190
    said = "\n".join(card.notes)
    assert "12 samples name no item of gsm8k" in said and "line 191" in said
    assert "10 items of gsm8k without a sample" in said


def test_text_goes_before_row_numbers(tmp_path):
    """The harness numbers the rows of its own split, in its own order."""
    folder = run_folder(tmp_path / "runs")
    lines = [{**sample(n), "doc_id": 199 - n} for n in range(200)]
    [card], _ = score(folder, write(named(tmp_path), lines))
    assert {part.subset: part.score for part in card.subsets}["exposed"] == pytest.approx(0.75)


def test_row_numbers_decide_where_texts_cannot_and_it_is_said(tmp_path):
    folder = run_folder(tmp_path / "runs")
    lines = [sample(n, question=f"Rephrased prompt {n}") for n in range(200)]
    [card], _ = score(folder, write(named(tmp_path), lines))
    assert {part.subset: part.score for part in card.subsets}["exposed"] == pytest.approx(0.75)
    assert "matched by row number alone" in card.notes[0]
    # A task that is only part of a test set numbers its own rows.
    part = write(named(tmp_path / "other", task="gsm8k_part"), lines)
    with pytest.raises(SamplesError, match="none of its 200 samples names an item of gsm8k"):
        score(folder, part)
    assert score(folder, part, eval_set="gsm8k")[0][0].subsets[0].items == 200


def test_equal_questions_are_told_apart_by_their_options(tmp_path):
    rows = [
        {"eval_set": "mmlu", "item_id": f"id-{n}", "question": "Which is true?", "choices": [f"a{n}", f"b{n}"]}
        for n in range(60)
    ]
    table = pa.Table.from_pylist(rows, schema=EVAL_ITEM_SCHEMA)
    folder = run_folder(tmp_path / "runs", table, verdicts=["exposed"] * 30 + ["clean"] * 30)
    docs = [{"question": "Which is true?", "choices": [f"b{n}", f"a{n}"]} for n in range(60)]
    lines = [{**harness(0, float(n < 30)), "doc": doc} for n, doc in enumerate(docs)]
    # One file a subject, all of one test set.
    write(named(tmp_path, task="mmlu_law"), lines[:25])
    write(named(tmp_path, task="mmlu_art"), lines[25:])
    [card], _ = score(folder, tmp_path / "m")
    assert [part.score for part in card.subsets[:3]] == [0.5, 0.0, 1.0]


@pytest.mark.parametrize("metric", [None, "points"])
def test_a_table_with_ids_or_row_numbers(tmp_path, metric):
    folder = run_folder(tmp_path / "runs")
    field = metric or "score"
    ids, rows = tmp_path / "ids.csv", tmp_path / "rows.csv"
    ids.write_text(f"item_id,{field},extra\n" + "".join(f"id-{n},{right(n)},7\n" for n in range(200)))
    rows.write_text(f"doc_id,{field},extra\n" + "".join(f"{n},{right(n)},7\n" for n in range(200)))
    cards, _ = score(folder, ids, rows, metric=metric)
    assert [(card.model, card.metric) for card in cards] == [("ids", field), ("rows", field)]
    for card in cards:
        assert {part.subset: part.score for part in card.subsets}["exposed"] == pytest.approx(0.75)


def test_filters_and_models_have_a_card_each(tmp_path):
    folder = run_folder(tmp_path / "runs")
    for model in ("one", "two"):
        lines = [sample(n, filter=name) for n in range(200) for name in ("strict-match", "flexible-extract")]
        write(named(tmp_path / "out", model=model), lines)
    cards, _ = score(folder, tmp_path / "out")
    assert [(card.model, card.metric) for card in cards] == [
        (model, f"exact_match,{name}") for model in ("one", "two") for name in ("strict-match", "flexible-extract")
    ]


def test_several_samples_of_an_item_count_once(tmp_path):
    folder = run_folder(tmp_path / "runs")
    path = write(named(tmp_path), [sample(n, score=value) for n in range(200) for value in (0.0, 0.5)])
    [card], _ = score(folder, path)
    assert (card.subsets[0].items, card.subsets[0].score) == (200, 0.25)
    assert "mean of an item's scores counts once" in card.notes[0]


def test_tasks_are_told_by_their_names():
    names = ["gsm8k", "mmlu", "mmlu_pro", "arc"]
    assert [set_of_task(task, names) for task in ("gsm8k_cot_llama", "MMLU-Pro", "mmlu_pro_law", "mmlu_law")] == [
        "gsm8k",
        "mmlu",
        "mmlu_pro",
        "mmlu",
    ]
    assert [set_of_task(task, names) for task in ("arcade", "hellaswag", None)] == [None, None, None]
    assert set_of_task(None, ["gsm8k"]) == "gsm8k"


def table_of(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ("item_id,score\nid-0,1\nid-1,\n", {}, "line 3: no number under score"),
        ("item_id,score\nid-0,1\nid-1,good\n", {}, "line 3: no number under score"),
        ("item_id,a,b\nid-0,1,2\n", {}, r"line 2: no metric that is known \(numbers stand under a, b\)"),
        ("item_id,score\nid-0,1\n", {"metric": "acc"}, "line 2: no metric 'acc'"),
        ("item_id,score\nnone,1\n", {}, "none of its 1 sample names an item of gsm8k"),
        ("item_id,score,task\nid-0,1,hellaswag\n", {}, "no test set of the run is called like the task hellaswag"),
        ("item_id,score\nid-0,1\n", {"eval_set": "mmlu"}, "has no test set 'mmlu'"),
        ("item_id,score\n", {}, "holds no samples"),
    ],
)
def test_what_cannot_be_scored_says_where_and_why(tmp_path, content, options, said):
    folder = run_folder(tmp_path / "runs")
    with pytest.raises(SamplesError, match=said) as caught:
        score(folder, table_of(tmp_path, content), **options)
    assert caught.value.remedy


def test_what_can_be_placed_is_scored_and_the_rest_named(tmp_path):
    folder = run_folder(tmp_path / "runs", item_table("gsm8k"), item_table("mmlu"))
    rows = "item_id,score,eval_set\nid-0,1,gsm8k\nid-1,0,hellaswag\n"
    cards, problems = score(folder, table_of(tmp_path, rows))
    assert [card.eval_set for card in cards] == ["gsm8k"]
    assert "the task hellaswag" in problems[0]
    with pytest.raises(SamplesError, match="its rows name no test set, and the run has several"):
        score(folder, table_of(tmp_path, "item_id,score\nid-0,1\n"))


def test_two_files_for_one_model_are_refused(tmp_path):
    folder = run_folder(tmp_path / "runs")
    for task in ("gsm8k", "gsm8k_cot"):
        write(named(tmp_path, task=task), [sample(n) for n in range(200)])
    with pytest.raises(SamplesError, match="score one item for m"):
        score(folder, tmp_path / "m")


def test_a_run_that_judged_nothing_has_no_scores(tmp_path):
    folder = write_run(make_result(items=[]), tmp_path / "runs", item_table())
    with pytest.raises(RunFolderUnreadable, match="judged no test items"):
        score(folder, table_of(tmp_path, "item_id,score\nid-0,1\n"))


def test_scores_are_kept_with_the_run_and_shown_in_its_report(tmp_path):
    folder = run_folder(tmp_path / "runs")
    lines = [sample(n) for n in range(200)]
    cards, _ = score(folder, write(named(tmp_path), lines))
    hostile = [replace(card, model=HOSTILE.replace("\ud800", "")) for card in cards]
    write_scores(hostile, folder)
    assert read_scores(folder) == hostile
    assert sorted(path.name for path in (folder / "actions").glob("*scores*")) == ["scores.json", "scores.parquet"]
    table = pq.read_table(folder / "actions" / "scores.parquet").to_pylist()
    assert [row["subset"] for row in table] == ["all", "clean", "exposed", "suspect", "unmatchable"]
    assert json.loads((folder / "actions" / "scores.json").read_bytes())["resamples"] >= 2000
    assert "Scores read with contamination in mind" not in (folder / "report.html").read_text()
    write_views(read_run(folder), folder)
    page = (folder / "report.html").read_text()
    assert "Scores read with contamination in mind" in page and "estimated gain" in page
    assert "<script" not in page and "\u202e" not in page
    (folder / "actions" / "scores.json").write_text('{"schema_version": 9}')
    with pytest.raises(RunFolderUnreadable, match="not written by this version"):
        read_run(folder)
