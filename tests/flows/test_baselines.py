"""Two baselines a night, the corpus's own history, and comparisons that are refused."""

import json

import pytest

from audits.drift.language_drift import LanguageDrift
from audits.findings import Status
from flows.errors import ConfigError
from flows.pipeline import run_audit
from flows.run_config import load_config
from reports.reading import read_run
from reports.run_index import GOLDEN, point
from tests.flows.corpora import documents, write_jsonl

LANGUAGE = [{"kind": "language_drift", "min_docs": 20}]


@pytest.fixture
def night(tmp_path, write_config):
    """Audits a corpus of English documents and some German ones; returns the outcome."""

    def run(german: int, audits=LANGUAGE, english: int = 400, **keys):
        texts = documents("en", english, 3) + documents("de", german, 3)
        write_jsonl(tmp_path / "corpus" / "a.jsonl", texts)
        return run_audit(load_config(write_config(audits=audits, **keys)))

    return run


def found(outcome, **wanted):
    return [f for f in outcome.result.findings if all(getattr(f, key) == value for key, value in wanted.items())]


def pinned(tmp_path, outcome):
    point(tmp_path / "runs", GOLDEN, outcome.folder.name)
    return "runs/golden"


def test_each_night_is_compared_with_the_baseline_and_with_the_last_accepted_run(tmp_path, night):
    golden = pinned(tmp_path, night(40))
    second = night(44, baseline=golden, previous=True)
    assert second.result.previous is None, "the last accepted run is the baseline itself"
    third = night(160, baseline=golden, previous=True)
    assert third.result.previous == second.folder.name
    slow, step = found(third, subject="non-en", audit="language_drift", status=Status.FAIL)
    assert slow.message.startswith(f"Against the baseline {third.result.baseline}: Non-English text went from")
    assert step.message.startswith(f"Since the last accepted run {second.folder.name}: Non-English text went from")
    assert (slow.comparison, slow.against) == ("baseline", third.result.baseline)
    assert (step.comparison, step.against) == ("previous", second.folder.name)
    assert slow.value == step.value and slow.reference < step.reference
    ids = [finding.finding_id for finding in third.result.findings]
    assert len(ids) == len(set(ids))
    assert "previous_shares" in third.result.tables["language_drift"]
    again = read_run(third.folder)
    assert again.findings == third.result.findings or sorted(f.finding_id for f in again.findings) == sorted(ids)
    assert again.previous == second.folder.name


def test_a_run_that_fails_is_not_accepted_unless_somebody_pins_it(tmp_path, night):
    golden = pinned(tmp_path, night(40))
    failed = night(160, baseline=golden)
    assert failed.verdict.status is Status.FAIL
    assert night(160, previous=True).result.previous != failed.folder.name
    pinned(tmp_path, failed)
    assert night(158, previous=True).result.previous is not None


def test_without_a_baseline_the_last_accepted_run_is_enough(night):
    first = night(40, previous=True)
    [told] = found(first, audit="baseline", subject="previous")
    assert told.status is Status.INFO and "no accepted run of audit" in told.message
    second = night(160, previous=True)
    [step] = found(second, subject="non-en", status=Status.FAIL)
    assert step.message.startswith("Since the last accepted run")
    assert not found(second, metric="share", status=Status.INFO)


def test_absolute_limits_are_judged_once_however_many_runs_there_are_to_compare_with(tmp_path, night):
    audits = [{"kind": "synthetic_share"}, {"kind": "encoding_damage"}]
    golden = pinned(tmp_path, night(40, audits=audits))
    night(41, audits=audits, baseline=golden)
    outcome = night(42, audits=audits, baseline=golden, previous=True)
    assert outcome.result.previous
    assert len(found(outcome, metric="marked_share")) == 1
    assert len(found(outcome, audit="synthetic_share", metric="share")) == 2
    assert {f.comparison for f in found(outcome, audit="encoding_damage")} == {""}


def test_another_runs_folder_may_be_named_as_the_previous_one(tmp_path, night):
    first = night(40)
    night(44)
    outcome = night(160, previous=str(first.folder))
    assert outcome.result.previous == first.folder.name
    elsewhere = night(160, previous="runs", output="other")
    assert elsewhere.result.previous is not None
    with pytest.raises(ConfigError, match="does not exist"):
        night(40, previous="none")


def test_a_value_inside_the_band_of_earlier_runs_is_no_news(tmp_path, night):
    """The share of German swings from night to night; the baseline was made on a quiet one."""
    golden = pinned(tmp_path, night(40))
    for german in (20, 100, 30, 110, 25, 105, 35, 90):
        night(german)
    usual = night(108, baseline=golden)
    [told] = found(usual, subject="non-en", audit="language_drift")
    assert told.status is Status.INFO
    assert "inside the band of the last 9 accepted runs" in told.message
    assert told.band_low < told.value < told.band_high
    unusual = night(800, baseline=golden)
    [told] = found(unusual, subject="non-en", audit="language_drift")
    assert told.status is Status.FAIL
    assert "outside the band of the last 10 accepted runs" in told.message


def test_a_steady_rise_excuses_nothing(tmp_path, night):
    golden = pinned(tmp_path, night(40))
    for german in range(48, 120, 8):
        night(german)
    [told] = found(night(120, baseline=golden), subject="non-en", audit="language_drift")
    assert told.status is Status.FAIL
    assert "moved steadily in one direction" in told.message


def test_runs_that_counted_otherwise_make_no_band_and_are_no_previous_run(tmp_path, night, monkeypatch):
    for german in (20, 100, 30, 110, 25, 105, 35, 90):
        night(german)
    monkeypatch.setattr("audits.drift.language_drift.language_digest", lambda: "another model")
    golden = pinned(tmp_path, night(40))
    outcome = night(108, baseline=golden, previous=True)
    [told] = found(outcome, subject="non-en", audit="language_drift", comparison="baseline")
    assert told.status is Status.FAIL and told.band_low is None
    monkeypatch.setattr("audits.drift.language_drift.language_digest", lambda: "a third model")
    outcome = night(108, baseline=golden, previous=True)
    [refused] = found(outcome, status=Status.ERROR)
    assert "another languages" in refused.message and "Nothing was compared" in refused.message
    [told] = found(outcome, audit="baseline", subject="previous")
    assert "counted with other rules or models" in told.message


def test_a_profile_of_another_schema_version_is_refused_and_not_compared(tmp_path, night, monkeypatch):
    golden = pinned(tmp_path, night(40))
    index = tmp_path / "runs" / "golden" / "profile" / "profile.json"
    assert json.loads(index.read_text())["audits"]["language_drift"]["version"] == LanguageDrift.profile_version
    monkeypatch.setattr(LanguageDrift, "profile_version", 99)
    outcome = night(160, baseline=golden)
    [refused] = found(outcome, status=Status.ERROR)
    assert "another profile schema (version 99 now" in refused.message
    assert not found(outcome, subject="non-en")


def test_a_damaged_older_run_costs_its_place_in_the_band_and_not_the_night(tmp_path, night):
    runs = [night(german) for german in (20, 100, 30, 110, 25, 105, 35, 90, 60)]
    (runs[0].folder / "metrics.parquet").write_bytes(b"")
    golden = pinned(tmp_path, runs[2])
    [told] = found(night(108, baseline=golden), subject="non-en", audit="language_drift")
    assert "of the last 8 accepted runs" in told.message
