"""Mixtures in PyTorch and JAX: the same densities and gradients, and back."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mixtura import (
    BayesianGaussianMixture,
    GaussianMixture,
    GaussianMixtureClassifier,
    GaussianMixtureOutlierDetector,
    GaussianMixtureRegressor,
    Mixture,
)
from mixtura.covariance import STRUCTURES
from mixtura.datasets import load_faithful
from mixtura.export import to_jax, to_torch
from mixtura.export.parameters import mixture_of, parameters_of
from mixtura.testing.problems import random_mixture, random_rows

X = load_faithful().data
DF = [0.4, 8.0, 1e6, 50.0]
STRAY = np.random.default_rng(0).uniform([1, 20], [6, 120], (60, 2))


def of_kind(name, df, seed=0, n_features=3, offset=0.0):
    """A mixture, and rows near it."""
    rng = np.random.default_rng(seed)
    mixture = random_mixture(4, n_features, name, rng)
    mixture = Mixture.from_parameters(
        mixture.weights,
        mixture.means + offset,
        mixture.covariances,
        covariance_type=name,
        df=df,
    )
    return mixture, random_rows(mixture, 300, rng)


# Without any framework


@pytest.mark.parametrize("df", [None, DF], ids=["gaussian", "t"])
@pytest.mark.parametrize("name", STRUCTURES)
def test_parameters_and_back(name, df):
    mixture, rows = of_kind(name, df)
    back = mixture_of(parameters_of(mixture))
    forms = {"full": "full", "tied": "tied", "diag": "diag", "spherical": "spherical"}
    assert back.covariance_type == forms[mixture.structure.kernel.name]
    assert_allclose(back.log_density(rows), mixture.log_density(rows), rtol=1e-12, atol=1e-12)
    assert_allclose(
        back.covariance_matrices(), mixture.covariance_matrices(), rtol=1e-12, atol=1e-12
    )


# PyTorch


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="needs torch: pip install --group frameworks")


def tensor(torch, rows, **about):
    return torch.tensor(rows, **about)


@pytest.mark.frameworks
@pytest.mark.parametrize("n_features", [1, 2, 3, 4])
@pytest.mark.parametrize("df", [None, DF], ids=["gaussian", "t"])
@pytest.mark.parametrize("name", STRUCTURES)
def test_torch_has_the_densities_and_gradients_of_the_core(torch, name, df, n_features):
    mixture, rows = of_kind(name, df, n_features=n_features)
    module = to_torch(mixture)
    given = tensor(torch, rows, requires_grad=True)
    log_density = module(given)
    log_density.sum().backward()
    assert_allclose(log_density.detach(), mixture.log_density(rows), rtol=1e-12, atol=1e-12)
    assert_allclose(given.grad, mixture.log_density_gradient(rows), rtol=1e-11, atol=1e-12)
    with torch.no_grad():
        assert_allclose(module.log_joint(given), mixture.log_joint(rows), rtol=1e-12, atol=1e-12)
        assert_allclose(module.responsibilities(given), mixture.responsibilities(rows), atol=1e-12)
        assert_array_equal(module.labels(given), mixture.labels(rows))


@pytest.mark.frameworks
@pytest.mark.parametrize("df", [None, DF], ids=["gaussian", "t"])
@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical"])
def test_torch_in_float32_far_from_the_origin(torch, name, df):
    mixture, rows = of_kind(name, df, offset=1e4)
    rows = rows.astype(np.float32)
    module = to_torch(mixture, dtype="float32")
    ours = module(tensor(torch, rows))
    assert ours.dtype == torch.float32
    wider = rows.astype(np.float64) + 1e-5  # digits that rows of float32 have not
    assert_allclose(module(tensor(torch, wider)).detach(), mixture.log_density(wider), atol=1e-4)
    assert_allclose(ours.detach(), mixture.log_density(rows.astype(np.float64)), atol=1e-4)


@pytest.mark.frameworks
def test_torch_stands_still_where_em_has_ended(torch):
    """At the maximum of the likelihood all derivatives by parameters are zero, and elsewhere they are not."""
    gm = GaussianMixture(2, reg_covar=0.0, tol=1e-14, max_iter=5000, random_state=0).fit(X)
    at_the_end = to_torch(gm)
    at_the_end(tensor(torch, X)).mean().backward()
    for name, parameter in at_the_end.named_parameters():
        assert parameter.grad.abs().max() < 1e-5, name
    elsewhere = to_torch(gm)
    elsewhere(tensor(torch, X + 0.1)).mean().backward()
    assert elsewhere.shifts.grad.abs().max() > 1e-2


@pytest.mark.frameworks
@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical"])
def test_torch_trains_to_where_em_ends(torch, name):
    """L-BFGS from another place, on parameters without constraints, finds the same likelihood."""
    gm = GaussianMixture(2, covariance_type=name, random_state=0, tol=1e-12).fit(X)
    begin = Mixture.from_parameters(
        [0.5, 0.5],
        [[2.5, 60.0], [4.0, 75.0]],
        np.diag([0.5, 60.0])
        if name == "tied"
        else {
            "full": [np.diag([0.5, 60.0])] * 2,
            "diag": [[0.5, 60.0]] * 2,
            "spherical": [40.0, 40.0],
        }[name],
        covariance_type=name,
    )
    module, rows = to_torch(begin), tensor(torch, X)
    steps = torch.optim.LBFGS(module.parameters(), max_iter=500, line_search_fn="strong_wolfe")

    def loss():
        steps.zero_grad()
        value = -module(rows).mean()
        value.backward()
        return value

    steps.step(loss)
    trained = module.mixture()
    assert trained.covariance_type == name
    assert_allclose(trained.log_density(X).mean(), gm.score(X), atol=1e-5)


@pytest.mark.frameworks
def test_torch_with_noise_and_a_posterior(torch):
    rows = np.concatenate([X, STRAY])
    noisy = GaussianMixture(2, noise=True, random_state=0).fit(rows)
    module = to_torch(noisy)
    with torch.no_grad():
        assert_allclose(module(tensor(torch, rows)), noisy.score_samples(rows), atol=1e-12)
        assert_array_equal(module.labels(tensor(torch, rows)), noisy.predict(rows))
        theirs = noisy.predict_proba(rows)
        assert_allclose(module.responsibilities(tensor(torch, rows)), theirs, atol=1e-12)
    assert_allclose(module.mixture().means, noisy.means_, rtol=1e-13)
    for name in ("full", "tied", "diag", "spherical", "EEI", "EII"):
        model = BayesianGaussianMixture(3, covariance_type=name, random_state=0).fit(X)
        module = to_torch(model)
        with torch.no_grad():
            assert_allclose(module(tensor(torch, X)), model.score_samples(X), atol=1e-12)
            theirs = model.predict_proba(X)
            assert_allclose(module.responsibilities(tensor(torch, X)), theirs, atol=1e-12)


@pytest.mark.frameworks
def test_torch_saves_and_loads_a_state(torch):
    mixture, rows = of_kind("full", DF)
    other, _ = of_kind("full", DF, seed=5)
    module = to_torch(other)
    module.load_state_dict(to_torch(mixture).state_dict())
    assert_allclose(module(tensor(torch, rows)).detach(), mixture.log_density(rows), atol=1e-12)


@pytest.mark.frameworks
def test_one_row_and_stacks_of_rows(torch):
    mixture, rows = of_kind("tied", None)
    module = to_torch(mixture)
    assert module(tensor(torch, rows[0])).shape == ()
    stacked = module(tensor(torch, rows.reshape(3, 100, 3)))
    assert_allclose(stacked.detach().ravel(), mixture.log_density(rows), atol=1e-12)


@pytest.mark.frameworks
def test_a_detector_gives_its_mixture_and_others_say_what_to_give(torch):
    detector = GaussianMixtureOutlierDetector(2, random_state=0).fit(X)
    ours = to_torch(detector)(tensor(torch, X)).detach()
    assert_allclose(ours, detector.score_samples(X), atol=1e-12)
    classifier = GaussianMixtureClassifier().fit(X, X[:, 0] > 3)
    with pytest.raises(
        TypeError, match="a classifier is more than that: give each of its mixtures_"
    ):
        to_torch(classifier)
    regressor = GaussianMixtureRegressor().fit(X[:, :1], X[:, 1])
    with pytest.raises(TypeError, match="a regressor is more than that: give its mixture_"):
        to_torch(regressor)
    with pytest.raises(ValueError, match="dtype must be"):
        to_torch(detector, dtype="float16")


@pytest.mark.frameworks
def test_from_torch(torch):
    td = torch.distributions
    weights = td.Categorical(torch.tensor([0.25, 0.75], dtype=torch.float64))
    rng = np.random.default_rng(0)
    loc = torch.tensor(rng.normal(size=(2, 3)))
    factor = torch.tensor(np.tril(rng.normal(size=(2, 3, 3)), -1) + np.eye(3))
    scale = torch.tensor(rng.uniform(0.5, 2.0, (2, 3)))
    df = torch.tensor([3.0, 8.0], dtype=torch.float64)
    for components, name in (
        (td.MultivariateNormal(loc, scale_tril=factor), "full"),
        (td.LowRankMultivariateNormal(loc, factor[:, :, :1], scale), "full"),
        (td.Independent(td.Normal(loc, scale), 1), "diag"),
        (td.Normal(loc[:, 0], scale[:, 0]), "spherical"),
        (td.StudentT(df, loc[:, 0], scale[:, 0]), "spherical"),
    ):
        theirs = td.MixtureSameFamily(weights, components)
        ours = Mixture.from_torch(theirs)
        assert ours.covariance_type == name
        rows = theirs.sample((200,))
        table = rows.numpy().reshape(200, -1)
        assert_allclose(ours.log_density(table), theirs.log_prob(rows), rtol=1e-11, atol=1e-11)


@pytest.mark.frameworks
def test_from_torch_refuses_other_things(torch):
    td = torch.distributions
    weights = td.Categorical(torch.ones(2))
    with pytest.raises(
        TypeError, match=r"takes a torch.distributions.MixtureSameFamily, got Normal"
    ):
        Mixture.from_torch(td.Normal(0.0, 1.0))
    with pytest.raises(TypeError, match="got Exponential"):
        Mixture.from_torch(td.MixtureSameFamily(weights, td.Exponential(torch.ones(2))))
    batch = td.Categorical(torch.ones(5, 2))
    mixtures = td.MixtureSameFamily(batch, td.Normal(torch.zeros(5, 2), torch.ones(5, 2)))
    with pytest.raises(ValueError, match=r"a batch of shape \(5,\)"):
        Mixture.from_torch(mixtures)


# JAX


@pytest.fixture(params=[True, False], ids=["x64", "x32"])
def jax(request):
    module = pytest.importorskip("jax", reason="needs jax: pip install --group frameworks")
    before = module.config.jax_enable_x64
    module.config.update("jax_enable_x64", request.param)
    yield module
    module.config.update("jax_enable_x64", before)


@pytest.fixture
def jax64():
    module = pytest.importorskip("jax", reason="needs jax: pip install --group frameworks")
    before = module.config.jax_enable_x64
    module.config.update("jax_enable_x64", True)
    yield module
    module.config.update("jax_enable_x64", before)


@pytest.mark.frameworks
@pytest.mark.parametrize("df", [None, DF], ids=["gaussian", "t"])
@pytest.mark.parametrize("name", STRUCTURES)
def test_jax_has_the_densities_and_gradients_of_the_core(jax64, name, df):
    mixture, rows = of_kind(name, df)
    ours = to_jax(mixture)
    log_density = jax64.jit(ours.log_density)(ours.parameters, rows)
    assert_allclose(log_density, mixture.log_density(rows), rtol=1e-12, atol=1e-12)
    slope = jax64.vmap(jax64.grad(ours.log_density, argnums=1), in_axes=(None, 0))
    theirs = mixture.log_density_gradient(rows)
    assert_allclose(slope(ours.parameters, rows), theirs, rtol=1e-11, atol=1e-12)
    joint = ours.log_joint(ours.parameters, rows)
    assert_allclose(joint, mixture.log_joint(rows), rtol=1e-12, atol=1e-12)
    r = ours.responsibilities(ours.parameters, rows)
    assert_allclose(r, mixture.responsibilities(rows), atol=1e-12)
    assert_array_equal(ours.labels(ours.parameters, rows), mixture.labels(rows))
    assert_allclose(ours.mixture().log_density(rows), mixture.log_density(rows), atol=1e-11)


@pytest.mark.frameworks
def test_jax_in_either_precision_far_from_the_origin(jax):
    mixture, rows = of_kind("full", DF, offset=1e4)
    rows = rows.astype(np.float32)
    ours = to_jax(mixture, dtype="float32")
    found = ours.log_density(ours.parameters, rows)
    assert found.dtype == np.float32
    assert_allclose(found, mixture.log_density(rows.astype(np.float64)), atol=1e-4)
    own = to_jax(mixture).parameters["shifts"].dtype
    assert own == (np.float64 if jax.config.jax_enable_x64 else np.float32)
    if not jax.config.jax_enable_x64:
        with pytest.raises(ValueError, match=r"needs a JAX that has it: call jax.config.update"):
            to_jax(mixture, dtype="float64")


@pytest.mark.frameworks
def test_jax_with_noise_and_a_posterior(jax64):
    rows = np.concatenate([X, STRAY])
    noisy = GaussianMixture(2, noise=True, random_state=0).fit(rows)
    ours = to_jax(noisy)
    found = ours.log_density(ours.parameters, rows)
    assert_allclose(found, noisy.score_samples(rows), atol=1e-12)
    assert_array_equal(ours.labels(ours.parameters, rows), noisy.predict(rows))
    for name in ("full", "diag", "EII"):
        model = BayesianGaussianMixture(3, covariance_type=name, random_state=0).fit(X)
        ours = to_jax(model)
        found = jax64.jit(ours.log_density)(ours.parameters, X)
        assert_allclose(found, model.score_samples(X), atol=1e-12)
        r = ours.responsibilities(ours.parameters, X)
        assert_allclose(r, model.predict_proba(X), atol=1e-12)


@pytest.mark.frameworks
def test_jax_and_torch_have_the_same_derivatives_by_parameters(jax64, torch):
    """And what stays, as the centres, has none."""
    mixture, rows = of_kind("full", DF)
    ours = to_jax(mixture)

    def mean(parameters):
        return ours.log_density(parameters, rows).mean()

    of_jax = jax64.grad(mean)(ours.parameters)
    module = to_torch(mixture)
    module(tensor(torch, rows)).mean().backward()
    for name, parameter in module.named_parameters():
        assert_allclose(of_jax[name], parameter.grad, rtol=1e-10, atol=1e-13, err_msg=name)
        assert np.abs(of_jax[name]).max() > 0, name
    assert not np.asarray(of_jax["centres"]).any()


@pytest.mark.frameworks
def test_torch_and_the_core_have_the_same_derivatives_by_parameters(torch):
    """By differences of the core's log density along each trained number."""
    mixture, rows = of_kind("full", DF)
    module = to_torch(mixture)
    module(tensor(torch, rows)).mean().backward()
    own, step = parameters_of(mixture), 1e-5
    for name, parameter in module.named_parameters():
        for at in np.ndindex(*parameter.shape):
            if name == "upper" and at[1] >= at[2]:
                assert parameter.grad[at] == 0
                continue
            values = []
            for sign in (1, -1):
                other = {one: numbers.copy() for one, numbers in own.items()}
                other[name][at] += sign * step
                values.append(mixture_of(other).log_density(rows).mean())
            slope = (values[0] - values[1]) / (2 * step)
            assert_allclose(parameter.grad[at], slope, rtol=1e-6, atol=1e-8, err_msg=f"{name}{at}")


# Where they are not installed


@pytest.mark.parametrize(("export", "extra"), [(to_torch, "torch"), (to_jax, "jax")])
def test_a_package_that_is_not_there_is_named(monkeypatch, export, extra):
    monkeypatch.setattr("mixtura.export.carried.find_spec", lambda _: None)
    mixture, _ = of_kind("full", None)
    with pytest.raises(ImportError, match=rf"needs {extra}; .* pip install 'mixtura\[{extra}\]'"):
        export(mixture)
