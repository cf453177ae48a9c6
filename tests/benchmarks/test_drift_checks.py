"""The drift checks on the demo's data: what they count, and that moved shares lead where they must."""

from pathlib import Path

import pytest

from benchmarks import drift_checks

DEMO = Path(__file__).parents[2] / "examples" / "data"


@pytest.fixture(scope="module")
def pool():
    return drift_checks.pool_of(DEMO, DEMO / "baseline" / "web")


def test_pages_have_their_hosts(pool):
    hosts = {row["domain"] for row in pool.rows if row["source"] == "web"}
    assert len(hosts) > 100 and all("." in host for host in hosts)
    assert len({row["doc_id"] for row in pool.rows}) == len(pool.rows)


def test_moved_shares_lead_where_they_must(pool):
    found = {name: row["status"] for name, row in drift_checks.moved_shares(pool).items()}
    assert found["0.12 to 0.19"] == "FAIL"
    assert found["0.12 to 0.13"] == "WARN"
    assert found["0.12 to 0.125"] == "PASS"
    assert found["0.002 to 0.004"] in ("WARN", "FAIL")


def test_halves_are_counted_without_what_is_said_of_one_side(pool, monkeypatch):
    monkeypatch.setattr(drift_checks, "KINDS", ("language_drift", "synthetic_share"))
    alarms = drift_checks.random_halves(pool, 2)["alarms"]
    assert sum(alarms["synthetic_share"].values()) == 2
    assert alarms["language_drift"]["PASS"] >= 2


def test_buckets_hold_what_they_promise():
    errors = drift_checks.sketches(200_000, 2)["largest_relative_error"]
    assert max(errors["exact counts in buckets"].values()) < 0.01
