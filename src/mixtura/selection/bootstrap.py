"""How sure a choice is: the bootstrap of a difference, and of the likelihood ratio."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from scipy.stats import beta

from mixtura.covariance import structure
from mixtura.display.page import Page, Shown, plural
from mixtura.errors import DataWarning
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.resampling import Drawing, refitted
from mixtura.fitting.facts import Criteria
from mixtura.fitting.given_rows import rows_elsewhere
from mixtura.inputs.frames import frame_of, frame_values
from mixtura.inputs.missing import unmasked
from mixtura.inputs.numbers import check_seed, check_share, check_whole
from mixtura.mixture import Mixture
from mixtura.selection.checks import check_fitted, criteria_of
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.threads import n_threads
from mixtura.sweep.grid import check_criterion

# The answer is clear when an interval of this confidence for the p-value leaves the level out.
_CONFIDENCE = 0.999

# Replicates between two looks at whether the answer is clear.
_BATCH = 10

# What the test adds to every variance, of the model with K. Without it one component more than rows need
# ends on a few of them that are nearly on a line, and the better the search, the likelier: the ratio then
# has so wide a null distribution that groups are missed (benchmarks/optimum/power.py).
_SMOOTHING = 0.02

ProgressCallback = Callable[[int, int], object]


@dataclass(frozen=True, eq=False, repr=False)
class DifferenceTest(Shown):
    """The bootstrap of the difference of two models' criterion.

    Attributes
    ----------
    difference : float
        Criterion of the first model less that of the second, on the data; below 0 the first is better.
    differences : ndarray of shape (n_replicates,)
        The same on rows drawn with replacement, both fitted anew; as many as did not fail.
    share_first_better : float
        Share of replicates in which the first is better.
    interval : tuple of float
        2.5 % and 97.5 % quantiles of `differences`.
    n_failed : int
        Replicates in which a fit failed, which are left out.
    criterion : str
        Which one: 'bic', 'aic' or 'icl'.
    """

    difference: float
    differences: FloatArray
    share_first_better: float
    interval: tuple[float, float]
    n_failed: int
    criterion: str

    def _page(self) -> Page:
        name, (low, high) = self.criterion.upper(), self.interval
        facts = (
            (f"{name} of the first less that of the second", f"{self.difference:,.2f}"),
            ("95 % of replicates", f"{low:,.2f} to {high:,.2f}"),
            ("first is better", f"in {100 * self.share_first_better:.3g} % of replicates"),
            ("replicates", _replicates_in_words(self.differences, self.n_failed)),
        )
        return Page(f"Bootstrap of the difference in {name}", facts)

    def _columns(self) -> Mapping[str, Any]:
        return {"replicate": range(len(self.differences)), "difference": self.differences}


@dataclass(frozen=True, eq=False, repr=False)
class RatioTest(Shown):
    """The bootstrap likelihood-ratio test of K components against K + 1.

    Attributes
    ----------
    n_components : int
        K of the null hypothesis.
    statistic : float
        2 (log-likelihood with K + 1 - log-likelihood with K), on the data; of both with smoothed covariances,
        see `bootstrap_ratio_test`.
    replicates : ndarray of shape (n_replicates,)
        The statistic on data drawn from the fit with K; as many as were made and did not fail.
    p_value : float
        (1 + replicates of at least `statistic`) / (1 + n_replicates).
    is_clear : bool
        Whether the test ended early, as enough was known.
    n_failed : int
        Replicates in which a fit failed, which are left out.
    """

    n_components: int
    statistic: float
    replicates: FloatArray
    p_value: float
    is_clear: bool
    n_failed: int

    def _page(self) -> Page:
        smaller = plural(self.n_components, "component")
        clear = ", ended early: the answer was clear" if self.is_clear else ""
        facts = (
            ("likelihood ratio", f"{self.statistic:,.2f}"),
            ("p-value", f"{self.p_value:.3g}"),
            ("replicates", _replicates_in_words(self.replicates, self.n_failed) + clear),
        )
        title = f"Bootstrap likelihood-ratio test of {smaller} against {self.n_components + 1}"
        return Page(title, facts)

    def _columns(self) -> Mapping[str, Any]:
        return {"replicate": range(len(self.replicates)), "statistic": self.replicates}


def _replicates_in_words(found: FloatArray, n_failed: int) -> str:
    return f"{len(found):,}" + (f", {n_failed:,} more failed" if n_failed else "")


def bootstrap_difference(
    first: GaussianMixture,
    second: GaussianMixture,
    X: Any,
    *,
    sample_weight: Any = None,
    criterion: str = "bic",
    n_replicates: int = 100,
    random_state: Any = 0,
    callback: ProgressCallback | None = None,
    n_jobs: int | None = None,
) -> DifferenceTest:
    """Bootstrap the difference of two models' criterion.

    Rows are drawn with replacement, both models are fitted to them from where they are, and compared.

    Parameters
    ----------
    first, second : fitted GaussianMixture
        Such as `search.best_estimator_` and `search.estimator(3, "VVV")`.
    X : array-like of shape (n_rows, n_features)
        The rows that they were fitted to.
    sample_weight : array-like of shape (n_rows,), default=None
        Those that they were fitted with. See Notes.
    criterion : {'bic', 'aic', 'icl'}, default='bic'
    n_replicates : int, default=100
        At least 1.
    random_state : int, RandomState, Generator or None, default=0
        The same seed, the same replicates, whatever `n_jobs`; None: others each time.
    callback : callable, default=None
        Called as callback(n_done, n_replicates).
    n_jobs : int or None, default=None
        Threads.

    Returns
    -------
    DifferenceTest

    Raises
    ------
    TypeError
        If a model is no GaussianMixture, or X is a source or a Dask collection, whose rows are not in memory.
    NotFittedError
        If a model is not fitted.
    ValueError
        If there is no such criterion, if X or another argument is not possible, if the models were fitted to
        rows of another total weight, or if every replicate failed.

    Notes
    -----
    A row of weight w stands for w rows, here as in `fit`. So rows are drawn in proportion to their weights,
    and as many as the weights are worth: their sum where they are whole, as if rows were repeated; else
    Kish's effective number (sum w)^2 / sum w^2, from which a weighted mean has its variance. Rows drawn
    evenly that took their weights along would vary as if a row that stands for a thousand were one
    observation. Each replicate counts for the weight of the data, so that its criterion compares with theirs.

    References
    ----------
    Efron & Tibshirani 1993, An introduction to the bootstrap.
    Kish 1965, Survey sampling.
    O'Hagan, Murphy & Gormley 2015, On estimation of parameter uncertainty in model-based clustering.

    Examples
    --------
    >>> from mixtura import GaussianMixture
    >>> from mixtura.datasets import load_faithful
    >>> from mixtura.selection import bootstrap_difference
    >>> X = load_faithful().data
    >>> one, two = (GaussianMixture(k, random_state=0).fit(X) for k in (1, 2))
    >>> bootstrap_difference(two, one, X, n_replicates=20).share_first_better
    1.0
    """
    check_criterion(criterion)
    for name, model in (("first", first), ("second", second)):
        check_fitted(model, name)
    check_whole("n_replicates", n_replicates, 1)
    seed = check_seed(random_state)
    drawing = Drawing.of(_rows(X, "bootstrap_difference"), sample_weight)
    models = (first, second)
    for model in models:
        _check_weight(drawing, model)
    ours, theirs = (getattr(model, criterion)(X, drawing.weight) for model in models)

    def replicate(seed: np.random.SeedSequence) -> float:
        drawn, counts = drawing.rows_and_counts(np.random.default_rng(seed))
        ours, theirs = (refitted(model, drawn, counts) for model in models)
        values = [getattr(_criteria(drawing, model), criterion) for model in (ours, theirs)]
        return float(values[0] - values[1])

    values = list(_replicated(replicate, n_replicates, seed, n_jobs, callback))
    found = _without_failures(values)
    low, high = np.quantile(found, [0.025, 0.975])
    return DifferenceTest(
        float(ours - theirs),
        found,
        float((found < 0).mean()),
        (float(low), float(high)),
        len(values) - len(found),
        criterion,
    )


def bootstrap_ratio_test(
    X: Any,
    n_components: int,
    *,
    sample_weight: Any = None,
    covariance_type: str = "full",
    missing: str = "error",
    n_replicates: int = 999,
    level: float | None = 0.05,
    random_state: Any = 0,
    callback: ProgressCallback | None = None,
    n_jobs: int | None = None,
) -> RatioTest:
    """Test K components against K + 1 by the parametric bootstrap of the likelihood ratio.

    Data of the same size are drawn from the fit with K; both numbers are fitted to each. The ratio has no
    chi-squared distribution here, since the smaller model lies at the edge of the larger.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
    n_components : int
        K.
    sample_weight : array-like of shape (n_rows,), default=None
        A row of weight w stands for w rows. See Notes.
    covariance_type : str, default='full'
        Of both models.
    missing : {'error', 'mar'}, default='error'
        What NaN in X is, as in `GaussianMixture`. The data that are drawn get the gaps of X, so that the test
        asks for more than a fit: values that are missing completely at random.
    n_replicates : int, default=999
        Most replicates.
    level : float or None, default=0.05
        Between 0 and 1. The test ends as soon as it is clear, with confidence 0.999, on which side of it the
        p-value lies; None: all replicates are made.
    random_state : int, RandomState, Generator or None, default=0
        The same seed, the same replicates, whatever `n_jobs`; None: others each time.
    callback : callable, default=None
        Called as callback(n_done, n_replicates).
    n_jobs : int or None, default=None
        Threads.

    Returns
    -------
    RatioTest

    Raises
    ------
    ValueError
        If an argument or X is not possible, if a model cannot be fitted to X, or every replicate failed.
    TypeError
        If X is a source or a Dask collection, whose rows are not in memory.

    Notes
    -----
    Rows that K components explain are often likelier with one more that stands on a few of them, nearly on a
    line, and the better the search, the likelier. So both models that are compared have smoothed covariances:
    in coordinates in which the model with K has the average covariance I, 0.02 is added to each variance.
    Where linear maps do not keep the structure, or features are missing, coordinates are only scaled, and no
    direction gets more.

    Of weighted rows, each replicate has as many rows as the weights are worth: their sum where they are
    whole, else Kish's effective number (sum w)^2 / sum w^2. It counts for the weight of the data.

    References
    ----------
    McLachlan 1987, On bootstrapping the likelihood ratio test statistic for the number of components in a
    normal mixture.

    Examples
    --------
    >>> from mixtura.datasets import load_faithful
    >>> from mixtura.selection import bootstrap_ratio_test
    >>> test = bootstrap_ratio_test(load_faithful().data, 1)
    >>> test.p_value < 0.05, test.is_clear
    (True, True)
    """
    check_whole("n_components", n_components, 1)
    check_whole("n_replicates", n_replicates, 1)
    if level is not None:
        check_share("level", level)
    seed = check_seed(random_state)
    rows = _rows(X, "bootstrap_ratio_test")
    drawing = Drawing.of(rows, sample_weight)
    number = int(seed.generate_state(1)[0])
    null = _fitted(rows, n_components, covariance_type, number, drawing.weight, missing=missing)
    # Smoothing is meant to widen components.
    with warnings.catch_warnings(action="ignore", category=DataWarning):
        statistic = _smoothed_ratio(null, rows, number, drawing.weight)

    def replicate(seed: np.random.SeedSequence) -> float:
        rng = np.random.default_rng(seed)
        drawn = drawing.with_gaps(null.mixture_.sample(drawing.n_drawn, rng)[0], rng)
        number = int(seed.generate_state(1)[0])
        smaller = refitted(null, drawn)
        return drawing.unit * _smoothed_ratio(smaller, drawn, number)

    replicates = _replicated(replicate, n_replicates, seed, n_jobs, callback)
    values, is_clear = _until_clear(replicates, n_replicates, statistic, level)
    found = _without_failures(values)
    return RatioTest(
        n_components,
        statistic,
        found,
        float((1 + (found >= statistic).sum()) / (1 + len(found))),
        is_clear,
        len(values) - len(found),
    )


def _until_clear(
    replicates: Generator[float], most: int, statistic: float, level: float | None
) -> tuple[list[float], bool]:
    """Replicates, and whether they ended early, as it was clear on which side of the level p lies."""
    values: list[float] = []
    is_clear = False
    while len(values) < most and not is_clear:
        values += islice(replicates, min(_BATCH, most - len(values)))
        done = np.array([value for value in values if np.isfinite(value)])
        is_clear = level is not None and _is_clear(int((done >= statistic).sum()), len(done), level)
    replicates.close()
    return values, is_clear


def _check_weight(drawing: Drawing, model: GaussianMixture) -> None:
    """Raise where a model was fitted to rows of another total weight."""
    theirs = criteria_of(model).weight
    if not np.isclose(drawing.total, theirs, rtol=1e-6):
        given = (
            f"{len(drawing.rows)} rows"
            if drawing.weight is None
            else f"weights of sum {drawing.total:.6g}"
        )
        raise ValueError(
            f"The models were fitted to rows of total weight {theirs:.6g}, but X has {given}: give the "
            "rows and the sample_weight that they were fitted to."
        )


def _criteria(drawing: Drawing, model: GaussianMixture) -> Criteria:
    """Those of a fit to rows that were drawn, for the weight of all."""
    own = criteria_of(model)
    return Criteria(
        drawing.unit * own.weight,
        drawing.unit * own.log_likelihood,
        drawing.unit * own.log_certainty,
        own.n_parameters,
    )


def _rows(X: Any, who: str) -> Array:
    source = rows_elsewhere(X)
    if source is not None:
        raise TypeError(
            f"{who} draws data as large as X, so X must be in memory: read the rows of {source} with NumPy, "
            "pandas or pyarrow (X.compute() of a Dask collection), all of them or a random sample."
        )
    frame = frame_of(X)
    return np.asarray(unmasked(X)) if frame is None else frame_values(frame)


def _is_clear(n_at_least: int, n: int, level: float) -> bool:
    """Whether the exact interval of the share leaves the level out (Clopper & Pearson 1934)."""
    tail = (1 - _CONFIDENCE) / 2
    low = beta.ppf(tail, n_at_least, n - n_at_least + 1) if n_at_least > 0 else 0.0
    high = beta.ppf(1 - tail, n_at_least + 1, n - n_at_least) if n_at_least < n else 1.0
    return bool(low > level or high < level)


def _replicated(
    replicate: Callable[[np.random.SeedSequence], float],
    n_replicates: int,
    seed: np.random.SeedSequence,
    n_jobs: int | None,
    callback: ProgressCallback | None,
) -> Generator[float, None, None]:
    """Yield the replicates in order, a batch at a time; NaN for one that failed."""
    seeds = seed.spawn(n_replicates)

    def guarded(seed: np.random.SeedSequence) -> float:
        try:
            return replicate(seed)
        except ValueError:
            return float("nan")

    with warnings.catch_warnings(), ThreadPoolExecutor(n_threads(n_jobs)) as pool:
        warnings.simplefilter("ignore")  # those of replicates say nothing of the models
        for start in range(0, n_replicates, _BATCH):
            for number, value in enumerate(pool.map(guarded, seeds[start : start + _BATCH])):
                if callback is not None:
                    callback(start + number + 1, n_replicates)
                yield value


def _fitted(
    rows: Array,
    n_components: int,
    covariance_type: str,
    seed: int,
    weight: Any = None,
    **arguments: Any,
) -> GaussianMixture:
    model = GaussianMixture(
        n_components, covariance_type=covariance_type, random_state=seed, n_jobs=1, **arguments
    )
    return model.fit(rows, sample_weight=weight)


def _smoothed_ratio(null: GaussianMixture, rows: Array, seed: int, weight: Any = None) -> float:
    """The likelihood ratio of one component more than `null`, which was fitted to the rows."""
    K, kind = null.mixture_.n_components, null.mixture_.covariance_type
    rounded = _rounded(rows, null.mixture_)
    smaller, larger = (
        _fitted(
            rounded,
            k,
            kind,
            seed,
            weight,
            reg_covar=_SMOOTHING,
            init_params=start,
            missing=null.missing,
        )
        for k, start in ((K, null.predict_proba(rows)), (K + 1, "auto"))
    )
    return 2 * float(criteria_of(larger).log_likelihood - criteria_of(smaller).log_likelihood)


def _rounded(rows: Array, mixture: Mixture) -> FloatArray:
    """The rows in coordinates in which the mixture's average covariance is I.

    Where not every linear map keeps the structure, or features are missing, which a map would mix: those in
    which it is 1 along each column, or at least I.
    """
    covariance = np.tensordot(mixture.weights, mixture.covariance_matrices(), axes=1)
    centred = rows - mixture.weights @ mixture.means
    shape, orientation = mixture.structure.letters[1], mixture.structure.letters[2]
    if orientation == "I" and shape != "I":
        return np.asarray(centred / np.sqrt(np.diag(covariance)))
    factor = structure("full").factor_covariances(covariance[np.newaxis], *rows[:1].shape)[0]
    is_linear = shape == orientation != "I" and not np.isnan(rows).any()
    return np.asarray(centred @ factor if is_linear else centred * np.linalg.norm(factor, 2))


def _without_failures(values: list[float]) -> FloatArray:
    found = np.array([value for value in values if np.isfinite(value)])
    if not len(found):
        raise ValueError(
            "Every replicate failed: the models have too many parameters for the rows."
        )
    return found
