"""From a record of any shape to the columns of a document."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import urlsplit

from connectors.config import CorpusSource, DomainRule

MISSING = object()
"""What `lookup` returns where there is no such field; None is a value."""

_MAX_NAME = 1000
"""Characters of an identifier, domain or URL that are kept; a longer one is not a name."""

_SCHEME = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?//")
_NO_HOST = re.compile(r"[\s\x00-\x1f\x7f-\x9f\"'<>\\^`{|}]")
_MAX_HOST = 253
"""Characters of a host name (RFC 1035, 2.3.4, without the final dot)."""


def lookup(record: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted path, or MISSING; a field whose own name has dots goes first.

    >>> lookup({"meta": {"url": "u"}}, "meta.url")
    'u'
    """
    if path in record:
        return record[path]
    value: Any = record
    for step in path.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return MISSING
        value = value[step]
    return value


def url_host(url: str | None) -> str | None:
    """Return the host of a URL in lower case, without port and credentials; None if it has none.

    >>> url_host("https://user@Example.org:8080/a?b")
    'example.org'
    """
    if not url:
        return None
    try:
        host = urlsplit(url if _SCHEME.match(url) else f"//{url}").hostname
    except ValueError:
        return None
    host = (host or "").rstrip(".")
    return host if 0 < len(host) <= _MAX_HOST and not _NO_HOST.search(host) else None


def parse_timestamp(value: Any) -> datetime | None:
    """Return a moment in UTC from an ISO 8601 string, seconds or milliseconds since 1970, a date or a datetime.

    Anything else is None: a document without a date is still a document.
    """
    try:
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = datetime.combine(value, time())
        elif isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
        elif isinstance(value, int | float) and not isinstance(value, bool):
            # Later than the year 5138 in seconds: it counts milliseconds.
            moment = datetime.fromtimestamp(value / 1000 if abs(value) > 1e11 else value, UTC)
        else:
            return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def name_of(record: Mapping[str, Any], path: str | None) -> str | None:
    """Return a field as a short string: numbers are written out, anything else is None."""
    value = lookup(record, path) if path else None
    if isinstance(value, str):
        return value[:_MAX_NAME] or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def domain_of(record: Mapping[str, Any], source: CorpusSource, url: str | None) -> str | None:
    """Return the domain of a record under the source's rule."""
    rule = source.domain
    if isinstance(rule, DomainRule):
        if rule.constant is not None:
            return rule.constant
        return url_host(url) if rule.origin else name_of(record, rule.field)
    return name_of(record, rule)


def columns_needed(source: CorpusSource) -> list[str]:
    """Return every field that the source's mapping names, text first."""
    rule = source.domain
    domain = rule.field if isinstance(rule, DomainRule) else rule
    named = [source.id, domain, source.url_field, source.language, source.timestamp]
    return list(dict.fromkeys([*source.text_fields, *(name for name in named if name)]))
