import pickle

import pyarrow as pa
import pytest

from audits.base import Resources
from audits.batch import TextBatch
from audits.corruption.broken_records import NOT_LISTED, BrokenRecords, BrokenRecordsConfig, RecordState
from audits.corruption.record_ids import RecordIds
from audits.findings import Finding, Status
from connectors import CorpusSource, ShardReader, list_shards
from connectors.ledger import LedgerEntry, QuarantinedRow, ShardReport
from connectors.schema import DOCUMENT_SCHEMA, EVAL_ITEM_SCHEMA


def audit(**options: object) -> BrokenRecords:
    return BrokenRecordsConfig.model_validate(options).build(Resources(EVAL_ITEM_SCHEMA.empty_table()))


def batch(ids: list[str], shard: str = "a", first: int = 0, url: str | None = "u") -> TextBatch:
    rows = [
        {"doc_id": i, "text": "t", "source": "web", "shard": shard, "row": first + at, "url": url}
        for at, i in enumerate(ids)
    ]
    return TextBatch(pa.RecordBatch.from_pylist(rows, schema=DOCUMENT_SCHEMA))


def report(shard: str, seen: int, broken: int, reason: str = "invalid_json", unlisted: int = 0) -> ShardReport:
    entry = LedgerEntry(shard, "web", seen=seen, ok=seen - broken - unlisted, quarantined=broken + unlisted)
    rows = [
        QuarantinedRow(shard, "web", row, 100 * row, 50, reason, "not JSON", "0" * 64, b'{"text": \xff\x1b')
        for row in range(broken)
    ]
    return ShardReport(entry, rows)


def closed(of: BrokenRecords, *reports: ShardReport) -> RecordState:
    state = of.new_state()
    for one in reports:
        of.close_shard(state, one)
    return state


def finding(of: BrokenRecords, state: RecordState, subject: str) -> Finding:
    return next(f for f in of.summary(state).findings if f.subject == subject)


@pytest.mark.parametrize(
    ("broken", "status"), [(0, Status.PASS), (1, Status.INFO), (2, Status.WARN), (10, Status.WARN), (11, Status.FAIL)]
)
def test_the_worst_shard_decides(broken, status):
    of = audit()
    found = finding(of, closed(of, report("a", 1000, broken), report("b", 100_000, 0)), "corpus")
    assert found.status is status


def test_an_unread_corpus_is_insufficient():
    of = audit()
    assert finding(of, of.new_state(), "corpus").status is Status.INSUFFICIENT
    assert finding(of, of.new_state(), "doc_id").status is Status.INSUFFICIENT


def test_reasons_add_up_in_one_shard():
    of = audit()
    state = closed(of, report("a", 1000, 6, "invalid_json"))
    of.close_shard(state, report("a", 0, 6, "empty_text"))
    assert finding(of, state, "invalid_json").status is Status.WARN
    assert finding(of, state, "corpus").status is Status.FAIL
    assert {row["reason"]: row["records"] for row in of.summary(state).tables["reasons"].to_pylist()} == {
        "invalid_json": 6,
        "empty_text": 6,
    }


def test_records_that_are_not_listed_count():
    of = audit()
    state = closed(of, report("a", 1000, 2, unlisted=98))
    assert finding(of, state, "corpus").value == 0.1
    assert "98 of 1,000 records" in finding(of, state, NOT_LISTED).message


def test_evidence_says_where_and_shows_raw_bytes_safely():
    of = audit()
    place = finding(of, closed(of, report("a", 100, 3)), "corpus").evidence[1]
    assert (place.shard, place.row, place.byte_start, place.byte_end) == ("a", 1, 100, 150)
    assert place.excerpt.isprintable()
    assert '{"text": \\xff\\x1b' in place.excerpt


