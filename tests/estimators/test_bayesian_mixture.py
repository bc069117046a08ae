"""BayesianGaussianMixture: beside scikit-learn's, as a density, from every source, with everything else."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.mixture
from scipy.integrate import quad
from scipy.special import gammaln
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

import mixtura
from mixtura import BayesianGaussianMixture, GaussianMixture
from mixtura.datasets import load_faithful

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::mixtura.DataWarning"),
]

STRUCTURES = ["full", "tied", "diag", "spherical", "EEI", "EII"]
PRIORS = ["dirichlet_process", "dirichlet_distribution"]
X = load_faithful().data


@pytest.fixture(scope="module", params=STRUCTURES)
def model(request):
    return BayesianGaussianMixture(5, covariance_type=request.param, random_state=0).fit(X)


# scikit-learn's contract


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [
        BayesianGaussianMixture(),
        BayesianGaussianMixture(
            2, covariance_type="diag", weight_concentration_prior_type="dirichlet_distribution"
        ),
    ]
)
def test_estimator_checks(estimator, check):
    check(estimator)


def theirs_from(responsibilities, **arguments):
    class FromGiven(sklearn.mixture.BayesianGaussianMixture):
        def _initialize_parameters(self, X, *_, **__):
            self._initialize(X, responsibilities)

    return FromGiven(n_components=responsibilities.shape[1], **arguments).fit(X)


@pytest.mark.parametrize("prior_type", PRIORS)
@pytest.mark.parametrize("reg_covar", [0.0, 1e-6, 0.1])
def test_full_has_their_parameters_from_the_same_start(prior_type, reg_covar):
    responsibilities = np.random.default_rng(0).dirichlet(np.full(4, 0.3), len(X))
    same = {
        "weight_concentration_prior_type": prior_type,
        "reg_covar": reg_covar,
        "max_iter": 9,
        "tol": 0.0,
    }
    theirs = theirs_from(responsibilities, **same)
    ours = BayesianGaussianMixture(4, init_params=responsibilities, **same).fit(X)
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
        assert np.allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-9, atol=0), name
    for name in ("weight_concentration_", "mean_precision_", "degrees_of_freedom_"):
        assert np.allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-9), name
    for name in (
        "weight_concentration",
        "mean_precision",
        "mean",
        "degrees_of_freedom",
        "covariance",
    ):
        ours_, theirs_ = getattr(ours, f"{name}_prior_"), getattr(theirs, f"{name}_prior_")
        assert np.allclose(ours_, theirs_, rtol=1e-12), name
    assert np.allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-9)


@pytest.mark.parametrize("kind", ["diag", "spherical"])
def test_one_step_from_given_responsibilities_is_theirs(kind):
    """Their M-step is conjugate for these; their E-step mixes in a Wishart distribution of d features."""
    responsibilities = np.random.default_rng(0).dirichlet(np.full(4, 0.3), len(X))
    same = {"covariance_type": kind, "reg_covar": 0.0, "tol": 0.0}
    theirs = theirs_from(responsibilities, max_iter=1, **same)
    given = theirs.predict_proba(X)
    ours = BayesianGaussianMixture(4, init_params=given, max_iter=0, **same).fit(X)
    theirs = theirs_from(given, max_iter=1, **same)
    start = theirs_from(given, max_iter=1, **same)
    start._initialize(X, given)
    assert np.allclose(ours.means_, start.means_, rtol=1e-12)
    # their counts are 10 epsilon more
    assert np.allclose(ours.degrees_of_freedom_, start.degrees_of_freedom_, rtol=1e-12)
    scatters = ours.covariances_.T * ours.degrees_of_freedom_
    assert np.allclose(scatters, start.covariances_.T * start.degrees_of_freedom_, rtol=1e-12)


def test_it_has_what_theirs_has_and_no_criterion_of_parameters(model):
    theirs = sklearn.mixture.BayesianGaussianMixture(random_state=0).fit(X)
    public = {name for name in dir(theirs) if not name.startswith("_")}
    assert not {name for name in public if not hasattr(model, name)}
    assert not any(hasattr(model, name) for name in ("bic", "aic", "icl", "from_parameters"))
    with pytest.raises(AttributeError, match="log_evidence_ compares fits"):
        model.bic(X)
    assert clone(model).get_params() == model.get_params()


# A density


def test_score_samples_integrates_to_one_in_one_dimension():
    x = X[:40, :1]
    for kind in STRUCTURES:
        one = BayesianGaussianMixture(3, covariance_type=kind, random_state=0).fit(x)
        integral, _ = quad(
            lambda v, one=one: np.exp(one.score_samples([[v]])[0]), -np.inf, np.inf, limit=200
        )
        assert integral == pytest.approx(1, abs=1e-6)


def test_score_samples_integrates_to_one_in_two_dimensions(model):
    """The plane as a square, by the midpoints of a grid."""
    n, spread = 500, 0.3 * X.std(axis=0)
    angles = np.pi * ((np.arange(n) + 0.5) / n - 0.5)
    places = X.mean(axis=0) + spread * np.tan(angles)[:, np.newaxis]
    jacobians = spread / np.cos(angles)[:, np.newaxis] ** 2 * np.pi / n
    grid = np.stack(np.meshgrid(*places.T, indexing="ij"), axis=-1).reshape(-1, 2)
    areas = np.outer(*jacobians.T).ravel()
    assert np.exp(model.score_samples(grid)) @ areas == pytest.approx(1, abs=1e-4)


def test_the_density_is_the_average_over_the_posterior(model):
    draws = model.posterior_sample(1000, random_state=1)
    rows = X[:8]
    average = np.mean([np.exp(draw.log_density(rows)) for draw in draws], axis=0)
    assert np.allclose(average, np.exp(model.score_samples(rows)), rtol=0.1)
    assert np.allclose(np.mean([draw.weights for draw in draws], axis=0), model.weights_, atol=0.01)


def test_drawn_rows_have_the_density(model):
    rows, labels = model.sample(4000, random_state=0)
    entropy = -model.score_samples(rows)
    again = -model.score_samples(model.sample(4000, random_state=1)[0])
    error = np.hypot(entropy.std(), again.std()) / np.sqrt(4000)
    assert abs(entropy.mean() - again.mean()) < 5 * error
    assert np.allclose(np.bincount(labels, minlength=5) / 4000, model.weights_, atol=0.04)
    assert model.score(X) == pytest.approx(model.score_samples(X).mean(), rel=1e-12)


def test_the_prior_is_drawn_from(model):
    draws = model.sample_prior(1000, random_state=0)
    means = np.array([draw.means[0] for draw in draws])
    error = 4 * np.subtract(*np.quantile(means, [0.75, 0.25], axis=0)) / np.sqrt(1000)
    assert (np.abs(np.median(means, axis=0) - model.mean_prior_) < error).all()
    precisions = np.array([draw.precisions for draw in draws])
    scatter = np.asarray(model.covariance_prior_)
    expected = model.degrees_of_freedom_prior_ * (
        np.linalg.inv(scatter) if scatter.ndim == 2 else 1 / scatter
    )
    if model.covariance_type != "tied":
        precisions = precisions[:, 0]
    error = 4 * precisions.std(axis=0) / np.sqrt(1000)
    assert (np.abs(precisions.mean(axis=0) - expected) < error).all()


# The number of components


def test_components_that_the_prior_does_without_hold_no_rows():
    model = BayesianGaussianMixture(8, random_state=0).fit(X)
    assert model.n_components_ == 2
    pruned = model.prune()
    assert pruned.n_components == 2
    assert pruned.weights.sum() == pytest.approx(1)
    assert "components with rows  2 of 8" in str(model.summary())
    assert (np.diff(model.weights_) <= 0).all()


def test_log_evidence_counts_labellings_of_components_with_rows():
    """With a component more that holds no rows there are no more different labellings than places for it."""
    arguments = {
        "weight_concentration_prior_type": "dirichlet_distribution",
        "weight_concentration_prior": 1e-3,
        "random_state": 0,
    }
    two, five = (BayesianGaussianMixture(k, **arguments).fit(X) for k in (2, 5))
    assert two.n_components_ == five.n_components_ == 2
    assert two.log_evidence_ - two.lower_bound_ * len(X) == pytest.approx(np.log(2))
    assert five.log_evidence_ - five.lower_bound_ * len(X) == pytest.approx(np.log(20))
    # Two of five components share the rows as two of two do: what differs is the Dirichlet distribution.
    a, n = 1e-3, len(X)
    expected = (
        np.log(10) + gammaln(5 * a) - gammaln(2 * a) + gammaln(n + 2 * a) - gammaln(n + 5 * a)
    )
    assert five.log_evidence_ - two.log_evidence_ == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("distance", [6.0, 0.7])
def test_fewer_components_are_looked_for_where_one_may_not_pay(distance):
    """Clusters far apart each bring more than their numbers cost; of those that overlap any may not."""
    rng = np.random.default_rng(0)
    centres = distance * rng.standard_normal((4, 3))
    rows = centres[rng.integers(0, 4, 800)] + rng.standard_normal((800, 3))
    found = BayesianGaussianMixture(4, random_state=0).fit(rows)
    kinds = {record.kind for record in found.starts_}
    assert kinds.isdisjoint({"in fewer parts", "without one"}) == (distance > 1)
    assert (found.n_components_ == 4) == (distance > 1)
    from_k_means = BayesianGaussianMixture(4, init_params="kmeans", random_state=0).fit(rows)
    assert found.lower_bound_ > from_k_means.lower_bound_ - 1e-6


# With everything else


def test_weights_are_repetitions_and_units_change_nothing(model):
    kind = model.covariance_type
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    arguments = {"covariance_type": kind, "random_state": 0}
    to_the_end = arguments | {"tol": 1e-13, "max_iter": 10_000}
    weighted = BayesianGaussianMixture(5, **to_the_end).fit(X, sample_weight=weight)
    repeated = BayesianGaussianMixture(5, **to_the_end).fit(np.repeat(X, weight, axis=0))
    assert weighted.lower_bound_ == pytest.approx(repeated.lower_bound_, abs=1e-10)
    small = BayesianGaussianMixture(5, **arguments).fit(X * 1e-3)
    assert np.allclose(small.predict_proba(X * 1e-3), model.predict_proba(X), atol=1e-9)


def test_float32_and_any_number_of_threads(model):
    arguments = {"covariance_type": model.covariance_type, "random_state": 0}
    single = BayesianGaussianMixture(5, **arguments).fit(X.astype(np.float32))
    assert single.means_.dtype == np.float32
    assert single.score_samples(X.astype(np.float32)).dtype == np.float32
    assert single.lower_bound_ == pytest.approx(model.lower_bound_, abs=1e-5)
    for n_jobs in (1, 3):
        same = BayesianGaussianMixture(5, n_jobs=n_jobs, **arguments).fit(X)
        assert (same.means_ == model.means_).all()
        assert same.lower_bound_ == model.lower_bound_


def test_missing_values_and_labels(model):
    arguments = {"covariance_type": model.covariance_type, "random_state": 0}
    gaps = X.copy()
    gaps[::5, 1] = np.nan
    incomplete = BayesianGaussianMixture(3, missing="mar", **arguments).fit(gaps)
    assert np.diff(incomplete.lower_bounds_).min(initial=0.0) > -1e-12
    assert np.isfinite(incomplete.score_samples(gaps)).all()
    # The density of what was observed: integrated over what was not.
    row = np.array([[X[0, 0], np.nan]])
    missing, _ = quad(
        lambda v: np.exp(incomplete.score_samples([[X[0, 0], v]])[0]), -np.inf, np.inf, limit=200
    )
    assert np.exp(incomplete.score_samples(row)[0]) == pytest.approx(missing, rel=1e-5)
    labels = np.full(len(X), -1)
    labels[:30] = X[:30, 0] < 3
    known = BayesianGaussianMixture(3, **arguments).fit(X, labels=labels)
    assert (known.fit_predict(X, labels=labels)[:30] == labels[:30]).mean() > 0.5
    assert known.means_[0, 0] > 3
    assert known.means_[1, 0] < 3


def test_from_batches_and_dask(model):
    dask = pytest.importorskip("dask.array")
    arguments = {"covariance_type": model.covariance_type, "random_state": 0}
    batches = mixtura.from_batches(lambda: iter(np.array_split(X, 5)))
    streamed = BayesianGaussianMixture(5, **arguments).fit(batches)
    spread = BayesianGaussianMixture(5, **arguments).fit(dask.from_array(X, chunks=(70, 2)))
    for other in (streamed, spread):
        assert other.lower_bound_ == pytest.approx(model.lower_bound_, abs=1e-9)
    assert streamed.score(batches) == pytest.approx(model.score(X), abs=1e-6)
    lazy = spread.score_samples(dask.from_array(X, chunks=(70, 2)))
    assert np.allclose(np.asarray(lazy), model.score_samples(X), atol=1e-5)


def test_it_is_saved_and_loaded_with_its_bits(model, tmp_path):
    path = tmp_path / "model.safetensors"
    model.save(path)
    loaded = mixtura.load(path)
    assert type(loaded) is BayesianGaussianMixture
    assert loaded.get_params() == model.get_params()
    assert (loaded.score_samples(X) == model.score_samples(X)).all()
    assert (loaded.predict_proba(X) == model.predict_proba(X)).all()
    assert loaded.log_evidence_ == model.log_evidence_
    assert str(loaded.summary()) == str(model.summary())
    assert (loaded.fit(X).means_ == model.means_).all()


def test_a_checkpoint_is_resumed(tmp_path):
    path, whole = tmp_path / "fit.checkpoint", BayesianGaussianMixture(4, random_state=0)
    whole.set_params(init_params="kmeans", weight_concentration_prior_type=PRIORS[1]).fit(X)
    cut = clone(whole).set_params(checkpoint=path, max_iter=5).fit(X)
    assert cut.n_iter_ == 5
    resumed = cut.set_params(max_iter=whole.max_iter, resume=True).fit(X)
    assert resumed.lower_bounds_ == whole.lower_bounds_
    assert (resumed.means_ == whole.means_).all()


def test_a_warm_start_goes_on():
    model = BayesianGaussianMixture(3, init_params="kmeans", warm_start=True, max_iter=1, tol=0)
    bounds = [model.set_params(random_state=0).fit(X).lower_bound_ for _ in range(20)]
    assert np.diff(bounds).min() > 0


def test_predictions_in_a_file_hold_the_predictive_density(model, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    model.predict_to(tmp_path / "rows.parquet", X, ["label", "log_density"])
    table = parquet.read_table(tmp_path / "rows.parquet")
    assert np.allclose(table["log_density"], model.score_samples(X), rtol=1e-12)


# A stream


def test_whole_batches_with_a_step_of_one_are_iterations():
    """A natural gradient step of length 1 on all rows is one of coordinate ascent."""
    arguments = {"init_params": "kmeans", "random_state": 0, "tol": 0.0}
    start = BayesianGaussianMixture(3, max_iter=1, **arguments).fit(X)
    for _ in range(4):
        start.partial_fit(X, step_size=1.0, total_samples=len(X))
    ours = start
    theirs = BayesianGaussianMixture(3, max_iter=5, **arguments).fit(X)
    assert np.allclose(ours.means_, theirs.means_, rtol=1e-10)
    assert np.allclose(ours.mean_precision_, theirs.mean_precision_, rtol=1e-10)


def test_a_stream_ends_near_the_fit_of_all_rows():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20_000, 2)) + 6 * rng.integers(0, 2, (20_000, 1))
    stream = BayesianGaussianMixture(6, random_state=0)
    for batch in np.array_split(rows, 40):
        stream.partial_fit(batch, total_samples=len(rows))
    whole = BayesianGaussianMixture(6, random_state=0).fit(rows)
    assert stream.n_components_ == whole.n_components_ == 2
    assert stream.mean_precision_.sum() == pytest.approx(len(rows) + 6)
    assert stream.score(rows) == pytest.approx(whole.score(rows), abs=1e-3)
    with pytest.raises(ValueError, match="total_samples must be above 0"):
        stream.partial_fit(rows, total_samples=0)


# Bad input

WRONG = {
    "no conjugate prior": {"covariance_type": "VEV"},
    "should be greater than 1, but got 1.000": {"degrees_of_freedom_prior": 1.0},
    "must be None or a float in the range": {"weight_concentration_prior": 0.0},
    "least eigenvalue of covariance_prior is -1": {"covariance_prior": [[1.0, 2.0], [2.0, 1.0]]},
    r"should have the shape of \(2, 2\)": {"covariance_prior": 3.0},
    "mean_prior has one number a feature": {"mean_prior": [1.0, 2.0, 3.0]},
    "the least number of covariance_prior is -1": {
        "covariance_type": "diag",
        "covariance_prior": [1.0, -1.0],
    },
}


@pytest.mark.parametrize("message", WRONG)
def test_an_improper_prior_is_named_with_its_limit(message):
    with pytest.raises(ValueError, match=message):
        BayesianGaussianMixture(2, **WRONG[message]).fit(X)


def test_rows_of_one_value_and_fewer_rows_than_features_have_a_posterior():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(6, 10))
    constant = np.column_stack([X[:, 0], np.full(len(X), 7.0)])
    for rows in (wide, constant):
        model = BayesianGaussianMixture(3, random_state=0).fit(rows)
        assert np.isfinite(model.lower_bound_)
        assert np.isfinite(model.score_samples(rows)).all()
    with pytest.raises(ValueError, match="leave reg_covar at 'auto'"):
        BayesianGaussianMixture(3, reg_covar=0.0).fit(constant)


def test_parameters_set_by_hand_are_no_posterior():
    model = BayesianGaussianMixture(2, random_state=0).fit(X)
    model.means_ = model.means_ + 1
    with pytest.raises(ValueError, match="set by hand"):
        _ = model.log_evidence_
    assert np.isfinite(model.score_samples(X)).all()
    assert isinstance(model, GaussianMixture)


@pytest.mark.parametrize("accelerate", [False, True])
def test_measurement_errors_are_taken_out_and_a_density_of_such_rows_is_refused(model, accelerate):
    arguments = {"covariance_type": model.covariance_type, "random_state": 0, "tol": 0.0}
    arguments |= {"init_params": "kmeans", "max_iter": 60, "accelerate": accelerate}
    errors = {"error_std": [0.2, 3.0]}
    true = BayesianGaussianMixture(3, **arguments).fit(X, **errors)
    seen = BayesianGaussianMixture(3, **arguments).fit(X)
    assert np.diff(true.lower_bounds_).min() > -1e-12
    assert (true.mixture_.spreads[:2] < seen.mixture_.spreads[:2]).any()
    assert np.allclose(true.predict_proba(X, **errors).sum(axis=1), 1)
    with pytest.raises(ValueError, match="Measurement errors have no closed form"):
        true.score(X, **errors)


def test_components_are_aligned_where_their_order_is_no_part_of_the_posterior(model):
    arguments = {"covariance_type": model.covariance_type, "random_state": 0}
    ours = BayesianGaussianMixture(5, **arguments).fit(X)
    turned = model.mixture_.permuted([4, 3, 2, 1, 0])
    ours.align_to(turned)
    assert np.allclose(ours.means_[-2:], model.means_[:2][::-1], rtol=1e-6)
    assert np.allclose(ours.predict_proba(X), model.predict_proba(X)[:, ::-1], atol=1e-6)
    assert ours.log_evidence_ == pytest.approx(model.log_evidence_, rel=1e-12)
    a, b = ours.weight_concentration_
    assert np.allclose(a, model.weight_concentration_[0][::-1])
    assert np.allclose(b, model.weight_concentration_[1][::-1])
    ordered = BayesianGaussianMixture(5, init_params="kmeans", **arguments).fit(X)
    with pytest.raises(ValueError, match="another order, and with it another posterior"):
        ordered.align_to(turned)
