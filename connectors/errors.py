"""Everything that can stop a run before or while text is read.

CorpusAuditError              a run that cannot go on; says what, where, what was expected, what to try
└── SourceError               a corpus or eval set that cannot be used
    ├── SourceNotFound        no file answers to the path, or a glob matches nothing
    ├── UnknownFormat         the format cannot be told from the name
    ├── SourceUnreadable      the file is there and cannot be opened
    ├── EvalSetError          a test set that does not fit its field mapping
    ├── SamplesError          the scores of an evaluation, item by item, that cannot be used
    ├── LogError              a log of losses, a list of batches or results of an evaluation that cannot be used
    └── MixError              a target mix or sampling weights that cannot be used

Bad rows are not errors: they are quarantined and counted (see `connectors.ledger`).
"""


class CorpusAuditError(Exception):
    """A run that cannot go on.

    Args:
        problem: what is wrong and where, as one sentence without a full stop.
        remedy: what the reader can do about it, as one sentence without a full stop.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}. {remedy}.")
        self.problem = problem
        self.remedy = remedy

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        # Exceptions cross process borders; the default rebuilds them from one argument.
        return type(self), (self.problem, self.remedy)


class SourceError(CorpusAuditError):
    """A corpus or eval set that cannot be used."""


class SourceNotFound(SourceError):
    """No file answers to the path, or a glob matches nothing."""


class UnknownFormat(SourceError):
    """The format of a file cannot be told from its name."""


class SourceUnreadable(SourceError):
    """A file that is there and cannot be opened."""


class EvalSetError(SourceError):
    """A test set that does not fit its field mapping."""


class SamplesError(SourceError):
    """The scores of an evaluation, item by item, that cannot be used."""


class LogError(SourceError):
    """A log of losses, a list of batches or results of an evaluation that cannot be used."""


class MixError(SourceError):
    """A target mix or sampling weights that cannot be used."""
