import traceback
from pathlib import Path

import pytest

from flows.errors import ConfigError, ConfigNotFound
from flows.run_config import load_config


def problem(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return f"{caught.value.problem} / {caught.value.remedy}"


def test_the_design_example_is_understood(tmp_path):
    path = tmp_path / "web.yaml"
    path.write_text(
        """
name: web-crawl
corpus:
  - path: "crawl/2026-11-23/*.jsonl.gz"
    text: text
    id: id
    domain: {from: url_host}
eval_sets:
  - {name: gsm8k, path: eval/gsm8k_test.jsonl, question: question, answer: answer}
audits:
  - kind: ngram_overlap
  - kind: near_duplicate
  - kind: semantic_overlap
  - kind: domain_drift
  - kind: language_drift
  - kind: token_drift
    tokenizer: path/to/tokenizer.json
    watch: ["∂", "∫", "def"]
  - kind: encoding_damage
baseline: runs/golden
engine: {workers: 2}
output: runs
""",
        encoding="utf-8",
    )
    config = load_config(path)
    assert config.audits[0].kind == "ngram_overlap"
    assert config.corpus[0].path == str(tmp_path / "crawl/2026-11-23/*.jsonl.gz")
    assert config.eval_sets[0].path == str(tmp_path / "eval/gsm8k_test.jsonl")
    assert config.audits[5].tokenizer == str(tmp_path / "path/to/tokenizer.json")
    assert (config.baseline, config.output) == (str(tmp_path / "runs/golden"), str(tmp_path / "runs"))


def test_urls_are_left_as_they_are(write_config):
    config = load_config(write_config(corpus=[{"path": "s3://bucket/crawl/*.jsonl.gz"}]))
    assert config.corpus[0].path == "s3://bucket/crawl/*.jsonl.gz"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"corpsu": []}, ["unknown key `corpsu`", "did you mean `corpus`"]),
        ({"corpus": [{"path": "x", "txt": "t"}]}, ["unknown key `corpus.0.txt`", "did you mean `text`"]),
        ({"audits": [{"kind": "ngram_overlapp"}]}, ["`audits.0.kind`", "did you mean `ngram_overlap`"]),
        ({"audits": [{"kind": "domain_drift", "warn_point": 1}]}, ["warn_point", "did you mean `warn_points`"]),
        ({"audits": [{"watch": ["x"]}]}, ["needs a `kind:`", "token_drift"]),
        ({"audits": []}, ["`audits`", "at least 1 item"]),
        ({"engine": {"worker": 2}}, ["unknown key `engine.worker`", "did you mean `workers`"]),
        ({"engine": {"workers": -1}}, ["`engine.workers`", "greater than or equal to 0"]),
        ({"name": "../up"}, ["`name`"]),
        ({"audits": [{"kind": "ngram_overlap"}]}, ["eval_sets: ngram_overlap need at least one test set"]),
        ({"audits": [{"kind": "repetition"}] * 2}, ["'repetition' is used twice"]),
        ({"corpus": [{"path": "x", "domain": {"from": "url"}}]}, ["corpus.0.domain", "url_host"]),
    ],
)
def test_each_mistake_is_named_with_its_path(write_config, keys, said):
    text = problem(write_config(**keys))
    assert all(part in text for part in said), text


JUDGE = {"by": "llm", "model": "judge", "url": "http://localhost:8000/v1"}


@pytest.mark.parametrize(
    ("opinion", "said"),
    [
        ({"by": "llmm"}, ["second_opinion.by`: unknown 'llmm'", "did you mean `llm`", "known: cross_encoder, llm"]),
        ({"model": "judge"}, ["second_opinion`: it needs a `by:`", "known: cross_encoder, llm"]),
        (JUDGE | {"key_evn": "JUDGE_KEY"}, ["unknown key", "llm.key_evn`", "did you mean `key_env`"]),
        ({"by": "cross_encoder", "model": "x", "min_sam": 0.5}, ["min_sam`", "did you mean `min_same`"]),
    ],
)
def test_a_mistake_in_a_part_of_an_audit_is_named_with_its_path(write_config, opinion, said):
    text = problem(write_config(audits=[{"kind": "semantic_overlap", "second_opinion": opinion}]))
    assert all(part in text for part in said), text


@pytest.mark.parametrize("wrong", [{"key_env": "sk-S3CRET"}, {"url": "https://u:S3CRET@h/v1"}, {"api_key": "S3CRET"}])
def test_a_key_in_the_wrong_place_is_not_repeated(write_config, wrong):
    with pytest.raises(ConfigError) as caught:
        load_config(write_config(audits=[{"kind": "semantic_overlap", "second_opinion": JUDGE | wrong}]))
    assert "second_opinion.llm." in str(caught.value)
    assert "S3CRET" not in "".join(traceback.format_exception(caught.value))


def test_the_folder_of_a_cross_encoder_is_relative_to_the_configuration(write_config, tmp_path):
    opinion = {"by": "cross_encoder", "model": "models/pairs"}
    path = write_config(
        eval_sets=[{"name": "gsm8k", "path": "x"}], audits=[{"kind": "semantic_overlap", "second_opinion": opinion}]
    )
    assert load_config(path).audits[0].second_opinion.model == str(tmp_path / "models" / "pairs")


def test_a_missing_key_is_named(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("audits: [{kind: repetition}]\n")
    assert "missing key `corpus`" in problem(path)


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(ConfigNotFound, match="corpus-audit init"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"a: [1", "not YAML"), (b"- 1\n", "holds list"), (b"", "holds nothing"), (b"a: \xff\n", "cannot be read")],
)
def test_files_that_are_no_configuration(tmp_path, content, said):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    assert said in problem(path)


def test_two_audits_of_one_kind_need_two_names(write_config):
    config = load_config(write_config(audits=[{"kind": "repetition"}, {"kind": "repetition", "name": "strict"}]))
    assert [audit.label for audit in config.audits] == ["repetition", "strict"]
