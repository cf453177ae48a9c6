import json
import math
import random

import pytest

from audits.contamination.semantic.second_opinion import CrossEncoderConfig, Pair, make_asker
from audits.errors import ModelUnavailable

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS = ["one", "two", "three", "red", "green", "blue", "cats", "dogs", "eggs", "take", "sell", "how", "many", "left"]


def save_model(folder, *, labels=1, bias=0.0, activation=None):
    """Save a tiny cross-encoder with random weights, whose logits have a mean near `bias` and a deviation near 1."""
    import torch
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS]
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.3,
        num_labels=labels,
    )
    model = BertForSequenceClassification(config).eval()
    tokenizer = BertTokenizerFast(vocab={piece: place for place, piece in enumerate(pieces)})
    sample = tokenizer(*zip(*((pair.question, pair.window) for pair in make_pairs(50)), strict=True), padding=True)
    with torch.no_grad():
        logits = model(**sample.convert_to_tensors("pt")).logits
        model.classifier.weight.div_(logits.std())
        model.classifier.bias.fill_(bias - logits.mean() / logits.std())
    model.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    CrossEncoder(str(folder / "base"), activation_fn=activation).save_pretrained(str(folder / "pairs"))
    return folder / "pairs"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("cross-encoder"))


def make_pairs(n, seed=1):
    rng = random.Random(seed)
    return [
        Pair((seed, i), " ".join(rng.choices(WORDS, k=8)), "7", " ".join(rng.choices(WORDS, k=rng.randint(3, 30))), 0.8)
        for i in range(n)
    ]


def ask(model, pairs, **options):
    return make_asker(CrossEncoderConfig(model=str(model), **options)).ask(pairs)


def test_every_pair_gets_its_score_whatever_the_order(model):
    pairs = make_pairs(40)
    opinions = ask(model, pairs)
    assert [opinion.key for opinion in opinions] == [pair.key for pair in pairs]
    assert len({opinion.score for opinion in opinions}) > 35, "pairs differ, and so do their scores"
    backwards = ask(model, pairs[::-1])
    assert {o.key: o.score for o in opinions} == pytest.approx({o.key: o.score for o in backwards}, abs=2e-4)


def test_it_does_not_matter_which_text_is_the_question(model):
    pairs = make_pairs(10)
    turned = [Pair(pair.key, pair.window, pair.answer, pair.question, pair.score) for pair in pairs]
    scores = [[opinion.score for opinion in ask(model, some)] for some in (pairs, turned)]
    assert scores[0] == pytest.approx(scores[1], abs=2e-4)


def test_scores_are_the_mean_of_the_models_own(model):
    from sentence_transformers import CrossEncoder

    pair = make_pairs(1)[0]
    texts = [(pair.question, pair.window), (pair.window, pair.question)]
    own = CrossEncoder(str(model), local_files_only=True).predict(texts, show_progress_bar=False)
    assert ask(model, [pair])[0].score == pytest.approx(float(own.mean()), abs=1e-4)


def test_limits_make_verdicts_of_scores(model):
    pairs = make_pairs(30)
    scores = sorted(opinion.score for opinion in ask(model, pairs))
    low, high = scores[8], scores[-8]
    opinions = ask(model, pairs, min_same=high, max_different=low)
    assert {opinion.verdict for opinion in opinions} == {"same", "different", "unsure"}
    for opinion in opinions:
        assert opinion.verdict == (
            "same" if opinion.score >= high else "different" if opinion.score <= low else "unsure"
        )
    assert {opinion.by for opinion in opinions} == {"pairs"}, "the folder's name, not where it lies"


def test_equal_texts_cost_the_budget_once_and_what_is_left_out_is_said(model):
    pairs = make_pairs(5)
    asker = make_asker(CrossEncoderConfig(model=str(model), max_pairs=3))
    again = Pair(("again",), pairs[0].question, pairs[0].answer, pairs[0].window, 0.1)
    opinions = asker.ask([pairs[0], again, *pairs[1:]])
    assert opinions[0].score == opinions[1].score
    assert [opinion.score is None for opinion in opinions] == [False, False, False, False, True, True]
    assert {opinion.verdict for opinion in opinions[4:]} == {"unsure"}
    assert asker.problems() == ["2 pairs have no second opinion, because max_pairs is 3."]
    assert {opinion.note for opinion in asker.ask(make_pairs(2, seed=9))} == {"not asked: past max_pairs"}


HOSTILE = [
    "",
    " \n\t",
    "\x00\x1b[2J",
    "\ud800\udfff",
    "a" * 300_000,
    "[SEP] [CLS] " * 50,
    "\u202e\U000e0041",
    "漢字" * 999,
]


def test_hostile_texts_are_scored_like_others(model):
    pairs = [Pair((i,), question, None, window, 0.5) for i, question in enumerate(HOSTILE) for window in HOSTILE]
    asker = make_asker(CrossEncoderConfig(model=str(model)))
    opinions = asker.ask(pairs)
    assert all(0 <= opinion.score <= 1 for opinion in opinions)
    assert not asker.problems()


def test_a_model_saved_without_its_sigmoid_still_scores_between_0_and_1(tmp_path):
    from torch.nn import Identity

    opinions = ask(save_model(tmp_path, bias=6.0, activation=Identity()), make_pairs(5))
    assert all(0.9 < opinion.score <= 1 and opinion.verdict == "same" for opinion in opinions)


def test_a_score_that_is_no_number_is_no_opinion(tmp_path):
    [opinion] = ask(save_model(tmp_path, bias=math.nan), make_pairs(1))
    assert (opinion.verdict, opinion.score, opinion.note) == ("unsure", None, "the model gave no score")


def test_no_pairs_need_no_model(model, monkeypatch):
    import sentence_transformers

    monkeypatch.setattr(sentence_transformers, "CrossEncoder", None)
    assert ask(model, []) == []


def test_a_model_that_fails_at_the_end_of_a_run_costs_no_run(tmp_path):
    folder = save_model(tmp_path)
    asker = make_asker(CrossEncoderConfig(model=str(folder)))
    (folder / "model.safetensors").write_bytes(b"no weights")
    opinions = asker.ask(make_pairs(3))
    assert {opinion.verdict for opinion in opinions} == {"unsure"}
    [problem] = asker.problems()
    assert "could not be run" in problem
    assert str(tmp_path) not in problem


def test_digests_name_every_file_and_change_with_it(tmp_path):
    one, other = save_model(tmp_path / "a"), save_model(tmp_path / "b", bias=1.0)
    digests = [make_asker(CrossEncoderConfig(model=str(folder))).digests() for folder in (one, other)]
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(digests[0])
    changed = {name for name in digests[0] if digests[0][name] != digests[1][name]}
    assert changed == {"model.safetensors"}


def test_a_folder_without_a_cross_encoder_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"no cross-encoder at .*nothing"):
        make_asker(CrossEncoderConfig(model=str(tmp_path / "nothing")))
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        make_asker(CrossEncoderConfig(model=str(tmp_path)))
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"0": "x"}}))
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(ModelUnavailable, match="safetensors"):
        make_asker(CrossEncoderConfig(model=str(tmp_path)))


def test_a_classifier_with_several_outputs_is_refused(tmp_path):
    with pytest.raises(ModelUnavailable, match="3 outputs"):
        make_asker(CrossEncoderConfig(model=str(save_model(tmp_path, labels=3))))
