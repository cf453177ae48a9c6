"""A run's mix against a target: what is said, what is refused, and what is written."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from audits.findings import Status
from connectors.errors import MixError
from reports.joined import write_joined
from reports.reading import read_run
from reports.result import Profile
from reports.run_folder import write_run, write_views
from reports.sampling_weights import NOT_LISTED, read_weights
from reports.target_mix import MixOptions, compare_mix, mix_of, plan_lines, read_target, target_of, update_weights
from tests.reports.examples import HOSTILE, eval_items, make_result

NAME = HOSTILE.replace("\ud800", "")


def table(rows):
    names = ("source", "category", "docs", "words", "bytes", "words_squared")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])


def profiles(cells, kind="domain_drift", words="words-2"):
    """Return a run's profile of (source, domain): (documents, words of each)."""
    rows = [(s, d, n, n * w, 4 * n * w, n * w * w) for (s, d), (n, w) in cells.items()]
    sources = {s: [row for row in rows if row[0] == s] for s, _ in cells}
    wholes = [(s, "", *(sum(row[at] for row in of) for at in range(2, 6))) for s, of in sources.items()]
    tables = {"shares": table(rows), "wholes": table(wholes)}
    return {"audit": Profile(kind, {"words": words}, tables)}


OPTIONS = MixOptions()
CORPUS = {("cc", "web"): (700, 10), ("cc", "forum"): (100, 5), ("own", "math"): (50, 50)}


def compare(target, options=OPTIONS, cells=CORPUS):
    mix = mix_of(profiles(cells), options.by, "The run")
    return compare_mix(mix, target, "mix.json", options)


def by_metric(joined):
    return {finding.metric: finding for finding in joined.findings}


def test_by_domain_by_source_and_by_language():
    assert {n: a.tokens for n, a in mix_of(profiles(CORPUS), "domain", "r").amounts.items()} == {
        "web": 7_000,
        "forum": 500,
        "math": 2_500,
    }
    assert {n: a.documents for n, a in mix_of(profiles(CORPUS), "source", "r").amounts.items()} == {
        "cc": 800,
        "own": 50,
    }
    with pytest.raises(MixError, match="The run counted nothing by language"):
        mix_of(profiles(CORPUS), "language", "The run")
    assert mix_of(profiles(CORPUS, kind="language_drift"), "language", "r").amounts["web"].bytes == 28_000


def test_the_distance_has_an_interval_over_documents_and_names_what_is_apart():
    found = by_metric(compare({"web": 0.5, "forum": 0.1, "math": 0.4}))
    distance = found["distance_share"]
    assert distance.status is Status.INFO and distance.value == pytest.approx(0.2)
    assert distance.ci_low < 0.2 < distance.ci_high
    assert "web 70.0 % for 50.0 %" in distance.message and distance.n_docs == 850
    # Documents are the units: with ten times as many the interval is about a third as wide.
    more = by_metric(
        compare({"web": 0.5, "forum": 0.1, "math": 0.4}, cells={k: (10 * n, w) for k, (n, w) in CORPUS.items()})
    )
    wide, narrow = (one.ci_high - one.ci_low for one in (distance, more["distance_share"]))
    assert wide / narrow == pytest.approx(10**0.5, rel=0.05)


def test_a_target_that_can_be_reached_passes_and_one_that_cannot_says_what_can():
    reached = by_metric(compare({"web": 0.5, "forum": 0.1, "math": 0.4}))["capped"]
    assert reached.status is Status.PASS
    short = by_metric(compare({"web": 0.4, "forum": 0.5, "math": 0.1}))["capped"]
    assert short.status is Status.WARN
    # 500 tokens of forums at 4 epochs are 2,000; half of 4,000.
    assert "forum reaches 20.0 % of the 50.0 % wanted" in short.message
    assert "It can be reached for up to 4,000 tokens" in short.message
    everything = by_metric(compare({"web": 0.4, "forum": 0.2, "math": 0.4}, MixOptions(total=50_000)))["capped"]
    assert "for up to 10,000 tokens. No more than 40,000 tokens can be drawn at all." in everything.message


def test_what_is_missing_or_not_named_is_said_with_what_is_near():
    found = by_metric(compare({"Web": 0.5, "math": 0.5}))
    assert found["absent_share"].status is Status.WARN
    assert "Web (50.0 %, near to web)" in found["absent_share"].message
    assert "no weight to 2 domains with 75.0 %" in found["unasked_share"].message


def test_others_are_one_group():
    joined = compare({"math": 0.5, "*": 0.5})
    rows = {row["domain"]: row for row in joined.tables["sampling_weights"].to_pylist()}
    assert rows["*"]["tokens"] == 7_500 and rows.keys() == {"math", "*"}


