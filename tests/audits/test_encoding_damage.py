import json
import pickle
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from ftfy.badness import is_bad
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.base import Resources
from audits.batch import TextBatch
from audits.corruption.damage_state import MAX_SHARDS, DamageState
from audits.corruption.encoding_damage import (
    RULES,
    EncodingDamage,
    EncodingDamageConfig,
    damages,
    explain_mojibake,
    mojibake,
)
from audits.excerpts import visible
from audits.findings import Finding, Status
from connectors.schema import DOCUMENT_SCHEMA, EVAL_ITEM_SCHEMA

CASES = Path(__file__).parent / "cases"
MULTILINGUAL = Path(__file__).parents[1] / "data" / "multilingual"
NO_ITEMS = Resources(EVAL_ITEM_SCHEMA.empty_table())
BROKEN, CLEAN = "FÃ¼r alle", "Für alle"


def cases(name: str) -> list[object]:
    marks = [pytest.mark.xfail(strict=True)] if name == "known_misses" else []
    entries = json.loads((CASES / f"{name}.json").read_text())
    return [
        pytest.param(entry["text"], entry["expect"], id=f"{name}-{entry['label']}", marks=marks) for entry in entries
    ]


def sentences() -> list[tuple[str, str]]:
    files = sorted(MULTILINGUAL.glob("*.txt"))
    return [(file.stem, line) for file in files for line in file.read_text("utf-8").split("\n") if line.strip()]


def batch(texts: list[str], shard: str = "a", source: str = "web", first: int = 0) -> TextBatch:
    rows = [
        {"doc_id": f"{shard}-{first + at}", "text": text, "source": source, "shard": shard, "row": first + at}
        for at, text in enumerate(texts)
    ]
    return TextBatch(pa.RecordBatch.from_pylist(rows, schema=DOCUMENT_SCHEMA))


def audit(**options: object) -> EncodingDamage:
    return EncodingDamageConfig.model_validate(options).build(NO_ITEMS)


def scanned(of: EncodingDamage, *batches: TextBatch) -> DamageState:
    state = of.new_state()
    for one in batches:
        of.scan(state, one)
    return state


def findings_of(of: EncodingDamage, state: DamageState, rule: str) -> dict[str, Finding]:
    return {f.subject: f for f in of.summary(state).findings if f.metric == f"{rule}_share"}


@pytest.mark.parametrize(
    ("text", "expect"), cases("in_the_wild") + cases("synthetic") + cases("innocent") + cases("known_misses")
)
def test_each_case_breaks_exactly_the_rules_it_names(text, expect):
    assert sorted(damages(text)) == sorted(expect)


def test_the_only_alarms_on_clean_web_sentences_are_c1_characters():
    alarms = Counter()
    for language, line in sentences():
        found = set(damages(line))
        c1 = any("\x80" <= character <= "\x9f" for character in line)
        assert bool(found) == c1, (language, line, found)
        alarms[language] += bool(found)
    assert set(+alarms) == {"fr"}
    assert len(sentences()) >= 1000


def test_windows_give_ftfys_verdict_on_every_real_sentence():
    wrong = [line for _, line in sentences() if is_bad(line) != bool(list(mojibake(line)))]
    assert wrong == []
    for _, line in sentences():
        damaged = line.encode().decode("cp1252", "replace")
        assert is_bad(damaged) == bool(list(mojibake(damaged))), damaged


AWKWARD = st.text(
    st.sampled_from("aZ .?\n ÂÃâäéàÀÙØŒœ€™“”’«»²³×°¹·\x80\x9d\xa0\xad¡¿£¬ƒ√≈‚ÄвЂСВΒΞβāГў─│ﬁ\ufffd\uf8ff中")
)


@given(AWKWARD)
@settings(max_examples=1500, deadline=None)
def test_windows_give_ftfys_verdict_on_awkward_text(text):
    assert is_bad(text) == bool(list(mojibake(text)))


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_places_lie_inside_the_text(text):
    for spans in damages(text).values():
        assert all(0 <= start < end <= len(text) for start, end in spans)


def test_evidence_points_to_the_damaged_bytes():
    of = audit(min_docs=1)
    text = "Grüße: " + BROKEN
    place = findings_of(of, scanned(of, batch([text] * 40)), "mojibake")["corpus"].evidence[0]
    assert text.encode()[place.byte_start : place.byte_end].decode() == "Ã¼"
    assert "FÃ¼r" in place.excerpt


def test_a_bad_shard_fails_by_name_in_a_clean_corpus():
    of = audit()
    state = scanned(of, batch([BROKEN] * 48 + [CLEAN] * 72, "bad"))
    for shard in range(20):
        state.merge(scanned(of, batch([CLEAN] * 500, f"good-{shard:02}")))
    found = findings_of(of, state, "mojibake")
    assert found["corpus"].status is Status.PASS
    shards = found["shards"]
    assert shards.status is Status.FAIL
    assert "48 of 120 documents (40.0 %, 95 % interval 31.7 % to 48.9 %) of shard bad" in shards.message
    assert "the rest of the corpus has 0 %" in shards.message
    assert {place.shard for place in shards.evidence} == {"bad"}
    assert len(shards.evidence) == 5
    assert "UTF-8 that was decoded as" in shards.suggestion
    assert "shard bad" in shards.suggestion


def test_sources_are_judged_too():
    of = audit()
    state = scanned(of, batch([BROKEN] * 30 + [CLEAN] * 70, "a", "forum"), batch([CLEAN] * 2000, "b", "news"))
    assert findings_of(of, state, "mojibake")["sources"].status is Status.FAIL


