"""The Prefect flow on a real temporary server."""

import pytest
from prefect.artifacts import Artifact
from prefect.testing.utilities import prefect_test_harness

from flows.nightly import nightly_audit, run_as_flow
from flows.progress import Reporter
from flows.run_config import load_config
from reports.reading import read_run
from tests.flows.corpora import documents, write_jsonl

# Prefect's server and client leave sockets and database handles to the garbage collector.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def server():
    with prefect_test_harness(server_startup_timeout=120):
        yield


def test_a_nightly_run_succeeds_fails_and_leaves_an_artifact(tmp_path, write_config, server):
    write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 40))
    path = write_config(name="web_crawl", audits=[{"kind": "encoding_damage"}])
    passed = nightly_audit(str(path), return_state=True)
    assert passed.is_completed()
    assert passed.message.startswith("PASS")
    assert (tmp_path / "runs" / "latest" / "report.html").is_file()
    artifact = Artifact.get("corpus-audit-web-crawl")
    assert artifact is not None
    assert artifact.data == (tmp_path / "runs" / "latest" / "summary.md").read_text(encoding="utf-8")

    with (tmp_path / "corpus" / "b.jsonl.gz").open("wb") as stream:
        stream.write(b"\x1f\x8b not gzip at all")
    failed = nightly_audit(str(path), output=str(tmp_path / "other"), return_state=True)
    assert failed.is_failed()
    assert failed.name == "Failed"
    assert "FAIL 1" in failed.message
    assert read_run((tmp_path / "other" / "latest").resolve()).name == "web_crawl"


def test_the_command_line_uses_the_same_flow(tmp_path, write_config, server):
    write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 40))
    config = load_config(write_config(audits=[{"kind": "repetition"}]))
    folder = run_as_flow(config, Reporter(quiet=True), write_clean=True)
    assert read_run(folder).run_id == folder.name
    assert (folder / "actions" / "clean_corpus" / "manifest.jsonl").is_file()
