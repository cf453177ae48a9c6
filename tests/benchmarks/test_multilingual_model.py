"""The packed multilingual model: a small one of the same layout, written here, is read back and encodes."""

import struct

import numpy as np
import pytest

from benchmarks.multilingual_model import _BLOCK, PackedModel, read_packed, unpack_blocks, write_folder

HIDDEN, INNER, POSITIONS = 32, 64, 16
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "q", "u", "e", "r", "y", ":", "▁query:", "a", "▁a", "é", "<mask>"]


@pytest.fixture(scope="module")
def packed():
    return read_packed(_file())


def _file() -> bytes:
    rng = np.random.default_rng(1)
    head = b"E5S1" + struct.pack("<I7ifi", 1, HIDDEN, 1, 2, INNER, len(PIECES), POSITIONS, 2, 1e-12, 32)
    texts = [piece.encode() for piece in PIECES]
    bounds = np.cumsum([0] + [len(text) for text in texts]).astype("<u4")
    scores = -np.arange(len(PIECES), dtype="<f4")
    blob = b"".join(texts)
    vocabulary = struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(blob)) + bounds.tobytes() + scores.tobytes() + blob
    characters = struct.pack("<iI", 1, 9) + struct.pack("<IBI", 10, 1, 32)
    start = head + vocabulary + characters
    tensors = [(name, *_tensor(name, size, rng)) for name, size in _shapes()]
    at = len(start) + 4 + sum(2 + len(name) + 21 for name, *_ in tensors)
    entries, body = b"", b""
    for name, packed, values, content in tensors:
        entries += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", packed, values, at, len(content))
        body += content
        at += len(content)
    return start + struct.pack("<i", len(tensors)) + entries + body


def _shapes():
    yield from (("emb.word", len(PIECES) * HIDDEN), ("emb.pos", POSITIONS * HIDDEN), ("emb.type", 2 * HIDDEN))
    yield from (("emb.ln.w", HIDDEN), ("emb.ln.b", HIDDEN))
    for part, rows, columns in (("q", 32, 32), ("k", 32, 32), ("v", 32, 32), ("ao", 32, 32), ("fi", 64, 32)):
        yield from ((f"l0.{part}.w", rows * columns), (f"l0.{part}.b", rows))
    yield from (("l0.fo.w", 64 * 32), ("l0.fo.b", 32))
    yield from (("l0.aln.w", 32), ("l0.aln.b", 32), ("l0.oln.w", 32), ("l0.oln.b", 32))


def _tensor(name, size, rng):
    """Return whether a tensor is packed, how many values it has, and its bytes."""
    if name == "emb.word" or (name.endswith(".w") and "ln" not in name):
        blocks = np.zeros(size // 32, _BLOCK)
        blocks["scale"] = rng.uniform(0.01, 0.1, len(blocks))
        blocks["nibbles"] = rng.integers(0, 256, (len(blocks), 16))
        return 1, size, blocks.tobytes()
    values = np.ones(size, "<f4") if name.endswith("ln.w") else rng.normal(0, 0.1, size).astype("<f4")
    return 0, size, values.tobytes()


def test_nibbles_are_weights_around_eight():
    blocks = np.zeros(1, _BLOCK)
    blocks["scale"] = 0.5
    blocks["nibbles"][0, 0] = 0xF1
    weights = unpack_blocks(blocks)
    assert (weights[0], weights[16]) == (-3.5, 3.5)
    assert (np.delete(weights, [0, 16]) == -4).all()


def test_another_file_is_refused():
    with pytest.raises(ValueError, match="not a packed model"):
        read_packed(b"GGUF" + bytes(100))


def test_the_vocabulary_and_tensors_are_read(packed):
    assert [piece for piece, _ in packed.pieces] == PIECES
    assert packed.sizes["vocabulary"] == len(PIECES)
    assert set(packed.tensors) == {name for name, _ in _shapes()}
    assert packed.tensors["l0.fi.w"].shape == (INNER * HIDDEN,)


def test_the_folder_encodes_with_the_prefix(packed: PackedModel, tmp_path):
    from sentence_transformers import SentenceTransformer

    write_folder(packed, tmp_path / "model")
    model = SentenceTransformer(str(tmp_path / "model"), local_files_only=True, device="cpu")
    assert model.tokenizer("query: ae\u0301")["input_ids"] == [0, PIECES.index("▁query:"), 13, 14, 2]
    vectors = model.encode(["a", "query"], prompt="query: ")
    assert np.allclose(model.encode(["a", "query"]), vectors)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
