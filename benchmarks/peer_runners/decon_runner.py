"""Run decon over folders of jsonl files, on one thread; started by `benchmarks.peers` under another interpreter.

    python decon_runner.py SPEED_FOLDER RECALL_FOLDER REFERENCES_FOLDER OUT.json

Needs the package `decontaminate` (Python 3.12 or newer) and nothing of this project.
"""

import importlib.metadata
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "1"

import decon

CONFIGURATIONS = {
    "defaults": {},
    "threshold 0.7": {"contamination_score_threshold": 0.7},
    "without answers": {"index_answers": False},
}


def main() -> None:
    """Detect once for speed and once a configuration for recall, and write what was found."""
    speed, recall, references, out = map(Path, sys.argv[1:])
    result = {"version": importlib.metadata.version("decontaminate"), "speed": detect(speed, references, {})}
    result["configurations"] = {name: detect(recall, references, own) for name, own in CONFIGURATIONS.items()}
    out.write_text(json.dumps(result), encoding="utf-8")


def detect(training: Path, references: Path, options: dict[str, object]) -> dict[str, object]:
    """Return CPU seconds of building and detecting, and (line, row of the item) of every match by file."""
    with tempfile.TemporaryDirectory() as folder:
        reports, printed = Path(folder) / "reports", Path(folder) / "printed"
        config = decon.Config(str(training), str(references), str(reports), worker_threads=1, **options)
        started = time.process_time()
        with_output_in(printed, lambda: decon.detect(config))
        seconds = time.process_time() - started
        build = printed_seconds(printed.read_text(encoding="utf-8"), "Index building time")
        found: dict[str, list[tuple[int, int]]] = {path.stem: [] for path in training.glob("*.jsonl")}
        for path in reports.glob("*.jsonl"):
            for match in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
                name = Path(match["training_file"]).stem
                found[name].append((match["training_line"], match["eval_instance_index"]))
    # The index is built before the first document is read, by the one thread; what it took is not detection.
    return {"build_seconds": round(build, 2), "seconds": round(seconds - build, 3), "found": found}


def with_output_in(path: Path, work: Callable[[], object]) -> None:
    """Call `work` with the process's output and warnings in a file; Rust prints past `sys.stdout`."""
    sys.stdout.flush()
    saved = [(to, os.dup(to)) for to in (1, 2)]
    with path.open("wb") as stream:
        for to, _ in saved:
            os.dup2(stream.fileno(), to)
        try:
            work()
        finally:
            for to, kept in saved:
                os.dup2(kept, to)
                os.close(kept)


def printed_seconds(text: str, label: str) -> float:
    """Return the seconds that decon's summary prints beside a label."""
    found = re.search(rf"{label}\s+([\d.]+)(ms|s)", text)
    if found is None:
        raise SystemExit(f"decon printed no {label!r}:\n{text}")
    return float(found[1]) / (1000 if found[2] == "ms" else 1)


if __name__ == "__main__":
    main()
