"""The main job on small real corpora: what it leaves, and what it says when something is wrong."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from audits.findings import Status
from connectors.errors import CorpusAuditError, SourceError, SourceNotFound
from flows.pipeline import run_audit
from flows.run_config import load_config
from reports.errors import CleanCopyFailed, RunFolderUnreadable
from tests.flows.corpora import documents, gsm8k_questions, write_jsonl

FILES = {
    *("findings", "metrics", "contamination_matches", "contamination_items", "quarantine", "ledger"),
}
GSM8K = {"name": "gsm8k", "path": str(Path(__file__).parents[1] / "data" / "eval" / "gsm8k_test.jsonl")}
CONTAMINATION = [{"kind": kind} for kind in ("exact_match", "ngram_overlap", "near_duplicate")]


def audit(path):
    return run_audit(load_config(path))


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def findings(outcome, **wanted):
    return [
        finding
        for finding in outcome.result.findings
        if all(getattr(finding, key) == value for key, value in wanted.items())
    ]


def test_a_leak_is_found_written_down_and_can_be_fixed(tmp_path, write_config):
    question = gsm8k_questions()[0]
    texts = documents("en", 40)
    texts[7] = f"{texts[7]} {question} {texts[8]}"
    write_jsonl(tmp_path / "corpus" / "a.jsonl.gz", texts)
    outcome = audit(write_config(eval_sets=[GSM8K], audits=CONTAMINATION))
    assert outcome.verdict.status is Status.FAIL
    assert {path.stem for path in outcome.folder.glob("*.parquet")} == FILES
    items = pq.read_table(outcome.folder / "contamination_items.parquet").to_pylist()
    assert [item["verdict"] for item in items] == ["exposed", "clean", "clean"]
    [match] = [
        row
        for row in pq.read_table(outcome.folder / "contamination_matches.parquet").to_pylist()
        if row["detector"] == "exact_match"
    ]
    span = texts[7].encode()[match["train_start"] : match["train_end"]].decode()
    assert question.startswith(span) and len(span) >= len(question) - 1
    [document] = lines(outcome.folder / "actions/documents_to_remove.jsonl")
    assert document["row"] == 7
    clean = [item["question"] for item in lines(outcome.folder / "actions/clean_items/gsm8k.jsonl")]
    assert clean == gsm8k_questions()[1:]


@pytest.mark.parametrize("workers", [1, 2])
def test_worker_processes_find_the_same(tmp_path, write_config, workers):
    for n, language in enumerate(("en", "de", "ru")):
        write_jsonl(tmp_path / "corpus" / f"{n}.jsonl", [*documents(language, 40), gsm8k_questions()[n]])
    (tmp_path / "corpus" / "3.jsonl").write_text('{"text": "one"}\n{bad\n')
    keys = {"eval_sets": [GSM8K], "audits": [*CONTAMINATION, {"kind": "language_drift"}, {"kind": "broken_records"}]}
    alone = audit(write_config(**keys, engine={"workers": 0}, output="a")).result
    spread = audit(write_config(**keys, engine={"workers": workers}, output="b")).result
    for part in ("findings", "metrics", "matches", "items", "ledger", "quarantine"):
        assert getattr(alone, part) == getattr(spread, part)
    assert len(alone.findings) > 5


def test_a_drift_is_named_with_its_source(tmp_path, write_config):
    write_jsonl(tmp_path / "corpus" / "en.jsonl", documents("en", 250, 4))
    baseline = audit(write_config("base.yaml", name="base", output="base"))
    write_jsonl(tmp_path / "corpus" / "hi.jsonl", documents("hi", 200, 5))
    outcome = audit(write_config(baseline="base", output="new"))
    assert outcome.result.baseline == baseline.folder.name
    [found] = findings(outcome, audit="language_drift", subject="non-en")
    assert found.status is Status.FAIL
    assert found.value > 0.3 and found.reference < 0.1


def test_another_tokenizer_than_the_baselines_is_an_error_and_no_drift(tmp_path, write_config):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    for name, size in (("one", 300), ("two", 400)):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        )
        tokenizer.train_from_iterator(documents("en", 40), trainer)
        tokenizer.save(str(tmp_path / f"{name}.json"))
    write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 60))

    def audits(name):
        return [{"kind": "token_drift", "tokenizer": f"{name}.json", "watch": ["the"]}]

    audit(write_config(audits=audits("one")))
    outcome = audit(write_config(audits=audits("two"), baseline="runs"))
    [found] = findings(outcome, status=Status.ERROR)
    assert "another tokenizer" in found.message
    assert "Nothing was compared" in found.message
    assert outcome.verdict.status is Status.FAIL
    again = audit(write_config(audits=audits("one"), baseline=f"runs/{outcome.result.baseline}"))
    assert not findings(again, status=Status.ERROR)


def test_an_audit_that_the_baseline_lacks_is_not_passed(tmp_path, write_config):
    write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 60))
    audit(write_config(audits=[{"kind": "repetition"}]))
    outcome = audit(write_config(baseline="runs"))
    subjects = {f.audit for f in findings(outcome, status=Status.INSUFFICIENT, metric="comparable")}
    assert subjects == {"domain_drift", "language_drift", "encoding_damage"}


def test_a_clean_corpus_that_fails_costs_the_copy_and_not_the_audit(tmp_path, write_config, monkeypatch):
    write_jsonl(tmp_path / "corpus" / "a.jsonl", [*documents("en", 20), gsm8k_questions()[0]])
    monkeypatch.setattr("reports.clean_corpus.is_unchanged", lambda shard: False)
    with pytest.raises(CleanCopyFailed, match=r"a\.jsonl changed since it was audited") as caught:
        run_audit(load_config(write_config(eval_sets=[GSM8K], audits=CONTAMINATION)), write_clean=True)
    latest = (tmp_path / "runs" / "latest").resolve()
    assert f"The audit itself is complete: {latest / 'report.html'}" in caught.value.remedy
    assert (latest / "report.html").is_file()
    assert not (latest / "actions" / "clean_corpus").exists()


def test_an_empty_corpus_is_not_green(tmp_path, write_config):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.jsonl").write_bytes(b"")
    outcome = audit(write_config(eval_sets=[GSM8K], audits=[*CONTAMINATION, {"kind": "language_drift"}]))
    assert outcome.verdict.status is Status.FAIL
    assert not findings(outcome, status=Status.PASS)


def test_bad_rows_are_accounted_for_one_by_one(tmp_path, write_config):
    good = json.dumps({"text": documents("en", 1)[0]}).encode()
    rows = [
        good,
        b'{"text": ""}',
        b'{"text": "nul \\u0000 inside the text"}',
        b'{"text": "half a pair \\ud800"}',
        b'{"text": ' + b'"' + b"word " * 10_000_000 + b'"}',
        b'{"text": "caf\xe9"}',
        b'{"tekst": "x"}',
    ]
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.jsonl").write_bytes(b"\n".join(rows) + b"\n")
    outcome = audit(write_config())
    [entry] = outcome.result.ledger
    assert (entry.seen, entry.ok, entry.quarantined, entry.unreadable) == (7, 3, 4, 0)
    reasons = [row.reason for row in outcome.result.quarantine]
    assert reasons == ["empty_text", "lone_surrogate", "invalid_utf8", "missing_text"]
    [control] = findings(outcome, metric="control_characters_share", subject="corpus")
    assert control.value > 0


def test_a_truncated_shard_fails_the_run(tmp_path, write_config):
    path = write_jsonl(tmp_path / "corpus" / "a.jsonl.gz", documents("en", 200))
    path.write_bytes(path.read_bytes()[:-2000])
    outcome = audit(write_config())
    [found] = findings(outcome, audit="coverage")
    assert found.status is Status.FAIL
    assert "a.jsonl.gz" in found.message
    table = pq.read_table(outcome.folder / "ledger.parquet").to_pylist()
    assert table[0]["bytes_read"] <= table[0]["bytes_expected"]
    assert not table[0]["complete"]


@pytest.mark.parametrize(
    ("corpus", "error", "said"),
    [
        ({"path": "gone.jsonl"}, SourceNotFound, "gone.jsonl does not exist"),
        ({"path": "corpus/*.parquet"}, SourceNotFound, "matches no file"),
        ({"path": "corpus/a.jsonl", "text": "txt"}, SourceError, "did you mean `text`"),
    ],
)
def test_a_corpus_that_cannot_be_used_stops_the_run_at_once(tmp_path, write_config, corpus, error, said):
    write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 2))
    with pytest.raises(error, match=said):
        audit(write_config(corpus=[corpus]))
    assert not (tmp_path / "runs").exists()


def test_a_baseline_that_is_no_run_stops_the_run_at_once(tmp_path, write_config):
    write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 2))
    with pytest.raises(RunFolderUnreadable, match="does not exist"):
        audit(write_config(baseline="none"))


def test_an_output_that_cannot_be_written_is_an_error_of_ours(tmp_path, write_config):
    write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 2))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CorpusAuditError, match="cannot be written"):
        audit(write_config(output="file/runs"))


def test_credentials_in_urls_are_not_written_down(tmp_path, write_config):
    from flows.pipeline import config_yaml

    config = load_config(write_config(corpus=[{"path": "s3://key:secret@bucket/x.jsonl"}]))
    assert "secret" not in config_yaml(config)
