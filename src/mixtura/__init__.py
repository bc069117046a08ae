"""Gaussian mixtures by exact EM, with scikit-learn's contract.

The public names are imported where they are first used: `mixtura --version` needs no NumPy.
"""

from importlib import import_module as _import_module
from os import environ as _environ
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

    __version__: str

_HOMES = {
    "DataWarning": "mixtura.errors",
    "DegenerateComponentWarning": "mixtura.errors",
    "GaussianMixture": "mixtura.estimators",
    "GaussianMixtureSearch": "mixtura.estimators",
    "Mixture": "mixtura.mixture",
    "ModelFileError": "mixtura.errors",
    "SingularCovarianceError": "mixtura.errors",
    "SourceError": "mixtura.errors",
    "Summary": "mixtura.summary",
    "from_batches": "mixtura.sources",
    "load": "mixtura.saving",
    "scan": "mixtura.sources",
    "show_versions": "mixtura._versions",
}

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


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("mixtura")
    elif name in _HOMES:
        value = getattr(_import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'mixtura' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if _environ.get("MIXTURA_SIMD"):
    from mixtura._versions import check_instruction_set as _check_instruction_set

    _check_instruction_set()
