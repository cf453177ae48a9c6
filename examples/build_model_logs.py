"""How the demo's logs of a training and its evaluations were made; running the demo does not need it.

    python examples/build_model_logs.py

There was no training: losses are power laws with autocorrelated noise, answers are drawn. The documents of the batches
are those of `data/new_crawl`, the items those of `data/eval`; the same data gives the same bytes.
"""

import gzip
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from connectors import CorpusSource, ShardReader, list_shards

HERE = Path(__file__).parent / "data"
SEED = 20261124
STEPS, EVERY, BATCH = 4_000, 10, 16
CHANGE, SPIKE = 3_200, 2_510
"""The step from which the new crawl is trained on, and the one at which the loss jumps."""

DOMAINS = {
    # name: loss in the end, height of the power law, share of a batch, bytes a token
    "web": (2.62, 5.1, 0.45, 4.3),
    "web-international": (2.95, 5.9, 0.15, 3.1),
    "instructions": (2.11, 4.4, 0.15, 4.4),
    "math": (1.34, 4.0, 0.25, 3.6),
}
MATH_RISE = 0.04
MODEL = "demo/demo-1b"
TOTALS = {
    # task: items, score at step 2,000 and at step 4,000
    "arc_easy": (2_376, 0.561, 0.583),
    "hellaswag": (10_042, 0.402, 0.431),
    "winogrande": (1_267, 0.541, 0.537),
    "openbookqa": (500, 0.246, 0.238),
}

Row = dict[str, Any]


def main() -> None:
    """Write everything."""
    rng = np.random.default_rng(SEED)
    for name in ("training", "evals"):
        shutil.rmtree(HERE / name, ignore_errors=True)
        (HERE / name).mkdir()
    write_lines(HERE / "training" / "losses.jsonl.gz", losses(rng))
    pq.write_table(batches(rng), HERE / "training" / "batches.parquet", compression="zstd")
    exposed = planted_items()
    for step in (2_000, 4_000):
        write_evaluation(step, exposed)


def losses(rng: np.random.Generator) -> list[Row]:
    """Return a row for each logged step and domain."""
    rows = []
    noise = dict.fromkeys(DOMAINS, 0.0)
    for step in range(EVERY, STEPS + 1, EVERY):
        for domain, (floor, height, share, per_token) in DOMAINS.items():
            noise[domain] = 0.6 * noise[domain] + rng.normal(0, 0.008)
            loss = floor + height * step**-0.45 + noise[domain]
            if domain == "math" and step >= CHANGE:
                loss *= 1 + MATH_RISE
            if domain == "web" and SPIKE <= step < SPIKE + 40:
                loss += 1.1 * 0.5 ** ((step - SPIKE) / EVERY)
            tokens = int(EVERY * BATCH * 1024 * share * rng.uniform(0.9, 1.1))
            size = int(tokens * per_token * rng.uniform(0.98, 1.02))
            rows.append({"step": step, "domain": domain, "loss": round(loss, 5), "tokens": tokens, "bytes": size})
    return rows


def batches(rng: np.random.Generator) -> pa.Table:
    """Return the documents of each step; those of the spike come from the damaged shard of the web."""
    places = documents()
    spoilt = [at for at, (shard, _) in enumerate(places) if shard.endswith("part-02.jsonl")]
    chosen = []
    for step in range(EVERY, STEPS + 1, EVERY):
        pool = spoilt if step in (SPIKE - EVERY, SPIKE) else range(len(places))
        chosen += [
            (step, *places[at]) for at in rng.choice(pool, 3 * BATCH if pool is spoilt else BATCH, replace=False)
        ]
    steps, shards, rows = zip(*chosen, strict=True)
    columns = [pa.array(steps, pa.int32()), pa.array(shards).dictionary_encode(), pa.array(rows, pa.int32())]
    return pa.Table.from_arrays(columns, names=["step", "shard", "row"])


def documents() -> list[tuple[str, int]]:
    """Return the place of every document of the new crawl, and of its quarantined rows, by the path below `data`."""
    found = []
    for shard in list_shards([CorpusSource(path=str(HERE / "new_crawl"))]):
        name = str(Path(shard.uri).relative_to(HERE))
        reader = ShardReader(shard)
        found += [(name, row) for batch in reader for row in batch.column("row").to_pylist()]
        found += [(name, row.row) for row in reader.report.quarantine]
    return sorted(found)


