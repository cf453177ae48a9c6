"""Spikes traced through batches to documents and to what a run knows of them."""

from dataclasses import replace

import numpy as np
import pytest

from audits.findings import Evidence, Exposure, Match, Status
from audits.model.loss_spikes import Spike, SpikeOptions
from connectors.batch_manifests import Placed
from connectors.ledger import LedgerEntry, QuarantinedRow
from reports.known_documents import DAMAGED, EXPOSES, QUARANTINED, Mark, known_documents
from reports.run_folder import write_run
from reports.spike_join import spike_findings
from reports.spike_tables import MAX_SPIKES, Event, Reread, events_of, highest
from reports.spike_trace import UNKNOWN, Traced, steps_of, trace
from tests.reports.examples import HOSTILE, eval_items, finding, make_result

A, B = "/crawl/2026/a.jsonl.gz", "s3://old/b.jsonl.gz"
OPTIONS = SpikeOptions()
CONFIG = "name: web\naudits:\n- kind: repetition\n"
NAME = HOSTILE.replace("\ud800", "")


def spike(first, last=None, domain="", loss=5.0, z=12.0, before=None):
    last = first if last is None else last
    before = first - 10 if before is None else before
    return Spike(domain, "nats per token", before, first, last, first, last - first + 1, loss, 2.0, z)


@pytest.fixture
def folder_and_result(tmp_path):
    loops = finding(
        Status.WARN,
        audit="repetition",
        metric="token_loops_share",
        evidence=(Evidence("d5", A, 5, 0, 9, "round and round"),),
    )
    match = Match("gsm8k", "gsm8k-0", "question_only", "d7", A, 7, 0, 9, 0, 9, 1.0, "exact_match", NAME, "q", "exposed")
    result = make_result(
        config=CONFIG,
        findings=[loops],
        matches=[match, replace(match, row=8, doc_id="d8", verdict="suspect")],
        exposures=[
            Exposure(A, 7, "d7", 0, 9, "gsm8k", "gsm8k-0", "x"),
            Exposure(A, 9, "d9", 0, 9, "gsm8k", "g-1", "x"),
        ],
        quarantine=[QuarantinedRow(A, "new", 3, 0, 5, "invalid_json", "m", "0" * 64, b"")],
        ledger=[LedgerEntry(A, "new", 1000, 999, 1, 0, 5, 5, True), LedgerEntry(B, "old", 9, 9, 0, 0, 5, 5, True)],
    )
    return write_run(result, tmp_path, eval_items()), result


@pytest.fixture
def known(folder_and_result):
    folder, result = folder_and_result
    return known_documents(result, folder)


def placed(rows):
    """Return a piece of a manifest from (step, shard, row) or (step, doc_id)."""
    shards = list(dict.fromkeys(row[1] for row in rows if len(row) == 3))
    return Placed(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([shards.index(row[1]) if len(row) == 3 else -1 for row in rows], dtype=np.int64),
        np.array([row[2] if len(row) == 3 else -1 for row in rows], dtype=np.int64),
        shards,
        [row[1] if len(row) == 2 else None for row in rows],
    )


def test_what_a_run_knows_of_its_documents(known):
    assert {place: [mark.kind for mark in marks] for place, marks in known.marks.items()} == {
        (A, 3): [QUARANTINED],
        (A, 5): [DAMAGED],
        (A, 7): [EXPOSES],
        (A, 9): [EXPOSES],
    }
    assert known.marks[A, 5][0].text == "repetition: token_loops"


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ((A, 4, None), (A, 4)),
        (("2026/a.jsonl.gz", 4, None), (A, 4)),
        (("./2026/a.jsonl.gz", 4, None), (A, 4)),
        (("b.jsonl.gz", 4, None), (B, 4)),
        (("jsonl.gz", 4, None), None),
        (("c.jsonl.gz", 4, None), None),
        ((None, None, "d7"), (A, 7)),
        ((None, None, f"{B}#12"), (B, 12)),
        ((None, None, "other#12"), None),
        ((None, None, "nobody"), None),
    ],
)
def test_documents_are_found_by_path_or_its_end_or_by_identifier(known, given, place):
    assert known.place_of(*given) == place


def test_the_batches_since_the_last_logged_step_and_one_before_may_be_to_blame():
    assert steps_of(spike(100, 130), reach=1) == (90, 100)
    assert steps_of(spike(100, 130), reach=0) == (91, 100)
    assert steps_of(spike(3, before=2), reach=9) == (0, 3)


def test_a_spike_is_traced_and_compared_with_all_other_batches(known):
    rows = [(95, A, row) for row in range(40)] + [(95, "d9")]
    rows += [(step, B, step % 9) for step in range(1, 2_000) if not 90 <= step <= 100]
    pieces = [placed(rows[at : at + 37]) for at in range(0, len(rows), 37)]
    found = trace([spike(100)], pieces, known, reach=1)
    [one] = found.spikes
    assert (one.documents, one.known, dict(one.sources)) == (41, 5, {"new": 41})
    assert dict(one.kinds) == {QUARANTINED: 1, DAMAGED: 1, EXPOSES: 3}
    assert found.others.documents == len(rows) - 41 and found.others.known == 0
    findings, tables = spike_findings([Event(spike(100), ("web",))], 1, found, Reread(), OPTIONS)
    [told] = findings
    assert told.status is Status.WARN and told.n_docs == 41
    assert "jumped to 5 nats per token at step 100, 12 robust standard deviations above the 2" in told.message
    assert "most in web" in told.message
    assert "Of the 41 documents of steps 90 to 100 the run knows something of 5" in told.message
    assert "100.0 % of source new" in told.message and "against none elsewhere" in told.message
    assert [place.excerpt.split("]")[0] for place in told.evidence[:2]] == [
        "[repetition: token_loops",
        "[exposes gsm8k gsm8k-0 (exact_match)",
    ]
    assert all(len(place.excerpt) <= 240 for place in told.evidence)
    parts = {row["what"]: row for row in tables["spike_parts"].to_pylist()}
    assert parts[EXPOSES]["documents"] == 3 and parts[EXPOSES]["q_value"] < 0.01
    # Of damage a run has examples alone, which are no rate.
    assert DAMAGED not in parts
    documents = tables["spike_documents"].to_pylist()
    assert len(documents) == 41 and all(row["known"] for row in documents[:5]) and not documents[5]["known"]


