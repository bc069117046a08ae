"""What can go wrong, by name; every message says what is wrong, where, and what to do."""

from __future__ import annotations


class SingularCovarianceError(ValueError):
    """A covariance is not positive definite, so its component has no density.

    Cause and cure: docs/questions.md.
    """


class ModelFileError(ValueError):
    """A file does not hold a mixture that this version can read.

    Cause and cure: docs/questions.md.
    """


class DataWarning(UserWarning):
    """The data make part of the answer doubtful; the message says which columns or rows.

    Cause and cure: docs/questions.md.
    """


class DegenerateComponentWarning(DataWarning):
    """A component deserves no trust; the message says which and why. `diagnosis_` tells of all.

    Cause and cure: docs/questions.md.
    """


class SourceError(ValueError):
    """Rows that lie elsewhere cannot be read or hold what is no finite number: says where.

    Cause and cure: docs/questions.md.
    """
