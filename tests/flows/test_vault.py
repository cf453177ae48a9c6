"""Unseen items replace exposed ones, and their text is nowhere in what a run leaves or says."""

import html
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from audits.findings import Status
from connectors import load_eval_set
from connectors.config import EvalSetSource
from flows.errors import ConfigError, VaultUnusable
from flows.pipeline import run_audit
from flows.replacing import as_items, choose_replacements
from flows.run_config import load_config
from tests.flows.corpora import documents, write_jsonl
from tests.flows.test_cli import corpus_audit

DEMO = Path(__file__).parents[2] / "examples" / "data" / "eval" / "gsm8k.jsonl"
PROBLEMS = [json.loads(line) for line in DEMO.read_text(encoding="utf-8").splitlines()]
DETECTORS = [{"kind": kind} for kind in ("exact_match", "ngram_overlap", "near_duplicate")]


def records(problems, strata=(None,), **more):
    return [
        {"question": p["question"], "answer": p["answer"], "uid": f"p{p['line']}", "level": strata[n % len(strata)]}
        | more
        for n, p in enumerate(problems)
    ]


def write_set(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def replaced(tmp_path, write_config):
    """Runs an audit whose corpus holds `leaked` questions, and returns the outcome and its replacements."""

    def run(tests, vault, leaked, file="gsm8k.jsonl", **source):
        write_set(tmp_path / "sets" / "gsm8k.jsonl", tests)
        if vault is not None:
            write_set(tmp_path / "vault" / file, vault)
        texts = documents("en", 30)
        for n, question in enumerate(leaked):
            texts[n] = f"{texts[n]}\n{question}\n{texts[n + 1]}"
        write_jsonl(tmp_path / "corpus" / "a.jsonl", texts)
        keys = {
            "eval_sets": [{"name": "gsm8k", "path": "sets/gsm8k.jsonl", "id": "uid", **source}],
            "audits": DETECTORS,
            **({} if vault is None else {"vault": "vault"}),
        }
        outcome = run_audit(load_config(write_config(**keys)))
        path = outcome.folder / "actions" / "replacements.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return outcome, [json.loads(line) for line in lines]

    return run


def questions(problems):
    return [problem["question"] for problem in problems]


def written(folder):
    """Return every word that a run's folder holds, in order, whatever the format of a file."""
    pieces = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            pieces.append(json.dumps(pq.read_table(path).to_pylist(), default=str, ensure_ascii=False))
        elif path.is_file():
            pieces.append(html.unescape(path.read_bytes().decode("utf-8")))
    # Escapes of JSON and marks of HTML must not hide a word from the search.
    text = re.sub(r"\\u([0-9a-f]{4})|\\[ntr]|<[^>]*>", " ", "\n".join(pieces))
    return f" {' '.join(re.findall(r'[a-z0-9]+', text.lower()))} "


def shingles(text, size=6):
    words = re.findall(r"[a-z0-9]+", text.lower())
    return [f" {' '.join(words[at : at + size])} " for at in range(len(words) - size + 1)]


def findings(outcome, **wanted):
    return [f for f in outcome.result.findings if all(getattr(f, key) == value for key, value in wanted.items())]


def test_an_exposed_item_is_replaced_by_reference(tmp_path, replaced):
    outcome, lines = replaced(records(PROBLEMS[:20]), records(PROBLEMS[20:60]), questions(PROBLEMS[:3]))
    assert [line["item_id"] for line in lines] == [f"p{p['line']}" for p in PROBLEMS[:3]]
    vault = records(PROBLEMS[20:60])
    chosen = [line["replacement"] for line in lines]
    assert {one["file"] for one in chosen} == {str(tmp_path / "vault" / "gsm8k.jsonl")}
    assert [vault[one["position"]]["uid"] for one in chosen] == [one["item_id"] for one in chosen]
    assert len({one["item_id"] for one in chosen}) == 3
    [found] = findings(outcome, audit="vault")
    assert (found.status, found.value) == (Status.INFO, 1.0)
    assert "3 of 3 exposed items of gsm8k have a replacement" in found.message
    assert "of the 40 items that the vault has for it 40 can be used" in found.message


def test_no_text_of_the_vault_is_written_or_said(tmp_path, replaced, capfd):
    tests, vault = PROBLEMS[:20], PROBLEMS[20:60]
    # Two unseen items that are found after all: what the detectors quote of them must not survive either.
    outcome, lines = replaced(records(tests), records(vault), questions(tests[:2]) + questions(vault[:2]))
    assert all(line["replacement"] for line in lines)
    content = written(outcome.folder) + written(tmp_path / "runs" / "latest")
    said = "".join(capfd.readouterr())
    parts = [s for p in vault for field in ("question", "answer") for s in shingles(p[field])]
    known = {s for p in tests for field in ("question", "answer") for s in shingles(p[field])}
    assert len(parts) > 1000
    assert [part for part in parts if part not in known and part in content + said] == []
    # The same search finds what the report does quote.
    assert any(part in content for part in shingles(tests[0]["question"]))


def test_the_vault_changes_nothing_else(replaced):
    tests, leaked = records(PROBLEMS[:20]), questions(PROBLEMS[:2]) + questions(PROBLEMS[20:22])
    without, _ = replaced(tests, None, leaked)
    outcome, _ = replaced(tests, records(PROBLEMS[20:60]), leaked)
    assert [f for f in outcome.result.findings if f.audit != "vault"] == without.result.findings
    for part in ("metrics", "matches", "items", "exposures", "tables", "profiles"):
        assert getattr(outcome.result, part) == getattr(without.result, part)
    assert outcome.result.run_info["digests"] == without.result.run_info["digests"]


def test_found_repeated_and_known_items_of_the_vault_are_not_used(replaced):
    tests, vault = PROBLEMS[:20], PROBLEMS[20:23]
    known = {**records(tests[5:6])[0], "uid": "known", "question": tests[5]["question"].upper() + " !"}
    again = {**records(vault[1:2])[0], "uid": "again"}
    rows = [*records(vault), known, again]
    outcome, lines = replaced(records(tests), rows, questions(tests[:4]) + questions(vault[:1]))
    used = {line["replacement"]["item_id"] for line in lines if line["replacement"]}
    assert used == {f"p{p['line']}" for p in vault[1:]}
    missing = [line for line in lines if line["replacement"] is None]
    assert len(missing) == 2
    assert {line["reason"] for line in missing} == {"the vault has no usable item left"}
    [share] = findings(outcome, audit="vault", metric="replaced_share")
    assert (share.status, share.value) == (Status.WARN, 0.5)
    for part in (
        "2 of 4 exposed items",
        "of the 5 items",
        "2 can be used",
        "1 exposed",
        "1 with the question of a test item",
        "1 with the question of an earlier one",
    ):
        assert part in share.message
    [found] = findings(outcome, audit="vault", metric="vault_exposed")
    assert found.status is Status.WARN
    assert f"(p{vault[0]['line']})" in found.message


def test_replacements_come_from_the_same_stratum(replaced):
    tests = records(PROBLEMS[:20], strata=("easy", "hard"))
    vault = records(PROBLEMS[20:24], strata=("easy", "easy", "easy", "hard"))
    outcome, lines = replaced(tests, vault, questions(PROBLEMS[:4]), stratum="level")
    assert [line["stratum"] for line in lines] == ["easy", "hard", "easy", "hard"]
    for line in lines:
        if line["replacement"]:
            assert line["replacement"]["stratum"] == line["stratum"]
    missing = [line for line in lines if line["replacement"] is None]
    assert [(line["stratum"], line["reason"]) for line in missing] == [
        ("hard", "the vault has no usable item left with stratum hard")
    ]
    assert findings(outcome, audit="vault", metric="replaced_share")[0].value == 0.75


def load(path, rows, **options):
    write_set(path, rows)
    return load_eval_set(EvalSetSource(name="s", path=str(path), question="question", id="id", **options))


def choose(tmp_path, tests, vault, exposed):
    items, stored = (
        load(tmp_path / "t.jsonl", tests, choices="choices"),
        load(tmp_path / "v.jsonl", vault, choices="choices"),
    )
    verdicts = {("s", row["id"]): "clean" for row in vault}
    made = choose_replacements(stored, {"s": "v"}, verdicts, items, {("s", one) for one in exposed})
    return {one.item_id: one.vault_item_id for one in made}


def item(name, words, options):
    return {"id": name, "question": f"{name} " + "word " * (words - 1), "choices": [f"o{n}" for n in range(options)]}


def test_without_strata_the_nearest_length_and_the_number_of_options_decide(tmp_path):
    tests = [item("t1", 10, 4), item("t2", 40, 4), item("t3", 10, 0)]
    vault = [item("v1", 38, 4), item("v2", 11, 4), item("v3", 12, 0), item("v4", 10, 2), item("v5", 90, 4)]
    assert choose(tmp_path, tests, vault, ["t1", "t2", "t3"]) == {"t1": "v2", "t2": "v1", "t3": "v3"}


def test_the_choice_does_not_depend_on_the_order_of_the_files(tmp_path):
    tests, vault = [item(f"t{n}", 10, 2) for n in range(8)], [item(f"v{n}", 10, 2) for n in range(12)]
    exposed = [f"t{n}" for n in range(6)]
    once = choose(tmp_path, tests, vault, exposed)
    assert choose(tmp_path, tests[::-1], vault[::-1], exposed) == once
    assert len(set(once.values())) == 6


def test_words_are_counted_without_their_text():
    table = load_eval_set(EvalSetSource(name="gsm8k", path=str(DEMO)))
    first = as_items(table)[0]
    assert (first.position, first.options, first.words) == (0, 0, len(re.findall(r"\w+", PROBLEMS[0]["question"])))


def test_a_set_without_a_file_in_the_vault_says_so(tmp_path, write_config, replaced):
    write_set(tmp_path / "vault" / "other.jsonl", records(PROBLEMS[20:22]))
    write_set(tmp_path / "sets" / "other.jsonl", records(PROBLEMS[100:120]))
    write_set(tmp_path / "sets" / "gsm8k.jsonl", records(PROBLEMS[:20]))
    write_jsonl(tmp_path / "corpus" / "a.jsonl", [*documents("en", 30), PROBLEMS[0]["question"]])
    sets = [{"name": name, "path": f"sets/{name}.jsonl", "preset": "gsm8k", "id": "uid"} for name in ("gsm8k", "other")]
    outcome = run_audit(load_config(write_config(eval_sets=sets, audits=DETECTORS, vault="vault")))
    [line] = [json.loads(x) for x in (outcome.folder / "actions/replacements.jsonl").read_text().splitlines()]
    assert (line["replacement"], line["reason"]) == (None, "the vault has no file for gsm8k")
    messages = {f.subject: f.message for f in findings(outcome, audit="vault")}
    assert "the vault has no items for it" in messages["gsm8k"]
    assert "No item of other needs a replacement" in messages["other"]


SECRET = "a question that nobody has seen before"


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("gsm8k.csv", f"{SECRET},18\nanother {SECRET},19\n", "cannot be read by the field mapping"),
        ("gsm8k.jsonl", json.dumps({"q": SECRET}) + "\n", "cannot be read by the field mapping"),
        ("gsm8k.jsonl", f"{SECRET}\n", "cannot be read by the field mapping"),
        ("gsm8k.jsonl", json.dumps({"question": SECRET, "answer": "1", "uid": SECRET}) + "\n", "is its question"),
        ("gsm9k.jsonl", json.dumps({"question": SECRET, "answer": "1"}) + "\n", "has no file for gsm8k"),
    ],
)
def test_a_vault_that_does_not_fit_stops_the_run_and_is_not_quoted(tmp_path, write_config, file, content, said):
    write_set(tmp_path / "sets" / "gsm8k.jsonl", records(PROBLEMS[:20]))
    write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 5))
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / file).write_text(content)
    config = load_config(
        write_config(
            eval_sets=[{"name": "gsm8k", "path": "sets/gsm8k.jsonl", "id": "uid"}], audits=DETECTORS, vault="vault"
        )
    )
    with pytest.raises(VaultUnusable, match=said) as caught:
        run_audit(config)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not (tmp_path / "runs").exists()