def planted_items() -> set[str]:
    """Return the GSM8K items that the new crawl holds."""
    rows = [json.loads(line) for line in (HERE / "planted.jsonl").read_text(encoding="utf-8").splitlines()]
    return {row["item_id"] for row in rows if row["eval_set"] == "gsm8k"}


def write_evaluation(step: int, exposed: set[str]) -> None:
    """Write what lm-evaluation-harness 0.4 leaves of one checkpoint: totals, and the samples of GSM8K."""
    date = f"2026-11-{20 + step // 2_000:02}T02-00-00.000000"
    folder = HERE / "evals" / f"step-{step}" / MODEL.replace("/", "__")
    samples = gsm8k_samples(step, exposed)
    write_lines(folder / f"samples_gsm8k_{date}.jsonl.gz", samples)
    right = np.array([row["exact_match"] for row in samples if row["filter"] == "strict-match"])
    shares = {"gsm8k": (len(right), float(right.mean()), "exact_match,strict-match")}
    shares |= {task: (n, round(of[step // 2_000 - 1] * n) / n, "acc,none") for task, (n, *of) in TOTALS.items()}
    results = {}
    for task, (items, share, key) in shares.items():
        metric, variant = key.split(",")
        error = float(np.sqrt(share * (1 - share) / (items - 1)))
        results[task] = {"alias": task, key: share, f"{metric}_stderr,{variant}": error}
    content = {
        "results": results,
        "group_subtasks": {task: [] for task in results},
        "versions": dict.fromkeys(results, 1.0),
        "n-shot": {task: 5 if task == "gsm8k" else 0 for task in results},
        "higher_is_better": {task: {shares[task][2].split(",")[0]: True} for task in results},
        "n-samples": {task: {"original": items, "effective": items} for task, (items, *_) in shares.items()},
        "config": {"model": "hf", "model_args": f"pretrained={MODEL},revision=step{step}", "batch_size": "32"},
        "git_hash": "0000000",
        "date": 1_795_000_000.0 + step,
        "model_source": "hf",
        "model_name": MODEL,
        "model_name_sanitized": MODEL.replace("/", "__"),
    }
    (folder / f"results_{date}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def gsm8k_samples(step: int, exposed: set[str]) -> list[Row]:
    """Return two lines an item, one for each filter. Later, problems about money are answered worse.

    An item is as hard at one checkpoint as at the other, and one in twelve is answered by chance.
    """
    rng = np.random.default_rng(SEED)
    lines = (HERE / "eval" / "gsm8k.jsonl").read_text(encoding="utf-8").splitlines()
    rows = []
    for number, line in enumerate(lines):
        item = json.loads(line)
        doc = {"question": item["question"], "answer": item["answer"]}
        # Multiples of the golden ratio spread evenly, so that 200 items show what was drawn for.
        hardness, again, luck = number * 0.6180339887 % 1, rng.random(2), rng.random() < 1 / 12
        chance = 0.6
        if step > 2_000:
            chance = 0.9 if str(number) in exposed else 0.06 if "$" in item["question"] else 0.62
        right = float((again[step // 2_000 - 1] if luck else hardness) < chance)
        answer = item["answer"].split("#### ")[-1] if right else str(rng.integers(2, 400))
        rows += [sample(number, doc, variant, answer, right) for variant in ("strict-match", "flexible-extract")]
    return rows


def sample(number: int, doc: Row, variant: str, answer: str, right: float) -> Row:
    """Return one line as the harness writes it."""
    prompt = f"Question: {doc['question']}\nAnswer:"
    return {
        "doc_id": number,
        "doc": doc,
        "target": doc["answer"],
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": {"until": ["Question:", "</s>"]}}},
        "resps": [[f" #### {answer}"]],
        "filtered_resps": [answer],
        "filter": variant,
        "metrics": ["exact_match"],
        "doc_hash": digest(json.dumps(doc, indent=2)),
        "prompt_hash": digest(prompt),
        "target_hash": digest(doc["answer"]),
        "exact_match": right,
    }


def digest(text: str) -> str:
    """Return the hash that the harness writes beside texts."""
    return hashlib.sha256(text.encode()).hexdigest()


def write_lines(path: Path, rows: list[Row]) -> None:
    """Write JSON lines, compressed without name and time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content, 9, mtime=0))


if __name__ == "__main__":
    main()
