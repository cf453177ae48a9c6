"""What stands of an item decides what it is evidence of: its question, its answer, its passage, or mere wording."""

import pytest

from audits.contamination.near_duplicate import NearDuplicateConfig
from audits.contamination.ngram_overlap import NgramOverlapConfig
from audits.findings import Status
from tests.audits.corpora import WORD_LEVEL, found, gsm8k, inside, items, pages, sentences, summary_of, verdicts

GSM8K = items([row["question"] for row in gsm8k()], [row["answer"] for row in gsm8k()])
GAS = "Which gas do green plants take in from the air when they make sugar in the light of the sun?"
GASES = ["pure oxygen", "carbon dioxide", "nitrogen monoxide", "water vapour"]
PLANTS = items([GAS, gsm8k()[0]["question"]], [GASES[1], None], choices=[GASES, None])
PAGE = pages(1)[0]


def evidence(config, text, table=PLANTS):
    """Return the class and verdict of the one match of the first item."""
    [match] = [match for match in summary_of(config, [inside(text, PAGE)], table).matches if match.item_id == "set-0"]
    return match.evidence_class, match.verdict


def listed(mark="{}. {}"):
    return "\n".join(mark.format(letter, option) for letter, option in zip("ABCD", GASES, strict=True))


@pytest.mark.parametrize("config", WORD_LEVEL)
@pytest.mark.parametrize("mark", ["{}. {}", "({}) {}", "{}) {};"])
def test_options_listed_alone_give_nothing_away(config, mark):
    assert evidence(config, f"{GAS}\n{listed(mark)}\n") == ("question_only", "exposed")


@pytest.mark.parametrize("config", WORD_LEVEL)
@pytest.mark.parametrize(
    "ending", ["Answer: B", "The answer is (B).", "Correct: carbon dioxide", "B. Carbon dioxide", "ANSWER\n\n**b**"]
)
def test_an_option_singled_out_gives_the_answer_away(config, ending):
    assert evidence(config, f"{GAS}\n{listed()}\n{ending}") == ("question_answer", "exposed")


@pytest.mark.parametrize("config", WORD_LEVEL)
@pytest.mark.parametrize("ending", ["Answer: C", "My answer is pure oxygen.", "I say it is D!"])
def test_a_wrong_option_singled_out_gives_nothing_away(config, ending):
    assert evidence(config, f"{GAS}\n{listed()}\n{ending}") == ("question_only", "exposed")


COLOURS = "Which colour does the petal of the oldest rose that grows in this part of the garden have in May?"
REDS = ["red", "dark red", "a light red", "a deep blue"]


