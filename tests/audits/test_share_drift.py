"""Shares against a baseline: what must be called drift, and what must not."""

import random

import pytest

from audits.base import Resources
from audits.drift.domain_drift import DomainDriftConfig
from audits.drift.language_drift import LanguageDriftConfig
from audits.drift.share_cells import Cell
from audits.drift.share_state import ShareState
from audits.findings import Status
from connectors.schema import EVAL_ITEM_SCHEMA
from tests.audits.corpora import documents, scanned, sentences

NOTHING = Resources(EVAL_ITEM_SCHEMA.empty_table())
WORDS = 300
"""Words of a document; all are equally long, so that shares of documents are shares of words."""


def cell(docs: int) -> Cell:
    return Cell(docs, docs * WORDS, docs * WORDS * 6, docs * WORDS**2, docs * WORDS**2)


def state(**sources: dict[str, int]) -> ShareState:
    """Return a state from documents by source and category."""
    made = ShareState.empty(100)
    for source, categories in sources.items():
        for category, docs in categories.items():
            made.cells[source, category] = cell(docs)
            made.wholes.setdefault(source, Cell()).merge(cell(docs))
    return made


def languages(now: ShareState, before: ShareState | None, **options):
    return LanguageDriftConfig(**options).build(NOTHING).summary(now, before)


def of(summary, subject):
    return next((f for f in summary.findings if f.subject == subject), None)


def test_twelve_to_nineteen_per_cent_fails_and_names_the_source():
    before = state(web={"en": 8800, "de": 600}, crawl={"de": 600})
    now = state(web={"en": 8100, "de": 600}, crawl={"de": 1300})
    summary = languages(now, before)
    found = of(summary, "non-en")
    assert found.status is Status.FAIL
    assert "from 12.0 % to 19.0 % of tokens" in found.message
    assert "source crawl, which grew from 6.0 % to 13.0 %" in found.message
    assert found.ci_low < 0.19 < found.ci_high
    assert found.value > found.threshold > found.reference
    rows = [row for row in summary.tables["attribution"].to_pylist() if row["subject"] == "non-en"]
    assert sum(row["total"] for row in rows) == pytest.approx(found.effect)
    assert all(row["mix"] + row["within"] + row["interaction"] == pytest.approx(row["total"]) for row in rows)


def test_half_a_point_of_twelve_is_not_drift_in_however_large_a_corpus():
    before = state(web={"en": 176_000, "de": 24_000})
    now = state(web={"en": 175_200, "de": 24_800})
    assert of(languages(now, before), "non-en") is None


def test_a_small_share_that_doubles_is_seen():
    before = state(web={"en": 199_600, "vi": 400})
    now = state(web={"en": 199_200, "vi": 800})
    assert of(languages(now, before), "vi").status is Status.FAIL


def test_a_share_that_moved_inside_a_source_is_told_from_one_whose_source_grew():
    before = state(web={"en": 9000, "de": 1000}, books={"en": 10_000})
    now = state(web={"en": 7000, "de": 3000}, books={"en": 10_000})
    assert "source web, inside which the share itself moved" in of(languages(now, before), "non-en").message


def test_a_large_change_in_few_documents_is_insufficient():
    before = state(web={"en": 990, "ru": 10})
    now = state(web={"en": 920, "ru": 80})
    assert of(languages(now, before), "ru").status is Status.INSUFFICIENT


@pytest.mark.parametrize(("now", "before"), [(state(), state(web={"en": 5})), (state(web={"en": 5}), state())])
def test_nothing_on_one_side_is_insufficient(now, before):
    assert [f.status for f in languages(now, before).findings] == [Status.INSUFFICIENT]


def test_without_a_baseline_shares_are_recorded():
    summary = languages(state(web={"en": 90, "de": 10}), None)
    assert [f.status for f in summary.findings] == [Status.INFO]
    assert {m.subject: m.value for m in summary.metrics if m.metric == "share"} == pytest.approx(
        {"non-en": 0.1, "de": 0.1, "en": 0.9}
    )


@pytest.mark.parametrize("seed", range(5))
def test_random_halves_of_a_corpus_do_not_differ(seed):
    rng = random.Random(seed)
    lines = [(language, line) for language in ("en", "de", "fr", "ru", "zh") for line in sentences(language)[:300]]
    rng.shuffle(lines)
    rows = [
        row
        for number, (language, line) in enumerate(lines)
        for row in documents([line], f"{language}{number}", "web", f"{language}.example")
    ]
    for config in (LanguageDriftConfig(), DomainDriftConfig()):
        audit = config.build(NOTHING)
        summary = audit.summary(scanned(audit, rows[::2]), scanned(audit, rows[1::2]))
        assert not [f for f in summary.findings if f.status in (Status.FAIL, Status.WARN)]


def test_language_is_taken_from_the_text_and_words_are_counted():
    audit = LanguageDriftConfig().build(NOTHING)
    rows = documents([*[" ".join(sentences("en")[n : n + 4]) for n in range(30)], *sentences("hi")[:10]])
    cells = scanned(audit, rows).seen().by_category()
    assert cells["en"].docs == 30
    assert cells["hi"].docs >= 9
    assert cells["en"].words > cells["hi"].words


def test_small_domains_are_judged_together():
    hosts = {f"host{n}": 3 for n in range(200)}
    audit = DomainDriftConfig().build(NOTHING)
    summary = audit.summary(state(web={"big": 5000, **hosts}), state(web={"big": 5000, **dict.fromkeys(hosts, 1)}))
    assert [row["subject"] for row in summary.tables["shares"].to_pylist()] == ["big", "(rare domains)"]
    assert of(summary, "(rare domains)").status is Status.FAIL


def test_sampling_weights_restore_the_mix():
    before = state(web={"code": 2000, "news": 6000, "math": 2000})
    now = state(web={"code": 1000, "news": 8000, "math": 1000})
    audit = DomainDriftConfig().build(NOTHING)
    weights = audit.summary(now, before).tables["sampling_weights"].to_pylist()
    kept = {row["domain"]: row["share"] * row["keep_share"] for row in weights}
    restored = {domain: share / sum(kept.values()) for domain, share in kept.items()}
    assert restored == pytest.approx({"code": 0.2, "news": 0.6, "math": 0.2})
    assert max(row["keep_share"] for row in weights) == 1.0


def test_a_domain_that_is_gone_cannot_be_restored_by_sampling():
    audit = DomainDriftConfig().build(NOTHING)
    summary = audit.summary(state(web={"news": 8000}), state(web={"news": 6000, "math": 2000}))
    keep = {row["domain"]: row["keep_share"] for row in summary.tables["sampling_weights"].to_pylist()}
    assert keep == {"news": 1.0, "math": None}
