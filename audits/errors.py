"""Everything that can stop an audit.

CorpusAuditError (connectors.errors)
└── AuditError                an audit that cannot do its work
    ├── ModelUnavailable      an embedding model that is missing or is not the one expected
    ├── TokenizerUnavailable  a tokenizer file that is missing or cannot be read
    └── ProfileUnreadable     a baseline whose profile is missing, damaged or of another schema version

Damaged text is not an error: it is a finding. Baselines that are not comparable are findings with status
ERROR (see `audits.profile`).
"""

from connectors.errors import CorpusAuditError


class AuditError(CorpusAuditError):
    """An audit that cannot do its work."""


class ModelUnavailable(AuditError):
    """An embedding model that is missing or is not the one expected."""


class TokenizerUnavailable(AuditError):
    """A tokenizer file that is missing or cannot be read."""


class ProfileUnreadable(AuditError):
    """A baseline whose profile is missing, damaged or of another schema version."""
