"""scikit-learn's own tests of GaussianMixture, taken from the installed one and run on our class.

Nothing is copied: the module is loaded from scikit-learn under another name, `GaussianMixture` in
its namespace is replaced, and its test functions are collected here, each under its own name.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import subprocess
import sys
import types
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import sklearn.mixture
from threadpoolctl import threadpool_limits

import mixtura

# Not run: tests of private functions and methods, which are no part of the contract, and of one
# restriction that we do not have.
NOT_RUN = {
    "test_suffstat_sk_full": "calls _estimate_gaussian_covariances_full, never the class",
    "test_suffstat_sk_tied": "calls _estimate_gaussian_covariances_tied, never the class",
    "test_suffstat_sk_diag": "calls _estimate_gaussian_covariances_diag, never the class",
    "test_gaussian_suffstat_sk_spherical": (
        "calls _estimate_gaussian_covariances_spherical, never the class"
    ),
    "test_compute_log_det_cholesky": "calls _compute_log_det_cholesky, never the class",
    "test_gaussian_mixture_log_probabilities": "calls _estimate_log_gaussian_prob, never the class",
    "test_gaussian_mixture_precisions_init": "calls the methods _initialize and _set_parameters",
    "test_gaussian_mixture_all_init_does_not_estimate_gaussian_parameters": (
        "counts the calls of a mocked _estimate_gaussian_parameters"
    ),
    "test_gaussian_mixture_raises_where_array_api_not_implemented": (
        "wants init_params='kmeans' refused under array_api_dispatch; ours works on NumPy rows"
    ),
}

# Run with scikit-learn's defaults: their point is what EM does from a start that is no optimum yet, or hangs
# on the order of its components.
WITH_THEIR_DEFAULTS = {
    "test_gaussian_mixture_fit_convergence_warning": (
        "wants one iteration to be too few: it is not where the search has been"
    ),
    "test_gaussian_mixture_precisions_init_diag": (
        "wants as many iterations from given precisions as from the default start: after the search those "
        "are accelerated, and end after three small changes"
    ),
    "test_sample": (
        "wants covariances of 20,000 draws right to one decimal, which a component of a ninth of them misses "
        "now and then: it passes by the draws that the order of their components brings"
    ),
    "test_score": (
        "wants a fit strictly likelier than one of a single iteration: both end at the search's optimum"
    ),
    "test_warm_start": (
        "wants two fits of one iteration to be one fit of two, to 1.5e-7: after the search iterations "
        "are accelerated, and a warm start's are not"
    ),
}

# Warnings that scikit-learn's test lets pass, since warnings are no errors there.
WARNS = {
    "test_gaussian_mixture_setting_best_params": (
        # One iteration: their class says so too.
        "ignore:Best performing initialization did not:sklearn.exceptions.ConvergenceWarning",
        # Ours: four of the given components are single rows.
        "ignore:Components 0, 1, 2, 3 stand on fewer rows:mixtura.DegenerateComponentWarning",
    ),
    "test_regularisation": (
        # Ours: five columns are the same, and every component is one point.
        "ignore:Columns 0 and 1 are equal:mixtura.DataWarning",
        "ignore:Components .* stand on fewer rows:mixtura.DegenerateComponentWarning",
    ),
    "test_gaussian_mixture_attributes": (
        # Ours: their reg_covar is as large as the variance of their ten rows, which a random start
        # may share out unevenly.
        "ignore:.*held up by reg_covar=0.1:mixtura.DegenerateComponentWarning",
        "ignore:Component . stands on fewer rows:mixtura.DegenerateComponentWarning",
        "ignore:Components . and . are the same:mixtura.DegenerateComponentWarning",
    ),
    "test_gaussian_mixture_single_component_stable": (
        # Ours: three rows and five parameters.
        "ignore:The model has 5 free parameters for 3 rows:mixtura.DataWarning",
    ),
    "test_max_iter_zero": (
        # Ours: the given means are so far away that one gets no row.
        "ignore:Component 1 stands on fewer rows:mixtura.DegenerateComponentWarning",
    ),
}

# Run with float32, where it may fail for a reason that is not ours.
INEXACT_IN_FLOAT32 = {
    "test_score": "compares score to a mean taken in float32, to 1.5e-7: less than its rounding"
}


def _their_defaults():
    theirs, ours = (
        inspect.signature(kind).parameters
        for kind in (sklearn.mixture.GaussianMixture, mixtura.GaussianMixture)
    )
    values = {name: parameter.default for name, parameter in theirs.items()}
    return {name: value for name, value in values.items() if value != ours[name].default}


def _load_their_tests(kind):
    spec = importlib.util.find_spec("sklearn.mixture.tests.test_gaussian_mixture")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.GaussianMixture is sklearn.mixture.GaussianMixture
    module.GaussianMixture = kind
    return {
        name: value
        for name, value in vars(module).items()
        if name.startswith("test_") and isinstance(value, types.FunctionType)
    }


def _numpy_only(arguments, values):
    """Leave out array libraries that are not rows here: all but NumPy would be skipped anyway."""
    if "array_namespace" not in arguments:
        return list(values)
    return [combination for combination in values if combination[0] == "numpy"]


def _marked(name, test):
    """Give the test its marks again: pytest warns where scikit-learn passes a generator."""
    marks = [
        pytest.mark.parametrize(mark.args[0], _numpy_only(*mark.args), **mark.kwargs).mark
        if mark.name == "parametrize"
        else mark
        for mark in getattr(test, "pytestmark", [])
    ]
    warns = [pytest.mark.filterwarnings(text).mark for text in WARNS.get(name, ())]
    test.pytestmark = marks + warns
    return test


OURS = mixtura.GaussianMixture
OURS_WITH_THEIR_DEFAULTS = partial(OURS, **_their_defaults())
FOUND = _load_their_tests(OURS)
FOUND |= {
    name: test
    for name, test in _load_their_tests(OURS_WITH_THEIR_DEFAULTS).items()
    if name in WITH_THEIR_DEFAULTS
}
RUN = {name: _marked(name, test) for name, test in FOUND.items() if name not in NOT_RUN}
globals().update(RUN)


@pytest.fixture(autouse=True, scope="module")
def one_blas_thread():
    """The problems are small: threads of BLAS and of KMeans only wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def global_dtype(request):
    reason = INEXACT_IN_FLOAT32.get(request.node.originalname)
    if reason and request.param is np.float32:
        request.applymarker(pytest.mark.xfail(reason=reason, raises=AssertionError, strict=False))
    return request.param


