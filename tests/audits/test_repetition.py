import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from audits.base import Resources
from audits.batch import TextBatch
from audits.corruption.damage_state import DamageState
from audits.corruption.repetition import Repetition, RepetitionConfig
from audits.findings import Status
from connectors.schema import DOCUMENT_SCHEMA, EVAL_ITEM_SCHEMA

MULTILINGUAL = Path(__file__).parents[1] / "data" / "multilingual"
RNG = np.random.default_rng(7)
PROSE = " ".join(f"word{index}" for index in range(80))


def batch(texts: list[str], shard: str = "a", first: int = 0) -> TextBatch:
    rows = [
        {"doc_id": f"{shard}-{first + at}", "text": text, "source": "web", "shard": shard, "row": first + at}
        for at, text in enumerate(texts)
    ]
    return TextBatch(pa.RecordBatch.from_pylist(rows, schema=DOCUMENT_SCHEMA))


def audit(**options: object) -> Repetition:
    return RepetitionConfig.model_validate(options).build(Resources(EVAL_ITEM_SCHEMA.empty_table()))


def scanned(of: Repetition, *batches: TextBatch) -> DamageState:
    state = of.new_state()
    for one in batches:
        of.scan(state, one)
    return state


def broken(text: str) -> set[str]:
    return set(scanned(audit(), batch([text])).affected)


def lines(count: int, distinct: int, length: int = 10) -> str:
    return "\n".join(
        f"line number {index % distinct} " + f"w{index % distinct} " * (length - 3) for index in range(count)
    )


def test_prose_breaks_no_rule():
    assert broken(PROSE) == set()


@pytest.mark.parametrize(("repeats", "over"), [(30, False), (31, True)])
def test_duplicate_lines_count_beyond_30_in_100(repeats, over):
    # The repeated lines are short, so that only their number can break the rule.
    distinct = [" ".join(f"{word}{index}" for word in ("alpha", "beta", "gamma", "delta")) for index in range(100)]
    text = "\n".join(distinct[: 100 - repeats - 1] + ["x"] * (repeats + 1))
    assert ("duplicate_lines" in broken(text)) is over


def test_a_paragraph_printed_again_breaks_its_own_rule():
    text = f"{PROSE}\n\nsomething else\n\n{PROSE}"
    assert {"duplicate_paragraphs", "duplicate_lines", "duplicate_ngrams"} <= broken(text)


def test_a_phrase_over_and_over():
    text = " ".join(f"item{index} buy now" for index in range(60))
    assert "top_ngrams" in broken(text)


def test_a_passage_twice():
    filler = " ".join(f"other{index}" for index in range(100))
    passage = " ".join(f"again{index}" for index in range(25))
    assert broken(f"{passage} {filler} {passage}") == {"duplicate_ngrams"}


@pytest.mark.parametrize(("repeats", "found"), [(31, False), (32, True)])
def test_a_loop_needs_32_rounds(repeats, found):
    assert ("token_loops" in broken(f"{PROSE} " + "round and round " * repeats)) is found


def test_a_short_document_is_only_checked_for_loops():
    of = audit()
    state = scanned(of, batch(["a b c d e " * 4]))
    assert state.affected == {}
    assert {rule for rule, counts in state.unchecked.items() if sum(counts.values())} == {
        "duplicate_lines",
        "duplicate_paragraphs",
        "top_ngrams",
        "duplicate_ngrams",
    }


def test_scripts_without_spaces_are_not_checked_for_ngrams_and_said_to_be_so():
    of = audit()
    pages = ["".join((MULTILINGUAL / f"{language}.txt").read_text("utf-8").split()) for language in ("ja", "zh")]
    state = scanned(of, batch([page[at : at + 400] for page in pages for at in range(0, 2400, 400)]))
    assert state.affected == {}
    messages = [f.message for f in of.summary(state).findings if f.metric == "top_ngrams_unchecked_share"]
    assert len(messages) == 1
    assert messages[0].startswith("12 of 12 documents were not checked for top_ngrams")
    assert sum(state.unchecked["duplicate_lines"].values()) == 0


def test_clean_pages_of_real_sentences_hardly_ever_break_a_rule():
    pages = []
    for file in sorted(MULTILINGUAL.glob("*.txt")):
        sentences = file.read_text("utf-8").split("\n")
        pages += ["\n".join(sentences[at : at + 10]) for at in range(0, 100, 10)]
    of = audit()
    state = scanned(of, batch(pages))
    assert sum(sum(counts.values()) for counts in state.affected.values()) <= 0.02 * len(pages)


def test_unchecked_documents_are_not_in_the_denominator():
    of = audit()
    looped = "buy now cheap " * 60
    state = scanned(of, batch(["short text"] * 60 + [looped] * 20 + [PROSE] * 20))
    row = next(
        row
        for row in of.summary(state).tables["damage"].to_pylist()
        if row["rule"] == "top_ngrams" and row["scope"] == "corpus"
    )
    assert (row["n_docs"], row["affected_docs"], row["status"]) == (40, 20, "FAIL")


def test_loops_have_narrower_limits_than_phrases():
    of = audit()
    state = scanned(of, batch(["so " * 40] * 3 + [PROSE] * 97))
    found = {f.metric: f.status for f in of.summary(state).findings}
    assert found["token_loops_share"] is Status.WARN
    assert of.limits_of("top_ngrams") != of.limits_of("token_loops")


def test_evidence_shows_what_repeats():
    text = "Introduction. " + PROSE + " Click here to win. " * 40
    of = audit()
    finding = next(f for f in of.summary(scanned(of, batch([text] * 40))).findings if f.metric == "top_ngrams_share")
    place = finding.evidence[0]
    assert "click" in text.encode()[place.byte_start : place.byte_end].decode().lower()


def test_order_and_cut_of_the_stream_do_not_matter():
    of = audit()
    texts = [PROSE, "buy now " * 50, lines(20, 4), "short"] * 15
    whole = of.summary(scanned(of, batch(texts, "a"), batch(texts[::-1], "b")))
    merged = of.new_state()
    pieces = [batch(texts[at : at + 11], "a", at) for at in range(0, 60, 11)]
    pieces += [batch(texts[::-1][at : at + 17], "b", at) for at in range(0, 60, 17)]
    for index in RNG.permutation(len(pieces)):
        merged.merge(pickle.loads(pickle.dumps(scanned(of, pieces[index]))))
    again = of.summary(merged)
    assert again.findings == whole.findings
    assert again.tables["damage"].equals(whole.tables["damage"])
