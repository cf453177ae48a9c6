"""Rewordings that a user gives to calibration: read strictly, and planted as a kind of copy."""

import json

import pytest

from audits.contamination.planting import plant
from flows.errors import CalibrationUnusable
from flows.rewordings import read_rewordings
from tests.audits.corpora import items, pages

TABLE = items(["How many eggs does Janet sell each day?", "Who pays for the robe?"], eval_set="gsm8k")
GOOD = {"eval_set": "gsm8k", "item_id": "gsm8k-0", "text": "Janet sells eggs daily; how many?"}


def written(tmp_path, *lines):
    path = tmp_path / "rewordings.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


def test_rewordings_are_planted_as_they_were_given(tmp_path):
    given = read_rewordings(written(tmp_path, GOOD, "", GOOD | {"text": "Another way."}), TABLE)
    assert given == {("gsm8k", "gsm8k-0"): ["Janet sells eggs daily; how many?", "Another way."]}
    [copy] = plant(TABLE, pages(3), ["reworded"], rewordings=given)
    assert copy.kind == "reworded" and copy.row == 0
    assert any(text in copy.text for text in given["gsm8k", "gsm8k-0"])
    assert not plant(TABLE, pages(3), ["reworded"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{not json", "line 2: no JSON"),
        (["a list"], "line 2: no object"),
        ({"eval_set": "gsm8k", "item_id": "gsm8k-0"}, "line 2: no object"),
        (GOOD | {"text": ""}, "line 2: no object"),
        (GOOD | {"item_id": "gsm8k-77"}, "line 2: no item 'gsm8k-77'"),
    ],
)
def test_a_line_that_is_no_rewording_is_named(tmp_path, line, message):
    with pytest.raises(CalibrationUnusable, match=message) as error:
        read_rewordings(written(tmp_path, GOOD, line), TABLE)
    assert error.value.remedy


def test_a_file_that_is_not_there_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(CalibrationUnusable, match="cannot be read"):
        read_rewordings(tmp_path / "none.jsonl", TABLE)
