"""This project's detectors beside decon, datatrove, datasketch and a plain set of n-grams: one run, same files.

Every tool has the same references (one a question and option, in the layout of decon's bundled sets) and the same
jsonl files. Speed is MB of text a CPU second of one thread. Ours is given from text in memory and from the jsonl file;
decon's is from the file, the others' from memory, on fewer pages, because they are slow. Ours is the median of three,
the others' one run. decon and datatrove run under the interpreter given as `--decon-python`; without it the result says
that they were not run.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from audits.base import Audit
from audits.batch import TextBatch
from benchmarks.lexical_recall import COMBINED, DETECTORS
from benchmarks.measuring import progress, scan_rates, scanned, target, timed_build
from benchmarks.peer_files import PER_KIND, Hits, PeerFiles, megabytes_of, write_files
from benchmarks.peer_libraries import DatasketchWindows, PlainSet
from connectors import CorpusSource, ShardReader, list_shards

_RUNNERS = Path(__file__).parent / "peer_runners"
_SLOW_PAGES = 300
_IN_MEMORY, _FROM_FILE = "mb_per_second", "mb_per_second_from_jsonl"


def measure(data: Path, pages: Path, megabytes: float = 40, decon_python: Path | None = None) -> dict[str, object]:
    """Return build time, speed, recall by kind and false alarms of every tool, and how many times faster ours are."""
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(Path(folder), data, pages, megabytes)
        ours = _ours(files)
        others = {**_plain_set(files), **_datasketch(files)}
        others |= _elsewhere(files, decon_python, "decon", _decon)
        others |= _elsewhere(files, decon_python, "datatrove", _datatrove)
    result: dict[str, Any] = {
        "items": files.items.table.num_rows,
        "references": sum(len(choices or [0]) for choices in files.items.table.column("choices").to_pylist()),
        "planted_a_kind": PER_KIND,
        "ours": ours,
        "others": others,
        "times_faster": {config.kind: _times_faster(ours[config.kind], others) for config in DETECTORS},
    }
    decon = result["times_faster"]["ngram_overlap"].get("decon, defaults", {})
    result["targets"] = [
        target("ngram_overlap from text in memory, times as fast as decon", decon.get("from_memory"), at_least=25),
        target("ngram_overlap from the same jsonl, times as fast as decon", decon.get("from_jsonl"), at_least=25),
    ]
    return result


def _ours(files: PeerFiles) -> dict[str, Any]:
    tools: dict[str, Any] = {}
    hits_of: dict[str, Hits] = {}
    for config in DETECTORS:
        progress(f"peers: {config.kind}")
        audit, seconds = timed_build(config, files.items.table)
        hits_of[config.kind] = {name: _exposed(audit, files, texts) for name, texts in files.recall.items()}
        tools[config.kind] = {
            "build_seconds": seconds,
            _IN_MEMORY: median(scan_rates(audit, lambda: list(_read(files.web_file)))),
            _FROM_FILE: _file_rate(audit, files),
            "tells": "item",
            **files.judged(hits_of[config.kind]),
        }
    together = {name: set().union(*(hits_of[kind][name] for kind in COMBINED)) for name in files.recall}
    return tools | {"combined": {"tells": "item", **files.judged(together)}}


def _exposed(audit: Audit[Any], files: PeerFiles, texts: list[str]) -> set[tuple[int, int | None]]:
    places = scanned(audit, texts).exposures
    return {(place.row, files.items.rows[place.eval_set, place.item_id]) for place in places}


def _read(path: Path) -> Iterator[TextBatch]:
    [shard] = list_shards([CorpusSource(path=str(path))])
    yield from map(TextBatch, ShardReader(shard))


def _file_rate(audit: Audit[Any], files: PeerFiles) -> float:
    """Return MB of text a CPU second with reading and parsing the file."""
    seconds = []
    for _ in range(3):
        state, started = audit.new_state(), time.process_time()
        for batch in _read(files.web_file):
            audit.scan(state, batch)
        seconds.append(time.process_time() - started)
    return round(megabytes_of(files.web) / median(seconds), 1)


def _plain_set(files: PeerFiles) -> dict[str, Any]:
    progress("peers: plain set")
    plain = PlainSet(files.items.table)
    hits: Hits = {
        name: {(line, None) for line, text in enumerate(texts) if plain.hit(text)}
        for name, texts in files.recall.items()
    }
    head = {"build_seconds": plain.build_seconds, _IN_MEMORY: _rate(plain.hit, files), "tells": "document"}
    return {"plain set of 8-grams": head | files.judged(hits)}


def _datasketch(files: PeerFiles) -> dict[str, Any]:
    progress("peers: datasketch")
    windows = DatasketchWindows(files.items.table)
    hits: Hits = {
        name: {(line, row) for line, text in enumerate(texts) for row in windows.rows_in(text)}
        for name, texts in files.recall.items()
    }
    head = {
        "version": windows.version,
        "build_seconds": windows.build_seconds,
        _IN_MEMORY: _rate(windows.rows_in, files),
    }
    return {"datasketch windows": head | {"tells": "item"} | files.judged(hits)}


def _rate(work: Callable[[str], object], files: PeerFiles) -> float:
    """Return MB a CPU second over the first pages."""
    texts = files.recall["web_pages"][:_SLOW_PAGES]
    started = time.process_time()
    for text in texts:
        work(text)
    return round(megabytes_of(texts) / (time.process_time() - started), 3)


def _elsewhere(
    files: PeerFiles, python: Path | None, module: str, run: Callable[[PeerFiles, Path], dict[str, Any]]
) -> dict[str, Any]:
    """Return the results of a peer under another interpreter, or that it was not run and why."""
    if python is None:
        return {module: {"not_run": "no --decon-python was given"}}
    if subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode:
        return {module: {"not_run": f"the interpreter given as --decon-python cannot import {module}"}}
    progress(f"peers: {module}")
    return run(files, python)


def _run(python: Path, runner: str, *arguments: Path) -> dict[str, Any]:
    """Run a script that writes its result to the last of its arguments."""
    done = subprocess.run([python, _RUNNERS / runner, *arguments], stdout=sys.stderr, check=False)
    if done.returncode:
        raise SystemExit(f"{runner} ended with status {done.returncode}")
    result: dict[str, Any] = json.loads(arguments[-1].read_text(encoding="utf-8"))
    return result


def _decon(files: PeerFiles, python: Path) -> dict[str, Any]:
    folders = (files.web_file.parent, files.recall_folder, files.references.parent)
    result = _run(python, "decon_runner.py", *folders, files.folder / "decon.json")
    tools = {}
    for name, one in result["configurations"].items():
        head = {"version": result["version"], "build_seconds": one["build_seconds"], "tells": "item"}
        if name == "defaults":
            head[_FROM_FILE] = round(megabytes_of(files.web) / result["speed"]["seconds"], 2)
        hits: Hits = {file: {(line, row) for line, row in pairs} for file, pairs in one["found"].items()}
        tools[f"decon, {name}"] = head | files.judged(hits)
    return tools


def _datatrove(files: PeerFiles, python: Path) -> dict[str, Any]:
    result = _run(python, "datatrove_runner.py", files.recall_folder, files.references, files.folder / "datatrove.json")
    tools = {}
    for name, one in result["configurations"].items():
        head = {"version": result["version"], "build_seconds": one["build_seconds"], "tells": "document"}
        if "seconds" in one:
            head[_IN_MEMORY] = round(megabytes_of(files.recall[one["file"]]) / one["seconds"], 3)
        hits: Hits = {file: {(line, None) for line in lines} for file, lines in one["found"].items()}
        tools[f"datatrove, {name}"] = head | files.judged(hits)
    return tools


def _times_faster(tool: dict[str, Any], others: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return how many times as fast as every other tool one of ours is; from the file where the other reads it too."""
    ratios: dict[str, dict[str, float]] = {}
    for name, other in others.items():
        rate = other.get(_FROM_FILE) or other.get(_IN_MEMORY)
        if rate:
            ratios[name] = {"from_memory": round(tool[_IN_MEMORY] / rate, 1)}
            if _FROM_FILE in other:
                ratios[name]["from_jsonl"] = round(tool[_FROM_FILE] / rate, 1)
    return ratios
