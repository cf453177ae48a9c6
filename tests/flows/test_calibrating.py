"""Calibration from corpus to file to run: what it measures, when it is used, and when it is not."""

import json

import pytest

from audits.findings import Status
from flows.calibrated import read_calibration
from flows.calibrating import calibrate, calibration_lines, write_calibration
from flows.cli import main
from flows.errors import CalibrationUnusable
from flows.pipeline import make_plan, run_audit
from flows.run_config import load_config
from tests.flows.corpora import documents, gsm8k_questions, sentences, write_jsonl

DETECTORS = ["exact_match", "ngram_overlap", "near_duplicate"]
FRENCH = sorted(sentences("fr"), key=len)[-24:]
QUIZ = [*gsm8k_questions(), *(f"{FRENCH[n]} {FRENCH[n + 12]}" for n in range(12))]
RATE = 0.05
"""60 documents without a false alarm show this rate; the corpus has 80."""


@pytest.fixture
def config(tmp_path, write_config):
    """Writes a configuration of three detectors, one test set and 80 English documents."""

    def write(file="audit.yaml", questions=QUIZ, audits=None, **keys):
        rows = [json.dumps({"question": q, "answer": f"It is {n * 37}."}) for n, q in enumerate(questions)]
        (tmp_path / "quiz.jsonl").write_text("\n".join(rows), encoding="utf-8")
        if not (tmp_path / "corpus").exists():
            write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 80, 5))
        quiz = {"name": "quiz", "path": "quiz.jsonl", "question": "question", "answer": "answer"}
        return write_config(file, eval_sets=[quiz], audits=audits or [{"kind": kind} for kind in DETECTORS], **keys)

    return write


@pytest.fixture
def calibrated(tmp_path, config):
    """Returns a calibration and the file it was written to."""
    calibration = calibrate(load_config(config()), false_alarm_rate=RATE, per_set=10, documents=80)
    write_calibration(calibration, tmp_path / "calibration.json")
    return calibration


def limits(path):
    """Return the limits by test set that each detector of a configuration has."""
    return {audit.label: audit.limits.by_set for audit in make_plan(load_config(path)).audits}


def told(result, metric):
    return [f for f in result.findings if (f.audit, f.metric) == ("calibration", metric)]


def test_a_calibration_measures_every_detector_and_is_the_same_again_from_its_file(tmp_path, config, calibrated):
    assert [(one.detector, one.eval_set) for one in calibrated.measured] == [(kind, "quiz") for kind in DETECTORS]
    assert (calibrated.documents, calibrated.held) == (80, 0)
    exact, ngram, near = calibrated.measured
    assert exact.threshold is None
    for one in calibrated.measured:
        assert one.recall["question"].share == one.recall["question_answer"].share == 1
        assert (one.false_alarms.hits, one.false_alarms.of) == (0, 80)
        assert one.enough
        assert all(r.of <= 10 for r in one.recall.values())
    for one in (ngram, near):
        assert 0.3 <= one.threshold <= 0.95
        assert one.overall.share > exact.overall.share
    assert read_calibration(tmp_path / "calibration.json") == calibrated
    again = calibrate(load_config(config()), false_alarm_rate=RATE, per_set=10, documents=80)
    assert again.model_copy(update={"created": calibrated.created}) == calibrated


def test_documents_that_hold_an_item_are_no_negatives(tmp_path, config):
    texts = documents("en", 80, 5)
    texts[3] += " " + QUIZ[0]
    texts[50] = QUIZ[7]
    write_jsonl(tmp_path / "corpus" / "a.jsonl", texts)
    calibration = calibrate(load_config(config()), false_alarm_rate=RATE, per_set=2, documents=80)
    assert (calibration.documents, calibration.held) == (78, 2)
    assert {one.false_alarms.of for one in calibration.measured} == {78}
    assert {one.false_alarms.hits for one in calibration.measured} == {0}
    assert "2 left out because they hold an item word for word" in calibration_lines(calibration)[0]


def test_a_run_judges_by_calibrated_thresholds_and_tells_them(config, calibrated):
    path = config("used.yaml", calibration="calibration.json")
    chosen = {one.detector: {"quiz": one.threshold} for one in calibrated.measured if one.threshold is not None}
    assert limits(path) == {"exact_match": {}, **chosen}
    result = run_audit(load_config(path)).result
    rows = result.tables["calibration"]["rates"].to_pylist()
    assert [(row["detector"], row["measured_by"]) for row in rows] == [(kind, "calibration") for kind in DETECTORS]
    assert [row["threshold"] for row in rows] == [one.threshold for one in calibrated.measured]
    metrics = {(m.audit, m.metric): m for m in result.metrics if m.metric.startswith("calibrated_")}
    assert len(metrics) == 9
    recall = metrics["ngram_overlap", "calibrated_recall"]
    assert recall.ci_low <= recall.value <= recall.ci_high
    assert not [f for f in result.findings if f.audit == "calibration"]


def test_thresholds_that_the_user_gives_win_and_what_was_measured_at_others_is_not_told(config, calibrated):
    audits = [{"kind": "ngram_overlap", "thresholds": {"quiz": 0.77}}, {"kind": "near_duplicate"}]
    path = config("own.yaml", audits=audits, calibration="calibration.json")
    of = limits(path)
    assert of["ngram_overlap"] == {"quiz": 0.77}
    assert of["near_duplicate"] == {"quiz": calibrated.measured[2].threshold}
    result = run_audit(load_config(path)).result
    assert [row["detector"] for row in result.tables["calibration"]["rates"].to_pylist()] == ["near_duplicate"]
    # exact_match was measured too, but is not in this run.
    [stale] = told(result, "stale_thresholds")
    assert stale.value == 1 and "1 of 2 measurements" in stale.message