def test_every_rule_passes_a_clean_corpus_and_none_passes_an_empty_one():
    of = audit()
    clean = of.summary(scanned(of, batch([CLEAN] * 200, "a"), batch([CLEAN] * 200, "b"))).findings
    assert [finding.status for finding in clean] == [Status.PASS] * len(RULES)
    empty = of.summary(of.new_state()).findings
    assert [finding.status for finding in empty] == [Status.INSUFFICIENT] * len(RULES)


def test_too_few_documents_are_insufficient_but_reported():
    of = audit()
    assert findings_of(of, scanned(of, batch([CLEAN] * 29)), "mojibake")["corpus"].status is Status.INSUFFICIENT
    state = scanned(of, batch([BROKEN] * 3, "tiny"), batch([CLEAN] * 5000, "big"))
    small = [f for f in of.summary(state).findings if f.metric == "mojibake_share_small"]
    assert [f.subject for f in small] == ["shards"]
    assert small[0].status is Status.INSUFFICIENT
    assert "tiny (3 of 3)" in small[0].message


def test_shards_just_at_the_limit_are_not_named_by_chance():
    of = audit(warn_share=0.01)
    # 9 of 400 by itself is above 1 % in its interval; as the worst of 300 equal shards it is chance.
    alone = scanned(of, batch([BROKEN] * 9 + [CLEAN] * 391, "a"))
    assert findings_of(of, alone, "mojibake")["corpus"].status is Status.WARN
    for shard in range(300):
        alone.docs["web", f"s{shard}"] = 400
        alone.affected["mojibake"]["web", f"s{shard}"] = 4
    assert "shards" not in findings_of(of, alone, "mojibake")


def test_the_table_and_metrics_add_up():
    of = audit()
    summary = of.summary(scanned(of, batch([BROKEN] * 4 + [CLEAN] * 96, "a"), batch([CLEAN] * 100, "b")))
    rows = [row for row in summary.tables["damage"].to_pylist() if row["rule"] == "mojibake"]
    assert [(r["scope"], r["subject"], r["affected_docs"], r["n_docs"]) for r in rows] == [
        ("corpus", "corpus", 4, 200),
        ("source", "web", 4, 200),
        ("shard", "a", 4, 100),
    ]
    metric = next(m for m in summary.metrics if m.subject == "corpus" and m.metric == "mojibake_share")
    assert metric.value == 0.02


def test_order_and_cut_of_the_stream_do_not_matter():
    of = audit()
    texts = [BROKEN, CLEAN, "a\x00b", "Ã© Ã¨ Ã¼", "don???t"] * 12
    whole = of.summary(scanned(of, batch(texts, "a"), batch(texts[::-1], "b")))
    pieces = [batch(texts[at : at + 7], "a", first=at) for at in range(0, len(texts), 7)]
    pieces += [batch(texts[::-1][at : at + 13], "b", first=at) for at in range(0, len(texts), 13)]
    merged = of.new_state()
    for piece in reversed(pieces):
        merged.merge(pickle.loads(pickle.dumps(scanned(of, piece))))
    again = of.summary(merged)
    assert again.findings == whole.findings
    assert again.metrics == whole.metrics
    assert again.tables["damage"].equals(whole.tables["damage"])


def test_evidence_is_bounded_and_keeps_the_worst_shard():
    of = audit()
    state = of.new_state()
    for shard in range(3 * MAX_SHARDS):
        state.merge(scanned(of, batch([BROKEN] + [CLEAN] * 9, f"s{shard:04}")))
    state.merge(scanned(of, batch([BROKEN] * 40, "worst")))
    assert len(state.examples["mojibake"]) <= 2 * MAX_SHARDS
    assert ("web", "worst") in state.worst_examples("mojibake")
    assert findings_of(of, state, "mojibake")["shards"].evidence[0].shard == "worst"


def test_a_baseline_stands_beside_the_share():
    of = audit()
    before = of.from_profile(of.to_profile(scanned(of, batch([BROKEN] * 2 + [CLEAN] * 198))))
    now = scanned(of, batch([BROKEN] * 20 + [CLEAN] * 180))
    finding = next(f for f in of.summary(now, before).findings if f.metric == "mojibake_share")
    assert finding.reference == 0.01
    assert finding.effect == pytest.approx(0.09)
    assert "The baseline had 1.0 %" in finding.message


def test_quotations_carry_no_control_characters():
    of = audit(min_docs=1)
    state = scanned(of, batch(["\x1b[2J" * 80 + "\u202e" + "\u200b" * 50] * 40))
    places = [place for finding in of.summary(state).findings for place in finding.evidence]
    assert places
    assert all(place.excerpt.isprintable() and len(place.excerpt) <= 240 for place in places)
    assert visible("\x1b[2J") == "\\x1b[2J"


def test_ftfy_explains_the_damage():
    assert explain_mojibake("FÃ¼r die MÃ¤rkte â€“ jetzt") == "ftfy reads it as UTF-8 that was decoded as Windows-1252"
    assert "Windows-1251" in explain_mojibake("Привет, мир".encode().decode("cp1251", "ignore"))
    assert explain_mojibake("nothing wrong") == ""


def test_limits_must_be_in_order():
    with pytest.raises(ValueError, match="warn_share"):
        EncodingDamageConfig(warn_share=0.5, fail_share=0.1)
