"""Variational Bayes with noise, and with a prior of each component: beside SciPy and sums over all labels."""

from __future__ import annotations

from itertools import product

import dask.array
import numpy as np
import pytest
from scipy import stats
from scipy.special import betaln, logsumexp, multigammaln

import mixtura
from mixtura import BayesianGaussianMixture, GaussianMixture, Prior
from mixtura.covariance import structure
from mixtura.em import SufficientStatistics, Variational
from mixtura.mixture import log_joint, native_mixture
from posteriors import CASES, PRIOR, PRIORS, STRUCTURES, X, scatter_of

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::mixtura.DataWarning"),
]


def model_of(kind, n_components=3, prior_type="dirichlet_distribution", **arguments):
    own = {
        **PRIOR,
        "covariance_prior": scatter_of(kind),
    }
    chosen = {} if "prior" in arguments else own
    return BayesianGaussianMixture(
        n_components,
        covariance_type=kind,
        weight_concentration_prior_type=prior_type,
        random_state=0,
        reg_covar=0.0,
        **{**chosen, **arguments},
    )


# One fit after another


@pytest.mark.parametrize("kind", STRUCTURES)
def test_of_one_component_rows_in_turn_are_rows_at_once(kind):
    """p(X, Y) = p(X) p(Y | X), and the posterior of both is that of Y from the posterior of X."""
    first = model_of(kind, 1).fit(X[:20])
    then = model_of(kind, 1, prior=first.as_prior()).fit(X[20:])
    both = model_of(kind, 1).fit(X)
    assert first.log_evidence_ + then.log_evidence_ == pytest.approx(both.log_evidence_, rel=1e-12)
    for name in ("means_", "covariances_", "mean_precision_", "degrees_of_freedom_"):
        assert np.allclose(getattr(then, name), getattr(both, name), rtol=1e-11), name
    assert np.allclose(then.score_samples(X), both.score_samples(X), rtol=1e-11)


@pytest.mark.parametrize(("kind", "prior_type"), CASES)
def test_the_posterior_is_the_prior_of_the_next_fit(kind, prior_type):
    """Rows of weight nearly 0 leave it as it is, whatever is believed of each component."""
    first = model_of(kind, 3, prior_type).fit(X)
    then = model_of(kind, 3, prior_type, prior=first.as_prior())
    then.fit(X[:5], sample_weight=np.full(5, 1e-9))
    for name in ("means_", "covariances_", "weights_", "mean_precision_", "degrees_of_freedom_"):
        assert np.allclose(getattr(then, name), getattr(first, name), rtol=1e-7), name
    pairs = zip(
        np.ravel(then.weight_concentration_), np.ravel(first.weight_concentration_), strict=True
    )
    assert all(ours == pytest.approx(theirs, rel=1e-7) for ours, theirs in pairs)
    assert then.starts_[0].kind == "mixture of the prior"


def test_components_keep_their_numbers():
    first = model_of("full", 2).fit(X)
    order = np.argsort(first.weights_)
    prior = first.as_prior()
    few = X[X[:, 0] < 3]
    then = model_of("full", 2, prior=prior).fit(np.repeat(few, 50, axis=0))
    assert np.argmin(then.means_[:, 0]) == order[0]
    assert then.weights_[order[0]] > 0.9


@pytest.mark.parametrize("init_params", ["auto", "kmeans", "random"])
def test_components_of_a_prior_are_found_from_any_start(init_params):
    prior = model_of("full", 2).fit(X).as_prior()
    model = model_of("full", 2, prior=prior, init_params=init_params).fit(X)
    assert np.abs(model.means_ - prior.mean).max() < 3


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_a_prior_of_a_likeliest_mixture_counts_as_so_many_rows(kind):
    known = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X)
    prior = Prior.from_mixture(known, 50, ("weights", "means", "covariances"))
    model = model_of(kind, 2, prior=prior).fit(X)
    counts = model.predict_proba(X).sum(axis=0)
    assert np.allclose(model.mean_precision_, 50 + counts, rtol=1e-5)
    assert np.allclose(model.weight_concentration_, 1 + 100 * known.weights_ + counts, rtol=1e-5)
    assert np.abs(model.means_ - known.means_).max() < 0.5


def test_one_prior_of_all_components_is_that_of_the_arguments():
    prior = Prior(
        concentration=1.5,
        mean=[3.0, 60.0],
        mean_count=0.3,
        degrees_of_freedom=4.5,
        scatter=scatter_of("full"),
    )
    ours = model_of("full", 3, prior=prior).fit(X)
    theirs = model_of("full", 3, weight_concentration_prior=1.5).fit(X)
    assert ours.lower_bound_ == theirs.lower_bound_


