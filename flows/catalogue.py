"""The audits as the command line shows them."""

import inspect
from typing import Any

from pydantic.fields import FieldInfo

from audits import audit_kinds
from audits.base import AuditConfig


def list_audits() -> str:
    """Return one line an audit: its kind and what it looks for."""
    kinds = audit_kinds()
    width = max(map(len, kinds))
    lines = [f"{kind:{width}}  {_subject(config)}" for kind, config in kinds.items()]
    return "\n".join([*lines, "", "Options of one: corpus-audit audits KIND"])


def describe_audit(kind: str) -> str:
    """Return what an audit does, and its options with their defaults."""
    config = audit_kinds()[kind]
    module = inspect.getdoc(inspect.getmodule(config)) or ""
    options = [_option(name, field) for name, field in config.model_fields.items() if name not in ("kind", "name")]
    return "\n".join([f"{kind}: {module}", "", inspect.getdoc(config) or "", "", "Options:", *options])


def _subject(config: type[AuditConfig]) -> str:
    first_line, *_ = (inspect.getdoc(inspect.getmodule(config)) or "").splitlines()
    return first_line


def _option(name: str, field: FieldInfo) -> str:
    default: Any = field.get_default(call_default_factory=True)
    return f"  {name}: {default!r}" if default is not None else f"  {name}: not set"
