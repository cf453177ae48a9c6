"""What is joined to a run later: kept, replaced, shown, and never part of its verdict."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from audits.findings import Evidence, Finding, Status
from reports.errors import RunFolderUnreadable
from reports.joined import Joined, read_joined, write_joined
from reports.reading import read_run
from reports.run_folder import write_run, write_views
from reports.verdict import verdict_of
from tests.reports.examples import eval_items, finding, make_result


def joined(name="losses", status=Status.FAIL, tables=("domains",), message="the loss rose"):
    found = [
        Finding(
            name, "math", status, "loss", message, 2.0, float("inf"), evidence=(Evidence("d", "s", 1, excerpt="x"),)
        ),
        Finding(name, "web", Status.PASS, "loss", "fine"),
    ]
    return Joined(name, found, {table: pa.table({"domain": ["math"]}) for table in tables}, {"logs": ["a.jsonl"]})


@pytest.fixture
def folder(tmp_path):
    return write_run(replace(make_result(), findings=[finding(Status.PASS)]), tmp_path, eval_items())


def test_findings_and_tables_come_back_and_the_verdict_stays(folder):
    write_joined(joined(), folder)
    result = read_run(folder)
    assert [one.status for one in result.joined] == [Status.FAIL, Status.PASS]
    assert result.joined[0].evidence[0].excerpt == "x"
    assert result.tables["losses"]["domains"].num_rows == 1
    assert verdict_of(result.findings).status is Status.PASS
    write_views(result, folder)
    page = (folder / "report.html").read_text()
    assert "Joined to this run" in page and "the loss rose" in page
    summary = json.loads((folder / "summary.json").read_bytes())
    assert summary["status"] == "PASS" and summary["joined"][0]["message"] == "the loss rose"
    content = json.loads((folder / "actions" / "losses.json").read_bytes())
    assert content["logs"] == ["a.jsonl"] and content["findings"][0]["reference"] is None


def test_joining_again_replaces_what_was_joined_under_that_name(folder):
    write_joined(joined(tables=("domains", "spikes")), folder)
    write_joined(joined("evals", tables=("deltas",)), folder)
    write_joined(joined(message="now"), folder)
    result = read_run(folder)
    assert sorted(result.tables["losses"]) == ["domains"]
    assert sorted(result.tables["evals"]) == ["deltas"]
    assert [one.message for one in result.joined if one.audit == "losses"] == ["now", "fine"]
    assert not list(folder.glob(".joined-*"))


def test_a_run_s_own_findings_give_way_to_what_was_joined_under_their_name(tmp_path):
    own = [finding(Status.WARN, audit="target_mix", metric="capped"), finding(Status.PASS)]
    folder = write_run(replace(make_result(), findings=own), tmp_path, eval_items())
    assert len(read_run(folder).findings) == 2
    write_joined(joined("target_mix"), folder)
    assert [one.audit for one in read_run(folder).findings] == ["encoding_damage"]


def test_a_damaged_file_is_named(folder):
    write_joined(joined(), folder)
    (folder / "actions" / "losses.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunFolderUnreadable, match=r"losses\.parquet is damaged"):
        read_joined(folder)
