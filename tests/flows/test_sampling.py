"""Drawing documents under sampling weights: the mix that comes of it, the same whoever draws, and what is refused."""

import gzip
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from connectors import CorpusSource, list_shards
from connectors.errors import MixError, SourceNotFound
from flows.pipeline import run_audit
from flows.run_config import EngineConfig, load_config
from flows.sampling import draw_sample, selection_lines
from reports.errors import OutputUnwritable
from reports.reading import read_run
from reports.sampling_weights import NOT_LISTED, SamplingWeights
from tests.flows.corpora import documents
from tests.flows.test_cli import corpus_audit

IN_PROCESS = EngineConfig(workers=0)


def write_domains(path, counts):
    """Write documents of some domains, mixed."""
    texts = documents("en", 200)
    rows = [(n, domain) for domain, count in counts.items() for n in range(count)]
    rows.sort()
    content = "".join(
        json.dumps({"id": f"{d}-{n}", "domain": d, "text": texts[n % 200]}) + "\n" for n, d in rows
    ).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


@pytest.fixture
def shards(tmp_path):
    write_domains(tmp_path / "corpus" / "a.jsonl", {"web": 1_500, "math": 300})
    write_domains(tmp_path / "corpus" / "deep" / "b.jsonl.gz", {"web": 700, "code": 500})
    return list_shards([CorpusSource(path=str(tmp_path / "corpus"), id="id", domain="domain", name="mine")])


def weights(way="down", by="domain", unit="documents", **rates):
    return SamplingWeights(by, unit, way, rates, dict.fromkeys(rates, 1 / len(rates)))


def drawn_rows(folder):
    rows = []
    for path in sorted((folder / "rows").rglob("*.*")):
        if path.suffix == ".parquet":
            rows += pq.read_table(path).to_pylist()
        elif path.suffix == ".jsonl":
            rows += [json.loads(line) for line in path.read_text().splitlines()]
    return rows


def test_the_rows_drawn_are_those_of_the_corpus_and_make_the_mix(shards, tmp_path):
    chosen = weights(web=0.2, math=1.0, code=0.6)
    selection = draw_sample(shards, chosen, 1, tmp_path / "out", IN_PROCESS)
    rows = drawn_rows(tmp_path / "out")
    lines = {shard.uri: [json.loads(line) for line in _lines(shard.uri)] for shard in shards}
    assert all(lines[row["shard"]][row["row"]]["id"] == row["doc_id"] for row in rows)
    counts = {d: sum(row["doc_id"].startswith(d) for row in rows) for d in ("web", "math", "code")}
    assert (
        counts["math"] == 300
        and counts["web"] == pytest.approx(440, abs=80)
        and counts["code"] == pytest.approx(300, abs=50)
    )
    assert {n: one.taken_documents for n, one in selection.mix.groups.items()} == counts
    for name in counts:
        share, low, high = selection.mix.share(name)
        assert low <= counts[name] / len(rows) <= high and share == pytest.approx(counts[name] / len(rows))
    assert not selection.problems and len(selection_lines(selection)) == 5


def _lines(uri):
    raw = Path(uri).read_bytes()
    return (gzip.decompress(raw) if uri.endswith(".gz") else raw).splitlines()


@pytest.mark.parametrize(("workers", "written_as"), [(0, "jsonl"), (2, "parquet")])
def test_the_draw_is_the_same_whoever_makes_it_and_in_either_format(shards, tmp_path, workers, written_as):
    reference = draw_sample(shards, weights(web=0.3, math=2.5), 7, tmp_path / "reference", IN_PROCESS)
    other = draw_sample(
        shards, weights(web=0.3, math=2.5), 7, tmp_path / "other", EngineConfig(workers=workers), written_as
    )
    first, second = (sorted(map(str, drawn_rows(tmp_path / name))) for name in ("reference", "other"))
    assert first == second and reference.mix.groups["math"] == other.mix.groups["math"]
    draw_sample(shards, weights(web=0.3, math=2.5), 8, tmp_path / "seed", IN_PROCESS)
    assert sorted(map(str, drawn_rows(tmp_path / "seed"))) != first


def test_sampling_up_repeats_and_unlisted_groups_are_left_out(shards, tmp_path):
    selection = draw_sample(shards, weights("up", math=3.5), 1, tmp_path / "out", IN_PROCESS)
    rows = drawn_rows(tmp_path / "out")
    assert {row["copies"] for row in rows} == {3, 4} and len(rows) == 300
    assert selection.mix.groups[NOT_LISTED].taken_documents == 0
    assert selection.mix.groups["math"].taken_documents == sum(row["copies"] for row in rows)
    # A shard that nothing was drawn from leaves no file.
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert [one["file"] is None for one in manifest["shards"]] == [False, True]
    assert len(list((tmp_path / "out" / "rows").rglob("*.parquet"))) == 1