@pytest.fixture
def global_random_seed():
    return 42


def test_the_suite_was_found():
    assert len(RUN) >= 30
    for name in [*NOT_RUN, *WITH_THEIR_DEFAULTS, *WARNS, *INEXACT_IN_FLOAT32]:
        assert name in FOUND, f"scikit-learn has no {name} any more: take it off the list"


@pytest.mark.parametrize("name", RUN)
def test_what_is_run_meets_our_class(name):
    test = FOUND[name]
    kind = OURS_WITH_THEIR_DEFAULTS if name in WITH_THEIR_DEFAULTS else OURS
    assert test.__globals__["GaussianMixture"] is kind
    assert "GaussianMixture" in test.__code__.co_names


@pytest.mark.parametrize("name", WITH_THEIR_DEFAULTS)
def test_what_needs_their_defaults_has_its_reason_in_the_docs(name):
    page = Path(__file__).parents[2] / "docs" / "differences.md"
    if not page.exists():
        pytest.skip("the docs are in the repository, not in the package")
    assert f"- `{name}` " in page.read_text()


@pytest.mark.parametrize("name", NOT_RUN)
def test_what_is_not_run_does_what_its_reason_says(name):
    names = FOUND[name].__code__.co_names
    reason = NOT_RUN[name]
    assert ("GaussianMixture" in names) is ("never the class" not in reason)


def test_array_api_compliance_with_numpy():
    """SciPy reads SCIPY_ARRAY_API when it is imported: in this process those tests are skipped."""
    chosen = f"{__file__}::test_gaussian_mixture_array_api_compliance"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", chosen]
    environment = os.environ | {"SCIPY_ARRAY_API": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "16 passed" in run.stdout