def test_a_vault_that_is_not_there_or_ambiguous_stops_the_run(tmp_path, write_config):
    write_set(tmp_path / "sets" / "gsm8k.jsonl", records(PROBLEMS[:20]))
    write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 5))
    keys = {"eval_sets": [{"name": "gsm8k", "path": "sets/gsm8k.jsonl"}], "audits": DETECTORS}
    with pytest.raises(VaultUnusable, match="is no folder"):
        run_audit(load_config(write_config(**keys, vault="vault")))
    for name in ("gsm8k.jsonl", "gsm8k.parquet"):
        write_set(tmp_path / "vault" / name, records(PROBLEMS[20:22]))
    with pytest.raises(VaultUnusable, match="two files for gsm8k"):
        run_audit(load_config(write_config(**keys, vault="vault")))
    with pytest.raises(ConfigError, match="vault: it is about items of test sets"):
        load_config(write_config(vault="vault"))


def test_the_name_of_a_test_set_cannot_leave_the_vault(tmp_path, write_config):
    write_set(tmp_path / "outside.jsonl", records(PROBLEMS[20:22]))
    write_set(tmp_path / "vault" / "x.jsonl", records(PROBLEMS[20:22]))
    write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 5))
    write_set(tmp_path / "sets" / "s.jsonl", records(PROBLEMS[:20]))
    sets = [{"name": "../outside", "path": "sets/s.jsonl", "preset": "gsm8k"}]
    with pytest.raises(VaultUnusable, match="has no file for"):
        run_audit(load_config(write_config(eval_sets=sets, audits=DETECTORS, vault="vault")))


def test_check_opens_the_vault(tmp_path, write_config):
    write_set(tmp_path / "sets" / "gsm8k.jsonl", records(PROBLEMS[:20]))
    write_set(tmp_path / "vault" / "gsm8k.jsonl", records(PROBLEMS[20:27]))
    write_jsonl(tmp_path / "corpus" / "a.jsonl", documents("en", 5))
    keys = {"eval_sets": [{"name": "gsm8k", "path": "sets/gsm8k.jsonl"}], "audits": DETECTORS, "vault": "vault"}
    done = corpus_audit("check", write_config(**keys))
    assert done.returncode == 0, done.stderr
    assert "vault: 7 items for gsm8k" in done.stdout
    assert load_config(write_config(**keys)).vault == str(tmp_path / "vault")