def test_one_variance_has_the_degrees_of_freedom_of_its_features():
    """Inverse gamma(nu / 2, scatter / 2) is Gamma(d nu' / 2, d V / 2) of the precision."""
    prior = Prior(
        mean=[3.0, 60.0], mean_count=0.3, degrees_of_freedom=9.0, scatter=80.0, concentration=1.5
    )
    ours = model_of("spherical", 3, prior=prior).fit(X)
    theirs = model_of("spherical", 3, weight_concentration_prior=1.5).fit(X)
    assert ours.lower_bound_ == pytest.approx(theirs.lower_bound_, rel=1e-13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mean_prior": [0.0, 0.0]}, "mean_prior"),
        ({"n_components": 3}, "n_components=3"),
        ({"covariance_type": "diag"}, "covariance_type='diag'"),
        ({"weight_concentration_prior_type": "dirichlet_process"}, "dirichlet_distribution"),
    ],
)
def test_a_prior_of_another_model_is_refused(arguments, message):
    prior = model_of("full", 2).fit(X).as_prior()
    model = model_of("full", 2, prior=prior).set_params(**arguments)
    with pytest.raises(ValueError, match=message):
        model.fit(X)


def test_priors_that_are_no_whole_or_proper_ones_are_refused():
    known = GaussianMixture(2, random_state=0).fit(X)
    with pytest.raises(ValueError, match="all parameters"):
        model_of("full", 2, prior=Prior.from_mixture(known)).fit(X)
    few = Prior.from_mixture(known, 2, ("weights", "means", "covariances"))
    with pytest.raises(ValueError, match="greater than 1"):
        model_of("full", 2, prior=few).fit(X)
    with pytest.raises(ValueError, match="features"):
        model_of("full", 2, prior=model_of("full", 2).fit(X).as_prior()).fit(X[:, :1])


# Noise

ROWS = np.array([[1.0, 52.0], [1.2, 55.0], [1.4, 50.0], [1.1, 53.0], [9.0, 90.0], [4.0, 20.0]])
LOG_VOLUME = 6.0


def log_evidence_of(rows):
    """Of one component without noise, in closed form (Murphy 2007, equation 266)."""
    n, d, mean, kappa, nu = len(rows), 2, np.array([3.0, 60.0]), 0.3, 4.5
    scatter = scatter_of("full")
    after = scatter + n * np.cov(rows.T, bias=True) if n > 1 else scatter
    if n > 0:
        away = rows.mean(axis=0) - mean
        after = after + kappa * n / (kappa + n) * np.outer(away, away)
    determinants = [np.linalg.slogdet(one)[1] for one in (scatter, after)]
    gammas = multigammaln((nu + n) / 2, d) - multigammaln(nu / 2, d)
    ends = (nu * determinants[0] - (nu + n) * determinants[1] + d * np.log(kappa / (kappa + n))) / 2
    return gammas + ends - n * d / 2 * np.log(np.pi)


def test_the_bound_with_noise_is_below_the_evidence():
    """The evidence is a sum over all ways in which rows are noise: w ~ Beta(1, 1) is integrated out."""
    terms = []
    for is_noise in product([False, True], repeat=len(ROWS)):
        n = sum(is_noise)
        of_weight = betaln(1 + n, 1 + len(ROWS) - n)
        kept = ROWS[~np.array(is_noise)]
        terms.append(of_weight - n * LOG_VOLUME + log_evidence_of(kept))
    evidence = logsumexp(terms)
    model = model_of("full", 1, noise=True, noise_volume=np.exp(LOG_VOLUME), tol=1e-13).fit(ROWS)
    bound = model.lower_bound_ * len(ROWS)
    assert evidence - 1.5 < bound < evidence


