"""Fits of small tables, by one call of the core each (cpp/fitting/whole_fit.hpp).

Where nothing is asked for beside Gaussian components, and nothing has to be told of rows or components: else
there is no such fit, and `best_fit` makes it, which ends with the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from mixtura import _core
from mixtura.covariance import ONE_FEATURE, CovarianceStructure
from mixtura.em import SufficientStatistics
from mixtura.em.regularisation import BITS
from mixtura.fitting.best_of_starts import Fit, gain_left, order_of, record_of
from mixtura.fitting.facts import FitFacts
from mixtura.fitting.findings import few_distinct, has_few_products
from mixtura.fitting.given_parameters import GivenParameters
from mixtura.inputs.scales import DOUBLE, RANGES
from mixtura.mixture import Mixture, native_mixture
from mixtura.starts import Searched, UnreadStarts, records_of
from mixtura.support.arrays import Array, is_native

# Arguments that such fits have in one way alone.
_ALONE = {
    "distribution": "gaussian",
    "noise": False,
    "prior": None,
    "fixed": None,
    "equal_weights": False,
    "min_weight": None,
    "max_eigenvalue_ratio": None,
    "callback": None,
    "checkpoint": None,
    "verbose": 0,
}

_PARAMETERS = ("weights_init", "means_init", "precisions_init", "covariances_init")


@dataclass(frozen=True, eq=False)
class SmallFit:
    """A fit that the core has made.

    Attributes
    ----------
    fit : Fit
    facts : FitFacts
    starts : UnreadStarts
    """

    fit: Fit
    facts: FitFacts
    starts: UnreadStarts

    @classmethod
    def of(
        cls, native: _core.WholeFit, structure: CovarianceStructure, n_rows: int, seed: int
    ) -> Self:
        """From what the core has found for so many rows."""
        monitor, n_searched = native.monitor, native.n_searched
        statistics = SufficientStatistics(structure, *native.statistics)
        mixture = Mixture(structure, *native.mixture)
        fit = Fit(mixture, statistics, monitor, gain_left(monitor), statistics.counts, ())
        of_search = native.records
        last = record_of("auto", seed, fit, n_rows)
        if not n_searched:
            last = record_of("given parameters", None, fit, n_rows)
        n_starts = sum(kind != "in float64" for kind, *_ in of_search)
        facts = fit.facts_beside(n_rows, native.reg_covar, max(n_starts, 1))
        return cls(fit, facts, UnreadStarts(of_search, structure, seed, n_searched, last))

    def ordered(self, by: str | None) -> Self:
        """The same with the components by 'weight' or 'mean'; None: as they are."""
        if by is None:
            return self
        order = order_of(self.fit.mixture, by)
        return replace(self, fit=self.fit.permuted(order), facts=self.facts.permuted(order))


@dataclass(frozen=True, eq=False)
class SmallFits:
    """What is fitted to small tables, as an estimator's arguments ask for it."""

    structure: CovarianceStructure
    asked: _core.Asked
    #: Of tables that begin at parameters that are given; None: any number.
    n_features: int | None

    @classmethod
    def of(
        cls,
        arguments: Mapping[str, Any],
        kind: CovarianceStructure,
        n_features: int,
        seconds: float = np.inf,
    ) -> Self | None:
        """None where the arguments ask for more than such a fit has.

        seconds: that are left of max_time.

        Raises
        ------
        ValueError
            If parameters that are given are not possible.
        """
        if any(arguments[name] != value for name, value in _ALONE.items()):
            return None
        k, given = arguments["n_components"], {name: arguments[name] for name in _PARAMETERS}
        start = None
        if any(value is not None for value in given.values()):
            parameters = GivenParameters.of(kind, k, n_features, **given)
            if not parameters.are_all:
                return None
            start = native_mixture(parameters.whole())
        elif not _is_searched(arguments):
            return None
        accelerate, limits = arguments["accelerate"], RANGES[DOUBLE]
        reg_covar = arguments["reg_covar"]
        asked = _core.Asked(
            kind.model,
            k,
            float(arguments["tol"]),
            arguments["max_iter"],
            accelerate is True or (accelerate == "auto" and start is None),
            None if reg_covar == "auto" else float(reg_covar),
            BITS[DOUBLE],
            float(arguments["min_component_rows"]),
            (limits.least, limits.most),
            few_distinct(k),
            start,
            seconds,
        )
        return cls(kind, asked, None if start is None else n_features)

    def suit(self, X: Array) -> bool:
        """Whether rows are few enough, and of the type that the core takes."""
        n_rows, n_features = X.shape
        if not (has_few_products(n_rows, n_features) and X.dtype == DOUBLE and is_native(X)):
            return False
        is_named = self.structure.name not in ONE_FEATURE or n_features == 1
        return is_named and self.n_features in (None, n_features)

    def fitted(
        self, tables: list[Array], seeds: Sequence[int], n_threads: int = 1
    ) -> list[_core.WholeFit | None]:
        """The fit of each table, for `SmallFit.of`; None where it has to be made in the other way."""
        found = _core.whole_fits(tables, seeds, self.asked, n_threads)
        return [one if isinstance(one, _core.WholeFit) else None for one in found]

    def fit(self, X: Array, seed: int, n_threads: int) -> SmallFit | Searched | None:
        """The fit of one table.

        Where it has to be made in the other way what its search has found, if it got so far.
        """
        (native,) = _core.whole_fits([X], [seed], self.asked, n_threads)
        if isinstance(native, _core.WholeFit):
            return SmallFit.of(native, self.structure, len(X), seed)
        if native is None:
            return None
        parameters, records, n_searched = native
        mixture = Mixture(self.structure, *parameters)
        return Searched(mixture, records_of(records, self.structure, seed, n_searched))


def _is_searched(arguments: Mapping[str, Any]) -> bool:
    name = arguments["init_params"]
    return isinstance(name, str) and name == "auto" and arguments["n_init"] == 1
