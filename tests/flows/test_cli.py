"""The command line as a shell sees it: exit statuses, messages, and documentation of every command."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from audits import audit_kinds
from flows.cli import app
from flows.run_config import load_config
from tests.flows.corpora import documents, gsm8k_questions, write_jsonl

ROOT = Path(__file__).parents[2]
COMMANDS = [
    "run",
    "init",
    "check",
    "calibrate",
    "report",
    "scores",
    "weights",
    "sample",
    "losses",
    "evals",
    "audits",
    "doctor",
    "baseline pin",
]
GSM8K = {"name": "gsm8k", "path": str(ROOT / "tests" / "data" / "eval" / "gsm8k_test.jsonl")}


def corpus_audit(*arguments, cwd=None):
    command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd or ROOT, timeout=120)


def test_the_commands_are_the_ones_documented_here():
    known = set(typer.main.get_command(app).commands)
    assert known == {command.split()[0] for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_a_place_in_the_readme(command):
    done = corpus_audit(*command.split(), "--help")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 3
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"corpus-audit (\S+ \| .*)?{command}\b", readme) or f"| {command}" in readme


def test_exit_status_and_last_lines_of_a_run(tmp_path, write_config):
    write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 40))
    keys = {"eval_sets": [GSM8K], "audits": [{"kind": "exact_match"}, {"kind": "encoding_damage"}]}
    clean = corpus_audit("run", write_config(**keys))
    assert clean.returncode == 0, clean.stderr
    *_, verdict, report = clean.stdout.splitlines()
    assert verdict.startswith("PASS")
    assert Path(report.removeprefix("Report: ")).is_file()
    assert "scanned 1 of 1 shards" in clean.stderr
    write_jsonl(tmp_path / "corpus" / "b.jsonl", [gsm8k_questions()[1]])
    leaked = corpus_audit("run", write_config(**keys), "--out", tmp_path / "elsewhere", "--quiet")
    assert leaked.returncode == 2
    assert "FAIL  exact_match: 1 of 3 items of gsm8k" in leaked.stdout
    assert leaked.stderr == ""
    assert (tmp_path / "elsewhere" / "latest" / "report.html").is_file()


def test_warnings_fail_only_where_asked(tmp_path, write_config):
    write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 600))
    with (tmp_path / "corpus" / "a.jsonl").open("a") as stream:
        stream.write("{bad\n")
    path = write_config(audits=[{"kind": "broken_records"}])
    assert corpus_audit("run", path).returncode == 0
    assert corpus_audit("run", path, "--fail-on", "warn").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "none.yaml"], "No configuration at none.yaml"),
        (["run"], "Missing argument"),
        (["run", "x.yaml", "--fail-on", "maybe"], "maybe"),
        (["rnu"], "No such command"),
        (["audits", "ngram_overlapp"], "Known audits: exact_match"),
        (["report", "none"], "does not exist"),
        (["scores", "none", "samples_gsm8k.jsonl"], "does not exist"),
        (["baseline", "pin", "none"], "does not exist"),
        (["init", "x.yaml", "--eval-set", "gsm8k"], "NAME=PATH"),
    ],
)
def test_what_cannot_run_says_why_and_exits_with_3(tmp_path, arguments, said):
    done = corpus_audit(*arguments, cwd=tmp_path)
    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_init_writes_what_check_accepts(tmp_path):
    write_jsonl(tmp_path / "crawl" / "a.jsonl", documents("en", 40))
    made = corpus_audit(
        "init", "a.yaml", "--corpus", "crawl/*.jsonl", "--eval-set", f"gsm8k={GSM8K['path']}", cwd=tmp_path
    )
    assert made.returncode == 0, made.stderr
    # What exact_match finds, ngram_overlap finds too; tokenizer_stats needs a file that is the user's.
    left_out = {"exact_match", "tokenizer_stats"}
    assert {audit.kind for audit in load_config(tmp_path / "a.yaml").audits} == set(audit_kinds()) - left_out
    checked = corpus_audit("check", "a.yaml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "crawl: 1 shard" in checked.stdout
    assert "gsm8k: 3 items" in checked.stdout
    again = corpus_audit("init", "a.yaml", cwd=tmp_path)
    assert (again.returncode, "exists already" in again.stderr) == (3, True)


def test_init_without_test_sets_is_valid_too(tmp_path):
    assert corpus_audit("init", "a.yaml", cwd=tmp_path).returncode == 0
    assert load_config(tmp_path / "a.yaml").eval_sets == []


def test_audits_are_listed_and_described():
    listed = corpus_audit("audits").stdout
    assert all(kind in listed for kind in audit_kinds())
    described = corpus_audit("audits", "ngram_overlap").stdout
    assert "n: 8" in described and "max_exposed_share: 0.0" in described


def test_report_is_drawn_again_and_baseline_pinned(tmp_path, write_config):
    write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 40))
    path = write_config(audits=[{"kind": "encoding_damage"}])
    runs = tmp_path / "runs"
    assert corpus_audit("run", path).returncode == 0
    first = (runs / "latest").resolve()
    page, summary = (first / "report.html").read_bytes(), json.loads((first / "summary.json").read_bytes())
    (first / "report.html").unlink()
    assert corpus_audit("report", runs).returncode == 0
    assert (first / "report.html").read_bytes() == page
    assert json.loads((first / "summary.json").read_bytes()) == summary
    assert corpus_audit("baseline", "pin", first).returncode == 0
    assert (runs / "golden").resolve() == first
    assert corpus_audit("run", write_config(baseline="runs", audits=[{"kind": "encoding_damage"}])).returncode == 0
    assert json.loads((runs / "latest" / "summary.json").read_bytes())["baseline"] == first.name


def test_a_clean_corpus_is_written_on_request_and_the_original_stays(tmp_path, write_config):
    texts = [*documents("en", 20), gsm8k_questions()[1], *documents("de", 20)]
    path = write_jsonl(tmp_path / "corpus" / "deep" / "a.jsonl.gz", texts)
    before = path.read_bytes()
    keys = {"eval_sets": [GSM8K], "audits": [{"kind": "exact_match"}], "corpus": [{"path": "corpus"}]}
    assert corpus_audit("run", write_config(**keys)).returncode == 2
    assert not (tmp_path / "runs" / "latest" / "actions" / "clean_corpus").exists()
    done = corpus_audit("run", write_config(**keys), "--write-clean")
    assert done.returncode == 2
    assert "clean corpus: 1 shard copied, 1 document left out" in done.stderr
    folder = (tmp_path / "runs" / "latest" / "actions" / "clean_corpus").resolve()
    [line] = [json.loads(row) for row in (folder / "manifest.jsonl").read_text().splitlines()]
    assert (line["source"], line["rows_in"], line["rows_removed"], line["rows_out"]) == (str(path), 41, 1, 40)
    kept = gzip.decompress((folder / line["copy"]).read_bytes()).splitlines()
    whole = gzip.decompress(before).splitlines()
    assert kept == [row for row in whole if json.loads(row)["text"] != gsm8k_questions()[1]]
    assert path.read_bytes() == before
    [removed] = (folder.parent / "documents_to_remove.jsonl").read_text().splitlines()
    assert (json.loads(removed)["shard"], json.loads(removed)["row"]) == (str(path), 20)
    again = corpus_audit("run", write_config(**{**keys, "corpus": [{"path": str(folder / "local")}]}))
    assert again.returncode == 0, again.stdout


def test_scores_are_read_with_a_run(tmp_path, write_config):
    write_jsonl(tmp_path / "corpus" / "a.jsonl", [*documents("en", 40), gsm8k_questions()[1]])
    assert corpus_audit("run", write_config(eval_sets=[GSM8K], audits=[{"kind": "exact_match"}])).returncode == 2
    (tmp_path / "llama.csv").write_text("doc_id,score\n0,0\n1,1\n2,1\n9,1\n")
    done = corpus_audit("scores", tmp_path / "runs", tmp_path / "llama.csv")
    assert done.returncode == 0, done.stderr
    assert "gsm8k, llama, score" in done.stdout
    assert re.search(r"exposed +1\.0000 +1 item", done.stdout)
    assert re.search(r"estimated gain +\+0\.1667", done.stdout)
    assert "not enough data: 1 exposed item of gsm8k" in done.stdout
    assert "1 sample names no item of gsm8k" in done.stdout
    assert "Scores read with" in (tmp_path / "runs" / "latest" / "report.html").read_text()
    bad = corpus_audit("scores", tmp_path / "runs", tmp_path / "none.csv")
    assert (bad.returncode, "does not exist" in bad.stderr) == (3, True)


def test_doctor_finds_this_installation_fit():
    done = corpus_audit("doctor")
    assert done.returncode == 0, done.stdout
    assert "embedding model" in done.stdout