@pytest.mark.parametrize(("kind", "prior_type"), CASES)
def test_no_other_posterior_with_noise_has_a_higher_bound(kind, prior_type):
    """For given responsibilities r the bound is sum r (E[log joint] - log r) - divergence."""
    model, rng = (
        model_of(kind, 3, prior_type, noise=True, max_iter=2).fit(X),
        np.random.default_rng(0),
    )
    r = rng.dirichlet(np.ones(4), len(X))
    noise = model._density.noise
    fitted_kind = model._kind_of(model._density, None)
    step = Variational(structure(kind), np.zeros(2), fitted_kind)

    def posterior_of(given):
        counts = given[:, :-1].sum(axis=0)
        centres = given[:, :-1].T @ X / counts[:, np.newaxis]
        away = X[:, np.newaxis] - centres
        full = np.einsum("nk,nki,nkj->kij", given[:, :-1], away, away)
        kept = {
            "full": full,
            "tied": full.sum(axis=0),
            "diag": np.einsum("kii->ki", full),
            "spherical": np.einsum("kii->k", full),
        }[structure(kind).kernel.name]
        sums = {"weight": len(X), "counts": counts, "seconds": kept, "noise": given[:, -1].sum()}
        return step.maximise(SufficientStatistics.of(structure(kind), centres, **sums))

    def bound(mixture):
        components = mixture.structure, *mixture.as_tuple()
        bare = type(mixture)(
            *components,
            posterior=mixture.posterior._replace(
                counts=mixture.posterior.counts[:3], log_weights=mixture.posterior.log_weights[:3]
            ),
        )
        joint = np.column_stack(
            [
                log_joint(bare, X, 1),
                np.full(len(X), mixture.posterior.log_weights[3] + noise.log_density),
            ]
        )
        return (r * joint).sum() + step.native.bound(native_mixture(mixture))

    best = bound(posterior_of(r))
    for size in (1e-3, 1e-1):
        for _ in range(5):
            other = np.abs(r + size * rng.normal(size=r.shape))
            assert bound(posterior_of(other / other.sum(axis=1, keepdims=True))) < best


@pytest.mark.parametrize(("kind", "prior_type"), CASES)
def test_the_bound_with_noise_never_falls(kind, prior_type):
    for accelerate in (False, True):
        model = model_of(
            kind,
            4,
            prior_type,
            noise=True,
            init_params="kmeans",
            accelerate=accelerate,
            tol=0,
            max_iter=60,
        ).fit(X)
        assert np.diff(model.lower_bounds_).min(initial=0.0) > -1e-12


def noisy_rows():
    rng = np.random.default_rng(3)
    clusters = rng.normal(size=(300, 2)) * 0.3 + rng.choice([-3.0, 3.0], (300, 1))
    return np.concatenate([clusters, rng.uniform(-10, 10, (60, 2))])


@pytest.mark.parametrize("prior_type", PRIORS)
def test_noise_is_told_from_clusters(prior_type):
    rows = noisy_rows()
    model = BayesianGaussianMixture(
        8, noise=True, weight_concentration_prior_type=prior_type, random_state=0
    ).fit(rows)
    assert model.n_components_ == 2
    assert 0.1 < model.noise_weight_ < 0.22
    counts = model.predict_proba(rows)
    assert counts.shape == (360, 9)
    assert np.allclose(counts.sum(axis=1), 1)
    assert model.noise_weight_ == pytest.approx((1 + counts[:, -1].sum()) / 362, rel=1e-5)
    assert model.weights_.sum() + model.noise_weight_ == pytest.approx(1, abs=1e-12)
    assert (model.predict(rows)[300:] == -1).mean() > 0.9
    without = BayesianGaussianMixture(8, random_state=0).fit(rows)
    assert without.n_components_ > 2


@pytest.mark.parametrize("kind", STRUCTURES)
def test_the_density_with_noise_is_that_of_t_components_and_the_noise(kind):
    model = model_of(kind, 2, noise=True).fit(noisy_rows())
    nu, wider = model.degrees_of_freedom_, 1 + 1 / model.mean_precision_
    matrices = model.mixture_.covariance_matrices()
    at, total = np.array([[0.3, 1.0], [3.0, 2.8], [9.0, -9.0]]), 0
    for k, weight in enumerate(model.weights_):
        mean, cov = model.means_[k], matrices[k] * wider[k]
        if kind in ("diag", "EEI"):
            density = stats.t.pdf(at, nu[k], mean, np.sqrt(np.diag(cov))).prod(axis=1)
        elif kind in ("full", "tied"):
            df = nu[k] - 1
            density = stats.multivariate_t.pdf(at, mean, cov * nu[k] / df, df=df)
        else:
            density = stats.multivariate_t.pdf(at, mean, cov, df=2 * nu[k])
        total = total + weight * density
    total = total + model.noise_weight_ * np.exp(-model.noise_log_volume_)
    assert np.allclose(model.score_samples(at), np.log(total), rtol=1e-12)
    assert model.score(at) == pytest.approx(np.log(total).mean(), rel=1e-12)


@pytest.mark.parametrize("kind", ["full", "diag"])
def test_rows_with_gaps_have_noise_in_the_box_of_what_they_have(kind):
    rows = noisy_rows()
    rows[::7, 0] = np.nan
    model = model_of(kind, 2, noise=True, missing="mar").fit(rows)
    low, high = model.noise_box_
    sides = high - low
    of_second = model.score_samples([[np.nan, 9.0]])[0]
    assert of_second > np.log(model.noise_weight_ / sides[1])
    far = model.score_samples([[np.nan, 1e6]])[0]
    assert far == pytest.approx(np.log(model.noise_weight_ / sides[1]), abs=1e-6)


