import datasets
import pytest

from connectors import CorpusSource, ShardReader, list_shards, probe
from connectors.errors import SourceError, SourceNotFound, SourceUnreadable


@pytest.fixture
def saved(tmp_path):
    """A dataset on disk with two splits."""
    datasets.disable_progress_bars()
    folder = tmp_path / "saved"
    train = datasets.Dataset.from_dict({"text": ["a", "b", ""], "meta": [{"url": "https://x.org/"}] * 3})
    datasets.DatasetDict({"train": train, "test": train.select([0])}).save_to_disk(str(folder))
    return folder


def test_the_split_asked_for_is_read(saved, read):
    rows, report = read(saved, url="meta.url", domain={"from": "url_host"})
    assert [(row["text"], row["domain"]) for row in rows] == [("a", "x.org"), ("b", "x.org")]
    assert report.quarantine[0].reason == "empty_text"
    assert report.entry.whole()
    assert len(read(saved, split="test")[0]) == 1


def test_a_split_that_is_not_there_names_those_that_are(saved):
    [shard] = list_shards([CorpusSource(path=str(saved), split="dev")])
    with pytest.raises(SourceNotFound, match="train, test"):
        probe(shard)


def test_a_wrong_field_is_answered_before_any_work(saved):
    [shard] = list_shards([CorpusSource(path=str(saved), text="txt")])
    with pytest.raises(SourceError, match="did you mean `text`"):
        probe(shard)


def test_damage_during_a_run_is_an_entry(saved):
    [shard] = list_shards([CorpusSource(path=str(saved))])
    arrow = next((saved / "train").glob("*.arrow"))
    arrow.write_bytes(arrow.read_bytes()[:200])
    reader = ShardReader(shard)
    assert list(reader) == []
    assert not reader.report.entry.complete
    assert reader.report.entry.note


def test_a_hub_that_cannot_be_reached_is_named(monkeypatch):
    def unreachable(*_args, **_options):
        raise ConnectionError("Couldn't reach 'some/name' on the Hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    [shard] = list_shards([CorpusSource(path="some/name", format="datasets")])
    with pytest.raises(SourceUnreadable, match="HF_HUB_OFFLINE"):
        probe(shard)