@pytest.mark.parametrize("config", WORD_LEVEL)
@pytest.mark.parametrize(
    ("gold", "ending", "expected"),
    [
        ("red", "", "question_only"),
        ("red", "It is red.", "question_answer"),
        ("red", "Answer: D. A deep blue", "question_only"),
        ("a deep blue", "Answer: D. A deep blue", "question_answer"),
        ("dark red", "The answer: I think B", "question_answer"),
    ],
)
def test_options_that_are_part_of_each_other_are_told_apart(config, gold, ending, expected):
    table = items([COLOURS], [gold], choices=[REDS])
    options = "\n".join(f"{letter}. {option}" for letter, option in zip("ABCD", REDS, strict=True))
    assert evidence(config, f"{COLOURS}\n{options}\n{ending}", table)[0] == expected


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_the_answer_to_the_next_question_is_not_this_ones(config):
    table = items([GAS, COLOURS], [GASES[1], REDS[1]], choices=[GASES, REDS])
    second = f"{COLOURS} (a) red (b) dark red (c) a light red (d) a deep blue. Answer: B"
    matches = summary_of(config, [f"{PAGE} {GAS}\n{listed()}\n\n{second}"], table).matches
    assert {m.item_id: m.evidence_class for m in matches} == {"set-0": "question_only", "set-1": "question_answer"}


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_the_place_that_gives_the_answer_stands_for_a_document(config):
    text = f"{PAGE} {GAS}\n{listed()}\n{PAGE}\nSolutions: {GAS} Carbon dioxide.\n{PAGE} {GAS}"
    [match] = summary_of(config, [text], PLANTS).matches
    assert match.evidence_class == "question_answer"
    assert text.encode()[: match.train_start].decode().count(GAS) == 1


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_without_options_the_right_one_beside_the_question_is_its_answer(config):
    assert evidence(config, f"{GAS} Carbon dioxide, of course.")[0] == "question_answer"
    assert evidence(config, f"{GAS} Water vapour, of course.")[0] == "question_only"
    far = " ".join(sentences("en")[20:32])
    assert evidence(config, f"{GAS} {far} Carbon dioxide, of course.")[0] == "question_only"


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_each_place_has_evidence_of_its_own(config):
    question, answer = gsm8k()[0]["question"], gsm8k()[0]["answer"]
    texts = [inside(question, PAGE), inside(f"{question} {answer}", PAGE), inside(f"{question} Eighteen.", PAGE)]
    summary = summary_of(config, texts, GSM8K)
    classes = {match.row: match.evidence_class for match in summary.matches}
    assert classes == {0: "question_only", 1: "question_answer", 2: "question_only"}


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_an_answer_without_its_question_is_no_leak(config):
    summary = summary_of(config, [*pages(5), inside(gsm8k()[0]["answer"], PAGE)], GSM8K)
    assert verdicts(summary) == ["clean"] * 3
    assert not summary.exposures
    assert found(summary, metric="exposed_share")[0].status is Status.PASS
    if config is not NgramOverlapConfig:
        assert not summary.matches
        return
    [match] = summary.matches
    assert (match.item_id, match.evidence_class, match.verdict) == ("set-0", "answer_only", "informational")
    [told] = found(summary, metric="answer_only_share")
    assert told.status is Status.INFO and told.value == pytest.approx(1 / 3)
    assert told.evidence[0].row == 5


PASSAGE = " ".join(sentences("en")[:6])
READING = items(
    ["Which of the things named in these lines can be seen by night and in the middle of winter alone?"],
    ["none of them"],
    passages=[PASSAGE],
)


def test_a_passage_alone_is_suspect_and_removes_nothing():
    summary = summary_of(NgramOverlapConfig, [inside(PASSAGE, PAGE)], READING)
    assert verdicts(summary) == ["suspect"]
    assert {match.evidence_class for match in summary.matches} == {"passage_only"}
    assert not summary.exposures
    assert found(summary, metric="suspect_share")[0].status is Status.INFO
    assert found(summary, metric="exposed_share")[0].status is Status.PASS


def test_a_passage_with_its_question_is_the_question_first():
    question = READING.column("question")[0].as_py()
    summary = summary_of(NgramOverlapConfig, [inside(f"{PASSAGE} {question}", PAGE)], READING)
    assert verdicts(summary) == ["exposed"]
    assert [match.evidence_class for match in summary.matches] == ["question_only"]


@pytest.mark.parametrize("config", [NgramOverlapConfig, NearDuplicateConfig])
def test_wording_of_the_set_is_told_and_exposes_nothing(config):
    stem = "Read the two statements below with care and decide which of them follows from the other one:"
    questions = [f"{stem} {' '.join(line.split()[:6])}" for line in sentences("en")[:40]]
    summary = summary_of(config, [inside(f"{stem} neither of them does.", PAGE)], items(questions))
    assert verdicts(summary) == ["clean"] * 40
    assert not summary.exposures
    assert {(match.evidence_class, match.verdict) for match in summary.matches} <= {("template", "informational")}
    if config is NgramOverlapConfig:
        [told] = found(summary, metric="template_share")
        assert told.status is Status.INFO and told.value == pytest.approx(1)


@pytest.mark.parametrize("config", WORD_LEVEL)
def test_a_few_exposed_items_can_be_allowed(config):
    texts = [inside(gsm8k()[1]["question"], PAGE)]
    [strict] = found(summary_of(config, texts, GSM8K), metric="exposed_share")
    [lenient] = found(summary_of(config, texts, GSM8K, max_exposed_share=0.5), metric="exposed_share")
    assert (strict.status, lenient.status) == (Status.FAIL, Status.INFO)
    assert strict.value == lenient.value == pytest.approx(1 / 3)
