"""Benchmarks by checkpoint: what changed, on which items, and what the run knows of it."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from audits.findings import ItemVerdict, Status
from connectors.errors import LogError, SamplesError, SourceNotFound
from connectors.schema import EVAL_ITEM_SCHEMA
from reports.checkpoints import read_checkpoints
from reports.eval_join import EvalOptions
from reports.evals import join_evals, run_items
from reports.joined import write_joined
from reports.reading import read_run
from reports.run_folder import write_run, write_views
from reports.run_groups import RunGroups
from tests.connectors.test_samples import harness
from tests.reports.examples import HOSTILE, make_result

DATA = Path(__file__).parents[1] / "data" / "model_logs"
GSM8K = Path(__file__).parents[2] / "examples" / "data" / "eval" / "gsm8k.jsonl"
SHARES = pa.table({"subject": ["math"], "share": [0.07], "reference_share": [0.12], "status": ["FAIL"]})


def questions():
    return [json.loads(line)["question"] for line in GSM8K.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def folder(tmp_path):
    rows = [{"eval_set": "gsm8k", "item_id": f"q{n}", "question": text} for n, text in enumerate(questions())]
    table = pa.Table.from_pylist(rows, schema=EVAL_ITEM_SCHEMA)
    items = [
        ItemVerdict("gsm8k", None, f"q{n}", "exposed" if n < 40 else "clean", 1.0, "", "d", True, 0)
        for n in range(len(rows))
    ]
    return write_run(make_result(items=items), tmp_path / "runs", table)


def groups(names=None):
    config = "name: web\naudits:\n- kind: domain_drift\n"
    return RunGroups(
        replace(make_result(), tables={"domain_drift": {"shares": SHARES}}, config=config), {}, names or {}
    )


def samples(path, scores, task="gsm8k", texts=None, **more):
    """Write the samples of one checkpoint as the harness does."""
    path = path / "org__m" / f"samples_{task}_2026-11-24T02-00-00.1.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        {**harness(n, float(score), **more), "doc": {"question": text}}
        for n, (score, text) in enumerate(zip(scores, texts or questions(), strict=True))
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def results(path, **shares):
    path = path / "org__m" / "results_2026-11-24T02-00-00.1.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "results": {task: {"acc,none": share} for task, (share, _) in shares.items()},
        "n-samples": {task: {"original": n, "effective": n} for task, (_, n) in shares.items()},
        "model_name": "org/m",
    }
    path.write_text(json.dumps(content))


def join(folder, *given, names=None, metric=None, against=None, clusters=10):
    items = run_items(folder, read_run(folder).items)
    found = read_checkpoints([str(one) for one in given])
    return join_evals(found, items, groups(names), EvalOptions(metric), against, clusters)


def told(joined, subject, metric=None):
    return next(one for one in joined.findings if one.subject == subject and (metric is None or one.metric == metric))


def rows(joined, name="deltas"):
    return {row["task"]: row for row in joined.tables[name].to_pylist()}


def pair(tmp_path, fall=0.0, gain_on_exposed=0.0):
    """Write two checkpoints; the later one answers `fall` of the clean items worse, and some exposed ones better."""
    rng = np.random.default_rng(3)
    before = (rng.random(200) < 0.6).astype(float)
    now = before.copy()
    right = np.flatnonzero(before[40:]) + 40
    now[right[: int(fall * 160)]] = 0.0
    wrong = np.flatnonzero(before[:40] == 0)
    now[wrong[: int(gain_on_exposed * 40)]] = 1.0
    samples(tmp_path / "step-1000", before)
    samples(tmp_path / "step-2000", now)


@pytest.mark.parametrize(("fall", "status"), [(0.2, Status.FAIL), (0.0, Status.PASS)])
def test_a_fall_is_paired_over_items_and_beside_the_drift_of_its_domain(folder, tmp_path, fall, status):
    pair(tmp_path, fall)
    joined = join(folder, tmp_path / "step-1000", tmp_path / "step-2000", names={"gsm8k": "math"})
    row = rows(joined)["gsm8k"]
    assert (row["status"], row["compared"], row["items"], row["matched"]) == (
        status.value,
        "paired",
        200,
        "domain math",
    )
    assert (row["eval_set"], row["exposed_items"]) == ("gsm8k", 40)
    if fall:
        finding = told(joined, "gsm8k", "exact_match,strict-match")
        assert finding.effect == pytest.approx(-0.16) and finding.ci_low < finding.value < finding.ci_high
        assert "paired over 200 items" in finding.message
        assert "its share of tokens went from 12.0 % to 7.0 % (FAIL)" in finding.message
        assert "Of its 200 items in gsm8k, 40 are exposed" in finding.message
        assert "sampling_weights.json" in finding.suggestion


def test_a_gain_on_exposed_items_alone_is_told_as_such(folder, tmp_path):
    pair(tmp_path, gain_on_exposed=0.4)
    joined = join(folder, tmp_path)
    leak = told(joined, "gsm8k", "gain_on_exposed")
    assert leak.status is Status.WARN and leak.reference == 0.0 and leak.value > 0.2
    assert "on the 40 items of gsm8k that the corpus exposes" in leak.message
    row = rows(joined)["gsm8k"]
    assert row["change_exposed"] == pytest.approx(leak.value) and row["change_others"] == 0.0


def test_errors_are_grouped_with_what_they_were_before(folder, tmp_path):
    money = np.array(["$" in text for text in questions()])
    rng = np.random.default_rng(1)
    samples(tmp_path / "step-1", rng.random(200) < 0.7)
    samples(tmp_path / "step-2", np.where(money, rng.random(200) < 0.1, rng.random(200) < 0.8))
    joined = join(folder, tmp_path)
    finding = told(joined, "gsm8k", "wrong_share")
    assert (
        finding.status is Status.INFO and "cost" in finding.message and "since the checkpoint before" in finding.message
    )
    clusters = joined.tables["clusters"].to_pylist()
    assert sum(row["items"] for row in clusters) == 200
    change = rows(joined)["gsm8k"]["change"]
    assert sum(row["part_of_change"] for row in clusters) == pytest.approx(change)
    assert join(folder, tmp_path, clusters=0).tables["clusters"].num_rows == 0


def test_real_results_of_two_checkpoints_before_version_4(folder):
    joined = join(folder, DATA / "pythia")
    found = rows(joined)
    assert found["lambada_openai"]["change"] == pytest.approx(0.590917911895983 - 0.5152338443625073)
    assert found["lambada_openai"]["status"] == "INFO" and found["lambada_openai"]["items"] == 5_153
    assert found["wsc"]["status"] == "INSUFFICIENT"
    assert found["crows_pairs_english_gender"]["metric"] == "likelihood_difference"
    assert [row["step"] for row in joined.tables["scores"].to_pylist()][:1] == [23_000]
    # A task that got better and one nobody can tell of are no falls.
    assert not any(one.status in (Status.FAIL, Status.WARN) for one in joined.findings)


def test_real_results_of_two_epochs(folder):
    joined = join(folder, DATA / "asdiv")
    row = rows(joined)["asdiv_cot_llama"]
    assert (row["compared"], row["items"]) == ("binomial", 512)
    assert row["change_low"] < 0 < row["change_high"] and row["status"] == "PASS"


def test_groups_of_tasks_are_no_tasks_of_their_own(folder, tmp_path):
    content = json.loads(next((DATA / "qwen").glob("*.json")).read_text())
    for step, fall in ((1, 0.0), (2, 0.2)):
        later = json.loads(json.dumps(content))
        for metrics in later["results"].values():
            if "acc,none" in metrics:
                metrics["acc,none"] -= fall
        path = tmp_path / f"step-{step}" / "results_1.json"
        path.parent.mkdir()
        path.write_text(json.dumps(later))
    joined = join(folder, tmp_path)
    found = rows(joined)
    assert found["mmlu_stem"]["status"] == "FAIL"
    leaves = [row for task, row in found.items() if task != "mmlu_stem" and row["q_value"] is not None]
    assert len(leaves) == 5
    groups_of = {row["task"]: row["group"] for row in joined.tables["scores"].to_pylist()}
    assert groups_of["mmlu_stem"] and not groups_of["mmlu_anatomy"]


def test_one_checkpoint_has_groups_and_no_changes(folder, tmp_path):
    samples(tmp_path / "only", np.zeros(200))
    joined = join(folder, tmp_path)
    assert told(joined, "checkpoints").status is Status.INSUFFICIENT
    assert "deltas" not in joined.tables and joined.tables["clusters"].num_rows > 0


def test_items_that_are_not_the_same_are_left_out_and_said(folder, tmp_path):
    texts = questions()
    samples(tmp_path / "step-1", np.ones(200), texts=texts)
    samples(
        tmp_path / "step-2", np.r_[np.zeros(100), np.ones(100)], texts=[f"new {t}" for t in texts[:40]] + texts[40:]
    )
    finding = told(join(folder, tmp_path), "gsm8k", "exact_match,strict-match")
    assert finding.n_docs == 160 and "40 of its items are not at both checkpoints" in finding.message


def test_checkpoints_stand_in_the_order_of_their_steps_or_as_given(tmp_path):
    for name, share in (("step-900", 0.5), ("step-1000", 0.6), ("step-20", 0.1)):
        results(tmp_path / name, t=(share, 100))
    assert [one.step for one in read_checkpoints([str(tmp_path)])] == [20, 900, 1000]
    given = [f"late={tmp_path / 'step-20'}", f"early={tmp_path / 'step-900'}"]
    assert [(one.name, one.step) for one in read_checkpoints(given)] == [("late", 20), ("early", 900)]
    named = [f"b={tmp_path / 'step-20' / 'org__m'}", f"a={tmp_path / 'step-900' / 'org__m'}"]
    assert [one.name for one in read_checkpoints(named)] == ["b", "a"]
    steps = [f"300={tmp_path / 'step-20'}", f"200={tmp_path / 'step-900'}"]
    assert [one.step for one in read_checkpoints(steps)] == [200, 300]


def test_folders_of_one_model_are_told_apart(tmp_path):
    for name in ("step-1", "step-2"):
        results(tmp_path / name, t=(0.5, 100))
    names = [one.name for one in read_checkpoints([str(tmp_path)])]
    assert names == ["org/m (step-1)", "org/m (step-2)"]
    twice = read_checkpoints([str(tmp_path / "step-1" / "org__m"), str(tmp_path / "step-2" / "org__m")])
    assert len({one.name for one in twice}) == 2


def test_a_task_that_was_evaluated_twice_has_its_later_score(tmp_path):
    for date, share in ((5.0, 0.7), (9.0, 0.8), (2.0, 0.1)):
        path = tmp_path / f"results_{date}.json"
        path.write_text(json.dumps({"results": {"t": {"acc,none": share}}, "date": date, "model_name": "m"}))
    [only] = read_checkpoints([str(tmp_path)])
    assert only.scores["t"][0].value == 0.8


def test_small_tasks_and_hostile_names(folder, tmp_path):
    name = HOSTILE.replace("\ud800", "").replace("/", "").replace("\x00", "")[:80]
    results(tmp_path / "step-1", **{name: (0.5, 20), "big": (0.5, 1_000)})
    results(tmp_path / "step-2", **{name: (0.1, 20), "big": (0.501, 1_000)})
    joined = join(folder, tmp_path)
    assert rows(joined)[name]["status"] == "INSUFFICIENT"
    assert rows(joined)["big"]["status"] == "INSUFFICIENT"
    assert "a fall of 3 points can neither be shown nor ruled out" in told(joined, "tasks", "unsure").message


def test_hostile_questions_are_grouped_and_shown(folder, tmp_path):
    endings = "dogs </td> item", "\ud800 cats"
    texts = [f"{HOSTILE} {endings[n % 2]} {n}" for n in range(200)]
    for step in (1, 2):
        samples(tmp_path / f"step-{step}", [float(n % 2) for n in range(200)], texts=texts)
    write_joined(join(folder, tmp_path), folder)
    write_views(read_run(folder), folder)
    page = (folder / "report.html").read_text()
    assert "Where the errors of a benchmark gather" in page
    assert "<script" not in page and "\u202e" not in page and "</td> item" not in page


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_samples_alone_and_compressed(folder, tmp_path, suffix):
    pair(tmp_path, fall=0.2)
    for path in list(tmp_path.rglob("samples_*.jsonl")):
        if suffix:
            path.with_name(path.name + suffix).write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    assert rows(join(folder, tmp_path / "step-1000", tmp_path / "step-2000"))["gsm8k"]["items"] == 200


def test_what_cannot_be_read_is_named(folder, tmp_path):
    with pytest.raises(SourceNotFound, match="does not exist"):
        join(folder, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LogError, match="holds no results"):
        join(folder, tmp_path / "empty")
    pair(tmp_path)
    with pytest.raises(LogError, match="there is no earlier checkpoint 'x'"):
        join(folder, tmp_path / "step-1000", tmp_path / "step-2000", against="x")
    path = samples(tmp_path / "step-3000", np.ones(200))
    lines = path.read_text().splitlines()
    broken = json.loads(lines[6])
    del broken["exact_match"]
    path.write_text("\n".join([*lines[:6], json.dumps(broken), *lines[7:]]))
    with pytest.raises(SamplesError, match=r"line 7: no number under exact_match"):
        join(folder, tmp_path / "step-1000", tmp_path / "step-3000")
    mixed = tmp_path / "mixed"
    samples(mixed, np.ones(200))
    for name in ("a", "b"):
        (mixed / "org__m" / f"results_{name}.json").write_text(
            json.dumps({"results": {"t": {"acc,none": 0.5}}, "model_name": name})
        )
    with pytest.raises(LogError, match="has samples and the results of 2 checkpoints"):
        join(folder, mixed)


def test_a_run_without_test_items_still_reads_evaluations(tmp_path):
    pair(tmp_path, fall=0.2)
    bare = write_run(make_result(items=[]), tmp_path / "runs", pa.Table.from_pylist([], schema=EVAL_ITEM_SCHEMA))
    row = rows(join(bare, tmp_path / "step-1000", tmp_path / "step-2000"))["gsm8k"]
    assert row["status"] == "FAIL" and row["eval_set"] is None
