"""Exact token counts: ours against the batch encoding of `tokenizers`, on one core, with equality.

Tokenizers are trained on half of the text, so that the other half has words that they divide. Each corpus is counted
three times: with an empty table of pieces (`first_sight`), each half after the other (`fresh`), and once
more with everything known (`again`). A run that has seen gigabytes lies between the last two.
"""

import multiprocessing
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from audits.tokens.counting import TokenCounter
from audits.tokens.files import TokenizerFile
from benchmarks.data import eval_path, page_texts
from benchmarks.measuring import progress, target
from connectors import EvalSetSource, load_eval_set

_ROUNDS = 3
_MIN_RATIO = 10
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
_JUDGED = ("web_pages", "multilingual")
_CODE_SETS = ("humaneval", "mbpp")

Buffers = tuple[NDArray[np.uint8], NDArray[np.int64]]


def measure(data: Path, pages: Path) -> dict[str, object]:
    """Return MB/s and ratios by tokenizer and corpus, in a process that has one thread."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, _one_thread) as pool:
        return pool.apply(_measure, (data, pages))


def _one_thread() -> None:
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}


def _measure(data: Path, pages: Path) -> dict[str, object]:
    corpora = corpora_of(data, pages)
    training = [text for texts in corpora.values() for text in texts[::2]]
    rows: dict[str, dict[str, object]] = {}
    for name, train in TOKENIZERS.items():
        progress(f"token_counts: training {name}")
        file = TokenizerFile(train(training).to_str(), name)
        rows[name] = {"vocabulary": TokenCounter(file).size} | {
            corpus: _compared(file, texts) for corpus, texts in corpora.items()
        }
    sizes = {name: sum(len(text.encode()) for text in texts) for name, texts in corpora.items()}
    return {"bytes": sizes, "tokenizers": rows, "targets": _targets(rows)}


def corpora_of(data: Path, pages: Path) -> dict[str, list[str]]:
    """Return the texts to count, in a random order: pages, and what `data` has of code and of many languages."""
    found = {"web_pages": page_texts(pages)}
    languages = sorted((data / "multilingual").glob("*.txt"))
    if languages:
        found["multilingual"] = [line for path in languages for line in path.read_text(encoding="utf-8").splitlines()]
    paths = {name: path for name in _CODE_SETS if (path := eval_path(data, name)) is not None}
    sets = [load_eval_set(EvalSetSource(name=name, path=str(path))).to_pylist() for name, path in paths.items()]
    if sets:
        found["code"] = [f"{item['question']}\n{item['answer']}" for items in sets for item in items]
    for texts in found.values():
        random.Random(1).shuffle(texts)
    return found


def _compared(file: TokenizerFile, texts: list[str]) -> dict[str, object]:
    """Return MB/s of both sides, best of three rounds, and whether every count is equal."""
    counter, tokenizer, whole = TokenCounter(file), file.tokenizer(), _buffers(texts)
    seconds: dict[str, list[float]] = {"tokenizers": [], "first_sight": [], "fresh": [], "again": []}
    for _ in range(_ROUNDS):
        started = time.process_time()
        encoded = [one.ids for one in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        seconds["tokenizers"].append(time.process_time() - started)
        counter.forget()
        seconds["first_sight"].append(_seconds(counter, whole))
        seconds["again"].append(_seconds(counter, whole))
        seconds["fresh"].append(_fresh_seconds(counter, texts))
    rates = {name: int(whole[1][-1]) / min(spent) / 1e6 for name, spent in seconds.items()}
    return {
        "equal": _equal(counter, whole, encoded),
        "piece_by_piece": counter.reason is None,
        "mb_per_second": {name: round(rate, 2) for name, rate in rates.items()},
        "times_as_fast": {
            name: round(rates[name] / rates["tokenizers"], 1) for name in ("first_sight", "fresh", "again")
        },
    }


def _fresh_seconds(counter: TokenCounter, texts: list[str]) -> float:
    """Return the seconds of counting each half of the texts when the other has been seen."""
    halves = [_buffers(texts[half::2]) for half in range(2)]
    total = 0.0
    for seen, fresh in (halves, halves[::-1]):
        counter.forget()
        counter.count(*seen)
        total += _seconds(counter, fresh)
    return total


def _seconds(counter: TokenCounter, buffers: Buffers) -> float:
    started = time.process_time()
    counter.count(*buffers)
    return time.process_time() - started


def _equal(counter: TokenCounter, buffers: Buffers, encoded: list[list[int]]) -> bool:
    """Tell whether sizes of documents, and all four sums of every token, are those of the encodings."""
    found = counter.count(*buffers)
    expected = np.zeros((4, counter.size), dtype=np.int64)
    for ids in encoded:
        tokens, counts = np.unique(np.array(ids, dtype=np.int64), return_counts=True)
        expected[:, tokens] += [counts, counts**2, counts * len(ids), np.ones_like(counts)]
    present = np.flatnonzero(expected[0])
    return (
        found.sizes.tolist() == [len(ids) for ids in encoded]
        and np.array_equal(found.ids, present)
        and np.array_equal(found.sums, expected[:, present])
    )


def _buffers(texts: list[str]) -> Buffers:
    encoded = [text.encode("utf-8") for text in texts]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets


def _byte_level(texts: list[str], pattern: str | None, vocabulary: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(ignore_merges=pattern is not None))
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    split = [pre_tokenizers.Split(Regex(pattern), "isolated")] if pattern else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*split, level]) if split else level
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        special_tokens=["<|endoftext|>"],
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _wordpiece(texts: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=30_000, show_progress=False, special_tokens=special)
    )
    return tokenizer


def _unigram(texts: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=16_000, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>"
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


TOKENIZERS: dict[str, Callable[[list[str]], Tokenizer]] = {
    "bpe, GPT-2's pattern": lambda texts: _byte_level(texts, None, 50_000),
    "bpe, Llama 3's pattern": lambda texts: _byte_level(texts, _LLAMA3, 50_000),
    "wordpiece, BERT's rules": _wordpiece,
    "unigram, NFKC and Metaspace": _unigram,
}


def _targets(rows: dict[str, dict[str, object]]) -> list[dict[str, object]]:
    found = []
    for name, row in rows.items():
        compared = {corpus: one for corpus, one in row.items() if isinstance(one, dict)}
        ratios = [compared[corpus]["times_as_fast"]["fresh"] for corpus in _JUDGED if corpus in compared]
        found.append(
            target(
                f"{name}: times as fast as `tokenizers` on fresh text, slower corpus of pages and many languages",
                min(ratios),
                _MIN_RATIO,
            )
        )
        unequal = sum(not one["equal"] for one in compared.values())
        found.append(target(f"{name}: corpora with any count that differs", unequal, at_most=0))
    return found
