"""Noise, t, labels, priors, fixed and bounded parameters, gaps, errors, structures, places: all together.

A pairwise covering array: every value of every factor meets every value of every other in some case, but for
the pairs that are refused, each in a sentence. The whole product has some twenty million cases, of which
`make nightly` runs 2,000.
"""

from __future__ import annotations

import itertools
import pickle
import re
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import mixtura
from mixtura import GaussianMixture, Prior
from mixtura.covariance import STRUCTURES, structure
from mixtura.fitting.knowledge import default_prior
from mixtura.rows import ArrayBlocks, Rows
from mixtura.testing import oracle

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FOURTEEN = [name for name in STRUCTURES if name.isupper()]

FACTORS: dict[str, list[Any]] = {
    "covariance_type": FOURTEEN,
    "noise": [None, "box", 2_000.0],
    "distribution": ["gaussian", "t", "one df", "df 5"],
    "labels": [None, "labels", "mask", "confidences"],
    "weights": [None, "whole", "fractions"],
    "dtype": [np.float64, np.float32],
    "place": ["array", "batches", "dask"],
    "start": ["auto", "kmeans", "accelerated kmeans"],
    "missing": [None, "few cells", "half of the cells"],
    "prior": [None, "default", "of all", "of each"],
    "fixed": [None, "a mean", "a weight", "covariances"],
    "bounds": [None, "equal weights", "least weight", "ratio"],
    "errors": [None, "variances", "covariances"],
}

# Values of two factors that cannot be together, and why.
WITHOUT_RATIO = [name for name in FOURTEEN if name not in ("VVV", "EEE", "VVI", "EEI", "VII")]
REFUSED = [
    *(
        (
            {"covariance_type": name, "bounds": "ratio"},
            f"not possible with covariance_type={name!r}",
        )
        for name in WITHOUT_RATIO
    ),
    (
        {"fixed": "covariances", "bounds": "ratio"},
        "max_eigenvalue_ratio and fixed covariances cannot be",
    ),
    (
        {"fixed": "a weight", "bounds": "equal weights"},
        "equal_weights=True and fixed weights cannot be",
    ),
    *(
        ({"noise": 2_000.0, "missing": gaps}, "noise_volume is that of whole rows")
        for gaps in ("few cells", "half of the cells")
    ),
    *(
        ({"distribution": tails, "errors": errors}, "no closed form with distribution='t'")
        for tails in ("t", "one df", "df 5")
        for errors in ("variances", "covariances")
    ),
]
NOTHING = {name: values[0] for name, values in FACTORS.items()}

# As numbers of factors and of their values.
Place = tuple[int, int]


def _place(factor: str, value: Any) -> Place:
    return list(FACTORS).index(factor), FACTORS[factor].index(value)


_REFUSED = {frozenset(_place(*one) for one in pair.items()) for pair, _ in REFUSED}


def _is_possible(case: dict[int, int], place: Place) -> bool:
    return not any(frozenset((place, other)) in _REFUSED for other in case.items())


def _new_pairs(left, case, place):
    return sum(frozenset((place, other)) in left for other in case.items())


def _by_name(case: dict[int, int]) -> dict[str, Any]:
    names = list(FACTORS)
    return {names[f]: FACTORS[names[f]][v] for f, v in sorted(case.items())}


def covering_array():
    """Cases so that each pair of values occurs: one after another, the values that meet most new ones."""
    places = [[(f, v) for v in range(len(values))] for f, values in enumerate(FACTORS.values())]
    pairs = [pair for a, b in itertools.combinations(places, 2) for pair in itertools.product(a, b)]
    left = {frozenset(pair): None for pair in pairs if frozenset(pair) not in _REFUSED}
    cases = []
    while left:
        case = dict(sorted(next(iter(left))))
        for factor, values in enumerate(places):
            if factor not in case:
                possible = [place for place in values if _is_possible(case, place)]
                best = max(possible, key=lambda place: _new_pairs(left, case, place))
                case |= dict([best])
        for pair in itertools.combinations(case.items(), 2):
            left.pop(frozenset(pair), None)
        cases.append(_by_name(case))
    return cases


def random_cases(seed, n_cases):
    """Of the whole product."""
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < n_cases:
        case: dict[int, int] = {}
        for factor, values in enumerate(FACTORS.values()):
            place = factor, int(rng.integers(len(values)))
            if _is_possible(case, place):
                case |= dict([place])
        if len(case) == len(FACTORS):
            found.append(_by_name(case))
    return found


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