def test_real_quarantine_of_a_real_file(tmp_path):
    good = [b'{"text": "good %d", "id": "%d"}' % (row, row % 9) for row in range(20)]
    (tmp_path / "x.jsonl").write_bytes(b"\n".join([*good, b'{"text": "cut', b'{"text": "l\xe9"}']) + b"\n")
    [shard] = list_shards([CorpusSource(path=str(tmp_path / "x.jsonl"), id="id")])
    of, reader = audit(), ShardReader(shard)
    state = of.new_state()
    for one in reader:
        of.scan(state, TextBatch(one))
    of.close_shard(state, reader.report)
    found = finding(of, state, "corpus")
    assert found.status is Status.FAIL
    assert "2 of 22 records were set aside" in found.message
    ids = finding(of, state, "doc_id")
    assert ids.status is Status.WARN
    assert ids.message.startswith("11 of 20 documents have the identifier of another document")


def test_duplicate_ids_across_shards_name_both_places():
    of = audit()
    states = [of.new_state() for _ in range(2)]
    of.scan(states[0], batch(["x", "y", "z"], "b"))
    of.scan(states[1], batch(["q", "y"], "a", 10))
    states[0].merge(states[1])
    found = finding(of, states[0], "doc_id")
    assert found.status is Status.WARN
    assert "row 1 of b that of row 11 of a" in found.message
    assert [(place.shard, place.row) for place in found.evidence] == [("b", 1)]


def test_unique_ids_pass():
    of = audit()
    state = of.new_state()
    of.scan(state, batch([str(index) for index in range(100)]))
    assert finding(of, state, "doc_id").status is Status.PASS


def test_a_sample_of_ids_does_not_depend_on_the_order_of_merging():
    places = [(f"id{index % 700}", f"s{index % 5}", index) for index in range(1000)]

    def merged(pieces: list[list[tuple[str, str, int]]]) -> RecordIds:
        whole = RecordIds(max_ids=100)
        for piece in pieces:
            part = RecordIds(max_ids=100)
            part.add(*zip(*piece, strict=True))
            whole.merge(part)
        return whole

    one = merged([places])
    many = merged([places[at : at + 37] for at in reversed(range(0, 1000, 37))])
    assert one.repeats(1000) == many.repeats(1000)
    found = one.repeats(1000)
    assert found.level > 0
    assert 20 <= found.ids <= 100
    # 300 of 700 identifiers stand twice.
    assert 0.15 < found.surplus / found.docs < 0.45


def test_one_identifier_for_all_is_seen_and_takes_no_memory():
    ids = RecordIds(max_ids=10)
    ids.add(["same"] * 60_000, ["s"] * 60_000, range(60_000))
    found = ids.repeats(5)
    assert (found.docs, found.surplus, found.pairs) == (60_000, 59_999, [(("s", 0), ("s", 59_999))])
    assert len(ids.table) == 1


def test_a_shard_that_lost_a_field_is_named():
    of = audit()
    state = of.new_state()
    for shard in "abc":
        of.scan(state, batch([f"{shard}{index}" for index in range(100)], shard))
    of.scan(state, batch([f"d{index}" for index in range(100)], "d", url=None))
    found = finding(of, state, "url")
    assert found.status is Status.WARN
    assert "100 of 100 in d" in found.message
    # No document of the source has a language: that is no loss.
    assert not [f for f in of.summary(state).findings if f.subject == "language"]


def test_merging_gives_the_same_summary_in_any_order():
    of = audit()
    parts = []
    for shard, broken in (("a", 3), ("b", 0), ("c", 20)):
        state = closed(of, report(shard, 500, broken))
        of.scan(state, batch([f"{index % 40}" for index in range(60)], shard))
        parts.append(pickle.dumps(state))
    orders = ([0, 1, 2], [2, 0, 1], [1, 2, 0])
    summaries = []
    for order in orders:
        whole = of.new_state()
        for index in order:
            whole.merge(pickle.loads(parts[index]))
        summaries.append(of.summary(whole))
    assert summaries[0].findings == summaries[1].findings == summaries[2].findings
    assert summaries[0].tables["reasons"].equals(summaries[1].tables["reasons"])