@pytest.mark.parametrize(("by", "name"), [("source", "mine"), ("language", "en")])
def test_by_source_and_by_language(shards, tmp_path, by, name):
    selection = draw_sample(shards, weights(by=by, **{name: 1.0}), 1, tmp_path / "out", IN_PROCESS)
    assert selection.mix.groups[name].taken_documents == pytest.approx(3_000, abs=60)


@pytest.mark.parametrize("unit", ["tokens", "bytes"])
def test_expected_shares_are_exact(shards, tmp_path, unit):
    selection = draw_sample(shards, weights(unit=unit, web=0.25, math=1.0, code=0.5), 1, tmp_path / "out", IN_PROCESS)
    for name, rate in {"web": 0.25, "math": 1.0, "code": 0.5}.items():
        one = selection.mix.groups[name]
        assert one.expected == pytest.approx(rate * one.units) and one.units > one.documents


def test_a_folder_that_is_there_is_not_written_over(shards, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep me")
    with pytest.raises(OutputUnwritable):
        draw_sample(shards, weights(web=1.0), 1, tmp_path / "out", IN_PROCESS)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    assert not list(tmp_path.glob(".staging-*"))


def test_shards_that_break_off_changed_or_went_are_said(shards, tmp_path):
    counts = {shards[0].uri: 1_800, shards[1].uri: 1_200, "/gone.jsonl": 5}
    whole = draw_sample(shards, weights(web=1.0), 1, tmp_path / "one", IN_PROCESS, counts=counts)
    assert whole.problems == ["/gone.jsonl was audited and is not there any more"]
    broken = tmp_path / "corpus" / "deep" / "b.jsonl.gz"
    broken.write_bytes(broken.read_bytes()[:-200])
    with (tmp_path / "corpus" / "a.jsonl").open("a") as stream:
        stream.write('{"id": "x", "domain": "web", "text": "one more"}\n')
    later = list_shards([CorpusSource(path=str(tmp_path / "corpus"), id="id", domain="domain")])
    told = draw_sample(later, weights(web=1.0), 1, tmp_path / "two", IN_PROCESS, counts=counts).problems
    assert any("a.jsonl changed since the run: it had 1,800 documents and has 1,801" in one for one in told)
    assert any("b.jsonl.gz was not read whole: truncated" in one for one in told)


def config_of(tmp_path, write_config, **keys):
    corpus = [{"path": "corpus", "name": "mine", "id": "id", "domain": "domain"}]
    return write_config(**{"corpus": corpus, "audits": [{"kind": "domain_drift"}], **keys})


def test_from_a_run_through_weights_to_a_sample(tmp_path, write_config):
    write_domains(tmp_path / "corpus" / "a.jsonl", {"web": 600, "math": 150, "code": 50})
    assert corpus_audit("run", config_of(tmp_path, write_config), "--quiet").returncode == 0
    (tmp_path / "mix.json").write_text('{"train_domain_weights": {"web": 0.4, "math": 0.4, "books": 0.2}}')
    made = corpus_audit("weights", tmp_path / "runs", "--target", tmp_path / "mix.json", "--unit", "documents")
    assert made.returncode == 0, made.stderr
    assert "books (20.0 %)" in made.stdout and "no weight to 1 domain" in made.stdout
    page = (tmp_path / "runs" / "latest" / "report.html").read_text()
    assert "would have to be of another domain" in page and "How to restore the mix" in page
    drawn = corpus_audit("sample", tmp_path / "runs", "--to", tmp_path / "sample", "--seed", "3", "--quiet")
    assert drawn.returncode == 0, drawn.stderr
    manifest = json.loads((tmp_path / "sample" / "manifest.json").read_bytes())
    shares = {row["domain"]: row["drawn_share"] for row in manifest["groups"]}
    assert shares["math"] == pytest.approx(0.5, abs=0.06) and shares["code"] == 0
    again = corpus_audit("sample", tmp_path / "runs", "--to", tmp_path / "sample")
    assert (again.returncode, "could not be written" in again.stderr) == (3, True)
    # The configuration alone knows no weights.
    alone = corpus_audit("sample", tmp_path / "audit.yaml", "--to", tmp_path / "other")
    assert (alone.returncode, "has no weights" in alone.stderr) == (3, True)
    given = corpus_audit(
        "sample",
        tmp_path / "audit.yaml",
        "--to",
        tmp_path / "other",
        "--weights",
        tmp_path / "runs" / "latest" / "actions" / "sampling_weights.json",
        "--up",
        "--format",
        "jsonl",
    )
    assert given.returncode == 0, given.stderr
    assert list((tmp_path / "other" / "rows").rglob("*.jsonl.jsonl"))


def test_files_that_came_after_the_run_are_left_out_and_changed_ones_end_with_2(tmp_path, write_config):
    path = write_domains(tmp_path / "corpus" / "a.jsonl", {"web": 300, "math": 100})
    config = config_of(tmp_path, write_config, target_mix={"path": "mix.json"})
    (tmp_path / "mix.json").write_text('{"web": 0.5, "math": 0.5}')
    run_audit(load_config(config))
    write_domains(tmp_path / "corpus" / "b.jsonl", {"web": 300})
    drawn = corpus_audit("sample", tmp_path / "runs", "--to", tmp_path / "one", "-q")
    assert drawn.returncode == 0, drawn.stderr
    assert {row["shard"] for row in drawn_rows(tmp_path / "one")} == {str(path)}
    path.write_text(path.read_text() * 2)
    changed = corpus_audit("sample", tmp_path / "runs", "--to", tmp_path / "two", "-q")
    assert (changed.returncode, "changed since the run" in changed.stdout) == (2, True)


def test_a_target_in_the_configuration_is_judged_in_every_run(tmp_path, write_config):
    write_domains(tmp_path / "corpus" / "a.jsonl", {"web": 300, "math": 100})
    (tmp_path / "mix.json").write_text('{"web": 0.5, "math": 0.4, "arxiv": 0.1}')
    keys = {"path": "mix.json", "unit": "documents", "total": 1_000_000}
    outcome = run_audit(load_config(config_of(tmp_path, write_config, target_mix=keys)))
    found = {finding.metric: finding for finding in outcome.result.findings if finding.audit == "target_mix"}
    assert found["distance_share"].value == pytest.approx(0.25)
    assert "up to 900 documents. No more than 1,600 documents can be drawn at all." in found["capped"].message
    assert "arxiv" in found["absent_share"].message
    weights_file = json.loads((outcome.folder / "actions" / "sampling_weights.json").read_bytes())
    assert [row["domain"] for row in weights_file["target_mix"]] == ["math", "web", "arxiv"]
    assert "target_mix" in read_run(outcome.folder).tables


def test_the_baseline_is_the_target_where_none_is_named(tmp_path, write_config):
    write_domains(tmp_path / "corpus" / "a.jsonl", {"web": 300, "math": 300})
    first = run_audit(load_config(config_of(tmp_path, write_config)))
    write_domains(tmp_path / "corpus" / "a.jsonl", {"web": 500, "math": 100})
    second = config_of(tmp_path, write_config, target_mix={"by": "source"}, baseline=str(first.folder))
    found = [one for one in run_audit(load_config(second)).result.findings if one.audit == "target_mix"]
    assert "that of the baseline" in found[0].message and found[0].value == 0
    by_domain = config_of(tmp_path, write_config, target_mix={}, baseline=str(first.folder))
    result = run_audit(load_config(by_domain)).result
    distance = next(one for one in result.findings if one.metric == "distance_share")
    assert distance.value == pytest.approx(1 / 3, abs=0.03)
    assert {"domain_drift", "target_mix"} <= set(result.tables)


def test_targets_that_cannot_be_are_refused_before_any_text_is_read(tmp_path, write_config):
    write_domains(tmp_path / "corpus" / "a.jsonl", {"web": 50})
    with pytest.raises(Exception, match="`target_mix`: no target"):
        run_audit(load_config(config_of(tmp_path, write_config, target_mix={})))
    with pytest.raises(SourceNotFound):
        run_audit(load_config(config_of(tmp_path, write_config, target_mix={"path": "none.json"})))
    (tmp_path / "mix.json").write_text('{"web": "most"}')
    with pytest.raises(MixError):
        run_audit(load_config(config_of(tmp_path, write_config, target_mix={"path": "mix.json"})))
    with pytest.raises(Exception, match="target_mix: `by: language` needs the audit language_drift"):
        load_config(config_of(tmp_path, write_config, target_mix={"path": "mix.json", "by": "language"}))


def test_a_target_of_other_names_costs_the_comparison_and_not_the_run(tmp_path, write_config):
    write_domains(tmp_path / "corpus" / "a.jsonl", {"web": 50})
    (tmp_path / "mix.json").write_text('{"Pile-CC": 1}')
    outcome = run_audit(load_config(config_of(tmp_path, write_config, target_mix={"path": "mix.json"})))
    [refused] = [one for one in outcome.result.findings if one.audit == "target_mix"]
    assert refused.status == "ERROR" and "Nothing was compared" in refused.message
