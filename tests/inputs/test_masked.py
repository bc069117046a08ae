"""Masked arrays: what is under the mask was not observed, or is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris

import mixtura
from mixtura import GaussianMixture, GaussianMixtureImputer, GaussianMixtureSearch, fit_many
from mixtura.errors import SourceError
from mixtura.selection import bootstrap_ratio_test

IRIS = load_iris().data
HIDDEN = np.random.default_rng(0).random(IRIS.shape) < 0.15
GAPS = np.where(HIDDEN, np.nan, IRIS)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_with_missing_what_is_masked_was_not_observed(dtype):
    values = (10 * IRIS).astype(dtype)
    masked = np.ma.array(np.where(HIDDEN, 99999, values).astype(dtype), mask=HIDDEN)
    gaps = np.where(HIDDEN, np.nan, values).astype(dtype if dtype is np.float32 else np.float64)
    one, other = (GaussianMixture(2, missing="mar", random_state=0).fit(X) for X in (masked, gaps))
    assert_array_equal(one.means_, other.means_)
    for method in ("predict", "predict_proba", "score_samples", "impute"):
        found = getattr(one, method)(masked)
        assert not isinstance(found, np.ma.MaskedArray)
        assert_array_equal(found, getattr(other, method)(gaps))
    assert one.score(masked) == other.score(gaps)
    assert one.mixture_.n_components == 2


def test_searches_imputers_many_tables_batches_tests_and_reports_take_them():
    masked = np.ma.array(np.where(HIDDEN, 99999.0, IRIS), mask=HIDDEN)

    def fits(X):
        search = GaussianMixtureSearch([1, 2], covariance_type="VVV", missing="mar", random_state=0)
        yield search.fit(X).best_estimator_.means_
        yield GaussianMixtureImputer(2, random_state=0).fit_transform(X)
        tables = np.ma.array([X, X]) if isinstance(X, np.ma.MaskedArray) else np.array([X, X])
        yield fit_many(tables, 2, missing="mar", random_state=0).means
        yield fit_many([X, X[:90]], 2, missing="mar", random_state=0).means
        batches = mixtura.from_batches(lambda: iter([X[:70], X[70:]]))
        yield GaussianMixture(2, missing="mar", random_state=0).fit(batches).means_
        yield bootstrap_ratio_test(X, 1, missing="mar", n_replicates=3).replicates
        yield [column.n_missing for column in mixtura.describe(X).columns]

    for found, wanted in zip(fits(masked), fits(GAPS), strict=True):
        assert_array_equal(found, wanted)


def test_an_imputer_marks_them_as_it_marks_others():
    masked = np.ma.array(np.where(HIDDEN, 99999.0, IRIS), mask=HIDDEN)
    imputer = GaussianMixtureImputer(2, missing_values=-1.0, random_state=0)
    assert_array_equal(
        imputer.fit_transform(masked), imputer.fit_transform(np.where(HIDDEN, -1.0, IRIS))
    )


def test_without_it_the_sentence_names_the_keyword():
    masked = np.ma.array(IRIS, mask=HIDDEN)
    for fit in (GaussianMixture(2).fit, GaussianMixtureSearch([2]).fit):
        with pytest.raises(
            ValueError, match=f"{HIDDEN.sum()} of its values are masked.*missing='mar'"
        ):
            fit(masked)
    batches = mixtura.from_batches(lambda: iter([masked]))
    with pytest.raises(SourceError, match="missing='mar'"):
        GaussianMixture(2).fit(batches)
    with pytest.raises(ValueError, match="missing='mar'"):
        fit_many(np.ma.array([masked, masked]), 2)


def test_masked_errors_and_collections_are_refused():
    da = pytest.importorskip("dask.array")
    masked = np.ma.array(IRIS, mask=HIDDEN)
    with pytest.raises(ValueError, match="error_std is a masked array"):
        GaussianMixture(2).fit(IRIS, error_std=masked)
    with pytest.raises(SourceError, match=r"dask\.array\.ma\.filled"):
        GaussianMixture(2, missing="mar").fit(da.from_array(masked, chunks=(60, 4)))
