"""scikit-learn's own tests of BayesianGaussianMixture, taken from the installed one and run on our class.

As in test_sklearn_suite.py: nothing is copied, the class in the module's namespace is replaced.
"""

from __future__ import annotations

import importlib.util
import types

import pytest
import sklearn.mixture
from threadpoolctl import threadpool_limits

import mixtura

# Not run: tests of private functions and methods, which are no part of the contract.
NOT_RUN = {
    "test_log_dirichlet_norm": "calls _log_dirichlet_norm, never the class",
    "test_log_wishart_norm": "calls _log_wishart_norm, never the class",
    "test_compare_covar_type": "calls the methods _check_parameters and _initialize_parameters",
}


def _load_their_tests():
    spec = importlib.util.find_spec("sklearn.mixture.tests.test_bayesian_mixture")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.BayesianGaussianMixture is sklearn.mixture.BayesianGaussianMixture
    module.BayesianGaussianMixture = mixtura.BayesianGaussianMixture
    return {
        name: value
        for name, value in vars(module).items()
        if name.startswith("test_") and isinstance(value, types.FunctionType)
    }


FOUND = _load_their_tests()
RUN = {name: test for name, test in FOUND.items() if name not in NOT_RUN}
globals().update(RUN)


@pytest.fixture(autouse=True, scope="module")
def one_blas_thread():
    with threadpool_limits(1):
        yield


def test_the_suite_was_found():
    assert len(RUN) >= 11
    for name in NOT_RUN:
        assert name in FOUND, f"scikit-learn has no {name} any more: take it off the list"


@pytest.mark.parametrize("name", RUN)
def test_what_is_run_meets_our_class(name):
    test = FOUND[name]
    assert test.__globals__["BayesianGaussianMixture"] is mixtura.BayesianGaussianMixture
    assert "BayesianGaussianMixture" in test.__code__.co_names


@pytest.mark.parametrize("name", NOT_RUN)
def test_what_is_not_run_does_what_its_reason_says(name):
    names = FOUND[name].__code__.co_names
    assert ("BayesianGaussianMixture" in names) is ("never the class" not in NOT_RUN[name])