def test_a_target_of_other_names_altogether_is_refused():
    with pytest.raises(MixError, match=r"none of the domains that it names \(Pile-CC\)"):
        compare({"Pile-CC": 1.0})


@pytest.mark.parametrize("unit", ["bytes", "documents"])
def test_other_units(unit):
    found = by_metric(compare({"web": 0.5, "forum": 0.1, "math": 0.4}, MixOptions(unit=unit)))
    assert unit in found["distance_share"].message
    assert (found["distance_share"].ci_low is None) == (unit == "bytes")


def test_another_run_is_a_target_if_it_counts_alike(tmp_path):
    options = MixOptions()
    other = {("cc", "web"): (500, 10), ("own", "math"): (100, 50), ("cc", "tiny"): (3, 10)}
    folder = write_run(replace(make_result(), profiles=profiles(other)), tmp_path, eval_items())
    mix = mix_of(profiles(CORPUS), "domain", "r")
    assert read_target(folder, mix, options) == {"web": 5_000, "math": 5_000, "*": 30, "forum": 0}
    alien = mix_of(profiles(other, words="words-1"), "domain", "r")
    with pytest.raises(MixError, match=r"counted tokens otherwise \(words words-1 there, words words-2 here\)"):
        target_of(alien, mix, options, "It")
    assert target_of(alien, mix, MixOptions(unit="bytes"), "It")["web"] == 20_000


def test_weights_are_written_beside_those_of_the_run_and_read_for_sampling(tmp_path):
    kept = pa.Table.from_pylist([{"domain": "web", "share": 1.0, "target_share": 1.0, "keep_share": 1.0}])
    result = make_result(tables={"domain_drift": {"sampling_weights": kept}})
    folder = write_run(result, tmp_path, eval_items())
    path = folder / "actions" / "sampling_weights.json"
    assert json.loads(path.read_bytes()) == {
        "domain_drift": [{"domain": "web", "share": 1.0, "target_share": 1.0, "keep_share": 1.0}]
    }
    joined = compare({"cc": 0.5, "own": 0.5}, MixOptions(by="source"))
    update_weights(joined, folder)
    content = json.loads(path.read_bytes())
    assert list(content) == ["domain_drift", "target_mix"]
    weights = read_weights(path, "up")
    assert (weights.by, weights.unit, weights.way) == ("source", "tokens", "up")
    assert weights.rates == pytest.approx({"cc": 5_000 / 7_500, "own": 2.0})
    assert (weights.group_of("cc"), weights.group_of("new"), weights.rate_of(NOT_LISTED)) == ("cc", NOT_LISTED, 0.0)
    assert read_weights(path, "down", "domain_drift").rates == {"web": 1.0}
    with pytest.raises(MixError, match=r"row 0 \(web\): no epochs"):
        read_weights(path, "up", "domain_drift")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"web": 0.5}', "no sampling weights, expected rows by audit"),
        ('{"a": [{"domain": "w", "keep_share": 1}], "b": [{}]}', "has weights of a, b"),
        ('{"a": [{"group": "w"}]}', "no rows with a domain, source, language"),
        ('{"a": [{"domain": "w", "keep_share": 1.5, "target_share": 1}]}', r"row 0 \(w\): keep_share is 1.5, expected"),
        ('{"a": [{"domain": "w", "keep_share": "x", "target_share": 1}]}', "keep_share is x"),
        ('{"a": [{"domain": 3, "keep_share": 1}]}', "row 0: no domain"),
        ('{"a": [{"domain": "w", "keep_share": 0, "target_share": 1}]}', "every keep_share is 0"),
        ("{", "cannot be read"),
    ],
)
def test_files_that_are_no_weights_are_named(tmp_path, content, said):
    path = tmp_path / "w.json"
    path.write_text(content)
    with pytest.raises(MixError, match=said) as caught:
        read_weights(path, "down")
    assert str(path) in caught.value.problem


def test_hostile_names_travel_safely_into_the_report(tmp_path):
    joined = compare({NAME: 0.5, "*": 0.5}, cells={**CORPUS, ("cc", NAME): (50, 10)})
    folder = write_run(make_result(), tmp_path, eval_items())
    write_joined(joined, folder)
    update_weights(joined, folder)
    write_views(read_run(folder), folder)
    page = (folder / "report.html").read_text()
    assert "Joined to this run" in page and "<script" not in page and "\u202e" not in page
    assert json.loads((folder / "summary.json").read_bytes())["joined"][0]["audit"] == "target_mix"
    assert plan_lines(joined)
