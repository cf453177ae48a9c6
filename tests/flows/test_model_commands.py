"""`corpus-audit losses` and `evals` as a shell sees them."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.flows.corpora import documents, write_jsonl
from tests.flows.test_cli import corpus_audit


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose corpus has a shard of loops, and a row that is no record."""
    folder = tmp_path_factory.mktemp("run")
    write_jsonl(folder / "corpus" / "good.jsonl", documents("en", 200))
    loops = [f"buy now {n} " + "click here " * 80 for n in range(40)]
    path = write_jsonl(folder / "corpus" / "loops.jsonl", loops)
    path.write_text(path.read_text() + "{broken\n")
    config = folder / "audit.yaml"
    config.write_text(
        json.dumps(
            {
                "corpus": [
                    {"path": "corpus/good.jsonl", "name": "good", "domain": {"constant": "good"}},
                    {"path": "corpus/loops.jsonl", "name": "loops", "domain": {"constant": "loops"}},
                ],
                "audits": [{"kind": "domain_drift"}, {"kind": "repetition"}, {"kind": "broken_records"}],
                "engine": {"workers": 0},
            }
        )
    )
    assert corpus_audit("run", config, "-q").returncode in (0, 2)
    return folder


def write_log(path, rise=0.0, spike=0.0, nan_at=None):
    rng = np.random.default_rng(1)
    lines = []
    for step in range(10, 4_001, 10):
        for domain, level in (("good", 2.0), ("loops", 1.5)):
            loss = level + rng.normal(0, 0.01) + (rise if domain == "loops" and step > 3_200 else 0.0)
            loss += spike if step == 2_000 else 0.0
            value = None if step == nan_at else round(loss, 5)
            lines.append(json.dumps({"step": step, "domain": domain, "loss": value, "tokens": 1_000}))
    path.write_text("\n".join(lines) + "\n")
    return path


def write_batches(path):
    """Every step saw good documents, and the one of the spike the loops and the broken row."""
    lines = [json.dumps({"step": step, "shard": "corpus/good.jsonl", "row": step % 200}) for step in range(4_000)]
    lines += [json.dumps({"step": 2_000, "shard": "corpus/loops.jsonl", "row": row}) for row in range(41)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_losses_and_spikes_with_their_documents(run, tmp_path):
    log, batches = write_log(tmp_path / "loss.jsonl", rise=0.05, spike=1.0), write_batches(tmp_path / "batches.jsonl")
    done = corpus_audit(
        "losses", run / "runs", log, "--batches", batches, "--read-documents", "100", "--fail-on", "warn"
    )
    assert done.returncode == 1, done.stderr
    assert "The loss of domain loops rose from 1.5" in done.stdout and "In the run it has" in done.stdout
    assert "jumped to" in done.stdout and "step 2,000" in done.stdout
    assert "damaged (repetition: token_loops)" in done.stdout
    folder = (run / "runs" / "latest").resolve()
    parts = {row["what"]: row for row in pq.read_table(folder / "tables" / "losses.spike_parts.parquet").to_pylist()}
    # Ten good documents of steps 1,990 to 2,000 are among them.
    assert parts["damaged (repetition: token_loops)"]["documents"] == 40
    assert parts["quarantined"]["documents"] == 1 and parts["source loops"]["documents"] == 41
    page = (folder / "report.html").read_text()
    assert "Joined to this run" in page and "click here" in page
    content = json.loads((folder / "actions" / "losses.json").read_bytes())
    assert content["rows"] == 800 and content["findings"][0]["status"] == "WARN"
    before = json.loads((folder / "summary.json").read_bytes())
    calm = corpus_audit("losses", run / "runs", write_log(tmp_path / "calm.jsonl"))
    assert calm.returncode == 0 and "PASS" in calm.stdout
    after = json.loads((folder / "summary.json").read_bytes())
    assert (before["status"], before["findings"]) == (after["status"], after["findings"])
    assert not (folder / "tables" / "losses.spike_parts.parquet").exists()


def test_losses_that_are_no_number_are_told_with_their_place(run, tmp_path):
    done = corpus_audit("losses", run / "runs", write_log(tmp_path / "a.jsonl", nan_at=3_000))
    assert done.returncode == 0, done.stderr
    assert "was no finite number at step 3,000" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["losses", "RUN", "none.jsonl"], "none.jsonl does not exist"),
        (["losses", "RUN", "LOG", "--field", "loss"], "--field 'loss' is not NAME=VALUE"),
        (["losses", "RUN", "LOG", "--field", "loss=nll"], "no field `nll` for the loss"),
        (["losses", "RUN", "LOG", "--batches", "none.jsonl"], "none.jsonl does not exist"),
        (["losses", "RUN", "LOG", "--read-documents", "5"], "`--read-documents` needs the documents of each step"),
        (["losses", "nowhere", "LOG"], "nowhere does not exist"),
        (["evals", "RUN", "none"], "none does not exist"),
        (["evals", "RUN", "LOG"], "not JSON"),
    ],
)
def test_what_cannot_be_joined_says_why_and_exits_with_3(run, tmp_path, arguments, said):
    log = write_log(tmp_path / "loss.jsonl")
    given = [{"RUN": str(run / "runs"), "LOG": str(log)}.get(one, one) for one in arguments]
    done = corpus_audit(*given, cwd=tmp_path)
    assert (done.returncode, said in done.stderr) == (3, True), done.stderr
    assert "Traceback" not in done.stderr


def test_evaluations_by_checkpoint(run, tmp_path):
    for step, share in ((100, 0.6), (200, 0.5)):
        folder = tmp_path / f"step-{step}"
        folder.mkdir()
        content = {"results": {"good_task": {"acc,none": share}}, "n-samples": {"good_task": {"effective": 2_000}}}
        (folder / "results_1.json").write_text(json.dumps(content))
    done = corpus_audit("evals", run / "runs", tmp_path / "step-100", tmp_path / "step-200")
    assert done.returncode == 2, done.stderr
    assert "good_task (acc) fell from 60.0 %" in done.stdout
    # The word `good` of the task is a domain of the run.
    [row] = pq.read_table(run / "runs" / "latest" / "tables" / "evals.deltas.parquet").to_pylist()
    assert row["matched"] == "domain good"
    assert "fell from 60.0 %" in (run / "runs" / "latest" / "report.html").read_text()
