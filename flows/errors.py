"""Everything that can stop a run for reasons of its own.

CorpusAuditError (connectors.errors)
├── ConfigError               a configuration that cannot be used
│   └── ConfigNotFound        no file at the path given
├── CalibrationUnusable       a calibration that cannot be made, read or written
├── VaultUnusable             a vault that is not there or does not fit the test sets
└── EngineUnavailable         the Dask cluster cannot be reached or started
"""

from connectors.errors import CorpusAuditError


class ConfigError(CorpusAuditError):
    """A configuration that cannot be used."""


class ConfigNotFound(ConfigError):
    """No file at the path given."""


class CalibrationUnusable(CorpusAuditError):
    """A calibration that cannot be made, read or written."""


class VaultUnusable(CorpusAuditError):
    """A vault that is not there or does not fit the test sets."""


class EngineUnavailable(CorpusAuditError):
    """The Dask cluster cannot be reached or started."""
