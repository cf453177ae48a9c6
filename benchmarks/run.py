"""Run the benchmarks and write their results to `benchmarks/results`.

    python -m benchmarks.run                         # small, on the demo's data
    python -m benchmarks.run --data DATA --pages DATA/train/c4_sample.jsonl.gz --memory-gigabytes 2

`DATA` is a folder with whole test sets in `eval/`; recall is measured where it also has GSM8K's training problems in
`train/` and LMSYS's rewordings in `labelled/`.
"""

import argparse
import json
from pathlib import Path

from benchmarks import memory, ngram_scan, recall
from benchmarks.machine import measured_on

HERE = Path(__file__).parent
DEMO = HERE.parent / "examples" / "data"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEMO)
    parser.add_argument("--pages", type=Path, default=None)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--memory-gigabytes", type=float, default=0.2)
    options = parser.parse_args()
    pages = options.pages or sorted(DEMO.glob("new_crawl/web*"))[0]
    _write("ngram_scan", ngram_scan.measure(options.data, pages, options.megabytes), pages)
    if (options.data / "labelled").is_dir():
        _write("recall", recall.measure(options.data, pages), pages)
    _write("memory", memory.measure(options.data, pages, options.memory_gigabytes), pages)


def _write(name: str, result: dict[str, object], pages: Path) -> None:
    content = {"benchmark": name, "measured_on": measured_on(), "pages": pages.name, "result": result}
    text = json.dumps(content, indent=2)
    print(text)
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