def errors_of(case, scale=1.0):
    """Variances or covariances of each row's error; some rows have none."""
    if case["errors"] is None:
        return None
    rng = np.random.default_rng(6)
    roots = rng.normal(size=(260, 3, 3)) * 0.4 * (np.arange(260) % 5 > 0)[:, np.newaxis, np.newaxis]
    errors = roots @ np.swapaxes(roots, 1, 2)
    if case["errors"] == "variances":
        return np.diagonal(errors, axis1=1, axis2=2) * scale**2
    return errors * np.multiply.outer(np.ones(3) * scale, np.ones(3) * scale)


def as_matrices(errors):
    if errors is None or errors.ndim == 3:
        return errors
    return errors[:, :, np.newaxis] * np.eye(3)


def beside(errors):
    return {} if errors is None else {"error_covariances": errors}


# What is known of the parameters of such rows.
MEANS = np.array([[0.0, 0.0, 0.0], [6.0, 2.0, -5.0]])
VARIANCES = np.array([1.5, 0.4, 6.0])


def in_shape(name, variances):
    """Variances as one covariance of the structure."""
    kernel = structure(name).kernel.name
    if kernel == "spherical":
        return np.float64(variances[1])
    return variances if kernel == "diag" else np.diag(variances)


def prior_of(case, shift, scale):
    name, means = case["covariance_type"], MEANS * scale + shift
    if case["prior"] == "of all":
        return Prior(
            concentration=2.0,
            mean=means.mean(axis=0),
            mean_count=1.5,
            degrees_of_freedom=8.0,
            scatter=in_shape(name, VARIANCES * 5 * scale**2),
        )
    return Prior(mean=means, mean_count=[4.0, 9.0])


def fixed_of(case, shift, scale):
    gap = np.full(3, np.nan)
    if case["fixed"] == "a mean":
        return {"fixed": {"means": [True, False]}, "means_init": [MEANS[0] * scale + shift, gap]}
    if case["fixed"] == "a weight":
        return {"fixed": {"weights": [False, True]}, "weights_init": [np.nan, 0.45]}
    kind = structure(case["covariance_type"])
    one = in_shape(kind.name, VARIANCES * scale**2)
    own = np.array(np.broadcast_to(one, kind.shape(2, 3)))
    return {"fixed": {"covariances": True}, "covariances_init": own}


BOUNDS: dict[Any, dict[str, Any]] = {
    None: {},
    "equal weights": {"equal_weights": True},
    "least weight": {"min_weight": 0.35},
    "ratio": {"max_eigenvalue_ratio": 4.0},
}


def arguments(case, shift=0.0, scale=1.0):
    """Of an estimator of rows that were scaled and shifted."""
    own: dict[str, Any] = {
        "covariance_type": case["covariance_type"],
        "random_state": 0,
        "max_iter": 60,
    }
    own |= BOUNDS[case["bounds"]]
    if case["missing"] is not None:
        own["missing"] = "mar"
    if case["noise"] is not None:
        own |= {"noise": True, "noise_volume": None if case["noise"] == "box" else case["noise"]}
    if case["distribution"] != "gaussian":
        df = {"t": None, "one df": "shared", "df 5": 5.0}[case["distribution"]]
        own |= {"distribution": "t", "df": df}
    if case["start"] != "auto":
        own |= {"init_params": "kmeans", "accelerate": case["start"] != "kmeans"}
    if case["prior"] is not None:
        is_default = case["prior"] == "default"
        own["prior"] = "default" if is_default else prior_of(case, shift, scale)
    if case["fixed"] is not None:
        own |= fixed_of(case, shift, scale)
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
    errors = errors_of(case)
    if case["place"] == "dask":
        da = pytest.importorskip("dask.array")
        own = [
            None if part is None else da.from_array(part, chunks=(100, *part.shape[1:]))
            for part in (weight, labels, errors)
        ]
        rows = da.from_array(X, chunks=(100, 3))
        return (rows, own[0]), {"labels": own[1], "error_covariances": own[2]}
    if case["place"] == "array":
        return (X, weight), {"labels": labels, "error_covariances": errors}

    def batches():
        for i in range(0, 260, 100):
            some = slice(i, i + 100)
            own = (weight, labels, errors)
            yield X[some], *(None if one is None else one[some] for one in own)

    return (mixtura.from_batches(batches), None), {}


def fitted(case, **more):
    X, truth = table(case["dtype"], case["missing"])
    labels, log_credible = known(case, truth)
    (rows, weight), others = placed(case, X, weights(case), labels)
    model = GaussianMixture(2, **arguments(case) | more).fit(rows, sample_weight=weight, **others)
    return model, X, log_credible


def log_prior(model, case, X):
    """By the equations."""
    if case["prior"] is None:
        return 0.0
    prior = model.prior
    if case["prior"] == "default":
        rows = Rows(X, weights(case), missing=case["missing"] is not None)
        prior = default_prior(ArrayBlocks(rows), model._density.structure, 2)
    return oracle.log_prior(prior, model._density)


