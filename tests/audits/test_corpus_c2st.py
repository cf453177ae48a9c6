"""The classifier two-sample test: other kinds of documents are told apart, hosts are not learned by heart."""

import random

import numpy as np
import pytest

from audits.base import Resources
from audits.drift.c2st_state import C2stState, Vectors
from audits.drift.c2st_test import least_different, separation
from audits.drift.corpus_c2st import CorpusC2stConfig
from audits.findings import Status
from audits.history import History
from connectors.schema import EVAL_ITEM_SCHEMA
from tests.audits.corpora import documents, scanned, sentences

NOTHING = Resources(EVAL_ITEM_SCHEMA.empty_table())
AUDIT = CorpusC2stConfig(documents=400).build(NOTHING)


def night(seed, share_german=0.1, count=300, host="h", boilerplate=None):
    """Return documents of real sentences; each of 60 hosts has a word of its own on every page."""
    rng = random.Random(seed)
    rows = []
    for n in range(count):
        language = "de" if rng.random() < share_german else "en"
        place = rng.randrange(60)
        name = f"{host}{place}.example"
        text = " ".join(rng.sample(sentences(language), 4)) + f" {host}{place}"
        if boilerplate:
            text = f"{boilerplate} {text}"
        [row] = documents([text], f"{host}{seed}", "web")
        rows.append({**row, "row": n, "doc_id": f"{seed}-{n}", "url": f"https://{name}/{n}"})
    return rows


def compared(now, before, audit=AUDIT):
    state = scanned(audit, before)
    return audit.summary(scanned(audit, now), audit.from_profile(audit.to_profile(state)))


def test_another_kind_of_corpus_fails_and_says_by_what():
    summary = compared(night(1, share_german=0.9), night(2, share_german=0.1))
    [found] = summary.findings
    assert found.status is Status.FAIL
    assert found.ci_low < found.value < found.ci_high and found.value > 0.85
    rows = summary.tables["features"].to_pylist()
    now = [row["ngram"] for row in rows if row["more_frequent"] == "now"]
    before = [row["ngram"] for row in rows if row["more_frequent"] == "baseline"]
    assert {"der", "die", "und"} & set(now[:8]) and {"the", "and", "of"} & set(before[:8])
    assert "More frequent now: " in found.message and "in the baseline: " in found.message
    assert [place.chosen for place in found.evidence] == ["least like the baseline"] * 3 + ["seeded random"] * 2


def test_new_boilerplate_on_every_page_is_named():
    summary = compared(night(1, boilerplate="Accept all cookies now"), night(2))
    [found] = summary.findings
    assert found.status is Status.FAIL
    names = [row["ngram"] for row in summary.tables["features"].to_pylist()][:10]
    assert "cookies" in names or "all cookies" in names


@pytest.mark.parametrize("seed", range(4))
def test_two_nights_of_one_corpus_are_one_corpus(seed):
    [found] = compared(night(2 * seed), night(2 * seed + 1)).findings
    assert found.status is Status.PASS
    assert found.ci_low < 0.55


def test_other_hosts_alone_are_not_another_corpus():
    """Every host has a word of its own. A classifier tested on hosts it knows would find nothing but these."""
    [found] = compared(night(1, host="old"), night(2, host="new")).findings
    assert found.status is Status.PASS


def test_one_host_for_everything_cannot_be_tested():
    rows = [{**row, "url": "https://one.example/"} for row in night(1)]
    [found] = compared(rows, [{**row, "doc_id": f"b{n}"} for n, row in enumerate(rows)]).findings
    assert found.status is Status.INSUFFICIENT


def test_few_documents_are_insufficient():
    [found] = compared(night(1, count=40), night(2)).findings
    assert found.status is Status.INSUFFICIENT and "40 sampled documents" in found.message


def test_without_a_baseline_documents_are_only_sampled():
    summary = AUDIT.summary(scanned(AUDIT, night(1)))
    assert [f.status for f in summary.findings] == [Status.INFO]


def test_a_profile_holds_features_and_no_text():
    secret = "Zaphod Beeblebrox 1138"
    rows = night(1, count=60)
    rows[3]["text"] = f"{secret} {rows[3]['text']}"
    tables = AUDIT.to_profile(scanned(AUDIT, rows))
    assert set(tables) == {"vectors", "names", "facts"}
    names = set(tables["names"].column("ngram").to_pylist())
    assert {"the", "of the"} <= names
    assert not {name for name in names if "zaphod" in name or "beeblebrox" in name}
    again = AUDIT.from_profile(tables)
    whole = scanned(AUDIT, rows).vectors()
    assert again.vectors().hosts == whole.hosts
    assert all((one == other).all() for one, other in zip(again.vectors().features, whole.features, strict=True))
    assert AUDIT.to_profile(again)["vectors"].equals(tables["vectors"])


def test_the_sample_is_bounded_and_the_same_in_any_order():
    rows = night(1, count=300)
    audit = CorpusC2stConfig(documents=200).build(NOTHING)
    whole = scanned(audit, rows)
    parts = [scanned(audit, rows[at : at + 100], 37) for at in (200, 0, 100)]
    total = audit.new_state()
    for part in parts:
        total.merge(part)
    assert isinstance(total, C2stState)
    assert total.sample.rows().equals(whole.sample.rows())
    assert len(total.vectors()) == 200


def test_a_corpus_that_is_always_told_apart_is_usual():
    audit = AUDIT.with_history(History({("corpus", "auc"): (0.9, 0.95, 0.99, 0.93, 0.97, 0.9, 0.98, 0.94)}))
    [found] = compared(night(1, share_german=0.9), night(2, share_german=0.1), audit).findings
    assert found.status is Status.INFO and "band of the last 8 accepted runs" in found.message


def vectors(docs, seed, rate):
    """Return documents of 20 features of 400; feature 0 is in a share `rate` of them."""
    rng = np.random.default_rng(seed)
    features = [np.unique(rng.integers(1, 400, 20)).astype(np.uint32) for _ in range(docs)]
    marked = rng.random(docs) < rate
    features = [np.append(np.uint32(0), one) if mark else one for one, mark in zip(features, marked, strict=True)]
    hashes = rng.integers(0, 2**63, docs, dtype=np.uint64)
    return Vectors(hashes, [f"h{number}.example" for number in rng.integers(0, 200, docs)], features)


def test_chance_is_chance_under_no_difference():
    ps = [separation(vectors(300, 2 * seed, 0.3), vectors(300, 2 * seed + 1, 0.3)).p for seed in range(12)]
    assert sum(p <= 0.01 for p in ps) <= 1
    assert 0.2 < np.mean(ps) < 0.9


def test_a_feature_of_one_side_bounds_what_a_classifier_can_reach():
    """A third of the documents are of another kind: no classifier passes 1 − (2/3)²/2 = 0.78."""
    result = separation(vectors(1500, 1, 1 / 3), vectors(1500, 2, 0.0))
    assert 0.6 < result.auc < 1 - (2 / 3) ** 2 / 2 + 0.02
    assert result.p <= 0.001 and result.chance < result.auc
    assert least_different(result.low) <= 1 / 3
    assert result.features[np.argmax(result.weights)] == 0


def test_least_different_is_the_inverse_of_the_largest_area():
    for kind in (0.0, 0.1, 0.5, 1.0):
        assert least_different(1 - (1 - kind) ** 2 / 2) == pytest.approx(kind, abs=1e-7)
