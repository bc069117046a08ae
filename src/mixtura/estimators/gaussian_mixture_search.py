"""GaussianMixtureSearch: how many components, and of what shape, in one call."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import partial
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import RandomState
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from mixtura.browser.subject import Comparison
from mixtura.display.page import plural
from mixtura.drawing.criteria import models_of
from mixtura.em import NOTHING, Kind, Knowledge, Prior, Tails
from mixtura.errors import DataWarning, DegenerateComponentWarning
from mixtura.estimators.constructors import ChecksArgumentNames
from mixtura.estimators.gaussian_mixture import GaussianMixture, default_arguments
from mixtura.estimators.predicting import Predicting
from mixtura.estimators.reporting import Reporting
from mixtura.estimators.restoring import model_of
from mixtura.estimators.rows import blocks_to_fit, feature_names, rows_to_fit
from mixtura.estimators.saving import described, jsonable
from mixtura.estimators.validation import CONSTRAINTS, check_parameters
from mixtura.fitting.given_parameters import GivenParameters
from mixtura.fitting.given_rows import (
    LabelsGiven,
    check_labels_elsewhere,
    largest_label,
)
from mixtura.fitting.knowledge import KnownArguments, knowledge_of
from mixtura.fitting.lines import Lines, lines_of_progress
from mixtura.fitting.model_file import SavedModel
from mixtura.fitting.request import kind_of, options_of, seeds_of
from mixtura.fitting.summary import Summary
from mixtura.fitting.warnings import Doubt, doubts_about_rows, too_many_parameters, warn_of
from mixtura.inputs.labels import check_numbers_alone
from mixtura.inputs.row_errors import ErrorsGiven
from mixtura.mixture import Mixture
from mixtura.rows import Blocks
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.threads import n_threads
from mixtura.sweep import grid
from mixtura.sweep.cells import Cell, Key, Models, candidates, kinds_of, table
from mixtura.sweep.checkpoint import Journal, check_path, fingerprint, seed_in
from mixtura.sweep.names import has_noise, has_tails, model_name, structure_of
from mixtura.sweep.sweep import Report, Sweep, SweepRequest

#: Differences of a criterion up to which models are listed with the best.
CLOSE = (2.0, 6.0, 10.0)

# What `GaussianMixture` is given of each cell, and what that may be.
_CONSTRAINTS = {
    name: CONSTRAINTS[name]
    for name in (
        "tol",
        "reg_covar",
        "max_iter",
        "n_init",
        "random_state",
        "min_component_rows",
        "df",
        "noise_volume",
        "prior",
        "equal_weights",
        "min_weight",
        "max_eigenvalue_ratio",
        "missing",
        "max_time",
        "n_jobs",
    )
}

SweepCallback = Callable[[int, int, dict[str, Any]], object]


class GaussianMixtureSearch(ChecksArgumentNames, Reporting, Predicting, BaseEstimator):  # type: ignore[misc]
    """Fit mixtures of several numbers of components and covariance structures, and keep the best.

    The cells of the grid share what they find. Each is searched by itself first; then every structure begins
    at what the others and the neighbouring numbers of components found, so that none ends below one that it
    contains, unless only a degenerate mixture would be better. With the same seed a larger grid leaves no
    cell worse than a smaller one did. A cell that fails says why and ends nothing; a degenerate one never
    wins.

    Parameters
    ----------
    n_components : int or iterable of int, default=range(1, 10)
        Numbers of components: `range(1, 6)` for 1 to 5. One number is tried alone, and a warning says so; in
        a list, `[5]`, it is taken as meant.
    covariance_type : 'all', str or iterable of str, default='all'
        Structures by any name that `GaussianMixture` takes; 'all': the 14 of Celeux & Govaert 1995 by
        mclust's names. One feature has only E and V (equal and different variances).
    criterion : {'bic', 'aic', 'icl'}, default='bic'
        What the best has lowest.
    sign : {'sklearn', 'mclust'}, default='sklearn'
        Sign of the criteria in `results_`: 'sklearn', lower is better; 'mclust', its negative.
    tol, reg_covar, max_iter : default=1e-6, 'auto', 1000
        As in `GaussianMixture`.
    n_init : int, default=1
        Beyond 1, so many searches as `GaussianMixture` makes are added to each cell's starts, less one.
    max_parameters : int or None, default=None
        Models of more free parameters are not fitted: on few rows as many as there are rows mean nothing.
    min_component_rows : float, default=0
        As in `GaussianMixture`: models with a component on fewer effective rows cannot win.
    distribution : {'gaussian', 't'} or iterable of them, default='gaussian'
        Of the components, as in `GaussianMixture`; several are an axis of the grid.
    df : float, 'shared' or None, default=None
        As in `GaussianMixture`, for the cells of t components.
    noise : bool or iterable of bool, default=False
        Whether there is a background of noise, as in `GaussianMixture`; [False, True] is an axis of the grid.
    noise_volume : float or None, default=None
        As in `GaussianMixture`, for the cells with noise.
    prior, equal_weights, min_weight, max_eigenvalue_ratio : default=None, False, None, None
        As in `GaussianMixture`; a cell to which they cannot apply has no fit and says why. A `Prior` is the
        same for all cells, 'default' is each cell's own.
    missing : {'error', 'mar'}, default='error'
        As in `GaussianMixture`. Searches see rows that were completed by draws; every cell then ends with EM
        on the rows as they are.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts.
    max_time : float or None, default=None
        Seconds after which the sweep ends; what is done by then stays.
    checkpoint : path or None, default=None
        File that keeps what is done, about once a second; read without running code.
    resume : bool, default=False
        Whether `fit` goes on from the checkpoint, where there is one, to the results of a sweep over the same
        rows that was never stopped. Otherwise it begins anew and replaces the file.
    callback : callable or None, default=None
        Called after each step of the sweep, of which a cell takes three, as callback(n_done, n_steps, row);
        something true ends the sweep there. row: the cell's row of `results_` as it is now, as a dict, with
        'step': 'first', 'exchanged' or 'finished'. Before it is finished, log-likelihood and criteria are
        those on a sample (of rows beyond 10,000) scaled up, and 'failure' says that it is not finished. Calls
        come from the threads of the sweep, one at a time.
    verbose : int, default=0
        1 prints a line for each step.
    n_jobs : int or None, default=None
        Threads, as in `GaussianMixture`. Results do not depend on it.

    Attributes
    ----------
    best_estimator_ : GaussianMixture
        The fitted best.
    best_params_ : dict
        Its n_components and covariance_type; its distribution and noise where any cell has t components or
        noise.
    best_index_ : int
        Its place in `results_`.
    best_score_ : float
        Its criterion, in the sign of `results_`.
    results_ : Results, a dict of ndarray of shape (n_cells,)
        n_components, covariance_type, log_likelihood, n_parameters, bic, aic, icl, seconds, n_iter,
        converged, degenerate, failure; distribution and noise where any cell has t components or noise.
        `to_frame()` makes it a data frame. NaN where there is no fit; failure: why the cell cannot win, or
        ''. Cells that a stopped sweep has not finished say so there, and have the values of what was found
        so far.
    delta_ : ndarray of shape (n_cells,)
        How far the criterion is from the best's, in either sign positive; NaN where the cell cannot win. The
        best is one that is not finished only where no other is there; then these have a delta.
    within_ : dict of float to list of dict
        The models, as `best_params_`, within 2, 6 and 10 of the best, the best first: a difference in BIC of
        2 is hardly worth a mention, of 6 strong and of 10 very strong (Kass & Raftery 1995).
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where X has string column names.

    See Also
    --------
    GaussianMixture : one model.
    mixtura.plots.plot_search : the criterion against the number of components.

    References
    ----------
    Fraley & Raftery 2002, Model-based clustering, discriminant analysis, and density estimation.
    Celeux & Govaert 1995, Gaussian parsimonious clustering models.

    Examples
    --------
    >>> from mixtura import GaussianMixtureSearch
    >>> from mixtura.datasets import load_faithful
    >>> search = GaussianMixtureSearch(range(1, 5), random_state=0).fit(load_faithful().data)
    >>> search.best_params_
    {'n_components': 3, 'covariance_type': 'EEE'}
    >>> round(float(search.best_score_), 1)
    2314.3
    """

    _why_not: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (
            "fixed",
            "init_params",
            "weights_init",
            "means_init",
            "precisions_init",
            "covariances_init",
        ),
        "It would be of components by their numbers, which differ from cell to cell: fit such models one by "
        "one, and compare their bic.",
    )

    #: What the last search warned of.
    _warned: tuple[str, ...] = ()

    def __init__(
        self,
        n_components: int | Iterable[int] = range(1, 10),
        covariance_type: str | Iterable[str] = "all",
        *,
        criterion: str = "bic",
        sign: str = "sklearn",
        tol: float = 1e-6,
        reg_covar: float | str = "auto",
        max_iter: int = 1000,
        n_init: int = 1,
        max_parameters: int | None = None,
        min_component_rows: float = 0.0,
        distribution: str | Iterable[str] = "gaussian",
        df: float | str | None = None,
        noise: bool | Iterable[bool] = False,
        noise_volume: float | None = None,
        prior: Any = None,
        equal_weights: bool = False,
        min_weight: float | None = None,
        max_eigenvalue_ratio: float | None = None,
        missing: str = "error",
        random_state: int | RandomState | None = None,
        max_time: float | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
        callback: SweepCallback | None = None,
        verbose: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.criterion = criterion
        self.sign = sign
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.max_parameters = max_parameters
        self.min_component_rows = min_component_rows
        self.distribution = distribution
        self.df = df
        self.noise = noise
        self.noise_volume = noise_volume
        self.prior = prior
        self.equal_weights = equal_weights
        self.min_weight = min_weight
        self.max_eigenvalue_ratio = max_eigenvalue_ratio
        self.missing = missing
        self.random_state = random_state
        self.max_time = max_time
        self.checkpoint = checkpoint
        self.resume = resume
        self.callback = callback
        self.verbose = verbose
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        labels: Any = None,
        error_covariances: Any = None,
        error_std: Any = None,
    ) -> Self:
        """Fit every cell of the grid.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative. A whole weight counts as that many equal rows, 0 as none.
        labels : array-like of shape (n_samples,), default=None
            Numbers of components that rows are known to belong to, -1 where nothing is known. Cells of fewer
            components have no fit.
        error_covariances, error_std : array-like, default=None
            With what errors X was measured, as for `GaussianMixture.fit`. Not with distribution='t'.

        Returns
        -------
        self : GaussianMixtureSearch

        Raises
        ------
        ValueError
            If an argument, X or a weight is not possible, if no cell can be fitted (within `max_time`), or if
            the checkpoint is of other data.
        OSError
            If the checkpoint cannot be written: before the sweep, where its folder does not exist.
        KeyboardInterrupt
            After Ctrl-C; what is done by then stands in the checkpoint, and in the attributes if it is a
            mixture at least.

        Warns
        -----
        UserWarning
            If n_components is one number above 1, which tries that number alone.
        DataWarning
            If the sweep ended before its last cell, or the best has as many parameters as there are rows.
        DegenerateComponentWarning
            If no model has a likelihood with a maximum that is not spurious.
        ConvergenceWarning
            If the best did not converge.
        """
        grid.check_criterion(self.criterion)
        grid.check_choice("sign", self.sign, grid.SIGNS)
        numbers = grid.numbers_of_components(self.n_components)
        self._warn_of_one_number()
        grid.check_structures(self.covariance_type)
        distributions = grid.choices_of("distribution", self.distribution, ("gaussian", "t"))
        noises = grid.choices_of("noise", self.noise, (False, True))
        grid.check_max_parameters(self.max_parameters)
        check_path(self.checkpoint, resume=self.resume)
        check_parameters(type(self).__name__, self._shared(), _CONSTRAINTS)
        seen = copy(self)  # learns the columns, as this one does where there is a result
        check_numbers_alone(1 if labels is None else np.ndim(labels))
        known = LabelsGiven(labels, max(numbers))
        errors = ErrorsGiven(error_covariances, error_std)
        blocks = blocks_to_fit(seen, rows_to_fit(seen, X, sample_weight, known, errors))
        check_numbers_alone(2 if blocks.n_credible else 1)
        check_labels_elsewhere(blocks, max(numbers))
        names = [
            model_name(name, distribution=distribution, noise=noise)
            for name in grid.structures_of(self.covariance_type, blocks.shape[1])
            for distribution in distributions
            for noise in noises
        ]
        self._sweep(blocks, [(k, name) for k in numbers for name in names], feature_names(seen))
        return self

    def _warn_of_one_number(self) -> None:
        if isinstance(self.n_components, Integral) and int(self.n_components) > 1:
            k = int(self.n_components)
            warnings.warn(
                f"n_components={k} tries that number of components alone: give range(1, {k + 1}) for 1 to "
                f"{k}, or [{k}] where one number is meant.",
                UserWarning,
                stacklevel=3,
            )

    def fit_predict(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        error_covariances: Any = None,
        error_std: Any = None,
    ) -> Any:
        """Fit, and return the labels that the best model gives the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
        error_covariances, error_std : array-like, default=None
            With what errors X was measured, as for `fit`.

        Returns
        -------
        ndarray of shape (n_samples,), int64
            Of a source an iterator over such arrays, part by part; of a Dask collection a lazy one.

        Raises
        ------
        ValueError
            As `fit`.
        """
        errors = {"error_covariances": error_covariances, "error_std": error_std}
        return self.fit(X, y, sample_weight, **errors).predict(X, **errors)

    def _shared(self) -> dict[str, Any]:
        """The arguments of `GaussianMixture` that all cells share."""
        return {name: getattr(self, name) for name in _CONSTRAINTS}

    def _sweep(self, blocks: Blocks, keys: list[Key], names: Array | None) -> None:
        asked = self._asked(blocks, keys)
        told = self._known(blocks, keys)
        known = {key: own for key, own in told.items() if isinstance(own, Knowledge)}
        impossible = grid.impossible(
            keys, blocks, self.max_parameters, asked, largest_label(blocks), told
        )
        possible = tuple(key for key in keys if key not in impossible)
        if not possible:
            raise ValueError(f"No model can be fitted: {impossible[keys[0]]}.")
        has_matrices = any(structure_of(name).has_matrices for _, name in possible)
        warned = warn_of("columns", doubts_about_rows(blocks, names, has_matrices, 1), stacklevel=3)
        self._take_warnings(warned)
        seed = self._seed_of_file() if self.random_state is None else None
        seed = seeds_of(self.random_state)[0] if seed is None else seed
        dtype = blocks.dtype.name
        if has_matrices:
            # Some cell may ask for more digits than float32 has, and could not be compared with the others.
            blocks = blocks.in_double()
        lines = lines_of_progress()
        request = self._request(possible, blocks, seed, names, lines, asked, known)
        journal = self._journal(blocks, seed, request.options.reg_covar)
        sweep = Sweep(blocks, request, journal.read(), journal.write)
        conclude = partial(
            self._conclude, sweep, keys, impossible, known, blocks.shape[1], names, dtype
        )
        try:
            sweep.run()
            journal.write(sweep.state, now=True)
        except (KeyboardInterrupt, OSError):  # as of a full disk
            with suppress(OSError):
                journal.write(sweep.state, now=True)
            conclude()
            raise
        finally:
            lines.end()
        if not conclude():
            raise ValueError(self._why_nothing(sweep, possible))
        self._take_warnings([*warned, *warn_of("models", self._doubts(sweep, known), stacklevel=3)])

    def _why_nothing(self, sweep: Sweep, keys: Sequence[Key]) -> str:
        if not sweep.n_unfinished:
            return f"No model could be fitted. The first: {sweep.finished()[keys[0]].failure}"
        if self.max_time is not None:
            return (
                f"No model could be fitted within max_time={self.max_time:g} seconds: give it more time, or "
                "fewer components and structures."
            )
        return "The sweep was stopped by its callback before a model was fitted."

    def _request(
        self,
        keys: tuple[Key, ...],
        blocks: Blocks,
        seed: int,
        names: Array | None,
        lines: Lines,
        asked: Kind,
        known: dict[Key, Knowledge],
    ) -> SweepRequest:
        options = options_of(
            blocks,
            reg_covar=self.reg_covar,
            tol=self.tol,
            max_iter=self.max_iter,
            max_time=self.max_time,
            min_component_rows=self.min_component_rows,
            names=names,
            kind=asked,
        )
        report: Report | None = None
        if self.callback is not None or self.verbose:
            report = partial(self._report, lines, blocks.shape[1], known)
        threads = n_threads(self.n_jobs)
        return SweepRequest(keys, options, seed, self.n_init, threads, report, known)

    @property
    def _counted(self) -> Kind:
        """All that a mixture may have beside Gaussian components: what of it has parameters."""
        return Kind(Tails.of(self.df), 0.0)

    def _asked(self, blocks: Blocks, keys: list[Key]) -> Kind:
        """What the mixtures of some cells have beside Gaussian components."""
        return kind_of(
            blocks,
            distribution="t" if any(has_tails(name) for _, name in keys) else "gaussian",
            df=self.df,
            noise=any(has_noise(name) for _, name in keys),
            noise_volume=self.noise_volume,
        )

    def _known(self, blocks: Blocks, keys: list[Key]) -> dict[Key, Knowledge | str]:
        """What is known of the parameters of each cell, or why that cannot be."""
        arguments = KnownArguments(
            self.prior, None, self.equal_weights, self.min_weight, self.max_eigenvalue_ratio
        )
        known: dict[Key, Knowledge | str] = {}
        for key in keys if arguments.are_there else ():
            k, name = key
            nothing_given = GivenParameters(structure_of(name))
            try:
                known[key] = knowledge_of(
                    arguments, blocks, structure_of(name), k, nothing_given, has_noise(name)
                )
            except ValueError as error:
                known[key] = str(error).rstrip(".")
        return known

    def _journal(self, blocks: Blocks, seed: int, reg_covar: FloatArray) -> Journal:
        settings = {
            "tol": float(self.tol),
            "reg_covar": self.reg_covar,
            "max_iter": int(self.max_iter),
            "n_init": int(self.n_init),
            "min_component_rows": float(self.min_component_rows),
            "df": self.df,
            "noise_volume": self.noise_volume,
            "prior": self.prior.as_json() if isinstance(self.prior, Prior) else self.prior,
            "equal_weights": self.equal_weights or None,
            "min_weight": self.min_weight,
            "max_eigenvalue_ratio": self.max_eigenvalue_ratio,
            "missing": None if self.missing == "error" else self.missing,
            "seed": seed,
        }
        known = "" if self.checkpoint is None else fingerprint(blocks)
        return Journal(
            self.checkpoint,
            bool(self.resume),
            known,
            settings,
            blocks.shape[1],
            {"n_rows": blocks.shape[0], "reg_covar": reg_covar},
        )

    def _seed_of_file(self) -> int | None:
        """The seed that the sweep to go on from drew, if there is one."""
        return seed_in(self.checkpoint) if self.resume else None

    def _report(
        self,
        lines: Lines,
        n_features: int,
        known: dict[Key, Knowledge],
        n_done: int,
        n_steps: int,
        step: str,
        cell: Cell,
    ) -> object:
        columns = table([cell], self.sign, n_features, self._counted, known)
        row = {name: _plain(column[0]) for name, column in columns.items()} | {"step": step}
        if self.verbose:
            has_fit = cell.criteria is not None
            what = f"{self.criterion} {row[self.criterion]:.3f}" if has_fit else cell.failure
            lines.say(f"[{n_done}/{n_steps}] {cell.n_components} {cell.name}, {step}: {what}")
        return self.callback is not None and self.callback(n_done, n_steps, row)

    def _conclude(
        self,
        sweep: Sweep,
        keys: list[Key],
        impossible: dict[Key, str],
        known: dict[Key, Knowledge],
        n_features: int,
        names: Array | None,
        dtype: str,
    ) -> bool:
        """Set the attributes, unless nothing was found."""
        finished = sweep.finished()
        cells = [
            finished[key] if key in finished else Cell(*key, failure=impossible[key])
            for key in keys
        ]
        able = candidates(cells)
        if not able:
            return False
        self.n_features_in_, self._dtype_of_fitted = n_features, dtype
        self.__dict__.pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = names
        self._set_results(cells, able, known)
        return True

    def _set_results(
        self, cells: list[Cell], able: list[Cell], known: dict[Key, Knowledge]
    ) -> None:
        best = min(able, key=lambda cell: cell.criterion(self.criterion))
        self.results_ = table(cells, self.sign, self.n_features_in_, self._counted, known)
        self.best_index_ = cells.index(best)
        self._has_kinds = bool(kinds_of(cells))
        self.best_params_ = self._params(best)
        self.best_score_ = float(self.results_[self.criterion][self.best_index_])
        lowest = best.criterion(self.criterion)
        self.delta_ = np.array(
            [cell.criterion(self.criterion) - lowest if cell in able else np.nan for cell in cells]
        )
        order = np.argsort(self.delta_, kind="stable")
        self.within_ = {
            limit: [self._params(cells[i]) for i in order if self.delta_[i] <= limit]
            for limit in CLOSE
        }
        self._cells = {cell.key: cell for cell in cells}
        self.best_estimator_ = self.estimator(**self.best_params_)

    def _params(self, cell: Cell) -> dict[str, Any]:
        own = {"n_components": cell.n_components, "covariance_type": cell.covariance_type}
        if not self._has_kinds:
            return own
        return own | {"distribution": cell.distribution, "noise": cell.noise}

    def estimator(
        self,
        n_components: int,
        covariance_type: str,
        distribution: str = "gaussian",
        noise: bool = False,
    ) -> GaussianMixture:
        """Return any fitted cell as a model of its own.

        Parameters
        ----------
        n_components : int
        covariance_type : str
        distribution : {'gaussian', 't'}, default='gaussian'
        noise : bool, default=False

        Returns
        -------
        GaussianMixture

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the grid has no such cell, or the cell has no fit: the message says why.
        """
        check_is_fitted(self, "results_")
        letters = grid.name_in(covariance_type, self.n_features_in_)
        name = model_name(letters, distribution=distribution, noise=noise)
        key = (n_components, name)
        if key not in self._cells:
            raise ValueError(
                f"The search has no cell {n_components}, {name!r}: choose one of results_."
            )
        cell = self._cells[key]
        if cell.mixture is None or cell.facts is None:
            raise ValueError(f"The cell {n_components}, {name!r} has no fit: {cell.failure}.")
        names = feature_names(self)
        defaults = default_arguments()
        return model_of(
            SavedModel(
                cell.mixture,
                dict(defaults)
                | jsonable(self._shared(), defaults)
                | described(cell.mixture)
                | {"distribution": cell.distribution, "noise": cell.noise},
                self._dtype_of_fitted,
                None if names is None else [str(name) for name in names],
                cell.facts,
            )
        )

    def top(self, n: int = 10) -> Models:
        """Return the best rows of `results_`, the best first, each with its delta.

        Parameters
        ----------
        n : int, default=10

        Returns
        -------
        Models
            A list of dict, which shows itself as a table and has `to_frame()`.

        Raises
        ------
        ValueError
            If n is negative.
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self, "results_")
        if n < 0:
            raise ValueError(f"n is {n}: how many models to show, 0 or more.")
        order = np.argsort(self.delta_, kind="stable")[:n]
        columns = self.results_ | {"delta": self.delta_}
        return Models(
            {name: _plain(column[i]) for name, column in columns.items()}
            for i in order
            if np.isfinite(self.delta_[i])
        )

    def _take_warnings(self, told: list[tuple[str, str]]) -> None:
        self._warned = tuple(sentence for _, sentence in told)

    def _doubts(self, sweep: Sweep, known: dict[Key, Knowledge]) -> Iterator[Doubt]:
        """What a sweep warns of at its end."""
        if sweep.n_unfinished:
            yield (
                DataWarning,
                f"The sweep was stopped with {sweep.n_unfinished} of {len(self.delta_)} cells not finished: "
                "the best is that of what was there. With checkpoint=path, resume=True goes on another time.",
            )
            return
        best = self._best_cell
        if not best.can_win:
            yield (
                DegenerateComponentWarning,
                "No model of the grid has a maximum of the likelihood that is not spurious. The best, "
                f"{self._best_in_words}, has none either ({best.failure}): try fewer components, or "
                "structures with fewer parameters.",
            )
        elif many := self._too_many_parameters(best, known.get(best.key, NOTHING)):
            yield DataWarning, many
        if best.can_win and not self.best_estimator_.converged_ and self.max_iter > 0:
            yield (
                ConvergenceWarning,
                f"The best model, {self._best_in_words}, did not converge in {self.max_iter} iterations: "
                "increase max_iter or tol.",
            )

    @property
    def _best_in_words(self) -> str:
        return f"{plural(self._best_cell.n_components, 'component')}, {self._best_cell.name}"

    @property
    def _best_cell(self) -> Cell:
        return list(self._cells.values())[self.best_index_]

    def _too_many_parameters(self, best: Cell, known: Knowledge) -> str:
        assert best.facts is not None
        assert best.mixture is not None
        n_rows = float(best.facts.effective_rows.sum())
        what = f"The best model, {self._best_in_words},"
        n_held = known.n_held(best.mixture.structure, *best.mixture.means.shape)
        return too_many_parameters(what, best.facts.parameters_of(best.mixture), n_rows, n_held)

    def _reported(self) -> GaussianMixture:
        return self._best()

    @property
    def _warnings_of_fit(self) -> tuple[str, ...]:
        return self._warned + super()._warnings_of_fit

    @property
    def _comparison(self) -> Comparison:
        models = models_of(self.results_, self.delta_, self.criterion, self.sign)
        n_without = len(self.delta_) - len(models.values)
        return Comparison(models, self.criterion, self.top()._page(), n_without)

    # The best model

    @property
    def mixture_(self) -> Mixture:
        """The best model's distribution."""
        return self._best().mixture_

    @property
    def _density(self) -> Mixture:
        return self._best()._density

    def _n_parameters(self) -> int:
        return self._best()._n_parameters()

    @property
    def n_iter_(self) -> int:
        """EM iterations over all rows of the best model."""
        return int(self._best().n_iter_)

    def _best(self) -> GaussianMixture:
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_

    def _draws(self) -> int | RandomState | None:
        return self._best()._draws()

    def _dtype_of_rows(self) -> np.dtype[Any]:
        return self._best()._dtype_of_rows()

    def summary(self) -> Summary:
        """The best model on one page, as `GaussianMixture.summary`: print it, or take `to_dict()`.

        Returns
        -------
        Summary
        """
        return self._best().summary()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the best model to one file, as `GaussianMixture.save`; `mixtura.load` reads it.

        The other cells are not in it: `checkpoint` keeps a sweep.

        Parameters
        ----------
        path : str or path

        Raises
        ------
        OSError
            If the file cannot be written; an earlier one survives.
        """
        self._best().save(path)


def _plain(value: Any) -> Any:
    """A number of Python's instead of NumPy's."""
    return value.item() if isinstance(value, np.generic) else value


__all__ = ["GaussianMixtureSearch"]