def test_with_too_few_documents_to_choose_the_detectors_own_thresholds_are_measured(tmp_path, config):
    calibration = calibrate(load_config(config()), false_alarm_rate=0.01, per_set=5, documents=80)
    assert [one.threshold for one in calibration.measured] == [None, 0.5, 0.7]
    assert not any(one.enough for one in calibration.measured)
    write_calibration(calibration, tmp_path / "few.json")
    result = run_audit(load_config(config("few.yaml", calibration="few.json"))).result
    assert [row["threshold"] for row in result.tables["calibration"]["rates"].to_pylist()] == [None, 0.5, 0.7]
    moved = [{"kind": "ngram_overlap", "min_coverage": 0.6}, {"kind": "near_duplicate"}]
    result = run_audit(load_config(config("moved.yaml", audits=moved, calibration="few.json"))).result
    assert [row["detector"] for row in result.tables["calibration"]["rates"].to_pylist()] == ["near_duplicate"]


def test_limits_and_tolerances_are_no_reason_to_calibrate_again(config, calibrated):
    audits = [
        {"kind": "ngram_overlap", "min_coverage": 0.66, "max_exposed_share": 0.1},
        {"kind": "near_duplicate", "min_matchable_share": 0.2},
    ]
    of = limits(config("same.yaml", audits=audits, calibration="calibration.json"))
    assert of["ngram_overlap"] == {"quiz": calibrated.measured[1].threshold}
    assert of["near_duplicate"] == {"quiz": calibrated.measured[2].threshold}


def test_other_items_make_a_calibration_stale(config, calibrated):
    path = config("stale.yaml", questions=QUIZ[1:], calibration="calibration.json")
    assert not any(limits(path).values())
    result = run_audit(load_config(path)).result
    [stale] = told(result, "stale_thresholds")
    assert stale.status is Status.WARN and stale.value == 3
    assert "calibrate" in stale.suggestion
    assert "calibration" not in result.tables


def test_other_options_make_their_detector_stale_alone(config, calibrated):
    audits = [{"kind": "exact_match"}, {"kind": "ngram_overlap", "n": 6}, {"kind": "near_duplicate"}]
    path = config("options.yaml", audits=audits, calibration="calibration.json")
    of = limits(path)
    assert not of["ngram_overlap"] and of["near_duplicate"]
    [stale] = told(run_audit(load_config(path)).result, "stale_thresholds")
    assert stale.value == 1


def test_too_few_documents_are_told_and_their_thresholds_not_used(tmp_path, config):
    calibration = calibrate(load_config(config()), false_alarm_rate=0.001, per_set=3, documents=80)
    write_calibration(calibration, tmp_path / "calibration.json")
    assert not any(one.enough for one in calibration.measured)
    assert "needs 3,000 documents" in calibration_lines(calibration)[-1]
    path = config("few.yaml", calibration="calibration.json")
    assert not any(limits(path).values())
    result = run_audit(load_config(path)).result
    [few] = told(result, "documents")
    assert few.status is Status.INFO and "3,000" in few.message
    assert not told(result, "stale_thresholds")


@pytest.mark.parametrize(
    "content",
    [None, b"", b"not JSON", b"[]", b'{"schema_version": 1}', b"\xff\xfe", json.dumps({"name": "x"}).encode()],
)
def test_a_file_that_is_no_calibration_stops_the_run_with_a_remedy(tmp_path, config, content):
    if content is not None:
        (tmp_path / "calibration.json").write_bytes(content)
    with pytest.raises(CalibrationUnusable, match=r"calibration\.json") as caught:
        make_plan(load_config(config(calibration="calibration.json")))
    assert "corpus-audit calibrate" in caught.value.remedy


def test_a_calibration_of_another_version_is_not_read(tmp_path, calibrated):
    values = json.loads(calibrated.model_dump_json()) | {"schema_version": 2}
    (tmp_path / "calibration.json").write_text(json.dumps(values))
    with pytest.raises(CalibrationUnusable, match="no calibration of this version"):
        read_calibration(tmp_path / "calibration.json")


def test_without_detectors_or_documents_there_is_nothing_to_calibrate(tmp_path, config):
    path = config(audits=[{"kind": "language_drift"}])
    with pytest.raises(CalibrationUnusable, match="no detector of test items"):
        calibrate(load_config(path))
    (tmp_path / "corpus" / "a.jsonl").write_bytes(b"")
    with pytest.raises(CalibrationUnusable, match="no readable document"):
        calibrate(load_config(config()))


def test_the_command_prints_what_it_measured_and_writes_it(tmp_path, config, monkeypatch, capsys):
    def corpus_audit(*arguments):
        monkeypatch.setattr("sys.argv", ["corpus-audit", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr()

    path, target = config(), tmp_path / "made.json"
    rate = ["--false-alarm-rate", RATE, "--per-set", 5, "--documents", 80]
    code, said = corpus_audit("calibrate", path, "--to", target, *rate)
    assert code == 0
    assert read_calibration(target).per_set == 5
    for kind in DETECTORS:
        [line] = [line for line in said.out.splitlines() if line.startswith(f"quiz {kind}")]
        assert " of the copies; 0 of 80 documents exposed wrongly" in line
        assert line.count(" % to ") >= 1
    assert str(target) in said.out.splitlines()[-1]
    code, said = corpus_audit("calibrate", path, "--to", tmp_path, *rate)
    assert code == 3 and "cannot be written" in said.err and "what to do" in said.err
    target.write_text("{}")
    code, said = corpus_audit("run", config("bad.yaml", calibration=str(target)))
    assert code == 3 and "is no calibration of this version" in said.err and "Traceback" not in said.err
