"""What drift audits must say, and must not, on documents as unequal as real ones."""

from collections import Counter

import numpy as np
import pytest

from audits.base import Resources
from audits.drift.domain_drift import DomainDriftConfig
from audits.drift.language_drift import LanguageDriftConfig
from audits.drift.share_drift import MIN_CLUSTERS
from audits.findings import Status
from audits.wording import points
from connectors.schema import EVAL_ITEM_SCHEMA
from tests.audits.simulated import drawn, with_exact_share

NOTHING = Resources(EVAL_ITEM_SCHEMA.empty_table())
LARGE = 200_000
TROUBLE = (Status.FAIL, Status.WARN)


def summary_of(now, before, **options):
    return LanguageDriftConfig(**options).build(NOTHING).summary(now.state(), before.state())


def of(summary, subject="non-en"):
    return next((f for f in summary.findings if f.subject == subject), None)


def test_twelve_to_nineteen_per_cent_fails_with_its_source_its_parts_and_its_hosts():
    before = drawn({("web", "en"): 0.82, ("web", "de"): 0.06, ("crawl", "de"): 0.06, ("crawl", "en"): 0.06}, 20_000, 1)
    now = drawn({("web", "en"): 0.68, ("web", "de"): 0.05, ("crawl", "de"): 0.14, ("crawl", "en"): 0.13}, 20_000, 2)
    summary = summary_of(now, before)
    found = of(summary)
    assert found.status is Status.FAIL
    assert 0.10 < found.reference < 0.14 and 0.17 < found.value < 0.21
    assert "come from source crawl, which grew from" in found.message
    rows = [row for row in summary.tables["attribution"].to_pylist() if row["subject"] == "non-en"]
    assert sum(row["mix"] + row["within"] + row["interaction"] for row in rows) == pytest.approx(
        found.effect, abs=1e-12
    )
    mix, within = (sum(row[name] for row in rows) for name in ("mix", "within"))
    assert f"{points(mix)} are mix (sources that grew or shrank), {points(within)} within sources" in found.message
    assert rows[0]["source"] == "crawl" and abs(rows[0]["mix"]) > abs(rows[0]["within"])
    hosts = [row for row in summary.tables["hosts"].to_pylist() if row["subject"] == "non-en"]
    assert sum(row["contribution"] for row in hosts) == pytest.approx(found.effect, abs=1e-12)
    assert hosts[0]["host"] == "crawl0.example" and not hosts[0]["estimated"]
    assert "crawl0.example" in found.message


def test_half_a_point_of_twelve_is_silent_at_two_hundred_thousand_documents():
    before = with_exact_share("de", "en", 0.12, LARGE, 1)
    now = with_exact_share("de", "en", 0.125, LARGE, 2)
    summary = summary_of(now, before)
    assert of(summary) is None
    row = next(row for row in summary.tables["shares"].to_pylist() if row["subject"] == "non-en")
    assert row["delta"] == pytest.approx(0.005, abs=1e-4)
    metric = next(m for m in summary.metrics if (m.subject, m.metric) == ("non-en", "share"))
    assert metric.q_value < 0.05, "the change is real, and still no news"


def test_one_point_of_twelve_warns():
    summary = summary_of(with_exact_share("de", "en", 0.13, LARGE, 2), with_exact_share("de", "en", 0.12, LARGE, 1))
    assert of(summary).status is Status.WARN


def test_a_fifth_of_a_per_cent_that_doubles_is_seen():
    summary = summary_of(with_exact_share("vi", "en", 0.004, LARGE, 2), with_exact_share("vi", "en", 0.002, LARGE, 1))
    assert of(summary, "vi").status is Status.FAIL


def test_a_source_that_is_new_is_all_mix_and_said_to_be_new():
    before = drawn({("web", "en"): 0.9, ("web", "de"): 0.1}, 10_000, 1)
    now = drawn({("web", "en"): 0.72, ("web", "de"): 0.08, ("dump", "de"): 0.2}, 10_000, 2)
    summary = summary_of(now, before)
    assert "source dump, which is new" in of(summary).message
    rows = summary.tables["attribution"].to_pylist()
    dump = next(row for row in rows if row["source"] == "dump" and row["subject"] == "non-en")
    assert dump["within"] == dump["interaction"] == 0 and dump["mix"] > 0.1
    hosts = {row["host"]: row["new"] for row in summary.tables["hosts"].to_pylist() if row["subject"] == "non-en"}
    assert hosts["dump0.example"] and not hosts.get("web0.example")
    assert "dump0.example (new)" in of(summary).message


def test_random_halves_of_a_corpus_are_one_corpus():
    """No FAIL in 100 seeds, and hardly a WARN; the other audits are in benchmarks/results/drift_checks.json."""
    shares = {("web", "en"): 0.5, ("crawl", "en"): 0.3}
    shares |= {("web", code): 0.02 for code in ("de", "fr", "es", "ru", "zh")}
    shares |= {("crawl", code): 0.005 for code in ("de", "fr", "ja", "hi", "vi", "tr")}
    corpus = drawn(shares, 6_000, 5, hosts=200)
    language, domain = LanguageDriftConfig().build(NOTHING), DomainDriftConfig().build(NOTHING)
    statuses = Counter()
    for seed in range(100):
        first = np.random.default_rng([seed, 1]).random(len(corpus)) < 0.5
        halves = [corpus.take(np.flatnonzero(chosen)) for chosen in (first, ~first)]
        statuses.update(f.status for f in language.summary(*(half.state() for half in halves)).findings)
        for half in halves:
            half.categories = half.hosts
        statuses.update(f.status for f in domain.summary(*(half.state(clustered=False) for half in halves)).findings)
    assert statuses[Status.FAIL] == 0
    assert statuses[Status.WARN] <= 5
    assert statuses[Status.PASS] >= 200


def test_hosts_whose_pages_are_alike_raise_no_alarm_when_they_are_the_unit():
    """Each host has one language; which hosts were crawled tonight is chance. By page that looks like drift."""
    alarms = Counter()
    for seed in range(40):
        sides = []
        for side in range(2):
            rng = np.random.default_rng(1000 * seed + side)
            night = drawn({("web", "en"): 1.0}, 6_000, 2 * seed + side, hosts=400, sigma=0.5)
            tongue = {host: "de" if rng.random() < 0.15 else "en" for host in sorted(set(night.hosts))}
            # Every night has hosts of its own.
            night.categories = [tongue[host] for host in night.hosts]
            sides.append(night)
        for unit in ("doc", "host"):
            found = of(summary_of(*sides, cluster_by=unit))
            alarms[unit] += found is not None and found.status in TROUBLE
    assert alarms["doc"] > 20
    assert alarms["host"] <= 4


def test_too_few_hosts_are_said_to_be_too_few():
    before = drawn({("web", "en"): 0.9, ("web", "de"): 0.1}, 3_000, 1, hosts=5)
    now = drawn({("web", "en"): 0.9, ("web", "de"): 0.1}, 3_000, 2, hosts=5)
    summary = summary_of(now, before, cluster_by="host")
    assert not [f for f in summary.findings if f.status is Status.PASS]
    [told] = [f for f in summary.findings if f.status is Status.INSUFFICIENT]
    assert "5 groups of hosts" in told.message
    assert MIN_CLUSTERS > 5


def test_few_documents_pass_nothing():
    summary = summary_of(*(drawn({("web", "en"): 0.9, ("web", "de"): 0.1}, 60, seed) for seed in (1, 2)))
    assert {f.status for f in summary.findings} == {Status.INSUFFICIENT}
