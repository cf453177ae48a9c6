"""Losses as trainings log them: by whatever field names, with gaps, repetitions and losses that are no number."""

import gzip
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors import loss_logs
from connectors.errors import LogError, SourceNotFound
from connectors.loss_logs import WHOLE, read_losses


def write(path, rows):
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def row(step, domain="web", loss=2.0, tokens=100, **more):
    return {"step": step, "domain": domain, "loss": loss, "tokens": tokens, **more}


def cells(log):
    return {
        (int(step), log.domains[domain]): (float(loss), float(tokens))
        for step, domain, loss, tokens in zip(log.step, log.domain, log.loss, log.tokens, strict=True)
    }


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz", "log.parquet", "log.csv"])
def test_every_format(tmp_path, name):
    rows = [row(20, "math", 1.5, 50), row(10, "web", 2.5, 100), row(10, "math", 1.75, 60)]
    path = tmp_path / name
    if name.endswith("parquet"):
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif name.endswith("csv"):
        path.write_text("\n".join(",".join(map(str, r)) for r in [rows[0], *(r.values() for r in rows)]))
    else:
        write(path, rows)
    log = read_losses([path])
    assert cells(log) == {(10, "web"): (2.5, 100), (10, "math"): (1.75, 60), (20, "math"): (1.5, 50)}
    assert (log.rows, log.repeated, log.broken, log.has_tokens) == (3, 0, [], True)
    assert np.isnan(log.bytes).all()


def test_a_log_of_the_whole_batch_under_other_names(tmp_path):
    path = write(tmp_path / "a.jsonl", [{"global_step": 5, "train/loss": 3.0}, {"global_step": 6, "train/loss": 2.9}])
    log = read_losses([path])
    assert log.domains == [WHOLE] and not log.has_tokens
    named = write(tmp_path / "b.jsonl", [{"it": 5, "ce": 3.0, "set": "web"}])
    assert read_losses([named], {"step": "it", "loss": "ce", "domain": "set"}).domains == ["web"]


def test_the_state_of_hugging_face_s_trainer(tmp_path):
    history = [{"loss": 2.5, "step": 500, "epoch": 0.1}, {"eval_loss": 2.4, "step": 500}, {"loss": 2.25, "step": 1000}]
    path = tmp_path / "trainer_state.json"
    path.write_text(json.dumps({"global_step": 1000, "log_history": history}))
    log = read_losses([path])
    assert log.step.tolist() == [500, 1000] and log.loss.tolist() == [2.5, 2.25]
    path.write_text('{"best": 1}')
    with pytest.raises(LogError, match=r"neither a list of rows nor an object with `log_history`"):
        read_losses([path])


def test_repeated_steps_are_pooled_by_tokens_or_the_last_one_stands(tmp_path):
    path = write(tmp_path / "a.jsonl", [row(1, loss=3.0, tokens=100), row(2), row(1, loss=1.0, tokens=300)])
    pooled, last = read_losses([path]), read_losses([path], repeats="last")
    assert cells(pooled)[1, "web"] == (1.5, 400) and pooled.repeated == 1
    assert cells(last)[1, "web"] == (1.0, 300)


@pytest.mark.parametrize("repeats", ["pool", "last"])
def test_however_the_log_is_cut_the_answer_is_the_same(tmp_path, monkeypatch, repeats):
    rng = np.random.default_rng(5)
    rows = [
        row(
            int(rng.integers(40)), str(rng.choice(["a", "b", "c"])), float(rng.normal(2, 0.5)), int(rng.integers(1, 99))
        )
        for _ in range(500)
    ]
    path = write(tmp_path / "a.jsonl", rows)
    whole = cells(read_losses([path], repeats=repeats))
    monkeypatch.setattr(loss_logs, "_PENDING", 7)
    cut = cells(read_losses([path], repeats=repeats))
    assert cut.keys() == whole.keys()
    for key, values in cut.items():
        assert values == pytest.approx(whole[key])


@pytest.mark.parametrize("loss", [math.nan, math.inf, None, "nan", "-Infinity"])
def test_a_loss_that_is_no_finite_number_is_set_apart_with_its_place(tmp_path, loss):
    path = write(tmp_path / "a.jsonl", [row(1), row(2, "math", loss), row(3)])
    log = read_losses([path])
    assert log.broken == [(2, "math")] and log.first_broken == f"{path}, line 2"
    assert cells(log).keys() == {(1, "web"), (3, "web")}


def test_bytes_count_only_where_every_row_has_them(tmp_path):
    log = read_losses([write(tmp_path / "a.jsonl", [row(1, bytes=400), row(2), row(1, bytes=100)])])
    assert log.bytes[0] == 500 and np.isnan(log.bytes[1])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"domain": "web", "loss": 2.0}], r"line 1: no field `step` for the step \(there are domain, loss\)"),
        ([row(1), {"step": 2, "tokens": 5}], "line 2: no field `loss` for the loss"),
        ([row(1), {"step": 2, "loss": 2.0}], "line 2: no field `tokens` for the tokens"),
        ([{"step": 1, "loss": 2.0}, row(2)], "line 2: `tokens` begins here"),
        ([row(1, loss="low")], "line 1: `loss` is 'low', expected a number of nats"),
        ([row(1), row(-2)], "line 2: `step` is '-2', expected a whole number from 0"),
        ([row(1, tokens=2.5)], "line 1: `tokens` is '2.5', expected a whole number"),
        ([row(1, tokens="x")], "line 1: `tokens` is 'x'"),
    ],
)
def test_rows_that_do_not_fit_are_named(tmp_path, rows, said):
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(LogError, match=said) as caught:
        read_losses([path])
    assert str(path) in caught.value.problem and caught.value.remedy


def test_empty_and_missing_logs_and_unknown_names(tmp_path):
    with pytest.raises(LogError, match="no row"):
        read_losses([write(tmp_path / "a.jsonl", [])])
    with pytest.raises(SourceNotFound, match="does not exist"):
        read_losses([tmp_path / "none.jsonl"])
    with pytest.raises(LogError, match="a loss log has no speed"):
        read_losses([write(tmp_path / "b.jsonl", [row(1)])], {"speed": "x"})
    with pytest.raises(LogError, match="no field `ds` for the domain"):
        read_losses([write(tmp_path / "c.jsonl", [row(1)])], {"domain": "ds"})


def test_hostile_names_are_names(tmp_path):
    name = "</script>\u202e\ud800{{7*7}}"
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row(1, name)) + "\n")
    [domain] = read_losses([path]).domains
    assert domain.startswith("</script>") and domain.encode("utf-8")
