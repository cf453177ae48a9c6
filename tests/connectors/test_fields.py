from datetime import UTC, date, datetime

import pytest

from connectors.fields import MISSING, lookup, parse_timestamp, url_host

MOMENT = datetime(2019, 2, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://user:pw@Example.ORG:8080/a?b", "example.org"),
        ("example.org/a//b", "example.org"),
        ("//cdn.example.org/x", "cdn.example.org"),
        ("http://example.org./", "example.org"),
        ("http://[2001:db8::1]/", "2001:db8::1"),
        ("http://[::1", None),
        ("not a url", None),
        ("http://\x00x/", None),
        ("http://" + "a" * 300, None),
        ("", None),
        (None, None),
    ],
)
def test_url_host(url, host):
    assert url_host(url) == host


@pytest.mark.parametrize(
    "value",
    ["2019-02-25T00:00:00Z", "2019-02-25", " 2019-02-25T01:00:00+01:00 ", 1551052800, 1551052800.0, 1551052800000,
     date(2019, 2, 25), datetime(2019, 2, 25), MOMENT],
)  # fmt: skip
def test_timestamps_of_every_form(value):
    assert parse_timestamp(value) == MOMENT


@pytest.mark.parametrize("value", ["yesterday", "", None, True, float("nan"), 1e300, [], "0001-01-01T00:00:00+23:59"])
def test_what_is_no_timestamp_is_none(value):
    assert parse_timestamp(value) is None


def test_a_field_whose_name_has_dots_goes_first():
    record = {"a.b": 1, "a": {"b": 2, "c": None}}
    assert [lookup(record, path) for path in ("a.b", "a.c")] == [1, None]
    assert lookup(record, "a.b.c") is MISSING
