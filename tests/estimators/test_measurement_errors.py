"""Rows measured with errors: the deconvolved mixture, what it says of rows, every source of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch, Prior
from mixtura.covariance import STRUCTURES
from mixtura.errors import SourceError

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:X does not have valid feature names"
)

FOURTEEN = sorted({structure.letters for structure in STRUCTURES.values()})


def measured(n=400, d=2, seed=0, *, matrices=False):
    """True rows of two components, what was measured of them, and the errors' (co)variances."""
    rng = np.random.default_rng(seed)
    true = np.where(rng.uniform(size=(n, 1)) < 0.4, -2.0, 2.0) + rng.normal(size=(n, d)) * 0.7
    if matrices:
        roots = rng.normal(size=(n, d, d)) * 0.6
        noise = np.einsum("nij,nj->ni", roots, rng.normal(size=(n, d)))
        return true, true + noise, roots @ np.swapaxes(roots, 1, 2)
    variances = rng.gamma(1.0, 0.5, size=(n, d))
    return true, true + np.sqrt(variances) * rng.normal(size=(n, d)), variances


def as_matrices(errors):
    return errors if errors.ndim == 3 else errors[:, :, np.newaxis] * np.eye(errors.shape[1])


def log_density(gm, X, errors):
    """Row by row with scipy; a feature that is NaN or of infinite variance does not count."""
    out = []
    for x, E in zip(X, as_matrices(errors), strict=True):
        seen = np.flatnonzero(~np.isnan(x) & np.isfinite(np.diag(E)))
        among = np.ix_(seen, seen)
        joint = [
            np.log(w)
            + (
                multivariate_normal.logpdf(x[seen], m[seen], S[among] + E[among])
                if len(seen)
                else 0.0
            )
            for w, m, S in zip(
                gm.weights_, gm.means_, gm.mixture_.covariance_matrices(), strict=True
            )
        ]
        out.append(logsumexp(joint))
    return np.array(out)


def from_start(X, **options):
    """A fit from one start, the same whatever the rows are said to be."""
    centre, spread = np.nanmean(X, axis=0), np.nanstd(X, axis=0)
    options = {"means_init": [centre - spread, centre + spread], "max_iter": 30, **options}
    return GaussianMixture(2, weights_init=[0.5, 0.5], random_state=0, **options)


# What it means


@pytest.mark.parametrize("kind", FOURTEEN)
@pytest.mark.parametrize("matrices", [False, True])
def test_densities_are_those_of_wider_gaussians_and_the_likelihood_never_falls(kind, matrices):
    _, X, errors = measured(150, matrices=matrices)
    gm = GaussianMixture(
        2, covariance_type=kind, init_params="kmeans", random_state=0, tol=0, max_iter=25
    )
    gm.fit(X, error_covariances=errors)
    expected = log_density(gm, X, errors)
    np.testing.assert_allclose(gm.score_samples(X, error_covariances=errors), expected, rtol=1e-12)
    assert gm.lower_bound_ == pytest.approx(expected.mean(), rel=1e-12)
    assert (np.diff(gm.lower_bounds_) >= -1e-12).all()


@pytest.mark.parametrize("matrices", [False, True])
def test_one_iteration_is_that_of_extreme_deconvolution(matrices):
    """Bovy, Hogg & Roweis 2011, equations 16 to 18, in plain NumPy."""
    _, X, errors = measured(60, matrices=matrices)
    start = GaussianMixture.from_parameters(
        [0.3, 0.7], [[-1.0, 0], [1, 1]], [np.eye(2), 2 * np.eye(2)]
    )
    gm = GaussianMixture(
        2, weights_init=start.weights_, means_init=start.means_, covariances_init=start.covariances_,
        max_iter=1, reg_covar=0,
    )  # fmt: skip
    gm.fit(X, error_covariances=errors)
    E, q = as_matrices(errors), start.predict_proba(X, error_covariances=errors)
    for k in range(2):
        V, m = start.covariances_[k], start.means_[k]
        gain = V @ np.linalg.inv(V + E)
        b = m + np.einsum("nij,nj->ni", gain, X - m)
        B = V - gain @ V
        mean = q[:, k] @ b / q[:, k].sum()
        away = b - mean
        covariance = (
            np.einsum("n,nij->ij", q[:, k], np.einsum("ni,nj->nij", away, away) + B) / q[:, k].sum()
        )
        np.testing.assert_allclose(gm.means_[k], mean, rtol=1e-11)
        np.testing.assert_allclose(gm.covariances_[k], covariance, rtol=1e-10, atol=1e-12)