def n_fixed(case):
    """Free parameters that there are fewer."""
    of_weights = {"equal weights": 1}.get(case["bounds"], 0)
    kind = structure(case["covariance_type"])
    of_fixed = {"a mean": 3, "a weight": 1, "covariances": kind.n_covariance_parameters(2, 3)}
    return of_weights + of_fixed.get(case["fixed"], 0)


def check_known(model, case, X):
    """What is fixed is what was given, and what is bounded is within."""
    mixture = model._density
    if case["fixed"] == "a mean":
        assert np.array_equal(mixture.means[0], MEANS[0])
    if case["fixed"] == "a weight":
        assert mixture.weights[1] == 0.45
    if case["fixed"] == "covariances":
        assert np.array_equal(mixture.covariances, model.covariances_init)
    if case["bounds"] == "equal weights":
        assert_allclose(mixture.weights[0], mixture.weights[1], rtol=1e-14)
    if case["bounds"] == "least weight":
        assert mixture.weights.min() >= 0.35 - 1e-15
    if case["bounds"] == "ratio":
        matrices = mixture.covariance_matrices()
        if structure(case["covariance_type"]).kernel.name != "spherical":
            spreads = spreads_of(X.astype(np.float64), weights(case))
            matrices = matrices / spreads / spreads[:, np.newaxis]
        values = np.linalg.eigvalsh(matrices)
        assert values.max() <= 4 * values.min() * (1 + (1e-9 if X.dtype == np.float64 else 1e-5))


def spreads_of(X, weight):
    """Standard deviation of what was observed of each feature."""
    weight = np.where(np.isnan(X), 0.0, (np.ones(len(X)) if weight is None else weight)[:, None])
    X = np.nan_to_num(X)
    mean = (weight * X).sum(axis=0) / weight.sum(axis=0)
    return np.sqrt((weight * (X - mean) ** 2).sum(axis=0) / weight.sum(axis=0))


def check_sums(model, case, X, log_credible):
    """The last E-step's sums are the oracle's."""
    mixture, found = model._density, model._trained.statistics
    errors = as_matrices(errors_of(case))
    own = oracle.statistics(mixture, X.astype(np.float64), weights(case), log_credible, errors)
    assert_allclose(found.centres, mixture.means, rtol=1e-12)
    names = ["counts", "firsts", "seconds", "noise"]
    names += [] if own.scales is None else ["scales", "log_scales"]
    for name in names:
        theirs = np.asarray(getattr(own, name))
        size = np.abs(theirs).max() + own.weight * (name != "noise")
        tolerance = (1e-11 if case["dtype"] == np.float64 else 1e-5) * size
        assert_allclose(getattr(found, name), theirs, rtol=0, atol=tolerance, err_msg=name)


