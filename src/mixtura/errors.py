"""What can go wrong, by name; every message says what is wrong, where, and what to do.

Causes and cures: docs/questions.md.
"""

from __future__ import annotations


class SingularCovarianceError(ValueError):
    """A covariance is not positive definite, so its component has no density."""


class ModelFileError(ValueError):
    """A file does not hold a mixture that this version can read."""


class DataWarning(UserWarning):
    """The data make part of the answer doubtful; the message says which columns or rows."""


class DegenerateComponentWarning(DataWarning):
    """A component deserves no trust; the message says which and why. `diagnosis_` tells of all."""


class SourceError(ValueError):
    """Rows that lie elsewhere cannot be read or hold what is no finite number: says where."""
