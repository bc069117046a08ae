"""Gaussian mixtures by exact EM, with scikit-learn's contract."""

from importlib.metadata import version as _version

from mixtura._versions import check_instruction_set as _check_instruction_set
from mixtura._versions import show_versions
from mixtura.errors import (
    DataWarning,
    DegenerateComponentWarning,
    ModelFileError,
    SingularCovarianceError,
    SourceError,
)
from mixtura.estimators import GaussianMixture, GaussianMixtureSearch
from mixtura.mixture import Mixture
from mixtura.saving import load
from mixtura.sources import from_batches, scan
from mixtura.summary import Summary

__version__ = _version("mixtura")

__all__ = [
    "DataWarning",
    "DegenerateComponentWarning",
    "GaussianMixture",
    "GaussianMixtureSearch",
    "Mixture",
    "ModelFileError",
    "SingularCovarianceError",
    "SourceError",
    "Summary",
    "__version__",
    "from_batches",
    "load",
    "scan",
    "show_versions",
]

_check_instruction_set()