@pytest.mark.parametrize("kind", ["full", "diag"])
def test_noise_is_drawn_on_request(kind):
    model = model_of(kind, 2, noise=True).fit(noisy_rows())
    rows, labels = model.sample(2000, random_state=0, noise=True)
    low, high = model.noise_box_
    assert abs((labels == -1).mean() - model.noise_weight_) < 0.03
    assert (rows[labels == -1] >= low).all()
    assert (rows[labels == -1] <= high).all()
    assert (model.sample(500, random_state=0)[1] >= 0).all()
    assert all(drawn.noise is None for drawn in model.posterior_sample(2, random_state=0))


def test_noise_and_a_prior_of_each_go_on_together():
    rows = noisy_rows()
    first = model_of("full", 2, noise=True).fit(rows[::2])
    assert first.as_prior().noise_counts[0] > 10
    then = model_of("full", 2, noise=True, prior=first.as_prior()).fit(rows[1::2])
    assert then.noise_weight_ == pytest.approx(
        then._prior.noise_counts_of(then._density)[0]
        / sum(then._prior.noise_counts_of(then._density)),
        rel=1e-12,
    )
    assert sum(then._prior.noise_counts_of(then._density)) == pytest.approx(362, rel=1e-12)


@pytest.mark.parametrize("kind", STRUCTURES)
def test_a_warm_start_may_begin_without_the_noise_and_end_with_it(kind):
    rows = noisy_rows()
    model = model_of(kind, 2, noise=False, warm_start=True).fit(rows)
    model.set_params(noise=True).fit(rows)
    fresh = model_of(kind, 2, noise=True).fit(rows)
    assert model.lower_bound_ == pytest.approx(fresh.lower_bound_, abs=1e-5)
    model.set_params(noise=False).fit(rows)
    assert model.weights_.sum() == pytest.approx(1)


def test_the_bound_asks_for_a_mixture_of_as_many_components():
    own = model_of("full", 2).fit(X).as_prior()
    two = model_of("full", 2, prior=own).fit(X)
    step = Variational(structure("full"), np.zeros(2), two._kind_of(two._density, None))
    three = model_of("full", 3).fit(X)._density
    with pytest.raises(ValueError, match="2 components, got 3"):
        step.native.bound(native_mixture(three))


@pytest.mark.parametrize(("kind", "prior_type"), CASES)
def test_a_saved_model_has_its_noise_and_the_prior_of_each(kind, prior_type, tmp_path):
    rows = noisy_rows()
    first = model_of(kind, 2, prior_type, noise=True).fit(rows[::2])
    model = model_of(kind, 2, prior_type, noise=True, prior=first.as_prior()).fit(rows[1::2])
    model.save(tmp_path / "model")
    again = mixtura.load(tmp_path / "model")
    assert np.array_equal(again.predict_proba(rows), model.predict_proba(rows))
    assert np.array_equal(again.score_samples(rows), model.score_samples(rows))
    assert again.log_evidence_ == model.log_evidence_
    assert again.fit(rows[1::2]).lower_bound_ == model.lower_bound_


def test_rows_anywhere_have_the_same_noise():
    rows = noisy_rows()
    options = {"noise": True, "init_params": "kmeans"}
    ours, theirs = (
        model_of("full", 2, **options).fit(X) for X in (rows, dask.array.from_array(rows, 100))
    )
    assert ours.lower_bound_ == pytest.approx(theirs.lower_bound_, rel=1e-12)
    assert ours.noise_weight_ == pytest.approx(theirs.noise_weight_, rel=1e-9)


def test_components_that_are_told_apart_are_not_numbered_anew():
    rows = noisy_rows()
    labels = np.full(len(rows), -1)
    labels[rows[:, 0] < -2.5], labels[(rows[:, 0] > 2.5) & (rows[:, 1] > 2.5)] = 0, 1
    labels[np.flatnonzero(labels == 0)[60:]] = -1
    named = model_of("full", 2, "dirichlet_process").fit(
        rows[labels >= 0], labels=labels[labels >= 0]
    )
    with pytest.raises(ValueError, match="not in the order of the components"):
        named.as_prior()
    first = model_of("full", 2).fit(X)
    then = model_of("full", 2, prior=first.as_prior()).fit(X)
    with pytest.raises(ValueError, match="by which the prior knows them"):
        then.align_to(first)
