"""Target mixes: names and weights as people and DoReMi write them."""

from pathlib import Path

import pytest

from connectors.errors import MixError, SourceNotFound
from connectors.mixes import read_mix

DATA = Path(__file__).parents[1] / "data" / "model_logs"


def test_doremi_s_own_file_is_read_by_its_weights_for_training():
    mix = read_mix(DATA / "doremi_rp_baseline.json")
    assert mix["common_crawl"] == 0.7316 and len(mix) == 7


def test_a_plain_object_need_not_add_up_to_one(tmp_path):
    path = tmp_path / "mix.json"
    path.write_text('{"web": 3, "code": 1.5, "notes": 0}')
    assert read_mix(path) == {"web": 3.0, "code": 1.5, "notes": 0.0}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "nothing, expected names with their weights"),
        ("[0.5]", "a JSON list, expected names"),
        ('{"web": "much"}', "the weight of 'web' is much, expected a number from 0"),
        ('{"web": -1}', "the weight of 'web' is -1"),
        ('{"web": true}', "the weight of 'web' is True"),
        ('{"web": NaN}', "the weight of 'web' is nan"),
        ('{"web": 1, "web": 2}', "the name 'web' stands there twice"),
        ('{"web": 0}', "all weights are 0"),
        ("{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
    ],
)
def test_what_is_no_mix_is_named(tmp_path, content, said):
    path = tmp_path / "mix.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(MixError, match=said) as caught:
        read_mix(path)
    assert str(path) in caught.value.problem and caught.value.remedy


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(SourceNotFound, match="does not exist"):
        read_mix(tmp_path / "none.json")
