"""Numbers at the edge of a precision: scaled fits, rows far from every component, and what is refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch, Mixture, covariance

STRUCTURES = ["full", "tied", "diag", "spherical"]
COVARIANCES = {
    "full": [np.eye(2), 4 * np.eye(2)],
    "tied": np.eye(2),
    "diag": [[1.0, 1.0], [4.0, 4.0]],
    "spherical": [1.0, 4.0],
}

rng = np.random.default_rng(3)
X = np.concatenate([rng.normal(size=(60, 2)), 2 * rng.normal(size=(90, 2)) + [9, 0]])


def mixture(kind):
    return Mixture.from_parameters(
        [0.5, 0.5], [[0.0, 0.0], [1.0, 1.0]], COVARIANCES[kind], covariance_type=kind
    )


def fitted_numbers(model):
    return [
        model.weights_,
        model.means_,
        model.covariances_,
        model.precisions_,
        model.precisions_cholesky_,
        np.array([model.lower_bound_, *model.lower_bounds_]),
    ]


# Scales


@pytest.mark.parametrize("scale", [1e-36, 1e-25, 1e-13, 1e13, 1e19, 1e36])
@pytest.mark.parametrize("kind", STRUCTURES)
def test_float32_of_any_size_gives_the_fit_of_float64(kind, scale):
    single = (X * scale).astype(np.float32)
    double = single.astype(np.float64)
    model = GaussianMixture(2, covariance_type=kind, random_state=0)
    theirs = model.fit(double).mixture_, model.predict_proba(double), model.score(double)
    ours = model.fit(single)
    assert_allclose(ours.mixture_.means, theirs[0].means)
    assert_allclose(ours.mixture_.covariances, theirs[0].covariances)
    assert_allclose(ours.predict_proba(single), theirs[1], atol=1e-6)
    assert ours.predict_proba(single).dtype == ours.score_samples(single).dtype == np.float32
    assert_allclose(ours.score(single), theirs[2])
    assert_allclose(ours.covariances_, ours.mixture_.covariances, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_float32_of_any_size_from_every_source(scale):
    single = (X * scale).astype(np.float32)
    theirs = GaussianMixture(2, random_state=0).fit(single)
    batches = mixtura.from_batches([single[:50], single[50:]])
    ours = GaussianMixture(2, random_state=0).fit(batches)
    assert_allclose(ours.means_, theirs.means_)
    assert_allclose(ours.score(batches), theirs.score(single))
    little = GaussianMixture(2, random_state=0).fit(mixtura.from_batches([single], max_memory=0))
    assert_allclose(little.means_, theirs.means_)


def test_float32_on_dask():
    array = pytest.importorskip("dask.array")
    single = (X * 1e-30).astype(np.float32)
    theirs = GaussianMixture(2, random_state=0).fit(single)
    ours = GaussianMixture(2, random_state=0).fit(array.from_array(single, chunks=(70, 2)))
    assert_allclose(ours.means_, theirs.means_)


@pytest.mark.parametrize("weight", [1e-60, 1e60])
def test_weights_of_float32_rows_may_have_any_size(weight):
    single = X.astype(np.float32)
    theirs = GaussianMixture(2, random_state=0).fit(single.astype(np.float64))
    ours = GaussianMixture(2, random_state=0).fit(single, sample_weight=np.full(len(X), weight))
    assert_allclose(ours.means_, theirs.means_, rtol=1e-5)


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (1e-157, ["varies by", "multiply it by"]),
        (5e-324, ["varies by", "multiply it by"]),
        (1e154, ["as large as", "divide it by"]),
        (1e300, ["as large as", "divide it by"]),
    ],
)
def test_what_float64_cannot_square_is_refused_by_the_name_of_its_column(scale, words):
    wrong = X * [1, scale]
    frame = pd.DataFrame(wrong, columns=["a", "b"])
    array = pytest.importorskip("dask.array")
    batches = mixtura.from_batches([X, wrong] if scale > 1 else [wrong[:50], wrong[50:]])
    rows = [wrong, frame, batches, array.from_array(wrong, chunks=(50, 2))]
    for model in (GaussianMixture(2), GaussianMixtureSearch([2])):
        for given in rows:
            with pytest.raises(ValueError, match="column 1") as raised:
                model.fit(given)
            assert all(word in str(raised.value) for word in words)
    with pytest.raises(ValueError, match=r"column 1 \('b'\)"):
        GaussianMixture(2).fit(frame)
    with pytest.raises(ValueError, match="column 1"):
        GaussianMixture(2).fit(X).partial_fit(wrong)


def test_what_is_said_to_help_helps():
    for scale in (1e-157, 1e200):
        with pytest.raises(ValueError, match="or leave it out") as raised:
            GaussianMixture(2).fit(X * scale)
        words = str(raised.value)
        verb, factor = words.split(": ")[-1].split(",")[0].split(" it by ")
        factor = float(factor) if verb == "multiply" else 1 / float(factor)
        theirs = GaussianMixture(2, random_state=0).fit(X)
        ours = GaussianMixture(2, random_state=0).fit(X * scale * factor)
        assert_allclose(ours.predict_proba(X * scale * factor), theirs.predict_proba(X), atol=1e-6)


def test_a_constant_column_has_no_scale():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for value in (0.0, 1e-200, 1e-30, 1.0):
            constant = np.column_stack([X, np.full(len(X), value)])
            for rows in (constant, constant.astype(np.float32)):
                model = GaussianMixture(2, random_state=0).fit(rows)
                assert all(np.isfinite(numbers).all() for numbers in fitted_numbers(model))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"reg_covar": 5e-324}, "reg_covar"),
        ({"reg_covar": 1e300}, "reg_covar"),
        ({"reg_covar": 10**400}, "reg_covar"),
        ({"tol": 10**400}, "tol"),
        ({"max_time": 10**400}, "max_time"),
        ({"means_init": [[1e200, 0.0], [0.0, 1.0]]}, "means_init"),
    ],
)
def test_parameters_of_impossible_size_are_refused(options, word):
    with pytest.raises(ValueError, match=f"^{word} must be"):
        GaussianMixture(2, **options).fit(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_means_far_from_the_rows(dtype):
    far = GaussianMixture(2, means_init=[[1e50, 0.0], [0.0, -1e50]], random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        far.fit(X.astype(dtype))
    assert all(np.isfinite(numbers).all() for numbers in fitted_numbers(far))
    assert_allclose(far.weights_.sum(), 1)


def refusal_of(call):
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""


def exponents(n, least, most):
    return np.random.default_rng(20).uniform(least, most, n)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [*STRUCTURES, "VEV", "EVE", "VEI"])
def test_a_fit_is_finite_or_refused(kind, dtype):
    least, most = (-45, 38) if dtype == np.float32 else (-320, 307)
    for i, exponent in enumerate(exponents(16, least, most)):
        with np.errstate(all="ignore"):
            # One column, or all of them.
            rows = (X * [1.0 if i % 3 == 0 else 10.0**exponent, 10.0**exponent]).astype(dtype)
        given = mixtura.from_batches([rows[:80], rows[80:]]) if i % 2 else rows
        reg_covar = "auto" if i % 4 < 2 else 10.0 ** exponents(40, -300, 300)[i]
        model = GaussianMixture(2, covariance_type=kind, random_state=0, reg_covar=reg_covar)
        refusal = refusal_of(lambda model=model, given=given: model.fit(given))
        if refusal:
            words = (
                "Input X contains infinity",
                "X cannot be fitted",
                "reg_covar must",
                "Fitting the mixture",
            )
            assert refusal.startswith(words) or "infinite" in refusal
            continue
        assert all(np.isfinite(numbers).all() for numbers in fitted_numbers(model))
        assert_allclose(model.predict_proba(rows).sum(axis=1), 1, rtol=1e-5)
        assert np.isfinite(model.score_samples(rows)).all()


def test_what_leaves_the_range_in_a_fit_is_said(monkeypatch):
    from mixtura.fitting import best_of_starts

    end = best_of_starts.expectation_maximisation

    def broken(*args):
        mixture, statistics = end(*args)
        mixture.means[0, 0] = np.nan
        return mixture, statistics

    monkeypatch.setattr(best_of_starts, "expectation_maximisation", broken)
    with pytest.raises(mixtura.SingularCovarianceError, match="left the range of float64"):
        # A callback, so that Python makes the fit.
        GaussianMixture(2, random_state=0, callback=lambda *_: False).fit(X)


# Rows far from every component


@pytest.mark.parametrize("kind", STRUCTURES)
@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e30), (np.float64, 1e200)])
def test_where_every_density_underflows_the_slowest_takes_the_row(kind, dtype, size):
    rows = np.array([[size, 0], [0, size], [0.5, 0.5]], dtype)
    shares = mixture(kind).responsibilities(rows)
    assert_array_equal(shares[:2], [[0, 1], [0, 1]])
    assert 0 < shares[2, 0] < 1
    assert_array_equal(mixture(kind).labels(rows), [1, 1, shares[2].argmax()])
    assert_array_equal(mixture(kind).log_density(rows)[:2], np.full(2, np.finfo(dtype).min))
    # Which of equal spreads is nearer decides, on the other side too.
    if kind == "tied":
        assert_array_equal(mixture(kind).responsibilities(-rows[:2]), [[1, 0], [1, 0]])


@pytest.mark.parametrize("kind", STRUCTURES)
def test_log_densities_are_finite_as_long_as_a_number_holds_them(kind):
    for far in (1e100, 1e150, 1e153):
        slowest = 1.0 if kind == "tied" else 4.0
        assert_allclose(mixture(kind).log_density([[far, 0.0]]), -(far**2) / slowest / 2)
    single = np.array([[1e18, 0.0]], np.float32)
    assert_allclose(
        mixture(kind).log_density(single),
        mixture(kind).log_density(single.astype(np.float64)),
        rtol=1e-6,
    )


@pytest.mark.parametrize("kind", STRUCTURES)
@pytest.mark.parametrize("value", [1e160, -1e160, 1e300, -1e300])
def test_a_conditional_far_out_is_a_mixture(kind, value):
    conditional = mixture(kind).condition(0, value)
    assert_allclose(conditional.weights.sum(), 1)
    drawn, labels = conditional.sample(5, random_state=0)
    assert np.isfinite(drawn).all()
    assert set(labels) == {0 if kind == "tied" and value < 0 else 1}


def test_a_component_of_weight_zero_never_takes_a_row():
    one = Mixture.from_parameters(
        [1.0, 0.0], [[0.0], [1.0]], [1.0, 9.0], covariance_type="spherical"
    )
    assert_array_equal(one.responsibilities([[1e200], [-1e200]]), [[1, 0], [1, 0]])


@pytest.mark.parametrize("n_components", [2, 20])
def test_far_rows_count_in_sums_as_any_other(n_components):
    rows = rng.normal(size=(500, 3)) * 10
    rows[::50] *= 1e160
    model = GaussianMixture(n_components, random_state=0, max_iter=5, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(rows[1:50])
    weights = rng.integers(0, 3, len(rows))
    for weight in (None, weights):
        sums = mixtura.rows.ArrayBlocks(mixtura.rows.Rows(rows, weight)).accumulate(model.mixture_)
        total = len(rows) if weight is None else weight.sum()
        assert_allclose(sums.counts.sum(), total)


# What float32 holds about each component


FOURTEEN = [name for name in covariance.STRUCTURES if name.isupper()]


def tight_groups(n_features, seed=0):
    """Two groups of standard deviation 0.01, 100 apart."""
    rng = np.random.default_rng(seed)
    X = rng.normal(0, 0.01, (400, n_features))
    X[200:] += 100
    return X.astype(np.float32)


@pytest.mark.parametrize(("name", "n_features"), [("E", 1), ("V", 1), *((n, 3) for n in FOURTEEN)])
def test_tight_groups_of_float32_rows_far_apart_keep_their_widths(name, n_features):
    X = tight_groups(n_features)
    ours = GaussianMixture(2, covariance_type=name, random_state=0).fit(X)
    assert_allclose(ours.mixture_.spreads, 0.01, rtol=0.1)
    theirs = GaussianMixture(2, covariance_type=name, random_state=0).fit(X.astype(np.float64))
    assert_allclose(ours.lower_bound_, theirs.lower_bound_, rtol=0, atol=1e-5)
    assert ours.means_.dtype == np.float32


def float32_rows(kind, rng, n_rows=300, n_features=3):
    """Two groups: of different widths, far from the origin, of dependent columns, in far units."""
    labels = rng.integers(0, 2, n_rows)
    X = rng.normal(size=(n_rows, n_features))
    if kind == "widths":
        X *= 10.0 ** rng.uniform(-3, 0, 2)[labels][:, np.newaxis]
    if kind == "dependent":
        X[:, -1] = X[:, 0] + 10.0 ** rng.uniform(-5, -1) * X[:, -1]
    X += 8 * labels[:, np.newaxis] * rng.normal(size=n_features)
    if kind == "offset":
        X += 1e3
    if kind == "units":
        X *= 10.0 ** rng.uniform(-3, 3, n_features)
    return X.astype(np.float32), labels


@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::mixtura.DegenerateComponentWarning"
)
@pytest.mark.parametrize("name", FOURTEEN)
@pytest.mark.parametrize("kind", ["widths", "offset", "dependent", "units"])
def test_a_float32_fit_is_that_of_the_same_numbers_in_float64(name, kind):
    for seed in range(4):
        X, labels = float32_rows(kind, np.random.default_rng(seed))
        params = {"covariance_type": name, "init_params": labels, "max_iter": 20}
        ours = GaussianMixture(2, **params).fit(X)
        theirs = GaussianMixture(2, **params).fit(X.astype(np.float64))
        # Both in float64: what they are worth for these rows.
        values = [
            fitted.mixture_.log_density(X.astype(np.float64)).mean() for fitted in (ours, theirs)
        ]
        assert_allclose(*values, rtol=0, atol=1e-5)
        assert_allclose(ours.mixture_.spreads, theirs.mixture_.spreads, rtol=1e-3)
        assert_allclose(ours.score(X), values[1], rtol=0, atol=1e-5)


@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::mixtura.DegenerateComponentWarning"
)
@pytest.mark.parametrize("kind", ["widths", "dependent"])
def test_a_sweep_of_float32_rows_is_that_of_the_same_numbers_in_float64(kind):
    X, _ = float32_rows(kind, np.random.default_rng(0))
    names = ["VVV", "EEE", "VVI", "VEV"]
    ours, theirs = (
        GaussianMixtureSearch([1, 2, 3], names, random_state=0).fit(rows)
        for rows in (X, X.astype(np.float64))
    )
    assert_allclose(ours.results_["bic"], theirs.results_["bic"], rtol=1e-6)
    assert ours.best_params_ == theirs.best_params_
