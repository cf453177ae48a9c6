"""Run the benchmarks and write their results to `benchmarks/results`.

    python -m benchmarks.run                         # small, on the demo's data
    python -m benchmarks.run --data DATA --pages DATA/train/c4_sample.jsonl.gz --decon-python PYTHON
    python -m benchmarks.run --only lexical_recall,scan_scale --data DATA --pages PAGES

`DATA` is a folder with whole test sets in `eval/`, and where it has them training sets in `train/` and LMSYS's
rewordings in `labelled/` (without which `semantic_recall` is left out, and without whole test sets `labelled_recall`).
`PYTHON` is an interpreter with the packages `decontaminate`, `datatrove`, `spacy` and `xxhash<4`; the first needs
Python 3.12. Progress goes to stderr.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    drift_checks,
    drift_profile,
    labelled_recall,
    lexical_recall,
    memory,
    peers,
    scan_scale,
    semantic_cost,
    semantic_recall,
    token_counts,
)
from benchmarks.machine import measured_on
from benchmarks.measuring import progress

HERE = Path(__file__).parent
DEMO = HERE.parent / "examples" / "data"

BENCHMARKS: dict[str, Callable[[argparse.Namespace], dict[str, object]]] = {
    "lexical_recall": lambda options: lexical_recall.measure(
        options.data, options.pages, options.items_per_set, options.items_per_set
    ),
    "scan_scale": lambda options: scan_scale.measure(options.data, options.pages, options.megabytes),
    "peers": lambda options: peers.measure(options.data, options.pages, options.peer_megabytes, options.decon_python),
    "semantic_recall": lambda options: semantic_recall.measure(options.data, options.pages),
    "semantic_cost": lambda options: semantic_cost.measure(options.data, options.pages),
    "labelled_recall": lambda options: labelled_recall.measure(options.data, options.pages, options.multilingual_model),
    "drift_checks": lambda options: drift_checks.measure(options.data, options.pages, options.seeds),
    "token_counts": lambda options: token_counts.measure(options.data, options.pages),
    "drift_profile": lambda options: drift_profile.measure(options.data, options.pages, options.profile_megabytes),
    "memory": lambda options: memory.measure(options.data, options.pages, options.memory_gigabytes),
}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(BENCHMARKS), help="names, separated by commas; all are the default")
    parser.add_argument("--data", type=Path, default=DEMO)
    parser.add_argument("--pages", type=Path, default=DEMO / "baseline" / "web")
    parser.add_argument("--megabytes", type=float, default=100, help="text to scan in scan_scale")
    parser.add_argument("--peer-megabytes", type=float, default=40, help="text to scan in peers")
    parser.add_argument("--profile-megabytes", type=float, default=20, help="text to scan in drift_profile")
    parser.add_argument("--memory-gigabytes", type=float, default=0.2)
    parser.add_argument("--items-per-set", type=int, help="in lexical_recall: fewer, to try things out")
    parser.add_argument("--seeds", type=int, default=drift_checks.SEEDS, help="pairs of random halves in drift_checks")
    parser.add_argument("--decon-python", type=Path, help="interpreter with the peers that this one cannot have")
    parser.add_argument("--multilingual-model", type=Path, help="in labelled_recall: its folder, for translations")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    for name in names:
        if name in ("semantic_recall", "semantic_cost") and not (options.data / "labelled").is_dir():
            progress(f"{name}: left out, the data has no labelled/")
            continue
        if name == "labelled_recall" and not labelled_recall.has_whole_sets(options.data):
            progress("labelled_recall: left out, the data lacks whole test sets")
            continue
        _write(name, BENCHMARKS[name](options), options)


def _write(name: str, result: dict[str, object], options: argparse.Namespace) -> None:
    content = {
        "benchmark": name,
        "measured_on": measured_on(),
        "pages": options.pages.name,
        "test_sets": sorted(path.name for path in (options.data / "eval").iterdir()),
        "result": result,
    }
    text = json.dumps(content, indent=2)
    print(text)
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    for target in result.get("targets", []):
        state = {True: "met", False: "MISSED", None: "not measured"}[target["met"]]
        progress(f"{name}: {state}: {target}")


if __name__ == "__main__":
    main()
