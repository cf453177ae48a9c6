"""Results of lm-evaluation-harness, in the layouts of its versions."""

import json
from pathlib import Path

import pytest

from connectors.errors import LogError, SourceNotFound
from connectors.eval_results import read_results, result_files, step_of

DATA = Path(__file__).parents[1] / "data" / "model_logs"


def scores(path):
    return {(score.task, score.metric): score for score in read_results(path).scores}


def test_before_version_4_metrics_had_no_filter_and_checkpoints_no_name():
    path = DATA / "pythia" / "1.4b_step23000.json"
    file, found = read_results(path), scores(path)
    assert (file.name, file.step) == ("EleutherAI/pythia-v1.1-1.4b@step23000", 23_000)
    lambada = found["lambada_openai", "acc"]
    assert (lambada.value, lambada.stderr, lambada.items) == (0.5152338443625073, 0.006962743717451546, None)
    assert not found["lambada_openai", "ppl"].higher_is_better
    assert not found["crows_pairs_english_gender", "likelihood_difference"].higher_is_better


def test_filters_counts_and_names_of_version_4():
    [path] = result_files(DATA / "asdiv" / "epoch_20")
    file = read_results(path)
    assert file.step == 20 and file.name.endswith("epoch_20")
    assert [(one.metric, one.variant, one.items) for one in file.scores] == [
        ("exact_match", "strict-match", 512),
        ("exact_match", "flexible-extract", 512),
    ]


def test_groups_perplexity_and_what_the_file_says_is_better():
    [path] = result_files(DATA / "qwen")
    found = scores(path)
    assert found["mmlu_stem", "acc"].group and found["mmlu_stem", "acc"].items is None
    assert not found["mmlu_anatomy", "acc"].group and found["mmlu_anatomy", "acc"].items == 135
    assert not found["lambada_openai", "perplexity"].higher_is_better
    assert found["cola", "mcc"].variant == ""


def test_folders_stand_for_the_results_in_them_and_other_json_is_passed_over(tmp_path):
    (tmp_path / "config.json").write_text('{"hidden_size": 64}')
    (tmp_path / "step100.json").write_text('{"results": {"t": {"acc": 0.5}}}')
    (tmp_path / "broken.json").write_text("{")
    assert [path.name for path in result_files(tmp_path)] == ["step100.json"]
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "results_2026-01-01.json").write_text('{"results": {"t": {"acc,none": 0.5}}}')
    assert [path.name for path in result_files(tmp_path)] == ["results_2026-01-01.json"]
    with pytest.raises(SourceNotFound):
        result_files(tmp_path / "none")


def test_what_is_no_number_is_no_score(tmp_path):
    path = tmp_path / "results.json"
    metrics = {
        "alias": "t",
        "acc,none": 0.5,
        "acc_stderr,none": "N/A",
        "bad,none": None,
        "many,none": [1],
        "nan,none": "x",
    }
    path.write_text(
        json.dumps({"results": {"t": {**metrics, "sample_len": 40, "inf,none": 0}}}).replace(": 0}", ": NaN}")
    )
    [score] = read_results(path).scores
    assert (score.metric, score.stderr, score.items) == ("acc", None, 40)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "no `results` by task"),
        ('{"result": {}}', r"no `results` by task \(there is result\)"),
        ('{"results": {"gsm8k": 0.5}}', "task gsm8k: float, expected metrics by name"),
        ("{", "not JSON"),
    ],
)
def test_files_without_results_are_named(tmp_path, content, said):
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(LogError, match=said) as caught:
        read_results(path)
    assert str(path) in caught.value.problem


def test_steps_are_told_by_names():
    assert [
        step_of(name) for name in ("m@step2000", "out/checkpoint-500", "x/epoch_5", "iter-7/step_9", "llama-3")
    ] == [
        2000,
        500,
        5,
        9,
        None,
    ]


def test_names_of_half_a_pair_become_names_that_tables_hold(tmp_path):
    path = tmp_path / "results.json"
    path.write_text('{"results": {"t\\ud800": {"acc\\ud800,none": 0.5}}, "model_name": "m\\ud800"}')
    file = read_results(path)
    assert [text.encode("utf-8") for text in (file.name, file.scores[0].task, file.scores[0].metric)]