def test_equal_errors_are_taken_off_the_covariance():
    """K = 1, one error for all: Sigma = S - E has a closed form."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 3)) * [1.0, 2, 3]
    E = np.diag([0.2, 0.5, 1.0]) + 0.05
    gm = GaussianMixture(1, tol=1e-12, max_iter=3000).fit(X, error_covariances=E[np.newaxis])
    np.testing.assert_allclose(gm.means_[0], X.mean(axis=0), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gm.covariances_[0], np.cov(X.T, bias=True) - E, rtol=1e-4, atol=1e-4)
    each = np.broadcast_to(E, (300, 3, 3))
    again = GaussianMixture(1, tol=1e-12, max_iter=3000).fit(X, error_covariances=each)
    np.testing.assert_array_equal(gm.covariances_, again.covariances_)


@pytest.mark.parametrize("kind", FOURTEEN)
def test_no_error_gives_the_bits_of_the_plain_fit(kind):
    _, X, errors = measured(120)
    plain = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X)
    exact = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X, error_std=0 * errors)
    np.testing.assert_array_equal(plain.means_, exact.means_)
    np.testing.assert_array_equal(plain.covariances_, exact.covariances_)


@pytest.mark.parametrize("matrices", [False, True])
def test_an_infinite_variance_is_a_missing_value_that_is_not_read(matrices):
    _, X, errors = measured(matrices=matrices)
    rng = np.random.default_rng(3)
    hidden = rng.uniform(size=X.shape) < 0.2
    hidden[0] = True
    gaps, unread, infinite = np.where(hidden, np.nan, X), np.where(hidden, 1e300, X), errors.copy()
    i, j = np.nonzero(hidden)
    infinite[(i, j, j) if matrices else (i, j)] = np.inf
    missing = from_start(X, missing="mar", covariances_init=[np.eye(2)] * 2)
    missing.fit(gaps, error_covariances=errors)
    unknown = from_start(X, covariances_init=[np.eye(2)] * 2).fit(
        unread, error_covariances=infinite
    )
    np.testing.assert_allclose(missing.means_, unknown.means_, rtol=1e-9)
    np.testing.assert_allclose(missing.covariances_, unknown.covariances_, rtol=1e-9)
    found = unknown.score_samples(unread, error_covariances=infinite)
    np.testing.assert_allclose(found, log_density(unknown, gaps, errors), rtol=1e-11, atol=1e-12)
    assert found[0] == pytest.approx(0)  # nothing was observed
    np.testing.assert_allclose(
        unknown.predict_proba(unread, error_covariances=infinite)[0], unknown.weights_, rtol=1e-12
    )


def test_the_mixture_is_that_of_the_true_values():
    true, X, errors = measured(4000, seed=2)
    blurred = GaussianMixture(2, sort_components="mean", random_state=0).fit(X)
    sharp = GaussianMixture(2, sort_components="mean", random_state=0).fit(
        X, error_covariances=errors
    )
    exact = GaussianMixture(2, sort_components="mean", random_state=0).fit(true)
    far = np.abs(blurred.covariances_ - exact.covariances_).max()
    near = np.abs(sharp.covariances_ - exact.covariances_).max()
    assert near < far / 4
    assert set(sharp.diagnosis_.verdict) == {"sound"}


def test_a_component_without_a_width_is_sound_where_its_rows_were_measured_with_errors():
    rng = np.random.default_rng(0)
    X = np.repeat([[0.0, 0], [5, 5]], 200, axis=0) + 0.3 * rng.normal(size=(400, 2))
    gm = GaussianMixture(2, random_state=0).fit(X, error_std=[0.3, 0.3])
    assert np.abs(gm.covariances_).max() < 0.02
    assert set(gm.diagnosis_.verdict) == {"sound"}


def test_the_search_finds_what_a_fit_from_the_truth_finds():
    rng = np.random.default_rng(4)
    true = GaussianMixture.from_parameters(
        [0.2] * 5, rng.normal(size=(5, 2)) * 2, [np.eye(2) * s for s in (0.1, 0.2, 0.3, 0.2, 0.1)]
    )
    V, _ = true.sample(1500, 0)
    roots = rng.normal(size=(1500, 2, 2)) * 0.6
    E = roots @ np.swapaxes(roots, 1, 2)
    X = V + np.einsum("nij,nj->ni", roots, rng.normal(size=(1500, 2)))
    best = GaussianMixture(
        5, weights_init=true.weights_, means_init=true.means_, covariances_init=true.covariances_,
        tol=1e-6, max_iter=500,
    ).fit(X, error_covariances=E)  # fmt: skip
    for seed in range(3):
        found = GaussianMixture(5, random_state=seed).fit(X, error_covariances=E)
        assert found.lower_bound_ > best.lower_bound_ - 1e-4


# What it says of rows


@pytest.mark.parametrize("matrices", [False, True])
def test_denoise_is_the_posterior_of_the_true_values(matrices):
    true, X, errors = measured(300, matrices=matrices)
    gm = GaussianMixture(2, random_state=0).fit(X, error_covariances=errors)
    found, spread = gm.denoise(X, error_covariances=errors, return_covariances=True)
    r, E = gm.predict_proba(X, error_covariances=errors), as_matrices(errors)
    means, covariances = [], []
    for m, V in zip(gm.means_, gm.covariances_, strict=True):
        gain = V @ np.linalg.inv(V + E)
        means.append(m + np.einsum("nij,nj->ni", gain, X - m))
        covariances.append(V - gain @ V)
    mean = np.einsum("nk,knd->nd", r, means)
    away = np.array(means) - mean
    total = np.einsum(
        "nk,knij->nij", r, np.array(covariances) + np.einsum("kni,knj->knij", away, away)
    )
    np.testing.assert_allclose(found, mean, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(spread, total, rtol=1e-8, atol=1e-9)
    assert np.mean((found - true) ** 2) < 0.8 * np.mean((X - true) ** 2)
    # The truth lies within two posterior deviations about as often as it should.
    z = np.einsum("ni,nij,nj->n", true - found, np.linalg.inv(spread), true - found)
    assert 0.85 < (z < 5.99).mean() < 0.99
    np.testing.assert_array_equal(found, gm.denoise(X, error_covariances=errors))


def test_samples_with_errors_are_as_rows_would_be_measured():
    gm = GaussianMixture.from_parameters([1.0], [[0.0, 0.0]], [[[1.0, 0.5], [0.5, 1.0]]])
    E = np.array([[2.0, -1.0], [-1.0, 1.0]])
    X, _ = gm.sample(40_000, 0, error_covariances=E[np.newaxis])
    np.testing.assert_allclose(np.cov(X.T), gm.covariances_[0] + E, atol=0.08)
    errors = np.where(np.arange(6)[:, np.newaxis] < 3, [[np.inf, 0.0]], [[1.0, 0.0]])
    X, _ = gm.sample(6, 0, error_covariances=errors)
    assert np.isnan(X[:3, 0]).all()
    assert np.isfinite(X[3:]).all()
    assert np.isfinite(X[:, 1]).all()


def test_criteria_and_labels_go_by_the_errors():
    _, X, errors = measured()
    gm = GaussianMixture(2, random_state=0).fit(X, error_covariances=errors)
    given = {"error_covariances": errors}
    total = gm.score_samples(X, **given).sum()
    assert gm.score(X, **given) == pytest.approx(total / len(X), rel=1e-12)
    assert gm.bic(X, **given) == pytest.approx(-2 * total + 11 * np.log(len(X)), rel=1e-12)
    assert gm.aic(X, **given) == pytest.approx(-2 * total + 22, rel=1e-12)
    assert gm.icl(X, **given) > gm.bic(X, **given)
    np.testing.assert_array_equal(
        gm.predict(X, error_std=np.sqrt(errors)), gm.predict_proba(X, **given).argmax(axis=1)
    )
    np.testing.assert_allclose(
        logsumexp(gm.log_joint(X, **given), axis=1), gm.score_samples(X, **given)
    )


# With everything else


def test_weights_are_repetitions():
    _, X, errors = measured(150)
    weights = np.arange(150) % 3
    repeated, of_each = np.repeat(X, weights, axis=0), np.repeat(errors, weights, axis=0)
    options = {"covariances_init": [np.eye(2)] * 2}
    one = from_start(X, **options).fit(X, sample_weight=weights, error_covariances=errors)
    other = from_start(X, **options).fit(repeated, error_covariances=of_each)
    np.testing.assert_allclose(one.means_, other.means_, rtol=1e-9)
    np.testing.assert_allclose(one.lower_bound_, other.lower_bound_, rtol=1e-10)


@pytest.mark.parametrize(
    "options",
    [
        {"noise": True},
        {"prior": "default"},
        {"prior": Prior(concentration=3.0)},
        {"equal_weights": True},
        {"fixed": {"means": [True, False]}},
        {"max_eigenvalue_ratio": 5.0},
        {"missing": "mar"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_errors_go_with_every_other_keyword(options, tmp_path):
    _, X, errors = measured()
    labels = np.where(np.arange(len(X)) % 10 == 0, (X[:, 0] > 0).astype(int), -1)
    gm = from_start(X, tol=0, **options)
    gm.fit(X, labels=labels, error_covariances=errors)
    assert (np.diff(gm.lower_bounds_) >= -1e-12).all()
    gm.save(tmp_path / "model.safetensors")
    loaded = mixtura.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(
        gm.predict_proba(X, error_covariances=errors),
        loaded.predict_proba(X, error_covariances=errors),
    )
    gm.partial_fit(X, labels=labels, error_covariances=errors) if "prior" not in options and (
        "max_eigenvalue_ratio" not in options
    ) else None
    gm.summary()


def test_float32_rows_are_computed_with_in_float64():
    _, X, errors = measured()
    single = from_start(X).fit(X.astype(np.float32), error_covariances=errors)
    double = from_start(X).fit(X.astype(np.float32).astype(float), error_covariances=errors)
    assert single.means_.dtype == np.float32
    np.testing.assert_allclose(single.means_, double.means_, rtol=1e-5)
    assert single.denoise(X.astype(np.float32), error_covariances=errors).dtype == np.float32


def test_a_sweep_compares_deconvolved_mixtures():
    _, X, errors = measured(600)
    search = GaussianMixtureSearch(range(1, 4), covariance_type=["EEE", "VII"], random_state=0)
    search.fit(X, error_covariances=errors)
    assert search.best_estimator_.n_components == 2
    single = GaussianMixture(2, covariance_type="VII", random_state=0).fit(
        X, error_covariances=errors
    )
    found = search.results_
    of_two = (found["n_components"] == 2) & (found["covariance_type"] == "VII")
    assert found["bic"][of_two] <= single.bic(X, error_covariances=errors) + 0.1
    np.testing.assert_array_equal(
        search.fit_predict(X, error_covariances=errors), search.predict(X, error_covariances=errors)
    )


def test_a_checkpoint_goes_on_with_the_same_errors_only(tmp_path):
    _, X, errors = measured()
    options = {"init_params": "kmeans", "random_state": 0, "checkpoint": tmp_path / "fit.ckpt"}
    GaussianMixture(2, max_iter=3, **options).fit(X, error_covariances=errors)
    with pytest.raises(ValueError, match="other"):
        GaussianMixture(2, resume=True, **options).fit(X, error_covariances=2 * errors)
    resumed = GaussianMixture(2, resume=True, **options).fit(X, error_covariances=errors)
    whole = GaussianMixture(2, init_params="kmeans", random_state=0).fit(
        X, error_covariances=errors
    )
    np.testing.assert_array_equal(resumed.means_, whole.means_)


# From every source


def test_every_source_gives_the_same_fit(tmp_path):
    pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet")
    _, X, variances = measured(500)
    std = np.sqrt(variances)
    std[3, 0] = np.inf
    table = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "a_err": std[:, 0], "b_err": std[:, 1]})
    table.to_parquet(tmp_path / "rows.parquet")
    table.to_csv(tmp_path / "rows.csv", index=False)

    def batches():
        for some in (slice(0, 200), slice(200, 500)):
            yield X[some], None, None, std[some] ** 2

    expected = from_start(X).fit(X, error_std=std)
    frame = from_start(X).fit(table[["a", "b"]], error_std=table[["a_err", "b_err"]])
    np.testing.assert_array_equal(frame.means_, expected.means_)
    for source in (
        mixtura.scan(tmp_path / "rows.parquet", ["a", "b"], error_std=["a_err", "b_err"]),
        mixtura.scan(tmp_path / "rows.parquet", error_std=["a_err", "b_err"]),
        mixtura.scan(tmp_path / "rows.csv", error_std=["a_err", "b_err"], max_memory="1MB"),
        mixtura.from_batches(batches),
    ):
        gm = from_start(X).fit(source)
        np.testing.assert_allclose(gm.means_, expected.means_, rtol=1e-9)
        proba = np.concatenate(list(gm.predict_proba(source)))
        np.testing.assert_allclose(proba, gm.predict_proba(X, error_std=std), rtol=1e-9)
        assert gm.score(source) == pytest.approx(gm.score(X, error_std=std), rel=1e-12)
        gm.predict_to(tmp_path / "found.parquet", source, ["log_density"])
        found = pa.parquet.read_table(tmp_path / "found.parquet")["log_density"].to_numpy()
        np.testing.assert_allclose(found, gm.score_samples(X, error_std=std), rtol=1e-9)
    expected.predict_to(tmp_path / "found.parquet", X, "label", error_std=std)


def test_dask_collections_bring_errors():
    da, dd = pytest.importorskip("dask.array"), pytest.importorskip("dask.dataframe")
    pd = pytest.importorskip("pandas")
    _, X, E = measured(300, matrices=True)
    lazy, errors = da.from_array(X, chunks=(100, 2)), da.from_array(E, chunks=(100, 2, 2))
    expected = from_start(X).fit(X, error_covariances=E)
    gm = from_start(X).fit(lazy, error_covariances=errors)
    np.testing.assert_allclose(gm.means_, expected.means_, rtol=1e-9)
    np.testing.assert_allclose(
        gm.predict_proba(lazy, error_covariances=errors).compute(),
        gm.predict_proba(X, error_covariances=E),
        rtol=1e-9,
    )
    assert gm.bic(lazy, error_covariances=errors) == pytest.approx(
        gm.bic(X, error_covariances=E), rel=1e-10
    )
    of_all = from_start(X).fit(lazy, error_std=[0.5, 0.5])
    np.testing.assert_allclose(
        of_all.means_, from_start(X).fit(X, error_std=[0.5, 0.5]).means_, rtol=1e-9
    )
    frame = dd.from_pandas(pd.DataFrame(X, columns=["a", "b"]), npartitions=3)
    std = da.sqrt(da.from_array(np.diagonal(E, axis1=1, axis2=2).copy(), chunks=(100, 2)))
    labels = from_start(X).fit(frame, error_std=std).predict(frame, error_std=std)
    assert len(labels.compute()) == 300
    with pytest.raises(SourceError, match="must be a Dask array"):
        from_start(X).fit(lazy, error_covariances=E)


# What is refused


def refused(sentence, X=None, **errors):
    X = np.arange(12.0).reshape(6, 2) if X is None else X
    with pytest.raises(ValueError, match=sentence):
        GaussianMixture(1).fit(X, **errors)


def test_errors_that_are_none_are_refused():
    refused(
        "Give error_covariances or error_std", error_std=[1, 1], error_covariances=np.ones((1, 2))
    )
    refused(r"of shape \(6, 2\), or of all rows alike", error_std=np.ones((5, 2)))
    refused(
        r"must be variances of each row, of shape \(6, 2\)", error_covariances=np.ones((6, 2, 3))
    )
    refused("may be the variances of 2 rows", np.eye(2) * 3, error_covariances=np.eye(2))
    refused(
        "row 4 has -1", error_std=np.where(np.arange(6)[:, np.newaxis] == 4, -1.0, 1.0) * [[1, 1]]
    )
    refused(
        "row 2 has nan", error_covariances=np.where(np.arange(12).reshape(6, 2) == 5, np.nan, 1.0)
    )
    refused("must be numbers", error_std=[["a", "b"]] * 6)
    indefinite = np.broadcast_to(np.eye(2), (6, 2, 2)).copy()
    indefinite[3] = [[1, 2], [2, 1]]
    refused("row 3's has the eigenvalue -1", error_covariances=indefinite)
    indefinite[3] = [[1, 0.5], [0, 1]]
    refused("symmetric numbers, but row 3's", error_covariances=indefinite)


def test_a_singular_error_is_none_of_these():
    X = np.random.default_rng(0).normal(size=(50, 2))
    GaussianMixture(1).fit(X, error_covariances=np.ones((1, 2, 2)))
    GaussianMixture(1).fit(X, error_covariances=np.zeros((1, 2, 2)))


def test_t_components_and_sources_with_separate_errors_are_refused(tmp_path):
    _, X, errors = measured(60)
    with pytest.raises(ValueError, match="no closed form with distribution='t'"):
        GaussianMixture(2, distribution="t").fit(X, error_covariances=errors)
    heavy = GaussianMixture(2, distribution="t", random_state=0).fit(X)
    for method in ("predict", "score_samples", "denoise", "score"):
        with pytest.raises(ValueError, match="no closed form"):
            getattr(heavy, method)(X, error_covariances=errors)
    with pytest.raises(ValueError, match="a source has its own"):
        GaussianMixture(2).fit(mixtura.from_batches([X]), error_std=[1.0, 1.0])
    gm = GaussianMixture(2, random_state=0).fit(X)
    with pytest.raises(ValueError, match="denoise needs the errors"):
        gm.denoise(X)
    with pytest.raises(ValueError, match="NaN"):
        gm.predict(np.where(np.arange(2) == 0, np.nan, X), error_std=[1.0, np.inf])
    pd = pytest.importorskip("pandas")
    pd.DataFrame(X, columns=["a", "b"]).assign(e=1.0, f=-1.0).to_csv(
        tmp_path / "x.csv", index=False
    )
    for names, sentence in (
        (["e"], "1 columns for the 2"),
        (["e", "f"], "is -1: an error is 0 or more"),
    ):
        with pytest.raises(SourceError, match=sentence):
            GaussianMixture(2).fit(mixtura.scan(tmp_path / "x.csv", ["a", "b"], error_std=names))
    with pytest.raises(ValueError, match="is a feature, the weight or a label, too"):
        mixtura.scan(tmp_path / "x.csv", ["a", "b"], error_std=["a", "e"])


def with_gaps_and_errors(matrices):
    _, X, errors = measured(300, matrices=matrices)
    X[::3, 0], X[1::5, 1] = np.nan, np.nan
    hidden = np.zeros(X.shape, dtype=bool)
    hidden[2::7, 0] = True
    if matrices:
        errors[hidden[:, 0], 0, 0] = np.inf
    else:
        errors[hidden] = np.inf
    gm = GaussianMixture(2, missing="mar", random_state=0).fit(X, error_covariances=errors)
    return X, errors, np.isnan(X) | hidden, gm


@pytest.mark.parametrize("matrices", [False, True])
def test_imputed_values_are_the_truth_given_what_was_measured_with_errors(matrices):
    X, errors, gaps, gm = with_gaps_and_errors(matrices)
    filled, std = gm.impute(X, error_covariances=errors, return_std=True)
    np.testing.assert_array_equal(filled[~gaps], X[~gaps])
    assert (std[~gaps] == 0).all()
    # Of two features one at a time is missing, or both: by hand, with T = Sigma_oo + E_oo of the other.
    E = as_matrices(np.where(np.isinf(errors), 0.0, errors))
    r = gm.predict_proba(X, error_covariances=errors)
    for i in np.flatnonzero(gaps.any(axis=1)):
        for j in np.flatnonzero(gaps[i]):
            other = 1 - j
            each = []
            for m, V in zip(gm.means_, gm.covariances_, strict=True):
                gain = (
                    0.0 if gaps[i, other] else V[j, other] / (V[other, other] + E[i, other, other])
                )
                away = 0.0 if gaps[i, other] else X[i, other] - m[other]
                each.append((m[j] + gain * away, V[j, j] - gain * V[j, other]))
            means, variances = np.array(each).T
            mean = r[i] @ means
            assert filled[i, j] == pytest.approx(mean, rel=1e-9)
            variance = r[i] @ (variances + (means - mean) ** 2)
            assert std[i, j] == pytest.approx(np.sqrt(variance), rel=1e-8)
    tables = gm.impute(X, error_covariances=errors, n_draws=400, random_state=0)
    np.testing.assert_array_equal(tables[:, ~gaps], np.tile(X[~gaps], (400, 1)))
    away = (tables.mean(axis=0) - filled)[gaps] / (std[gaps] / np.sqrt(400))
    assert np.mean(np.abs(away) < 1.96) > 0.9
    np.testing.assert_allclose(np.mean(tables.std(axis=0)[gaps] / std[gaps]), 1, atol=0.02)
    exact = gm.impute(np.where(gaps, np.nan, X), error_std=[0.0, 0.0])
    np.testing.assert_array_equal(exact, gm.impute(np.where(gaps, np.nan, X)))


def test_what_imputing_with_errors_cannot_do_is_said():
    X, errors, _, gm = with_gaps_and_errors(matrices=False)
    with pytest.raises(ValueError, match="with errors take parameters='fitted'"):
        gm.impute(X, error_covariances=errors, n_draws=2, parameters="bootstrap")
    with pytest.raises(ValueError, match="of shape"):
        gm.impute(X, error_covariances=errors[:3])
    heavy = GaussianMixture(1, distribution="t", missing="mar").fit(X)
    with pytest.raises(ValueError, match="no closed form"):
        heavy.impute(X, error_covariances=errors)


def test_many_tables_bring_errors():
    tables = [measured(seed=seed) for seed in range(4)]
    X = np.array([rows for _, rows, _ in tables])
    errors = np.array([variances for _, _, variances in tables])
    alone = [
        GaussianMixture(2, random_state=seed_of(i, 3), n_jobs=1).fit(rows, error_covariances=own)
        for i, (rows, own) in enumerate(zip(X, errors, strict=True))
    ]
    std = [*np.sqrt(errors[:2]), None, np.sqrt(errors[3])]
    listed = mixtura.fit_many(list(X), 2, error_std=std, random_state=3, n_jobs=1)
    frame = pd.DataFrame(X.reshape(-1, 2), columns=["a", "b"]).assign(t=np.repeat(range(4), 400))
    framed = mixtura.fit_many(
        frame, 2, by="t", error_covariances=errors.reshape(-1, 2), random_state=3, n_jobs=1
    )
    stacked = mixtura.fit_many(X, 2, error_covariances=errors, random_state=3, n_jobs=1)
    plain = mixtura.fit_many(X, 2, random_state=3, n_jobs=1)
    for i, model in enumerate(alone):
        np.testing.assert_array_equal(stacked.means[i], model.means_)
        np.testing.assert_array_equal(framed.means[i], model.means_)
        assert not np.array_equal(plain.means[i], model.means_)
        if i != 2:
            np.testing.assert_allclose(listed.means[i], model.means_, rtol=1e-9)
    np.testing.assert_array_equal(listed.means[2], plain.means[2])
    with pytest.raises(ValueError, match="error_std must have one array for each of the 4 tables"):
        mixtura.fit_many(X, 2, error_std=errors[:2])


def seed_of(table, random_state):
    child = np.random.SeedSequence(random_state).spawn(table + 1)[table]
    return int(child.generate_state(1)[0])
