"""Run datatrove's n-gram decontamination filter over jsonl files; started by `benchmarks.peers`.

    python datatrove_runner.py RECALL_FOLDER REFERENCES.jsonl OUT.json

Needs `datatrove`, `spacy` and `xxhash<4`, and nothing of this project. lighteval, which its indexer asks for, is needed
for lighteval's own tasks only: here its `compute_hashes` is fed with local questions and right answers.
"""

import importlib.metadata
import json
import sys
import time
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.decont.n_grams import NGramsDecontFilter, NGramsDecontIndexer
from datatrove.utils.logging import logger

NGramsDecontIndexer._requires_dependencies = []
SPEED_FILE = "web_pages"


def main() -> None:
    """Index answers, then answers and questions; look for both in every file, and write what was found."""
    recall, references, out = map(Path, sys.argv[1:])
    logger.disable("datatrove")
    items = [item for item in map(json.loads, lines_of(references)) if item["is_correct"]]
    indexer = NGramsDecontIndexer(str(out.parent / "index"))
    started = time.process_time()
    answers = {
        key: item["eval_key"] for item in items for key in indexer.compute_hashes(item["answer"], item["question"])
    }
    built_answers = time.process_time()
    # Alone, a text is taken for the label: its n-grams are what `find_query_ngrams` adds.
    both = answers | {key: item["eval_key"] for item in items for key in indexer.compute_hashes(item["question"])}
    built_both = time.process_time()
    texts = {path.stem: [json.loads(line)["text"] for line in lines_of(path)] for path in recall.glob("*.jsonl")}
    seconds, found = search(both, texts, None)
    # Nothing else can have a hit among fewer n-grams.
    _, found_defaults = search(answers, texts, found)
    speed = {"seconds": seconds[SPEED_FILE], "file": SPEED_FILE}
    result = {
        "version": importlib.metadata.version("datatrove"),
        "configurations": {
            "defaults": {"build_seconds": round(built_answers - started, 2), "found": found_defaults},
            "find_query_ngrams": {"build_seconds": round(built_both - started, 2), "found": found, **speed},
        },
    }
    out.write_text(json.dumps(result), encoding="utf-8")


def lines_of(path: Path) -> list[str]:
    """Return the lines of a jsonl file; U+2028 and its like end no line."""
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line]


def search(
    hashes: dict[int, str], texts: dict[str, list[str]], among: dict[str, list[int]] | None
) -> tuple[dict[str, float], dict[str, list[int]]]:
    """Return CPU seconds and lines with a hit by file; `among` limits the lines to look at."""
    step = NGramsDecontFilter(".")
    step._index_hashes = hashes
    seconds, found = {}, {}
    for name, documents in texts.items():
        started = time.process_time()
        lines = range(len(documents)) if among is None else among[name]
        found[name] = [line for line in lines if step.filter(Document(documents[line], str(line))) is not True]
        seconds[name] = round(time.process_time() - started, 3)
    return seconds, found


if __name__ == "__main__":
    main()
