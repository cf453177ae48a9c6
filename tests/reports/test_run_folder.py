import json
import re
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.errors import ProfileUnreadable
from audits.findings import FINDING_SCHEMA, ITEM_SCHEMA, MATCH_SCHEMA, METRIC_SCHEMA, Exposure, ItemVerdict
from connectors.ledger import LEDGER_SCHEMA, QUARANTINE_SCHEMA
from connectors.schema import EVAL_ITEM_SCHEMA
from reports.actions import file_names
from reports.errors import OutputUnwritable, RunFolderUnreadable
from reports.reading import read_profiles, read_run
from reports.run_folder import write_run
from reports.run_index import add_to_index, point, read_index, resolve_run
from tests.reports.examples import HOSTILE, eval_items, make_result

TEXT = HOSTILE.replace("\ud800", "")
SCHEMAS = {
    "findings": FINDING_SCHEMA,
    "metrics": METRIC_SCHEMA,
    "contamination_matches": MATCH_SCHEMA,
    "contamination_items": ITEM_SCHEMA,
    "ledger": LEDGER_SCHEMA,
    "quarantine": QUARANTINE_SCHEMA,
}
PROMISED_LEDGER = ["shard", "seen", "ok", "quarantined", "unreadable", "bytes_read", "bytes_expected"]


def test_the_promised_files_and_columns_are_there(tmp_path):
    folder = write_run(make_result(TEXT), tmp_path, eval_items())
    for name, schema in SCHEMAS.items():
        assert pq.read_schema(folder / f"{name}.parquet").equals(schema)
    for name in (
        "report.html",
        "summary.json",
        "summary.md",
        "junit.xml",
        "config.yaml",
        "run.json",
        "profile",
        "actions",
    ):
        assert (folder / name).exists()
    assert set(PROMISED_LEDGER) <= set(LEDGER_SCHEMA.names)


def test_what_was_written_is_read_back_equal(tmp_path):
    written = make_result(TEXT)
    folder = write_run(written, tmp_path, eval_items())
    read = read_run(folder)
    order = sorted(written.findings, key=lambda f: ["FAIL", "WARN", "PASS"].index(f.status))
    assert read.findings == order
    for part in ("metrics", "matches", "items", "ledger", "quarantine", "run_id", "name", "baseline", "run_info"):
        assert getattr(read, part) == getattr(written, part)
    assert read.tables["language_drift"]["shares"].equals(written.tables["language_drift"]["shares"])
    profile = read_profiles(folder)["language_drift"]
    assert (profile.kind, profile.digests) == ("language_drift", {"words": "words-2"})
    assert profile.tables["shares"].to_pydict() == {"a": [1]}


def test_a_flipped_bit_is_noticed(tmp_path):
    folder = write_run(make_result(), tmp_path, eval_items())
    path = folder / "ledger.parquet"
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunFolderUnreadable, match=r"ledger\.parquet is damaged"):
        read_run(folder)


