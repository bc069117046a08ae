"""Noise, Student's t, known labels, missing values, structures, weights, precisions, places: all together.

A pairwise covering array: every value of every factor meets every value of every other in some case.
"""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

import mixtura
from mixtura import GaussianMixture
from mixtura.covariance import STRUCTURES
from mixtura.testing import oracle

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FACTORS = {
    "covariance_type": [name for name in STRUCTURES if name.isupper()],
    "noise": [None, "box", 2_000.0],
    "distribution": ["gaussian", "t", "one df", "df 5"],
    "labels": [None, "labels", "mask", "confidences"],
    "weights": [None, "whole", "fractions"],
    "dtype": [np.float64, np.float32],
    "place": ["array", "batches", "dask"],
    "start": ["auto", "kmeans", "accelerated kmeans"],
    "missing": [None, "few cells", "half of the cells"],
}


def _new_pairs(left, case, factor, value):
    pairs = (sorted([(factor, value), (other, case[other])]) for other in case)
    return sum((*low, *high) in left for low, high in pairs)


def covering_array():
    """Cases so that each pair of values occurs: one after another, the values that meet most new ones."""
    names = list(FACTORS)
    sizes = [len(FACTORS[name]) for name in names]
    left = {
        (a, i, b, j)
        for a, b in itertools.combinations(range(len(names)), 2)
        for i in range(sizes[a])
        for j in range(sizes[b])
    }
    cases = []
    while left:
        a, i, b, j = min(left)
        case = {a: i, b: j}
        for factor in range(len(names)):
            if factor in case:
                continue

            met = [_new_pairs(left, case, factor, value) for value in range(sizes[factor])]
            case[factor] = met.index(max(met))
        pairs = itertools.combinations(sorted(case.items()), 2)
        left -= {(*low, *high) for low, high in pairs}
        cases.append({names[f]: FACTORS[names[f]][v] for f, v in sorted(case.items())})
    return cases


CASES = covering_array()


def names_of(case):
    return "-".join(str(getattr(value, "__name__", value)) for value in case.values())


def table(dtype, missing=None):
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, 260)
    X = rng.standard_t(5, (260, 3)) * [1.0, 0.5, 2.0] + np.outer(truth, [6.0, 2.0, -5.0])
    X[:20] = rng.uniform(-12, 12, (20, 3))
    if missing is not None:
        X[rng.random(X.shape) < {"few cells": 0.1, "half of the cells": 0.5}[missing]] = np.nan
    return X.astype(dtype), truth


def arguments(case):
    own = {"covariance_type": case["covariance_type"], "random_state": 0, "max_iter": 60}
    if case["missing"] is not None:
        own["missing"] = "mar"
    if case["noise"] is not None:
        is_box = case["noise"] == "box" or case["missing"] is not None  # a volume has no sides
        own |= {"noise": True, "noise_volume": None if is_box else case["noise"]}
    if case["distribution"] != "gaussian":
        df = {"t": None, "one df": "shared", "df 5": 5.0}[case["distribution"]]
        own |= {"distribution": "t", "df": df}
    if case["start"] != "auto":
        own |= {"init_params": "kmeans", "accelerate": case["start"] != "kmeans"}
    return own


def known(case, truth):
    """The labels as they are given, and the logs of them as the oracle takes them."""
    n_densities = 2 + (case["noise"] is not None)
    is_known = (np.arange(len(truth)) % 6 == 3) & (np.arange(len(truth)) > 20)
    possible = ~is_known[:, None] | (truth[:, None] == np.arange(n_densities))
    if case["labels"] is None:
        return None, None
    if case["labels"] == "labels":
        given = np.where(is_known, truth, -1)
    elif case["labels"] == "mask":
        given = possible
    else:
        possible = given = np.where(possible, 1.0, 0.2)
    with np.errstate(divide="ignore"):
        return given, np.log(possible.astype(float))


def weights(case):
    n = np.arange(260)
    return {None: None, "whole": 1.0 + n % 3, "fractions": 0.3 + 0.1 * (n % 7)}[case["weights"]]


def placed(case, X, weight, labels):
    """What `fit` takes: the rows where they lie, and what goes beside them."""
    if case["place"] == "dask":
        da = pytest.importorskip("dask.array")
        cut = [(part, None) for part in (weight, labels)]
        own = [
            None if part is None else da.from_array(part, chunks=(100, *part.shape[1:]))
            for part, _ in cut
        ]
        return (da.from_array(X, chunks=(100, 3)), own[0]), {"labels": own[1]}
    if case["place"] == "array":
        return (X, weight), {"labels": labels}
    of_batches = None if labels is None or labels.ndim > 1 else labels

    def batches():
        for i in range(0, 260, 100):
            some = slice(i, i + 100)
            yield X[some], *(None if one is None else one[some] for one in (weight, of_batches))

    return (mixtura.from_batches(batches), None), {}


