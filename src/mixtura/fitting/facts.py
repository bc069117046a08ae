"""What is known of a fit beside its mixture: one value, and how each part of it stands in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mixtura.em import ConjugatePrior, SufficientStatistics
from mixtura.files import schema as must_be
from mixtura.files.schema import Check
from mixtura.fitting.gaps import Gaps, check_of_gaps
from mixtura.mixture import Mixture
from mixtura.support.arrays import Array, FloatArray

#: What warnings that name components are about.
ABOUT_COMPONENTS = "components"


@dataclass(frozen=True)
class Criteria:
    """What a mixture scores on rows of total weight `weight`: all that the criteria need."""

    weight: float
    log_likelihood: float
    log_certainty: float
    n_parameters: int

    @classmethod
    def of(cls, sums: SufficientStatistics | FitFacts, n_parameters: int) -> Criteria:
        """Those of a mixture of so many free parameters, from its sums over the rows."""
        return cls(sums.weight, sums.log_likelihood, sums.log_certainty, n_parameters)

    @classmethod
    def of_fit(cls, facts: FitFacts, mixture: Mixture) -> Criteria:
        """Those of a fit on its own rows."""
        return cls.of(facts, facts.parameters_of(mixture))

    @property
    def bic(self) -> float:
        """-2 log-likelihood + free parameters * log n (Schwarz 1978); lower is better."""
        return -2 * self.log_likelihood + self.n_parameters * float(np.log(self.weight))

    @property
    def aic(self) -> float:
        """-2 log-likelihood + 2 free parameters (Akaike 1974); lower is better."""
        return -2 * self.log_likelihood + 2 * self.n_parameters

    @property
    def icl(self) -> float:
        """BIC - 2 sum_i log max_k r_ik (Biernacki, Celeux & Govaert 2000); lower is better."""
        return self.bic - 2 * self.log_certainty


@dataclass(frozen=True, eq=False)
class FitFacts:
    """What is known of a fit beside its mixture.

    Attributes
    ----------
    n_rows : int
        Rows fitted, those of weight 0 included.
    weight, log_likelihood, log_certainty : float
        Sums over the rows, as in `SufficientStatistics`.
    n_iter : int
        EM iterations over all rows; batches that `partial_fit` learned count on.
    converged : bool
    lower_bounds : tuple of float
        Mean log-likelihood after each iteration.
    remaining_gain : float
        What the mean log-likelihood would still gain; NaN where nothing tells.
    effective_rows : ndarray of shape (n_components,)
    reg_covar : ndarray of shape (n_features,)
        What was added to the diagonals of covariances.
    verdicts : tuple of str or None
        On each component, by the rows; None where those were not all there, as after `partial_fit`.
    n_starts : int or None
        Starts that began; None where that is not known, as of a cell of a search.
    n_batches : int
        Batches that `partial_fit` has learned since the fit.
    n_parameters : int or None
        Free ones; None: as many as the mixture has.
    log_prior : float
        Log density of the parameters under their prior, but for a constant; 0 without one.
    gaps : Gaps or None
        Where features were missing; None: nowhere.
    conjugate : ConjugatePrior or None
        Of variational Bayes, of which log_prior is then minus the divergence of the posterior from it.
    warnings : tuple of (str, str)
        What each warning of the fit was about, as `mixtura.fitting.warnings` calls it, and its sentence.
    statistics : SufficientStatistics or None
        None where they are not known, as of a cell of a search. In a file they are arrays.
    """

    n_rows: int
    weight: float
    log_likelihood: float
    log_certainty: float
    n_iter: int
    converged: bool
    lower_bounds: tuple[float, ...]
    remaining_gain: float
    effective_rows: FloatArray
    reg_covar: FloatArray
    verdicts: tuple[str, ...] | None = None
    n_starts: int | None = None
    n_batches: int = 0
    n_parameters: int | None = None
    log_prior: float = 0.0
    gaps: Gaps | None = None
    conjugate: ConjugatePrior | None = None
    warnings: tuple[tuple[str, str], ...] = ()
    statistics: SufficientStatistics | None = None

    @property
    def mean_log_likelihood(self) -> float:
        """Log-likelihood a row (per unit of weight)."""
        return self.log_likelihood / self.weight

    @property
    def lower_bound(self) -> float:
        """What EM raises, in nats a row: the mean log-likelihood, and the log prior's share."""
        return self.mean_log_likelihood + self.log_prior / self.weight

    def parameters_of(self, mixture: Mixture) -> int:
        """Free parameters of the fit, whose mixture this is."""
        return mixture.n_parameters if self.n_parameters is None else self.n_parameters

    def permuted(self, order: Array) -> FitFacts:
        """The same with the components in another order; sentences that name them by numbers are left out."""
        statistics, verdicts = self.statistics, self.verdicts
        is_another = (np.diff(order) < 0).any()
        return replace(
            self,
            effective_rows=self.effective_rows[order],
            statistics=None if statistics is None else statistics.permuted(order),
            verdicts=None if verdicts is None else tuple(verdicts[k] for k in order),
            gaps=None if self.gaps is None else self.gaps.permuted(order),
            warnings=tuple(
                one for one in self.warnings if one[0] != ABOUT_COMPONENTS or not is_another
            ),
        )


# In files


@dataclass(frozen=True)
class _Saved:
    """How a fact stands in a file.

    check: what it must be there, by the numbers of components and features. value: makes it of what stands
    there. missing: its value in files of before there was such a fact, by the mixture and the number of rows;
    None: all files have it.
    """

    check: Callable[[int, int], Check]
    value: Callable[[Any], Any] = lambda json: json
    missing: Callable[[Mixture, int], Any] | None = None