def check_together(case, folder):
    model, X, log_credible = fitted(case)
    double = case["dtype"] == np.float64
    check_known(model, case, X)
    check_sums(model, case, X, log_credible)

    # The objective is the oracle's, and never fell.
    errors = errors_of(case)
    logs = oracle.log_density(
        model._density, X.astype(np.float64), log_credible, as_matrices(errors)
    )
    weight = np.ones(260) if weights(case) is None else weights(case)
    weight = np.where(np.isnan(X).all(axis=1), 0.0, weight)
    logs = np.where(weight > 0, logs, 0.0)
    objective = (weight @ logs + log_prior(model, case, X)) / weight.sum()
    assert_allclose(model.lower_bound_, objective, rtol=1e-10 if double else 2e-5)
    # Densities of float32 rows have that type's relative rounding, whatever their size.
    rounding = 1e-9 if double else max(2e-6, 2 * np.finfo(np.float32).eps * abs(objective))
    assert np.diff(model.lower_bounds_).min(initial=0) > -rounding

    # Parameters are counted, and weights are shares.
    has_noise = case["noise"] is not None
    of_tails = {"gaussian": 0, "t": 2, "one df": 1, "df 5": 0}[case["distribution"]]
    gaussian = model._density.structure.n_parameters(2, 3)
    assert model.summary().n_parameters == gaussian + of_tails + has_noise - n_fixed(case)
    noise = model.noise_weight_ if has_noise else 0.0
    assert_allclose(model.weights_.sum() + noise, 1.0, rtol=0, atol=1e-6)
    assert_allclose(model.mixture_.weights.sum(), 1.0, rtol=0, atol=1e-12)

    # Predictions agree with each other.
    own = beside(errors)
    proba, labels = model.predict_proba(X, **own), model.predict(X, **own)
    assert proba.shape == (260, 2 + has_noise)
    assert_allclose(proba.sum(axis=1), 1.0, rtol=0, atol=1e-5)
    assert np.array_equal(np.where(proba.argmax(axis=1) == 2, -1, proba.argmax(axis=1)), labels)
    joint = model.log_joint(X, **own)
    assert_allclose(
        np.logaddexp.reduce(joint.astype(np.float64), axis=1),
        model.score_samples(X, **own),
        rtol=1e-4,
        atol=1e-6,
    )

    # Saved, pickled, and told by hand, it is the same.
    some = beside(None if errors is None else errors[:150])
    model.save(folder / "model.safetensors")
    for same in (mixtura.load(folder / "model.safetensors"), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(same.predict_proba(X, **own), proba)
        assert same.summary().bic == model.summary().bic
        if case["prior"] == "default" or case["bounds"] == "ratio":
            with pytest.raises(ValueError, match="which is made of all rows"):
                same.partial_fit(X[:150], **some)
        else:
            same.partial_fit(X[:150], **some)
            assert np.isfinite(same.lower_bound_)


@pytest.mark.parametrize("case", CASES, ids=names_of)
def test_they_work_together(case, tmp_path):
    check_together(case, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(40))
def test_a_part_of_the_whole_product_works(part, tmp_path):
    failed = {}
    for case in random_cases(part, 50):
        try:
            check_together(case, tmp_path)
        except Exception as error:
            failed[names_of(case)] = f"{type(error).__name__}: {error}"
    assert not failed, "\n\n".join(f"{case}\n{why}" for case, why in failed.items())


@pytest.mark.parametrize(("pair", "sentence"), REFUSED)
def test_a_pair_that_cannot_be_says_why(pair, sentence):
    case = NOTHING | {"covariance_type": "VVV"} | pair
    X, _ = table(np.float64, case["missing"])
    with pytest.raises(ValueError, match=re.escape(sentence)):
        GaussianMixture(2, **arguments(case)).fit(X, **beside(errors_of(case)))


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["weights"] == "whole"][::2], ids=names_of
)
def test_whole_weights_are_repetitions(case):
    """Ten iterations from the same responsibilities."""
    case = case | {"dtype": np.float64, "start": "auto", "place": "array"}
    X, truth = table(np.float64, case["missing"])
    labels, _ = known(case, truth)
    times, errors = weights(case).astype(int), errors_of(case)
    given = np.where(truth[:, np.newaxis] == [0, 1], 0.8, 0.2)
    asked = arguments(case) | {"max_iter": 10, "tol": 0.0}
    weighted, repeated = (
        GaussianMixture(2, **asked | {"init_params": np.repeat(given, n, axis=0)}).fit(
            np.repeat(X, n, axis=0),
            sample_weight=weight,
            labels=None if labels is None else np.repeat(labels, n, axis=0),
            **beside(None if errors is None else np.repeat(errors, n, axis=0)),
        )
        for n, weight in ((np.ones(260, dtype=int), weights(case)), (times, None))
    )
    assert_allclose(weighted.lower_bound_, repeated.lower_bound_, rtol=1e-9)
    assert_allclose(weighted.means_, repeated.means_, rtol=1e-6, atol=1e-6)
    assert weighted.summary().n_parameters == repeated.summary().n_parameters


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
    kind = structure(case["covariance_type"])
    shift, scale = np.array([0.0, 1e5, -3.0]), np.full(3, 37.0)
    # mclust's prior of variances is one number for all features.
    if kind.name in OF_ANY_UNITS and (case["prior"] != "default" or kind.has_matrices):
        scale = np.array([1e-3, 1e3, 7.0])
    one, other = (
        GaussianMixture(2, **asked).fit(
            rows, sample_weight=weights(case), labels=labels, **beside(errors)
        )
        for rows, asked, errors in (
            (X, arguments(case), errors_of(case)),
            (X * scale + shift, arguments(case, shift, scale), errors_of(case, scale)),
        )
    )
    means = (other.means_ - shift) / scale
    assert_allclose(means, one.means_, rtol=1e-4, atol=1e-4)
    # A density changes by the units of what was observed.
    weight = np.ones(260) if weights(case) is None else weights(case)
    change = (weight @ ~np.isnan(X)) @ np.log(scale)
    likelihoods = [model.summary().log_likelihood for model in (one, other)]
    assert_allclose(likelihoods[1], likelihoods[0] - change, rtol=1e-6)


def test_every_pair_is_there():
    assert len(CASES) < 110
    for (a, first), (b, second) in itertools.combinations(FACTORS.items(), 2):
        found = {(case[a], case[b]) for case in CASES}
        refused = {(pair[a], pair[b]) for pair, _ in REFUSED if {a, b} <= set(pair)}
        assert found >= set(itertools.product(first, second)) - refused
        assert not found & refused