def test_others_are_counted_as_if_one_by_one(known):
    rng = np.random.default_rng(2)
    shards = [A, "2026/a.jsonl.gz", B, "/other.jsonl"]
    rows = [(int(rng.integers(1, 50)), shards[rng.integers(4)], int(rng.integers(0, 12))) for _ in range(3_000)]
    rows += [(7, "d7"), (8, "nobody"), (9, f"{B}#3")]
    fast = trace([], [placed(rows[at : at + 100]) for at in range(0, len(rows), 100)], known, 1)
    slow = Traced()
    unplaced = 0
    for _, *where in rows:
        place = known.place_of(*where, None) if len(where) == 2 else known.place_of(None, None, where[0])
        unplaced += place is None
        slow.count(known.sources[place[0]] if place else UNKNOWN, known.marks.get(place, []))
    assert (fast.others.documents, fast.others.known, fast.unplaced) == (slow.documents, slow.known, unplaced)
    assert (fast.others.sources, fast.others.kinds) == (slow.sources, slow.kinds)
    assert fast.first_unplaced.startswith("/other.jsonl, row ")


def test_an_even_share_of_known_documents_is_no_cause(known):
    rows = [(step, A, step % 1000) for step in range(5_000)]
    found = trace([spike(3_000, before=2_900)], [placed(rows)], known, reach=1)
    [told] = spike_findings([Event(spike(3_000, before=2_900), ())], 1, found, Reread(), OPTIONS)[0]
    assert "Nothing is more frequent among them than in the other batches" in told.message


def test_few_documents_say_nothing_of_shares(known):
    found = trace([spike(100)], [placed([(95, A, 3), (300, B, 1)])], known, reach=1)
    [told] = spike_findings([Event(spike(100), ())], 1, found, Reread(), OPTIONS)[0]
    assert "Fewer than 30 documents are too few" in told.message
    none = trace([spike(100)], [placed([(300, B, 1)])], known, reach=1)
    [told] = spike_findings([Event(spike(100), ())], 1, none, Reread(), OPTIONS)[0]
    assert "The batches have no document of steps 90 to 100." in told.message
    assert "count steps as the log does" in told.suggestion


def test_documents_of_nowhere_are_counted_and_said(known):
    found = trace([spike(100)], [placed([(95, "/other/x.jsonl", 3)] * 40)], known, reach=1)
    assert found.spikes[0].sources == {UNKNOWN: 40}
    findings, _ = spike_findings([Event(spike(100), ())], 1, found, Reread(), OPTIONS)
    unplaced = next(one for one in findings if one.metric == "unplaced")
    assert (
        "40 rows of 40 in the batches could not be found in the run (first: /other/x.jsonl, row 3)" in unplaced.message
    )


def test_documents_that_were_read_again_are_compared_with_the_corpus(known):
    rows = [(95, A, row) for row in range(10, 60)] + [(500, B, 1)] * 50
    found = trace([spike(100)], [placed(rows)], known, reach=1)
    loop = Mark(DAMAGED, "repetition: token_loops", "la la la")
    again = Reread(
        {(A, row): [loop] if row < 30 else [] for row in range(10, 60)}, {"repetition: token_loops": (10, 10_000)}
    )
    findings, tables = spike_findings([Event(spike(100), ())], 1, found, again, OPTIONS)
    assert (
        "40.0 % damaged (repetition: token_loops)" in findings[0].message and "0.1 % elsewhere" in findings[0].message
    )
    assert findings[0].evidence[0].excerpt == "[repetition: token_loops] la la la"
    listed = tables["spike_documents"].to_pylist()
    assert sum(row["known"] == "repetition: token_loops" for row in listed) == 20


def test_spikes_of_a_domain_belong_to_those_of_all_or_stand_alone():
    whole = [spike(100, 130), spike(900)]
    events = events_of(whole, [spike(110, domain="web"), spike(500, domain="math"), spike(130, domain="code")])
    assert [(one.spike.first, one.domains) for one in events] == [(100, ("code", "web")), (500, ("math",)), (900, ())]


def test_many_spikes_are_cut_to_the_highest_and_counted():
    events = [Event(spike(10 * n, z=float(n)), ()) for n in range(1, 200)] + [Event(spike(5, loss=None, z=None), ())]
    kept = highest(events)
    assert len(kept) == MAX_SPIKES and kept[0].spike.first == 5
    findings, tables = spike_findings(kept, len(events), None, Reread(), OPTIONS)
    assert "no finite number at step 5" in findings[0].message and "--batches" in findings[0].suggestion
    assert findings[-1].message == f"{200 - 10} more spikes; the table losses.spikes has {MAX_SPIKES}."
    assert tables["spikes"].num_rows == MAX_SPIKES


def test_no_spike_is_a_pass():
    [told] = spike_findings([], 0, None, Reread(), OPTIONS)[0]
    assert told.status is Status.PASS and "7 robust standard deviations" in told.message
