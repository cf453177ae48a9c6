import itertools
import pickle
import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from audits.contamination.semantic.second_opinion import (
    CrossEncoderConfig,
    LlmJudgeConfig,
    Opinion,
    OpinionVerdict,
    Pair,
    SecondOpinionConfig,
    affordable,
    make_asker,
    settle,
)
from audits.errors import ModelUnavailable

RANK = {"clean": 0, "suspect": 1, "exposed": 2}
CLASSES = ("reworded", "translated", "same_problem_new_numbers", "same_topic", "similar")
OPINIONS = get_args(OpinionVerdict)


def said(verdict):
    return Opinion(("k",), verdict, None, "a-model", "")


@pytest.mark.parametrize(
    ("verdict", "evidence_class", "opinion", "settled"),
    [
        ("exposed", "reworded", "same", ("exposed", "reworded")),
        ("exposed", "reworded", "translation", ("exposed", "translated")),
        ("exposed", "reworded", "same_new_numbers", ("suspect", "same_problem_new_numbers")),
        ("exposed", "reworded", "different", ("suspect", "reworded")),
        ("suspect", "similar", "same", ("exposed", "reworded")),
        ("suspect", "translated", "same", ("exposed", "translated")),
        ("suspect", "similar", "translation", ("exposed", "translated")),
        ("suspect", "similar", "same_new_numbers", ("suspect", "same_problem_new_numbers")),
        ("suspect", "similar", "different", ("clean", "same_topic")),
        ("suspect", "same_problem_new_numbers", "same", ("suspect", "same_problem_new_numbers")),
        ("suspect", "same_problem_new_numbers", "translation", ("suspect", "same_problem_new_numbers")),
        ("suspect", "same_problem_new_numbers", "different", ("clean", "same_topic")),
    ],
)
def test_an_opinion_settles_a_verdict(verdict, evidence_class, opinion, settled):
    assert settle(verdict, evidence_class, said(opinion)) == settled


@pytest.mark.parametrize("verdict", ["clean", "unmatchable", "informational", ""])
def test_only_what_was_exposed_or_suspect_is_settled(verdict):
    for evidence_class, opinion in itertools.product(CLASSES, OPINIONS):
        assert settle(verdict, evidence_class, said(opinion)) == (verdict, evidence_class)


def test_an_opinion_moves_a_verdict_by_at_most_one_step_and_raises_only_suspects():
    for verdict, evidence_class, opinion in itertools.product(("exposed", "suspect"), CLASSES, OPINIONS):
        settled, _ = settle(verdict, evidence_class, said(opinion))
        assert abs(RANK[settled] - RANK[verdict]) <= 1
        assert opinion in ("same", "translation") or RANK[settled] <= RANK[verdict]


def test_who_is_unsure_changes_nothing():
    for verdict, evidence_class in itertools.product(RANK, CLASSES):
        assert settle(verdict, evidence_class, said("unsure")) == (verdict, evidence_class)


def test_the_budget_goes_to_the_first_different_pairs():
    pairs = [Pair((i,), question, None, "w", 0.5) for i, question in enumerate("abacad")]
    asked, left_out = affordable(pairs, 3)
    assert [question for question, _, _ in asked] == ["a", "b", "c"]
    assert left_out == 1


CONFIG = TypeAdapter(SecondOpinionConfig)
LLM = {"by": "llm", "model": "judge", "url": "http://localhost:8000/v1"}


def test_the_kind_of_second_opinion_is_told_by_its_name():
    assert isinstance(CONFIG.validate_python({"by": "cross_encoder", "model": "folder"}), CrossEncoderConfig)
    assert isinstance(CONFIG.validate_python(LLM), LlmJudgeConfig)
    with pytest.raises(ValidationError, match="'cross_encoder', 'llm'"):
        CONFIG.validate_python({"by": "oracle", "model": "x"})


@pytest.mark.parametrize(
    "url", ["http://localhost:8000/v1", "http://localhost:8000/v1/", "http://localhost:8000/v1/chat/completions"]
)
def test_the_base_url_is_the_same_however_it_is_given(url):
    assert LlmJudgeConfig(model="judge", url=url).url == "http://localhost:8000/v1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "localhost:8000"},
        {"url": "file:///etc/passwd"},
        {"url": "https://"},
        {"url": "https://user:secret@judge.example.org/v1"},
        {"url": "https://:secret@judge.example.org/v1"},
        {"url": "https://judge.example.org/v1?key=secret"},
        {"url": "https://judge.example.org/v1#x"},
        {"url": "https://judge.example.org:port/v1"},
        {"url": "https://judge.example.org/v1\nHost: other"},
        {"key_env": "sk-abcdefghijklmnop"},
        {"key_env": ""},
        {"key": "sk-abcdefghijklmnop"},
        {"max_pairs": 0},
        {"concurrency": 1000},
        {"timeout_seconds": 0},
    ],
)
def test_options_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValidationError):
        LlmJudgeConfig(**{"model": "judge", "url": LLM["url"]} | wrong)


def test_the_limits_of_a_cross_encoder_are_in_order():
    with pytest.raises(ValidationError, match="max_different must be less than min_same"):
        CrossEncoderConfig(model="x", min_same=0.4, max_different=0.4)


@pytest.mark.parametrize(("value", "problem"), [(None, "is not set"), ("  ", "is not set"), ("kéy\nx", "characters")])
def test_a_key_that_cannot_be_used_is_an_error_that_names_the_variable_and_not_the_key(monkeypatch, value, problem):
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("JUDGE_KEY", value)
    with pytest.raises(ModelUnavailable, match=problem) as caught:
        make_asker(LlmJudgeConfig(model="judge", url=LLM["url"], key_env="JUDGE_KEY"))
    assert "JUDGE_KEY" in str(caught.value)
    assert "kéy" not in str(caught.value)


def test_an_asker_that_travels_takes_no_key_with_it(monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "k3y-of-the-judge")
    asker = make_asker(LlmJudgeConfig(model="judge", url=LLM["url"], key_env="JUDGE_KEY"))
    assert b"k3y-of-the-judge" not in pickle.dumps(asker)
    assert pickle.loads(pickle.dumps(asker)).digests() == asker.digests()


@pytest.mark.parametrize("model", [CrossEncoderConfig, LlmJudgeConfig])
def test_every_option_is_documented_with_its_default(model):
    page = (Path(__file__).parents[2] / "docs" / "second-opinion.md").read_text(encoding="utf-8")
    for name, option in model.model_fields.items():
        if name == "by":
            assert f"## `by: {option.default}`" in page
        else:
            default = (
                "no key" if option.default is None else "needed" if option.is_required() else f"{option.default:g}"
            )
            assert re.search(rf"^\| `{name}` \| .* \| {re.escape(default)} \|$", page, re.MULTILINE), name