def fitted(case, **more):
    X, truth = table(case["dtype"], case["missing"])
    labels, log_credible = known(case, truth)
    (rows, weight), beside = placed(case, X, weights(case), labels)
    if case["place"] == "batches" and labels is not None and labels.ndim > 1:
        log_credible = None  # batches bring numbers of components alone
    model = GaussianMixture(2, **arguments(case) | more).fit(rows, sample_weight=weight, **beside)
    return model, X, log_credible


@pytest.mark.parametrize("case", CASES, ids=names_of)
def test_they_work_together(case, tmp_path):
    model, X, log_credible = fitted(case)
    double = case["dtype"] == np.float64

    # The likelihood is the oracle's, and never fell.
    logs = oracle.log_density(model._density, X.astype(np.float64), log_credible)
    weight = np.ones(260) if weights(case) is None else weights(case)
    weight = np.where(np.isnan(X).all(axis=1), 0.0, weight)
    logs = np.where(weight > 0, logs, 0.0)
    assert_allclose(
        model.lower_bound_, weight @ logs / weight.sum(), rtol=1e-10 if double else 2e-5
    )
    assert np.diff(model.lower_bounds_).min(initial=0) > (-1e-9 if double else -2e-6)

    # Parameters are counted, and weights are shares.
    has_noise = case["noise"] is not None
    of_tails = {"gaussian": 0, "t": 2, "one df": 1, "df 5": 0}[case["distribution"]]
    gaussian = model._density.structure.n_parameters(2, 3)
    assert model.summary().n_parameters == gaussian + of_tails + has_noise
    noise = model.noise_weight_ if has_noise else 0.0
    assert_allclose(model.weights_.sum() + noise, 1.0, rtol=0, atol=1e-6)
    assert_allclose(model.mixture_.weights.sum(), 1.0, rtol=0, atol=1e-12)

    # Predictions agree with each other.
    proba, labels = model.predict_proba(X), model.predict(X)
    assert proba.shape == (260, 2 + has_noise)
    assert_allclose(proba.sum(axis=1), 1.0, rtol=0, atol=1e-5)
    assert np.array_equal(np.where(proba.argmax(axis=1) == 2, -1, proba.argmax(axis=1)), labels)
    joint = model.log_joint(X)
    assert_allclose(
        np.logaddexp.reduce(joint.astype(np.float64), axis=1),
        model.score_samples(X),
        rtol=1e-4,
        atol=1e-6,
    )

    # Saved, pickled, and told by hand, it is the same.
    model.save(tmp_path / "model.safetensors")
    for same in (mixtura.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(same.predict_proba(X), proba)
        assert same.summary().bic == model.summary().bic
        same.partial_fit(X[:150])
        assert np.isfinite(same.lower_bound_)


@pytest.mark.parametrize("case", CASES[::4], ids=names_of)
def test_threads_change_no_bit(case):
    one, many = (fitted(case, n_jobs=n)[0] for n in (1, 3))
    assert np.array_equal(one.means_, many.means_)
    assert one.lower_bounds_ == many.lower_bounds_


# Structures that a change of each feature's unit maps onto themselves; the others, one of all alike.
OF_ANY_UNITS = ("EEE", "VVV", "EEI", "VEI", "EVI", "VVI")


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["noise"] != 2_000.0][::4], ids=names_of
)
def test_units_change_nothing(case):
    case = case | {"dtype": np.float64, "start": "auto", "place": "array"}
    X, truth = table(np.float64, case["missing"])
    labels, _ = known(case, truth)
    shift, scale = np.array([0.0, 1e5, -3.0]), np.full(3, 37.0)
    if case["covariance_type"] in OF_ANY_UNITS:
        scale = np.array([1e-3, 1e3, 7.0])
    one, other = (
        GaussianMixture(2, **arguments(case)).fit(rows, sample_weight=weights(case), labels=labels)
        for rows in (X, X * scale + shift)
    )
    means = (other.means_ - shift) / scale
    assert_allclose(means, one.means_, rtol=1e-4, atol=1e-4)
    # A density changes by the units of what was observed.
    weight = np.ones(260) if weights(case) is None else weights(case)
    seen = ~np.isnan(X)
    change = (weight @ seen) @ np.log(scale) / weight[seen.any(axis=1)].sum()
    assert_allclose(other.lower_bound_, one.lower_bound_ - change, rtol=1e-6)


def test_every_pair_is_there():
    assert len(CASES) < 100
    for (a, first), (b, second) in itertools.combinations(FACTORS.items(), 2):
        found = {(case[a], case[b]) for case in CASES}
        assert found >= set(itertools.product(first, second))
