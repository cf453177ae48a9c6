"""The configuration that `corpus-audit init` writes."""

import yaml

from connectors.errors import CorpusAuditError
from connectors.presets import PRESETS

_TEMPLATE = """\
# A corpus audit. Paths are relative to this file. Check it: corpus-audit check THIS_FILE
name: audit
corpus:
  - path: {corpus}              # a file, folder or glob on any fsspec URL, or a list of them
    name: crawl                 # how reports call this source
    text: text                  # the field with the text; `id: FIELD` names documents
    # url: url                  # the field with the URL, if there is one
    # domain: {{from: url_host}}  # or {{field: NAME}}, or {{constant: NAME}}
{eval_sets}
audits:
{contamination}  - kind: domain_drift
  - kind: language_drift
  - kind: script_drift
  - kind: length_drift
  - kind: synthetic_share         # markers of machine-written text
  - kind: corpus_c2st             # can a classifier tell this corpus from the baseline?
  - kind: token_drift
    watch: ["∂", "∫", "def"]    # terms whose rate must not fall
    # tokenizer: tokenizer.json
  # - {{kind: tokenizer_stats, tokenizer: tokenizer.json}}  # does the tokenizer fit the corpus?
  - kind: encoding_damage
  - kind: repetition
  - kind: broken_records
# calibration: calibration.json # thresholds and how sure they are: corpus-audit calibrate THIS_FILE
# canaries: {{per_set: 20}}       # plants copies of test items in the corpus, to say what this run would find
# vault: vault                  # unseen items that replace exposed ones: one file a test set (vault/gsm8k.jsonl)
# baseline: runs                # an earlier run, or a folder of runs (its pinned or newest one)
# target_mix: {{path: mix.json}} # the mix that sampling should restore: {{"web": 0.7, "code": 0.3}}
# previous: true                # compare with the last run that did not fail, too
engine: {{workers: 2}}            # worker processes; 0 works in this process
output: runs
"""

_NEED_EVAL_SETS = ("ngram_overlap", "near_duplicate", "semantic_overlap", "benchmark_contract")


def starter_config(corpus: str, eval_sets: list[str]) -> str:
    """Return a configuration for the given files; test sets are given as NAME=PATH.

    Raises:
        CorpusAuditError: a test set that is not NAME=PATH.
    """
    entries = []
    for given in eval_sets:
        name, sign, path = given.partition("=")
        if not (name and sign and path):
            raise CorpusAuditError(f"--eval-set {given!r} is not NAME=PATH", "For example gsm8k=eval/gsm8k_test.jsonl")
        mapping = "" if name in PRESETS else ", question: question, answer: answer"
        entries.append(f"  - {{name: {_quoted(name)}, path: {_quoted(path)}{mapping}}}")
    example = (
        "# eval_sets:                    # test sets to protect; known names need no field mapping\n"
        "#   - {name: gsm8k, path: eval/gsm8k_test.jsonl}\n"
        "#   - {name: mine, path: eval/mine.jsonl, question: question, answer: answer}"
    )
    kinds = "".join(f"  {'-' if entries else '# -'} kind: {kind}\n" for kind in _NEED_EVAL_SETS)
    sets = "\n".join(["eval_sets:", *entries]) if entries else example
    return _TEMPLATE.format(corpus=_quoted(corpus), eval_sets=sets, contamination=kinds)


def _quoted(text: str) -> str:
    """Return text as a YAML scalar on one line."""
    return yaml.safe_dump(text, default_style='"', width=10_000).strip()