def test_nothing_is_left_of_a_folder_that_could_not_be_written_whole(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reports.run_folder.write_actions", full)
    with pytest.raises(OutputUnwritable, match="No space left"):
        write_run(make_result(), tmp_path, eval_items())
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_never_written_over(tmp_path):
    write_run(make_result(), tmp_path, eval_items())
    with pytest.raises(OutputUnwritable, match="exists already"):
        write_run(make_result(), tmp_path, eval_items())


def test_actions_say_what_to_take_out_and_what_stays(tmp_path):
    actions = write_run(make_result(), tmp_path, eval_items()) / "actions"

    def rows(name):
        return [json.loads(line) for line in (actions / name).read_text().splitlines()]

    assert [row["item_id"] for row in rows("exposed_items.jsonl")] == ["gsm8k-0"]
    assert [(row["row"], row["items"]) for row in rows("documents_to_remove.jsonl")] == [
        (3, [{"eval_set": "gsm8k", "item_id": "gsm8k-0"}])
    ]
    assert [row["item_id"] for row in rows("clean_items/gsm8k.jsonl")] == ["gsm8k-1", "gsm8k-2"]
    assert [(row["item_id"], row["verdict"]) for row in rows("clean_ids/gsm8k.jsonl")] == [
        ("gsm8k-1", "suspect"),
        ("gsm8k-2", "clean"),
    ]
    assert [row["reason"] for row in rows("quarantined_rows.jsonl")] == ["invalid_json"]


def test_every_exposing_document_is_listed_once_with_all_it_exposes(tmp_path):
    places = [(7, 10, 20, "q1", "a"), (7, 15, 30, "q1", "b"), (7, 90, 95, "q2", "a"), (2, 0, 5, "q1", "a")]
    exposures = [Exposure("/c/x.jsonl", row, f"d{row}", at, end, "s", item, by) for row, at, end, item, by in places]
    # The same name in another folder is another shard; and an item may stand in more places than are quoted.
    exposures += [Exposure(f"/b/{n:02}/x.jsonl", 7, "d", 0, 5, "s", "q1", "a") for n in range(50)]
    actions = write_run(make_result(exposures=exposures), tmp_path, eval_items()) / "actions"
    rows = [json.loads(line) for line in (actions / "documents_to_remove.jsonl").read_text().splitlines()]
    assert [(row["shard"], row["row"]) for row in rows[50:]] == [("/c/x.jsonl", 2), ("/c/x.jsonl", 7)]
    assert len({row["shard"] for row in rows}) == 51
    assert rows[51] == {
        "shard": "/c/x.jsonl",
        "row": 7,
        "doc_id": "d7",
        "items": [{"eval_set": "s", "item_id": "q1"}, {"eval_set": "s", "item_id": "q2"}],
        "spans": [[10, 30], [90, 95]],
        "detectors": ["a", "b"],
    }


def test_every_test_set_has_its_clean_ids_and_ids_with_line_breaks_stay_one(tmp_path):
    items = [
        ItemVerdict(s, None, i, v, 0.0, "", "d", True, 0)
        for s, i, v in (("a", "1\n2", "clean"), ("a", "3", "exposed"), ("b", "1", "unmatchable"), ("b", "2", "clean"))
    ]
    rows = [{"eval_set": i.eval_set, "item_id": i.item_id, "question": "q"} for i in items]
    table = pa.Table.from_pylist(rows, schema=EVAL_ITEM_SCHEMA)
    actions = write_run(make_result(items=items), tmp_path, table) / "actions"

    def ids(name):
        return [json.loads(line) for line in (actions / "clean_ids" / name).read_text().split("\n") if line]

    assert ids("a.jsonl") == [{"item_id": "1\n2", "verdict": "clean"}]
    assert ids("b.jsonl") == [{"item_id": "1", "verdict": "unmatchable"}, {"item_id": "2", "verdict": "clean"}]
    assert [path.name for path in (actions / "clean_items").iterdir()] == ["a.jsonl"]


def test_where_nothing_was_looked_for_nothing_is_called_clean(tmp_path):
    actions = write_run(make_result(items=[]), tmp_path, eval_items()) / "actions"
    assert not (actions / "clean_ids").exists()


def test_names_that_read_alike_as_files_stay_apart():
    sets = ["a/b", "a_b-0", "a?b", "A_B-0", "..", ".", "", "gsm8k", "x" * 80]
    names = file_names(sets)
    assert len({name.casefold() for name in names.values()}) == len(sets)
    assert all(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name) for name in names.values())
    assert names["gsm8k"] == "gsm8k"


def test_the_name_of_a_test_set_cannot_leave_the_folder(tmp_path):
    name = "../../../escaped"
    result = make_result()
    result = replace(result, items=[replace(one, eval_set=name) for one in result.items])
    items = eval_items().set_column(0, "eval_set", [[name] * 3])
    folder = write_run(result, tmp_path / "runs", items)
    for part in ("clean_items", "clean_ids"):
        [clean] = (folder / "actions" / part).iterdir()
        assert clean.parent == folder / "actions" / part
    assert not list(tmp_path.glob("escaped*"))


def test_the_index_lists_runs_newest_first_and_latest_follows(tmp_path):
    for hour in (1, 2, 3):
        result = make_result(run_id=f"web-{hour}")
        write_run(result, tmp_path, eval_items())
        add_to_index(result, tmp_path)
    assert [run["run_id"] for run in read_index(tmp_path)] == ["web-3", "web-2", "web-1"]
    assert (tmp_path / "latest").resolve().name == "web-3"
    assert resolve_run(tmp_path).name == "web-3"
    point(tmp_path, "golden", "web-1")
    assert resolve_run(tmp_path).name == "web-1"
    page = (tmp_path / "index.html").read_text()
    assert page.index("web-3/report.html") < page.index("web-1/report.html")


def test_folders_that_are_no_run_are_refused(tmp_path):
    with pytest.raises(RunFolderUnreadable, match="holds no run"):
        resolve_run(tmp_path)
    with pytest.raises(ProfileUnreadable, match="cannot be a baseline"):
        read_profiles(tmp_path)
    folder = write_run(make_result(), tmp_path, eval_items())
    (folder / "profile" / "profile.json").write_text('{"schema_version": 99, "audits": {}}')
    with pytest.raises(ProfileUnreadable, match="another schema version"):
        read_profiles(folder)
