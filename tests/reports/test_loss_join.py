"""Losses beside what a run knows of their domains."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from audits.findings import Status
from audits.model.loss_windows import curves
from reports.loss_join import LossOptions, join_losses
from reports.run_groups import RunGroups
from tests.audits.test_loss_windows import log_of, noise
from tests.reports.examples import make_result

SHARES = pa.table(
    {
        "subject": ["math", "web"],
        "share": [0.07, 0.9],
        "reference_share": [0.12, 0.88],
        "status": ["FAIL", "PASS"],
    }
)
DAMAGE = pa.table({"rule": ["mojibake"], "scope": ["source"], "subject": ["crawl"], "share": [0.3], "status": ["FAIL"]})
CONFIG = "name: web\naudits:\n- kind: domain_drift\n  name: domains\n- kind: encoding_damage\n"


def run(**changes):
    tables = {"domains": {"shares": SHARES}, "encoding_damage": {"damage": DAMAGE}}
    return replace(make_result(), tables=tables, config=CONFIG, **changes)


def groups(names=None):
    return RunGroups(run(), {"crawl": 0.6, "web": 0.4}, names or {})


def logged(n=400, rise=0.0, lag=0.0, **more):
    rng = np.random.default_rng(1)
    steps = np.arange(10, 10 * n + 1, 10)
    late = steps > steps[int(0.8 * n) - 1]
    losses = {
        "Math": 1.5 + noise(rng, n, 0.01, 0.3) + rise * late,
        "web": 2.5 + noise(rng, n, 0.01, 0.3) - lag * late,
        "crawl": 2.7 + noise(rng, n, 0.01, 0.3) - lag * late,
        "books": 2.2 + noise(rng, n, 0.01, 0.3) - lag * late,
    }
    return log_of(steps, {**losses, **more})


def joined(log, options=None, names=None):
    return join_losses(log, curves(log), groups(names), options or LossOptions())


def finding_of(findings, subject, metric="loss"):
    return next(one for one in findings if one.subject == subject and one.metric == metric)


@pytest.mark.parametrize(("rise", "status"), [(0.03, Status.WARN), (0.15, Status.FAIL)])
def test_a_rise_is_told_with_its_interval_and_the_drift_of_its_domain(rise, status):
    findings, tables = joined(logged(rise=rise))
    math = finding_of(findings, "Math")
    assert math.status is status
    assert math.ci_low < math.value < math.ci_high and math.effect == pytest.approx(rise, abs=0.02)
    assert "its share of tokens went from 12.0 % to 7.0 % (FAIL)" in math.message
    assert "sampling_weights.json" in math.suggestion
    row = next(row for row in tables["domains"].to_pylist() if row["domain"] == "Math")
    assert (row["matched"], row["share"], row["reference_share"], row["share_status"]) == (
        "domain math",
        0.07,
        0.12,
        "FAIL",
    )
    assert row["change_low"] < row["change"] < row["change_high"] and row["against_all"] > 0


def test_sources_with_damage_and_domains_that_kept_their_share():
    log = logged()
    log.loss = log.loss + np.where((log.domain == log.domains.index("crawl")) & (log.step > 3_200), 0.3, 0.0)
    log.loss = log.loss + np.where((log.domain == log.domains.index("web")) & (log.step > 3_200), 0.3, 0.0)
    findings, _ = joined(log)
    crawl, web = finding_of(findings, "crawl"), finding_of(findings, "web")
    assert "it has 60.0 % of tokens" in crawl.message and "mojibake in 30.0 % of documents" in crawl.message
    assert "Mend or drop the damaged documents" in crawl.suggestion
    assert "kept its share of tokens (90.0 %, in the baseline 88.0 %)" in web.message


def test_a_domain_that_stays_where_the_others_fall_is_told_but_no_alarm():
    findings, _ = joined(logged(lag=0.2))
    math = finding_of(findings, "Math")
    assert math.status is Status.INFO and "against all together" in math.message


def test_without_a_change_there_is_no_alarm_and_it_is_said_what_was_looked_at():
    findings, _ = joined(logged())
    assert {one.status for one in findings} <= {Status.PASS, Status.INFO}
    steady = finding_of(findings, "log", "steady_domains")
    assert "4 domains of 4 did not rise by 1.0 % or more" in steady.message


def test_too_few_steps_are_said_to_be_too_few():
    findings, tables = joined(logged(n=40))
    whole = finding_of(findings, "all", "loss_of_all")
    assert whole.status is Status.INSUFFICIENT and "Not enough data" in whole.message
    assert all(row["status"] == "INSUFFICIENT" for row in tables["domains"].to_pylist())
    assert not any(one.status is Status.PASS for one in findings)


def test_a_domain_with_few_steps_is_named():
    log = logged()
    rare = (log.domain == log.domains.index("books")) & (log.step % 700 != 0)
    for name in ("step", "domain", "loss", "tokens", "bytes"):
        setattr(log, name, getattr(log, name)[~rare])
    short = finding_of(joined(log)[0], "log", "short_domains")
    assert short.status is Status.INSUFFICIENT and "books" in short.message


def test_names_that_the_run_does_not_know_are_said_and_can_be_mapped():
    unmatched = finding_of(joined(logged())[0], "log", "unmatched")
    assert "1 domain of the log is no domain or source of the run" in unmatched.message and "books" in unmatched.message
    findings, tables = joined(logged(), names={"books": "crawl"})
    assert not any(one.metric == "unmatched" for one in findings)
    assert next(row for row in tables["domains"].to_pylist() if row["domain"] == "books")["matched"] == "source crawl"


def test_repeated_rows_and_missing_tokens_are_said():
    log = logged()
    log.repeated, log.has_tokens = 12, False
    findings, _ = joined(log)
    assert "12 rows of 1,600 repeat a step and domain" in finding_of(findings, "log", "repeated_rows").message
    assert "every row counts the same" in finding_of(findings, "log", "tokens").message


def test_curves_have_few_points_that_cover_all_steps():
    _, tables = joined(logged())
    rows = [row for row in tables["curves"].to_pylist() if row["domain"] == "(all)"]
    assert len(rows) == 60 and rows[0]["step_from"] == 10 and rows[-1]["step_to"] == 4_000
    assert sum(row["size"] for row in rows) == pytest.approx(400 * 4 * 100)


def test_a_run_without_shares_still_has_losses():
    log = logged(rise=0.15)
    bare = RunGroups(replace(make_result(), tables={}), {}, {})
    findings, _ = join_losses(log, curves(log), bare, LossOptions())
    assert finding_of(findings, "Math").status is Status.FAIL
