"""missing='mar': fits, predictions and criteria of rows with gaps, wherever they lie."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch
from mixtura.covariance import STRUCTURES
from mixtura.errors import DataWarning, SourceError
from mixtura.selection import bootstrap_difference, combine

DATA = Path(__file__).parent.parent / "data" / "missing"
PUBLISHED = json.loads((DATA / "published.json").read_text())
IRIS = load_iris().data
NAMES = [name for name in STRUCTURES if name.isupper()]


def with_gaps(share=0.15, seed=0, dtype=np.float64):
    X = IRIS.astype(dtype)
    X[np.random.default_rng(seed).random(X.shape) < share] = np.nan
    return X


def likelihood(model, X):
    """By scipy, row by row."""
    total = 0.0
    for row in X[~np.isnan(X).all(axis=1)]:
        seen = ~np.isnan(row)
        total += np.log(
            sum(
                w * multivariate_normal(m[seen], c[np.ix_(seen, seen)]).pdf(row[seen])
                for w, m, c in zip(
                    model.weights_, model.means_, model.mixture_.covariance_matrices(), strict=True
                )
            )
        )
    return total


@pytest.mark.filterwarnings("ignore")  # of 13 rows, and columns that sum to 100
@pytest.mark.parametrize("name", ["cement", "apples"])
def test_one_component_has_the_published_values(name):
    X = np.genfromtxt(DATA / f"{name}.csv", delimiter=",", skip_header=1)
    want = PUBLISHED[name]
    model = GaussianMixture(1, missing="mar", reg_covar=0, tol=0, max_iter=5_000).fit(X)
    assert_allclose(model.score(X) * len(X), want["loglik"], rtol=1e-10)
    assert_allclose(model.means_[0], want["mean"], rtol=1e-5)
    assert_allclose(model.covariances_[0], want["covariance"], rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_likelihood_is_that_of_what_was_observed(name):
    X = with_gaps()
    X[7] = np.nan
    model = GaussianMixture(2, covariance_type=name, missing="mar", random_state=0).fit(X)
    assert_allclose(model.score(X) * 149, likelihood(model, X), rtol=1e-10)
    assert np.diff(model.lower_bounds_).min(initial=0) > -1e-9
    n_parameters = model.mixture_.n_parameters
    assert_allclose(
        model.bic(X), -2 * model.score(X) * 149 + n_parameters * np.log(149), rtol=1e-12
    )


@pytest.mark.parametrize("name", NAMES)
def test_where_nothing_is_missing_the_bits_are_the_plain_ones(name):
    plain, same = (
        GaussianMixture(3, covariance_type=name, missing=missing, random_state=0).fit(IRIS)
        for missing in ("error", "mar")
    )
    assert np.array_equal(plain.means_, same.means_)
    assert plain.lower_bounds_ == same.lower_bounds_


def test_the_optimum_beats_complete_rows_and_imputation():
    X = with_gaps()
    model = GaussianMixture(3, missing="mar", random_state=0).fit(X)
    whole = X[~np.isnan(X).any(axis=1)]
    of_whole = GaussianMixture(3, missing="mar", random_state=0).fit(whole)
    filled = np.where(np.isnan(X), np.nanmean(X, axis=0), X)
    of_filled = GaussianMixture(3, missing="mar", random_state=0).fit(filled)
    assert model.score(X) > max(of_whole.score(X), of_filled.score(X)) + 0.05


def test_a_feature_that_half_of_the_rows_lack_tells_the_other_half_alone():
    X = IRIS.copy()
    X[::2, 3] = np.nan
    model = GaussianMixture(1, missing="mar", reg_covar=0, tol=0).fit(X)
    # Without the fourth feature the rest is a table without gaps (Anderson 1957).
    assert_allclose(model.means_[0, :3], IRIS[:, :3].mean(axis=0), rtol=1e-9)
    assert_allclose(model.covariances_[0][:3, :3], np.cov(IRIS[:, :3].T, bias=True), rtol=1e-9)


@pytest.mark.parametrize("start", ["auto", "kmeans", "k-means++", "random", "random_from_data"])
def test_every_start_serves(start):
    X = with_gaps()
    model = GaussianMixture(
        3, missing="mar", init_params=start, n_init=3, random_state=0, tol=1e-9
    ).fit(X)
    assert_allclose(model.score(X) * 150, -191.0479, atol=2e-3)


def test_labels_and_responsibilities_may_be_where_it_begins():
    X = with_gaps()
    labels = np.repeat([0, 1, 2], 50)
    for start in (labels, np.eye(3)[labels]):
        model = GaussianMixture(3, missing="mar", init_params=start, random_state=0).fit(X)
        assert (model.predict(X) == labels).mean() > 0.9


def places(X, folder):
    """The same rows as an array, frames, files, batches and Dask collections."""
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    da, dd = pytest.importorskip("dask.array"), pytest.importorskip("dask.dataframe")
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame.to_csv(folder / "x.csv", index=False)
    frame.to_parquet(folder / "x.parquet")
    return {
        "array": X,
        "columns in memory": np.asfortranarray(X),
        "list": X.tolist(),
        "pandas": frame,
        "pandas, nullable": frame.convert_dtypes(),
        "polars": pl.DataFrame(
            {name: [None if np.isnan(x) else x for x in frame[name]] for name in frame}
        ),
        "csv": mixtura.scan(folder / "x.csv"),
        "parquet": mixtura.scan(folder / "x.parquet"),
        "batches": mixtura.from_batches(lambda: iter([X[:70], X[70:]])),
        "dask array": da.from_array(X, chunks=(60, 4)),
        "dask frame": dd.from_pandas(frame, npartitions=3),
    }


def whole(found):
    found = found.compute() if hasattr(found, "compute") else found
    return np.asarray(found if hasattr(found, "shape") else np.concatenate(list(found)))


@pytest.mark.filterwarnings("ignore:X ")  # names of columns that the array has not
@pytest.mark.parametrize("covariance_type", ["full", "tied"])
def test_every_place_gives_the_same_fit(covariance_type, tmp_path):
    X = with_gaps()
    X[3] = np.nan
    asked = {"covariance_type": covariance_type, "missing": "mar", "random_state": 0}
    want = GaussianMixture(2, **asked).fit(X)
    for name, rows in places(X, tmp_path).items():
        model = GaussianMixture(2, **asked).fit(rows)
        assert_allclose(model.score(rows), want.score(X), atol=1e-4, err_msg=name)
        assert_allclose(want.bic(rows), want.bic(X), rtol=1e-9, err_msg=name)
        for method in ("predict", "predict_proba", "score_samples"):
            found = whole(getattr(want, method)(rows))
            assert_allclose(found, getattr(want, method)(X), atol=1e-9, err_msg=(name, method))


def test_gaps_are_refused_in_a_sentence_that_says_what_to_do(tmp_path):
    for rows in places(with_gaps(), tmp_path).values():
        with pytest.raises((ValueError, SourceError), match="missing='mar'"):
            GaussianMixture(2).fit(rows)


@pytest.mark.parametrize("place", ["array", "parquet", "dask array"])
def test_infinity_and_empty_features_are_refused(place, tmp_path):
    X = with_gaps()
    X[5, 2] = np.inf
    with pytest.raises((ValueError, SourceError), match="infinit"):
        GaussianMixture(2, missing="mar").fit(places(X, tmp_path)[place])
    X = with_gaps()
    X[:, 1] = np.nan
    with pytest.raises(ValueError, match="Every value of column 1"):
        GaussianMixture(2, missing="mar").fit(places(X, tmp_path)[place])


def test_a_volume_of_noise_has_no_sides():
    with pytest.raises(ValueError, match="noise_volume is that of whole rows"):
        GaussianMixture(2, missing="mar", noise=True, noise_volume=3.0).fit(with_gaps())


def test_whole_weights_are_repetitions():
    X = with_gaps()
    weight = np.random.default_rng(0).integers(0, 4, 150)
    one = GaussianMixture(2, missing="mar", tol=1e-10, random_state=0).fit(X, sample_weight=weight)
    other = GaussianMixture(2, missing="mar", tol=1e-10, random_state=0).fit(
        X.repeat(weight, axis=0)
    )
    assert_allclose(
        one.score(X, sample_weight=weight), other.score(X.repeat(weight, axis=0)), atol=1e-4
    )


def test_saved_pickled_and_learning_on_it_is_the_same(tmp_path):
    X = with_gaps()
    model = GaussianMixture(3, missing="mar", noise=True, random_state=0).fit(X)
    model.save(tmp_path / "model.safetensors")
    for same in (mixtura.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(model))):
        assert same.missing == "mar"
        assert np.array_equal(same.predict_proba(X), model.predict_proba(X))
        same.partial_fit(X[:80])
        assert np.isfinite(same.score(X))


def test_a_fit_that_was_interrupted_goes_on_with_the_same_bits(tmp_path):
    X, options = with_gaps(), {"missing": "mar", "random_state": 0, "init_params": "kmeans"}
    want = GaussianMixture(2, **options).fit(X)
    path = tmp_path / "fit"
    with pytest.warns(ConvergenceWarning):
        GaussianMixture(2, **options, max_iter=3, checkpoint=path).fit(X)
    found = GaussianMixture(2, **options, checkpoint=path, resume=True).fit(X)
    assert np.array_equal(found.means_, want.means_)


def test_float32_agrees_with_float64():
    X = with_gaps(dtype=np.float32)
    single = GaussianMixture(3, missing="mar", random_state=0).fit(X)
    double = GaussianMixture(3, missing="mar", random_state=0).fit(X.astype(np.float64))
    assert single.means_.dtype == np.float32
    assert_allclose(single.score(X), double.score(X.astype(np.float64)), atol=1e-4)


def test_a_sweep_chooses_among_fits():
    X = with_gaps()
    search = GaussianMixtureSearch(
        range(1, 4), covariance_type=["VVV", "EEE", "VVI"], missing="mar", random_state=0
    ).fit(X)
    found = search.results_
    for k, name, bic in zip(
        found["n_components"], found["covariance_type"], found["bic"], strict=True
    ):
        own = GaussianMixture(k, covariance_type=name, missing="mar", random_state=0).fit(X)
        assert bic < own.bic(X) + 1.0
    assert search.best_estimator_.missing == "mar"
    assert np.isfinite(search.score(X))
    combined = combine(search.best_estimator_, X)
    assert combined.entropy[0] >= combined.entropy[-1]
    other = GaussianMixture(1, missing="mar").fit(X)
    bootstrapped = bootstrap_difference(
        other, search.best_estimator_, X, n_replicates=5, random_state=0
    )
    assert 0 <= bootstrapped.share_first_better <= 1


def test_predictions_go_to_a_file(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    X = with_gaps()
    model = GaussianMixture(3, missing="mar", random_state=0).fit(X)
    model.predict_to(tmp_path / "out.parquet", X, ["label", "log_density"])
    table = pq.read_table(tmp_path / "out.parquet").to_pydict()
    assert table["label"] == model.predict(X).tolist()
    assert_allclose(table["log_density"], model.score_samples(X))


@pytest.mark.filterwarnings("ignore")  # of what comes of it
def test_columns_with_gaps_are_looked_at():
    X = with_gaps()
    X[:, 1] = np.where(np.isnan(X[:, 1]), np.nan, 4.0)
    with pytest.warns(DataWarning, match=r"Column 1 is constant"):
        GaussianMixture(2, missing="mar", random_state=0).fit(X)


def test_draws_are_tables_of_their_own():
    X = with_gaps()
    model = GaussianMixture(3, missing="mar", random_state=0).fit(X)
    tables = model.impute(X, n_draws=4, random_state=1)
    seen = ~np.isnan(X)
    assert tables.shape == (4, 150, 4)
    assert all(np.array_equal(one[seen], X[seen]) for one in tables)
    assert np.std(tables[:, ~seen], axis=0).min() > 0
    with pytest.raises(ValueError, match="n_draws or return_std"):
        model.impute(X, n_draws=2, return_std=True)
    with pytest.raises(ValueError, match="n_draws must be"):
        model.impute(X, n_draws=0)


# What a summary tells


def test_a_summary_tells_the_patterns_and_what_they_cost(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)) + 6 * (np.arange(300) < 120)[:, np.newaxis]
    X[:50, 0] = np.nan
    X[30:40, 1] = np.nan
    X[299] = np.nan
    names = [f"column {j}" for j in range(3)]
    gm = GaussianMixture(2, missing="mar", sort_components="mean", random_state=0)
    gm.fit(pd.DataFrame(X, columns=names))
    found = gm.summary().missing
    assert found.n_empty == 1
    assert found.n_patterns == 2
    assert found.patterns == ((("column 0",), 40), (("column 0", "column 1"), 10))
    assert found.share == pytest.approx(60 / (299 * 3))
    # The components are apart: the first has no gaps, the second 60 in its 120 x 3 cells.
    np.testing.assert_allclose(found.lost, [0.0, 60 / 360], atol=1e-6)
    component, name, own, of_all = found.differing[-1]
    assert (component, name) == (1, "column 0")
    np.testing.assert_allclose([own, of_all], [50 / 120, 50 / 299], rtol=1e-5)
    page = " ".join(str(gm.summary()).split())  # whose lines are wrapped
    for words in (
        "40 without column 0",
        "1 without any value",
        "information lost",
        "column 0 in 42%",
    ):
        assert words in page
    gm.save(tmp_path / "model.safetensors")
    assert mixtura.load(tmp_path / "model.safetensors").summary().missing == found
    assert GaussianMixture(1).fit(rng.normal(size=(20, 2))).summary().missing is None


def test_the_information_that_gaps_take_is_the_share_of_the_missing_cells():
    """tr(S S_oo^-1) / d, averaged over the rows, by plain linear algebra."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 3)) @ rng.normal(size=(3, 3))
    X[rng.uniform(size=X.shape) < 0.3] = np.nan
    gm = GaussianMixture(1, missing="mar").fit(X)
    S, kept = gm.covariances_[0], []
    for row in X[~np.isnan(X).all(axis=1)]:
        seen = np.ix_(*[np.flatnonzero(~np.isnan(row))] * 2)
        information = np.zeros((3, 3))
        information[seen] = np.linalg.inv(S[seen])
        kept.append(np.trace(S @ information) / 3)
    assert gm.summary().missing.lost[0] == pytest.approx(1 - np.mean(kept), rel=1e-9)
