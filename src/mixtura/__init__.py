"""Gaussian mixtures by exact EM, with scikit-learn's contract.

The public names are imported where they are first used: `mixtura --version` needs no NumPy.
"""

from importlib import import_module as _import_module
from os import environ as _environ

TYPE_CHECKING = (
    False  # as type checkers read it: typing itself takes longer to import than this file
)
if TYPE_CHECKING:
    from typing import Any

    from mixtura.em import Prior
    from mixtura.errors import (
        DataWarning,
        DegenerateComponentWarning,
        ModelFileError,
        SingularCovarianceError,
        SourceError,
    )
    from mixtura.estimators.bayesian_gaussian_mixture import BayesianGaussianMixture
    from mixtura.estimators.classifier import GaussianMixtureClassifier
    from mixtura.estimators.fit_many import fit_many
    from mixtura.estimators.fitted_mixtures import FittedMixtures
    from mixtura.estimators.gaussian_mixture import GaussianMixture
    from mixtura.estimators.gaussian_mixture_search import GaussianMixtureSearch
    from mixtura.estimators.imputer import GaussianMixtureImputer
    from mixtura.estimators.loading import load
    from mixtura.estimators.outlier_detector import GaussianMixtureOutlierDetector
    from mixtura.estimators.regressor import GaussianMixtureRegressor
    from mixtura.fitting.diagnosis import Diagnosis
    from mixtura.fitting.summary import Summary
    from mixtura.inference import Directions, StandardErrors
    from mixtura.mixture import Conditionals, Mixture
    from mixtura.report.description import Description, describe
    from mixtura.sources import from_batches, scan
    from mixtura.support.versions import show_versions

    __version__: str

_HOMES = {
    "Conditionals": "mixtura.mixture",
    "Diagnosis": "mixtura.fitting.diagnosis",
    "DataWarning": "mixtura.errors",
    "DegenerateComponentWarning": "mixtura.errors",
    "Directions": "mixtura.inference",
    "Description": "mixtura.report.description",
    "FittedMixtures": "mixtura.estimators.fitted_mixtures",
    "BayesianGaussianMixture": "mixtura.estimators.bayesian_gaussian_mixture",
    "GaussianMixture": "mixtura.estimators.gaussian_mixture",
    "GaussianMixtureClassifier": "mixtura.estimators.classifier",
    "GaussianMixtureImputer": "mixtura.estimators.imputer",
    "GaussianMixtureOutlierDetector": "mixtura.estimators.outlier_detector",
    "GaussianMixtureRegressor": "mixtura.estimators.regressor",
    "GaussianMixtureSearch": "mixtura.estimators.gaussian_mixture_search",
    "Mixture": "mixtura.mixture",
    "Prior": "mixtura.em",
    "ModelFileError": "mixtura.errors",
    "SingularCovarianceError": "mixtura.errors",
    "SourceError": "mixtura.errors",
    "StandardErrors": "mixtura.inference",
    "Summary": "mixtura.fitting.summary",
    "describe": "mixtura.report.description",
    "fit_many": "mixtura.estimators.fit_many",
    "from_batches": "mixtura.sources",
    "load": "mixtura.estimators.loading",
    "scan": "mixtura.sources",
    "show_versions": "mixtura.support.versions",
}

#: Modules that are imported at their first use, as `mixtura.plots`.
_MODULES = ("datasets", "export", "plots", "selection")

#: What people look for here, and where it is or what to use instead.
_ELSEWHERE = {
    "GMM": "the class is GaussianMixture",
    "GaussianMixtureModel": "the class is GaussianMixture",
    "KMeans": "take scikit-learn's, or GaussianMixture with covariance_type='EII'",
    "plot_boundary": "it is in mixtura.plots",
    "plot_density": "it is in mixtura.plots",
    "plot_entropy": "it is in mixtura.plots",
    "plot_mixture": "it is in mixtura.plots",
    "plot_reduction": "it is in mixtura.plots",
    "plot_search": "it is in mixtura.plots",
    "plot_uncertainty": "it is in mixtura.plots",
    "plot_bound": "it is in mixtura.plots",
    "plot_weights": "it is in mixtura.plots",
    "bootstrap_difference": "it is in mixtura.selection",
    "bootstrap_ratio_test": "it is in mixtura.selection",
    "combine": "it is in mixtura.selection",
    "fisher_vector": "it is in mixtura.export",
    "load_faithful": "it is in mixtura.datasets",
    "from_json": "it is in mixtura.export",
    "from_matlab": "it is in mixtura.export",
    "from_mclust": "it is in mixtura.export",
    "from_sklearn": "it is in mixtura.export",
    "from_spark": "it is in mixtura.export",
    "to_json": "it is in mixtura.export",
    "to_matlab": "it is in mixtura.export",
    "to_mclust": "it is in mixtura.export",
    "to_sklearn": "it is in mixtura.export",
    "to_spark": "it is in mixtura.export",
    "make_three_blobs": "it is in mixtura.datasets",
    "to_jax": "it is in mixtura.export",
    "to_onnx": "it is in mixtura.export",
    "to_torch": "it is in mixtura.export",
}

__all__ = [
    "BayesianGaussianMixture",
    "Conditionals",
    "DataWarning",
    "DegenerateComponentWarning",
    "Description",
    "Diagnosis",
    "Directions",
    "FittedMixtures",
    "GaussianMixture",
    "GaussianMixtureClassifier",
    "GaussianMixtureImputer",
    "GaussianMixtureOutlierDetector",
    "GaussianMixtureRegressor",
    "GaussianMixtureSearch",
    "Mixture",
    "ModelFileError",
    "Prior",
    "SingularCovarianceError",
    "SourceError",
    "StandardErrors",
    "Summary",
    "__version__",
    "describe",
    "fit_many",
    "from_batches",
    "load",
    "scan",
    "show_versions",
]


def __getattr__(name: str) -> "Any":
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("mixtura")
    elif name in _HOMES:
        value = getattr(_import_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = _import_module(f"mixtura.{name}")
    else:
        raise _unknown(name)
    globals()[name] = value
    return value


def _unknown(name: str) -> Exception:
    """What says that there is no such name, and which one was meant."""
    import sys
    from importlib.util import find_spec

    from mixtura.support.names import nearest

    meant = "" if name.startswith("_") else nearest(name, __all__)
    hint = f": {_ELSEWHERE[name]}." if name in _ELSEWHERE else f".{meant}"
    # `from mixtura import name` drops the words of an AttributeError; an ImportError it passes on. But then
    # it looks no further for a module of that name.
    imported = sys._getframe(2).f_code.co_name == "_handle_fromlist"
    if imported and find_spec(f"mixtura.{name}") is None:
        return ImportError(f"cannot import name {name!r} from 'mixtura'{hint}", name=name)
    return AttributeError(f"module 'mixtura' has no attribute {name!r}{hint}", name=name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES})


if _environ.get("MIXTURA_SIMD"):
    from mixtura.support.versions import check_instruction_set as _check_instruction_set

    _check_instruction_set()
