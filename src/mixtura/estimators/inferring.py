"""How sure a fit is: standard errors from derivatives, or from fits to other rows of one distribution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixtura.estimators.predicting import labels_given
from mixtura.estimators.resampling import Drawing, Following, are_own_rows
from mixtura.estimators.rows import rows_to_evaluate
from mixtura.estimators.state import facts_of
from mixtura.fitting.given_rows import rows_elsewhere
from mixtura.inference import (
    FROM_DERIVATIVES,
    KINDS,
    Delta,
    Directions,
    FreeParameters,
    Refits,
    Replicates,
    StandardErrors,
    directions_of,
    information_of,
)
from mixtura.inputs.numbers import check_seed, check_whole
from mixtura.inputs.row_errors import ErrorsGiven
from mixtura.mixture import Mixture
from mixtura.rows import Blocks
from mixtura.support.arrays import FloatArray, block_slices
from mixtura.support.names import nearest
from mixtura.support.threads import n_threads

# Free parameters of which there is information: a matrix of 32 MB.
_MOST_PARAMETERS = 2000

# Arguments of a fit whose maximum is not that of the likelihood, or lies at an edge.
_KNOWN = ("prior", "fixed", "equal_weights", "min_weight", "max_eigenvalue_ratio")

# Estimated degrees of freedom lie within (cpp/m_step/tails.cpp): at an edge they have no derivatives.
_LEAST_DF, _MOST_DF = 1.0, 1e4


class Inferring:
    """For an estimator of a mixture that is fitted by maximum likelihood."""

    if TYPE_CHECKING:
        n_jobs: int | None
        df: float | str | None

        @property
        def _density(self) -> Mixture:
            """The fitted distribution."""

        def _names_of_features(self) -> tuple[str, ...]:
            """Names of the features."""

    def standard_errors(
        self,
        X: Any,
        *,
        kind: str = "information",
        sample_weight: Any = None,
        labels: Any = None,
        error_covariances: Any = None,
        error_std: Any = None,
        n_replicates: int = 999,
        random_state: Any = 0,
    ) -> StandardErrors:
        """Standard errors of weights, means and covariances, and intervals of anything that they give.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
            The rows that were fitted. The bootstraps and the jackknife need them in memory.
        kind : str, default='information'
            'information': by the second derivatives of the log-likelihood, right where the rows come from
            such a mixture. 'sandwich': also where they do not, and the mixture is the nearest one (White
            1982). 'bootstrap': the spread of fits to rows drawn with replacement; 'weighted bootstrap': to
            all rows with exponential weights, which leaves no component without rows; 'jackknife': of fits
            without one row each.
        sample_weight : array-like of shape (n_samples,), default=None
            Those that they were fitted with: a row of weight w stands for w rows.
        labels, error_covariances, error_std : array-like, default=None
            What was known of their components, and with what errors they were measured, as for `fit`.
        n_replicates : int, default=999
            Fits of a bootstrap.
        random_state : int, RandomState, Generator or None, default=0
            Of a bootstrap: the same seed, the same replicates.

        Returns
        -------
        StandardErrors
            `weights`, `means`, `covariances`, and `interval(function)`. Fits of a bootstrap in which a
            component collapsed are left out, and counted in `n_failed`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X is not the rows that were fitted, an argument is not possible, there are more than 2,000 free
            parameters to differentiate, a prior, fixed or bounded parameters have a part in the fit (the
            bootstraps and the jackknife allow for them), or the information is not positive definite; if a
            component collapsed in a fit of the jackknife, or in all fits of a bootstrap but one.

        Notes
        -----
        Derivatives are exact, for all structures, in the structure's own free parameters; of rows with
        missing features those of what was observed, of rows with measurement errors those of what was
        measured. Labelled rows are taken to be drawn like the others, and their labels to be right. Degrees
        of freedom of t components are free where the fit estimated them. Where shapes are shared and
        orientations are not (EEV, VEV), two equal eigenvalues leave their plane without an orientation, and
        the information singular.

        References
        ----------
        Louis 1982, Finding the observed information matrix when using the EM algorithm.
        Boldea & Magnus 2009, Maximum likelihood estimation of the multivariate normal mixture model.
        O'Hagan, Murphy, Scrucca & Gormley 2019, Investigation of parameter uncertainty in clustering using a
        Gaussian mixture model via jackknife, bootstrap and weighted likelihood bootstrap.

        Examples
        --------
        >>> from mixtura import GaussianMixture
        >>> from mixtura.datasets import load_faithful
        >>> X = load_faithful().data
        >>> gm = GaussianMixture(2, sort_components="mean", random_state=0).fit(X)
        >>> errors = gm.standard_errors(X)
        >>> errors.weights.round(4), errors.means.round(3).tolist()
        (array([0.0291, 0.0291]), [[0.027, 0.592], [0.031, 0.456]])
        """
        if kind not in KINDS:
            raise ValueError(
                f"kind must be one of {list(KINDS)}, got {kind!r}.{nearest(kind, KINDS)}"
            )
        mixture = self._density
        if mixture.posterior is not None:
            raise ValueError(
                "standard_errors are of a maximum of the likelihood, and this fit is a posterior "
                "distribution: posterior_sample draws from it."
            )
        errors = {"error_covariances": error_covariances, "error_std": error_std}
        beside = {"sample_weight": sample_weight, "labels": labels, **errors}
        if kind in FROM_DERIVATIVES:
            spread: Any = self._delta(mixture, X, beside, kind)
        else:
            spread = self._replicates(mixture, X, beside, kind, n_replicates, random_state)
        return StandardErrors.of(kind, mixture, spread, self._names_of_features())

    def reduction(
        self, X: Any, *, share_of_means: float = 1.0, sample_weight: Any = None
    ) -> Directions:
        """Find the directions in which the components differ most: a view of the groups in a plane.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
            Rows, whose covariance is the measure of directions: those of the fit.
        share_of_means : float, default=1.0
            From 0 to 1. 1: directions in which means differ, at most n_components - 1; 0: in which
            covariances do; 0.5: both (Scrucca 2010).
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        Directions
            `eigenvalues`, `directions`, `transform(X)`, and `mixture`, the components in these directions;
            `mixtura.plots.plot_reduction` draws it. Of t components by their scale matrices; noise has no
            part in it, but counts in the covariance of X.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X or share_of_means is not possible, the covariance of X is singular, or the components do not
            differ.

        Notes
        -----
        mclust's MclustDR, with `share_of_means` for lambda.

        References
        ----------
        Scrucca 2010, Dimension reduction for model-based clustering.
        Scrucca 2014, Graphical tools for model-based mixture discriminant analysis.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from mixtura import GaussianMixture
        >>> X = load_iris().data
        >>> gm = GaussianMixture(3, covariance_type="VEV", random_state=0).fit(X)
        >>> directions = gm.reduction(X)
        >>> directions.eigenvalues.round(3), directions.transform(X).shape
        (array([1.878, 0.072]), (150, 2))
        """
        if not 0 <= share_of_means <= 1:
            raise ValueError(f"share_of_means must be from 0 to 1, got {share_of_means!r}.")
        mixture = self._density.without_noise()
        given = rows_to_evaluate(self, mixture.n_features, X, sample_weight)
        total = given.blocks(n_threads(self.n_jobs)).total
        covariance = total.scatter / total.weight
        return directions_of(mixture, covariance, self._names_of_features(), float(share_of_means))

    def _delta(self, mixture: Mixture, X: Any, beside: Mapping[str, Any], kind: str) -> Delta:
        known = [name for name in _KNOWN if getattr(self, name) not in (None, False)]
        if known:
            raise ValueError(
                f"kind={kind!r} is of the likelihood alone, and the fit has {known[0]}: take "
                "kind='bootstrap', whose fits have it too."
            )
        parameters = FreeParameters(mixture, self._free_df(mixture))
        if parameters.n > _MOST_PARAMETERS:
            raise ValueError(
                f"kind={kind!r} takes a matrix of the free parameters, of which there are {parameters.n:,}, "
                f"more than {_MOST_PARAMETERS:,}: take kind='bootstrap'."
            )
        if (mixture.weights <= 0).any():
            raise ValueError(
                f"Component {int(mixture.weights.argmin())} has no weight, and so no derivatives: fit fewer."
            )
        blocks = self._own_rows(mixture, X, beside)
        return Delta.of(parameters, information_of(parameters, blocks), kind)

    def _free_df(self, mixture: Mixture) -> tuple[int, ...]:
        """Which degrees of freedom were estimated, as `FreeParameters` numbers them."""
        if mixture.df is None or self.df not in (None, "shared"):
            return ()
        inside = (mixture.df > _LEAST_DF) & (mixture.df < _MOST_DF)
        if self.df == "shared":
            return (0,) * len(inside) if inside.all() else ()
        numbers = np.where(inside, np.cumsum(inside) - 1, -1)
        return tuple(numbers.tolist()) if inside.any() else ()

    def _replicates(
        self,
        mixture: Mixture,
        X: Any,
        beside: Mapping[str, Any],
        kind: str,
        n_replicates: int,
        random_state: Any,
    ) -> Replicates:
        if rows_elsewhere(X) is not None:
            raise ValueError(
                f"kind={kind!r} fits X anew, so X must be in memory: take kind='sandwich', or read its rows."
            )
        blocks: Any = self._own_rows(mixture, X, beside)
        drawing = Drawing.from_blocks(blocks)
        following = Following(self, blocks.rows, n_threads(self.n_jobs))
        if kind == "jackknife":
            weight = drawing.whole_weight()
            places: Any = np.flatnonzero(weight)
            found, n_failed = _refits(following, mixture, drawing.without_one, places)
            if n_failed:
                raise ValueError(
                    f"{n_failed} fits without one row each failed, as a component collapsed: take fewer "
                    "components, a prior, or kind='weighted bootstrap'."
                )
            return Replicates(found, weight[places])
        check_whole("n_replicates", n_replicates, 2)
        seeds = check_seed(random_state).generate_state(int(n_replicates), np.uint64).tolist()
        draw = drawing.counts if kind == "bootstrap" else drawing.exponential
        found, n_failed = _refits(following, mixture, draw, seeds)
        return Replicates(found, n_failed=n_failed)

    def _own_rows(self, mixture: Mixture, X: Any, beside: Mapping[str, Any]) -> Blocks:
        """The rows that were fitted, with all that they bring.

        Raises
        ------
        ValueError
            If they are others.
        """
        if facts_of(self) is None:
            raise ValueError(
                "standard_errors are of a fit to X, and these parameters were set by hand: fit them to X."
            )
        labels = labels_given(beside["labels"], mixture)
        errors = ErrorsGiven(beside["error_covariances"], beside["error_std"])
        given = rows_to_evaluate(
            self, mixture.n_features, X, beside["sample_weight"], labels, errors
        )
        blocks = given.blocks(n_threads(self.n_jobs))
        if not are_own_rows(self, X, blocks.weight, **beside):
            raise ValueError(
                "standard_errors are of the rows that were fitted, and X is not them: give those with their "
                "sample_weight, labels and measurement errors."
            )
        return blocks


def _refits(
    following: Following,
    mixture: Mixture,
    draw: Callable[[Any], FloatArray],
    of: Sequence[Any],
) -> tuple[Refits, int]:
    """Fits to the weights that are drawn, their components in a mixture's order, and how many failed.

    Raises
    ------
    ValueError
        If there are not two.
    """
    (K, d), n_rows = mixture.means.shape, len(following.rows)
    parts: list[Refits] = []
    n_failed = 0
    for some in block_slices(len(of), max(n_rows, 4 * K * d * d)):
        found, failed = following.fits(draw(of[some]))
        n_failed += int(failed.sum())
        if found is not None:
            parts.append(found.matched(mixture))
    if len(of) - n_failed < 2:
        raise ValueError(
            f"{n_failed} of {len(of)} fits to samples of X failed, as a component collapsed: take fewer "
            "components, a prior, or kind='weighted bootstrap'."
        )
    return Refits.concatenated(parts), n_failed


__all__ = ["Inferring"]
