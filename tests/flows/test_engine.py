"""Shards that fail or kill their worker: the others go on, and the ledger says what happened."""

import os

import pytest

from audits.base import Audit
from audits.findings import Summary
from connectors import CorpusSource, list_shards
from flows.engine import scan_corpus
from flows.errors import EngineUnavailable
from flows.run_config import EngineConfig
from tests.flows.corpora import documents, write_jsonl


def failing_audit(act):
    """Return an audit that counts documents and calls `act` on one that says "die"."""

    # Made inside a function, so that it travels to workers by value.
    class Count:
        def __init__(self):
            self.docs = 0

        def merge(self, other):
            self.docs += other.docs

    class Failing(Audit):
        label = "failing"

        def new_state(self):
            return Count()

        def scan(self, state, batch):
            if "die" in batch.texts:
                act()
            state.docs += len(batch)

        def summary(self, state, reference=None):
            return Summary()

    return Failing()


def shards(tmp_path):
    for n in range(4):
        texts = documents("en", 10) if n != 2 else ["die"]
        write_jsonl(tmp_path / f"{n}.jsonl", texts)
    return list_shards([CorpusSource(path=str(tmp_path))])


def killed():
    os._exit(9)


def broken():
    raise ZeroDivisionError("a fault of an audit")


@pytest.mark.parametrize(
    ("workers", "act", "said"),
    [(0, broken, "a fault of an audit"), (2, broken, "a fault of an audit"), (2, killed, "KilledWorker")],
)
def test_one_bad_shard_does_not_end_the_night(tmp_path, workers, act, said):
    heard = []
    scan = scan_corpus(
        shards(tmp_path), [failing_audit(act)], EngineConfig(workers=workers), lambda shard, _: heard.append(shard.uri)
    )
    assert scan.states["failing"].docs == 30
    assert len(heard) == len(scan.ledger) == 4
    [lost] = [entry for entry in scan.ledger if not entry.whole()]
    assert lost.shard.endswith("2.jsonl")
    assert said in lost.note
    assert lost.bytes_expected > 0 == lost.bytes_read


def test_a_cluster_that_is_not_there_is_an_error_with_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr("flows.engine._CONNECT_SECONDS", 1)
    with pytest.raises(EngineUnavailable, match=r"engine\.scheduler"):
        scan_corpus(shards(tmp_path), [], EngineConfig(scheduler="tcp://127.0.0.1:9"), lambda shard, scan: None)


def test_a_cluster_that_is_there_does_the_work(tmp_path):
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        engine = EngineConfig(scheduler=cluster.scheduler_address)
        scan = scan_corpus(shards(tmp_path), [failing_audit(broken)], engine, lambda shard, scan: None)
    assert scan.states["failing"].docs == 30
