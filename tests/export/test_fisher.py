"""Fisher vectors: derivatives of the log likelihood in units of its information; scikit-image's values."""

from __future__ import annotations

import doctest
import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mixtura import BayesianGaussianMixture, GaussianMixture, GaussianMixtureClassifier, Mixture
from mixtura.covariance import STRUCTURES
from mixtura.datasets import load_faithful
from mixtura.export import fisher_vector
from mixtura.testing.problems import random_mixture

X = load_faithful().data
STORED = Path(__file__).parents[1] / "data" / "fisher_vectors_skimage.json"
APART = [name for name, kind in STRUCTURES.items() if not kind.has_matrices]


def vocabulary(name="diag", seed=0):
    return random_mixture(4, 3, name, np.random.default_rng(seed))


def descriptors(n_rows=50, seed=1):
    return np.random.default_rng(seed).normal(size=(n_rows, 3)) * [1.0, 2.0, 3.0]


@pytest.mark.parametrize("name", APART)
def test_derivatives_in_units_of_the_information(name):
    """By differences: of weights as softmax, of means, of log deviations; information is w, w / s^2, 2 w."""
    mixture, rows = vocabulary(name), descriptors()
    weights, means = mixture.weights, mixture.means
    spreads = np.array(mixture.spreads)
    K, d = means.shape

    def mean_log_density(values):
        logits, centres, logs = np.split(values, [K, K + K * d])
        shares = np.exp(logits) / np.exp(logits).sum()
        variances = np.exp(2 * logs.reshape(K, d))
        other = Mixture.from_parameters(
            shares, centres.reshape(K, d), variances, covariance_type="diag"
        )
        return other.log_density(rows).mean()

    at = np.concatenate([np.log(weights), means.ravel(), np.log(spreads).ravel()])
    step = 1e-5
    slopes = np.array(
        [
            (mean_log_density(at + e) - mean_log_density(at - e)) / (2 * step)
            for e in step * np.eye(len(at))
        ]
    )
    roots = np.sqrt(weights)
    units = np.concatenate(
        [
            1 / roots,
            (spreads / roots[:, np.newaxis]).ravel(),
            -np.repeat(1 / (np.sqrt(2) * roots), d),
        ]
    )
    assert_allclose(mixture.fisher_vector(rows), slopes * units, rtol=1e-7, atol=1e-8)


@pytest.mark.skipif(not STORED.exists(), reason="needs the repository")
def test_values_that_scikit_image_gave():
    """tests/data: version 0.26.0, on the mixture and the rows that stand there."""
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    parameters = (stored[name] for name in ("weights", "means", "covariances"))
    mixture = Mixture.from_parameters(*parameters, covariance_type="diag")
    assert len(stored["cases"]) >= 4
    for case in stored["cases"]:
        arguments = {name: case[name] for name in ("improved", "alpha")}
        ours = mixture.fisher_vector(stored["rows"], **arguments)
        assert_allclose(ours, case["vector"], rtol=0, atol=1e-10)


@pytest.mark.frameworks
@pytest.mark.parametrize("improved", [True, False])
def test_what_scikit_image_gives(improved):
    feature = pytest.importorskip("skimage.feature", reason="needs scikit-image")
    from sklearn.mixture import GaussianMixture as Other

    rows = descriptors(600)
    other = Other(4, covariance_type="diag", random_state=0).fit(rows)
    mixture = Mixture.from_parameters(
        other.weights_, other.means_, other.covariances_, covariance_type="diag"
    )
    for some in (rows[:1], rows[:70], rows[200:]):
        theirs = feature.fisher_vector(some, other, improved=improved)
        assert_allclose(mixture.fisher_vector(some, improved=improved), theirs, atol=1e-10)
        assert_allclose(fisher_vector(some, other, improved=improved), theirs, atol=1e-10)


def test_rows_in_blocks_and_in_float32():
    mixture, rows = vocabulary(), descriptors(100_000)
    whole = mixture.fisher_vector(rows)
    parts = [mixture.fisher_vector(part) for part in np.split(rows, 4)]
    assert_allclose(whole, np.mean(parts, axis=0), rtol=0, atol=1e-12)
    assert_allclose(mixture.fisher_vector(rows.astype(np.float32)), whole, atol=1e-6)


def test_an_improved_vector_has_length_one():
    vector = vocabulary().fisher_vector(descriptors(), improved=True, alpha=0.3)
    plain = vocabulary().fisher_vector(descriptors())
    assert_allclose(np.linalg.norm(vector), 1)
    assert_allclose(np.sign(vector), np.sign(plain))
    ratio = np.abs(vector) / np.abs(plain) ** 0.3
    assert_allclose(ratio, ratio[0])


def test_fitted_models():
    rows = np.random.default_rng(0).normal(size=(300, 3))
    for model in (
        GaussianMixture(3, covariance_type="VEI", random_state=0),
        GaussianMixture(2, covariance_type="spherical", noise=True, random_state=0),
        BayesianGaussianMixture(3, covariance_type="diag", random_state=0),
    ):
        model.fit(rows)
        ours = fisher_vector(rows[:20], model)
        assert_allclose(ours, model.mixture_.fisher_vector(rows[:20]), rtol=1e-14)


def test_a_component_of_weight_zero_has_no_part():
    mixture = Mixture.from_parameters(
        [1.0, 0.0], [[0.0], [5.0]], [[1.0], [1.0]], covariance_type="diag"
    )
    vector = mixture.fisher_vector([[0.5], [1.0]])
    assert np.isfinite(vector).all()
    assert not vector[[1, 3, 5]].any()


@pytest.mark.parametrize("function", [fisher_vector, Mixture.fisher_vector])
def test_the_examples_in_a_docstring_run(function):
    [examples] = doctest.DocTestFinder(recurse=False).find(function, function.__name__)
    assert examples.examples
    report = io.StringIO()
    assert doctest.DocTestRunner().run(examples, out=report.write).failed == 0, report.getvalue()


def test_what_is_refused():
    rows = descriptors()
    with pytest.raises(
        ValueError, match=r"have 'full' covariances: fit with covariance_type='diag'"
    ):
        vocabulary("full").fisher_vector(rows)
    tails = Mixture.from_parameters([1.0], [[0.0]], [[1.0]], covariance_type="diag", df=3)
    with pytest.raises(ValueError, match="these are of Student's t"):
        tails.fisher_vector([[1.0]])
    for alpha in (-1, 2, "half", True):
        with pytest.raises(ValueError, match="alpha must be a number from 0 to 1"):
            vocabulary().fisher_vector(rows, improved=True, alpha=alpha)
    with pytest.raises(ValueError, match="1 feature"):
        vocabulary().fisher_vector(rows[:, :1])
    with pytest.raises(ValueError, match="NaN"):
        vocabulary().fisher_vector([[np.nan, 0.0, 0.0]])
    with pytest.raises(ValueError, match=r"at least one row|0 sample|minimum of 1"):
        vocabulary().fisher_vector(np.empty((0, 3)))
    classifier = GaussianMixtureClassifier().fit(X, X[:, 0] > 3)
    with pytest.raises(TypeError, match="takes a mixture, and this is a classifier"):
        fisher_vector(X, classifier)