def _always(value: Any) -> Callable[[Any, Any], Any]:
    return lambda *_: value


def _a_component(check: Check) -> Callable[[int, int], Check]:
    return lambda n_components, _: must_be.list_of(check, n_components)


def _a_feature(check: Check) -> Callable[[int, int], Check]:
    return lambda _, n_features: must_be.list_of(check, n_features)


def _maybe_a_component(check: Check) -> Callable[[int, int], Check]:
    return lambda n_components, _: must_be.nullable(must_be.list_of(check, n_components))


def _numbers(json: list[float]) -> FloatArray:
    return np.array(json, dtype=np.float64)


def _maybe_tuple(json: list[Any] | None) -> tuple[Any, ...] | None:
    return None if json is None else tuple(json)


def _conjugate(n_components: int, n_features: int) -> Check:
    """Of a prior's JSON; the scatter is looked at where the prior is used."""
    above_zero = must_be.number(above=0)
    each_above_zero = must_be.one_or_each(above_zero, n_components)
    of_means = must_be.number()
    return must_be.nullable(
        must_be.record(
            {
                "sticks": must_be.flag,
                "by_size": must_be.flag,
                "concentration": each_above_zero,
                "mean": must_be.one_or_each(must_be.list_of(of_means, n_features), n_components),
                "mean_precision": each_above_zero,
                "degrees_of_freedom": each_above_zero,
            },
            {
                "stick_counts": each_above_zero,
                "noise_counts": must_be.list_of(above_zero, 2),
            },
        )
    )


def _maybe_prior(json: dict[str, Any] | None) -> ConjugatePrior | None:
    return None if json is None else ConjugatePrior.from_json(json)


_SAVED: dict[str, _Saved] = {
    "n_rows": _Saved(_always(must_be.whole(1))),
    "weight": _Saved(_always(must_be.number(above=0))),
    "log_likelihood": _Saved(_always(must_be.number())),
    "log_certainty": _Saved(_always(must_be.number())),
    "n_iter": _Saved(_always(must_be.whole())),
    "converged": _Saved(_always(must_be.flag)),
    "lower_bounds": _Saved(_always(must_be.list_of(must_be.number())), tuple),
    "remaining_gain": _Saved(_always(must_be.number(finite=False)), missing=_always(np.nan)),
    "effective_rows": _Saved(
        _a_component(must_be.number(0)), _numbers, lambda mixture, n_rows: mixture.weights * n_rows
    ),
    "reg_covar": _Saved(
        _a_feature(must_be.number(0)), _numbers, lambda mixture, _: np.zeros(mixture.n_features)
    ),
    "verdicts": _Saved(_maybe_a_component(must_be.text), _maybe_tuple, _always(None)),
    "n_starts": _Saved(_always(must_be.nullable(must_be.whole(1))), missing=_always(None)),
    "n_batches": _Saved(_always(must_be.whole()), missing=_always(0)),
    "n_parameters": _Saved(_always(must_be.nullable(must_be.whole())), missing=_always(None)),
    "log_prior": _Saved(_always(must_be.number()), missing=_always(0.0)),
    "gaps": _Saved(check_of_gaps, Gaps.from_json, _always(None)),
    "conjugate": _Saved(_conjugate, _maybe_prior, missing=_always(None)),
    "warnings": _Saved(
        _always(must_be.list_of(must_be.list_of(must_be.text, 2))),
        lambda json: tuple(map(tuple, json)),
        missing=_always(()),
    ),
}

#: The facts that stand as JSON in a file, in their order.
SAVED = tuple(_SAVED)


def check_of(name: str, n_components: int = 0, n_features: int = 0) -> Check:
    """What the fact of that name must be in a file."""
    return _SAVED[name].check(n_components, n_features)


def json_of(facts: FitFacts, names: Iterable[str] = SAVED) -> dict[str, Any]:
    """The facts of these names as JSON."""
    return {name: _plain(getattr(facts, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Gaps):
        return value.to_json()
    if isinstance(value, ConjugatePrior):
        return value.as_json()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value


def facts_in(
    json: Mapping[str, Any],
    mixture: Mixture,
    what: str,
    names: Iterable[str] = SAVED,
    *,
    maybe_older: bool = True,
    **known: Any,
) -> FitFacts:
    """The facts that `json_of` wrote of this mixture, checked.

    Parameters
    ----------
    json : mapping
    mixture : Mixture
    what : str
        What `json` is, as an error calls it.
    names : iterable of str
        The facts that stand there.
    maybe_older : bool, default=True
        Whether some may be missing, as in files of before there were such facts.
    **known
        Facts that stand elsewhere.

    Raises
    ------
    Damaged
        If one is not what it must be.
    """
    checks = {name: check_of(name, *mixture.means.shape) for name in names}
    optional = {name for name in checks if maybe_older and _SAVED[name].missing is not None}
    must_be.record(
        {name: check for name, check in checks.items() if name not in optional},
        optional={name: checks[name] for name in optional},
    )(what, json)
    must_be.number()("log_likelihood / weight", json["log_likelihood"] / json["weight"])
    return FitFacts(**{name: _value(name, json, mixture) for name in checks}, **known)


def _value(name: str, json: Mapping[str, Any], mixture: Mixture) -> Any:
    saved = _SAVED[name]
    if name in json or saved.missing is None:
        return saved.value(json[name])
    return saved.missing(mixture, json["n_rows"])
