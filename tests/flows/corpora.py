"""Small corpora of real text for the tests of whole runs."""

import gzip
import json
from pathlib import Path

DATA = Path(__file__).parents[1] / "data"


def sentences(language: str) -> list[str]:
    return (DATA / "multilingual" / f"{language}.txt").read_text(encoding="utf-8").splitlines()


def documents(language: str, count: int, size: int = 4) -> list[str]:
    lines = sentences(language)
    return [" ".join(lines[at % len(lines)] for at in range(d * size, (d + 1) * size)) for d in range(count)]


def gsm8k_questions() -> list[str]:
    lines = (DATA / "eval" / "gsm8k_test.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines]


def write_jsonl(path: Path, texts: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(
        json.dumps({"text": text, "url": f"https://site{n % 3}.example/{n}"}) + "\n" for n, text in enumerate(texts)
    ).encode()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path
