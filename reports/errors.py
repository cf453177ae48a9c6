"""Everything that can stop the writing or reading of a run's folder.

CorpusAuditError (connectors.errors)
└── ReportError               a run's folder that cannot be written or read
    ├── CleanCopyFailed       the corpus cannot be copied, changed since it was audited, or does not add up
    ├── OutputUnwritable      the output folder cannot be made, is full or may not be written
    └── RunFolderUnreadable   no run's folder, a damaged one, or one of another schema version
"""

from connectors.errors import CorpusAuditError


class ReportError(CorpusAuditError):
    """A run's folder that cannot be written or read."""


class OutputUnwritable(ReportError):
    """The output folder cannot be made, is full or may not be written."""


class CleanCopyFailed(ReportError):
    """The corpus cannot be copied, changed since it was audited, or the copy does not add up."""


class RunFolderUnreadable(ReportError):
    """No run's folder, a damaged one, or one of another schema version."""
