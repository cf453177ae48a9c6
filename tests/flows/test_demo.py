"""The demo must find what was planted, say what drifted and why, and name what is broken."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from audits.findings import Status
from flows.pipeline import run_audit
from flows.run_config import load_config

EXAMPLES = Path(__file__).parents[2] / "examples"
PLANTED = [json.loads(line) for line in (EXAMPLES / "data" / "planted.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    output = tmp_path_factory.mktemp("demo")

    def run(name, **changes):
        return run_audit(load_config(EXAMPLES / f"{name}.yaml").model_copy(update=changes))

    baseline = run("baseline", output=str(output / "baseline"))
    return baseline, run("demo", output=str(output / "demo"), baseline=str(output / "baseline"))


def findings(outcome, **wanted):
    return [f for f in outcome.result.findings if all(getattr(f, key) == value for key, value in wanted.items())]


def items(outcome):
    return {(item.eval_set, item.item_id): item for item in outcome.result.items}


def planted(*kinds):
    return [row for row in PLANTED if row["kind"] in kinds]


def test_the_baseline_is_clean(demo):
    assert demo[0].verdict.status is Status.PASS


def test_every_verbatim_and_edited_leak_is_exposed_in_its_document(demo):
    documents = {}
    for match in demo[1].result.matches:
        if match.verdict == "exposed":
            documents.setdefault((match.eval_set, match.item_id), set()).add(match.doc_id)
    for row in planted("question", "question_answer", "edited"):
        assert documents.get((row["eval_set"], row["item_id"])) == {row["id"]}, row


def test_most_rewordings_are_seen(demo):
    verdicts = [items(demo[1])[row["eval_set"], row["item_id"]].verdict for row in planted("reworded")]
    assert verdicts.count("exposed") >= 3
    assert verdicts.count("clean") <= 2


def test_nothing_that_was_not_planted_is_exposed(demo):
    known = {(row["eval_set"], row["item_id"]) for row in PLANTED}
    exposed = {key for key, item in items(demo[1]).items() if item.verdict == "exposed"}
    assert exposed <= known


def test_the_drift_is_told_with_its_numbers_and_its_source(demo):
    [found] = findings(demo[1], audit="language_drift", subject="non-en")
    assert found.status is Status.FAIL
    assert "from 12.0 % to 19.0 % of tokens" in found.message
    assert "source web-international" in found.message
    [broken] = findings(demo[1], subject="language en", metric="fallback_share_change")
    assert broken.status is Status.FAIL, "mojibake makes rare characters, which the tokenizer takes apart"
    [dollar] = findings(demo[1], audit="token_drift", subject="$")
    assert dollar.status is Status.FAIL and "fell from" in dollar.message


def test_the_damaged_shard_is_named_for_each_kind_of_damage(demo):
    for metric in (
        "mojibake_share",
        "replacement_character_share",
        "control_characters_share",
        "invisible_payload_share",
    ):
        [found] = findings(demo[1], audit="encoding_damage", subject="shards", metric=metric)
        assert found.status in (Status.WARN, Status.FAIL)
        assert "web/part-02.jsonl" in found.message
    [lines] = findings(demo[1], audit="repetition", subject="shards", metric="duplicate_lines_share")
    assert "web/part-02.jsonl" in lines.message


def test_the_ledger_accounts_for_everything(demo):
    folder = demo[1].folder
    ledger = {
        Path(row["shard"]).name: row
        for row in pq.read_table(folder / "ledger.parquet").to_pylist()
        if "/web/" in row["shard"]
    }
    assert not ledger["part-03.jsonl.gz"]["complete"]
    assert ledger["part-02.jsonl"]["quarantined"] == 7
    assert all(row["seen"] == row["ok"] + row["quarantined"] + row["unreadable"] for row in ledger.values())
    [coverage] = findings(demo[1], audit="coverage")
    assert coverage.status is Status.FAIL and "part-03.jsonl.gz" in coverage.message
    reasons = {row["reason"] for row in pq.read_table(folder / "quarantine.parquet").to_pylist()}
    assert reasons == {"invalid_json", "invalid_utf8", "missing_text", "empty_text"}


def test_no_secret_is_written_anywhere(demo):
    for path in demo[1].folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"jane.doe@example.org" not in content and b"AKIAIOSFODNN7EXAMPLE" not in content, path


def test_the_report_is_small_enough_to_mail(demo):
    assert (demo[1].folder / "report.html").stat().st_size < 500_000
