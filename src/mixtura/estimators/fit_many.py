"""Fits of many tables, side by side."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from numbers import Integral
from time import perf_counter
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from mixtura._core import WholeFit
from mixtura.covariance import CovarianceStructure
from mixtura.errors import DataWarning
from mixtura.estimators.fitted_mixtures import FittedMixtures, KeptModels
from mixtura.estimators.gaussian_mixture import GaussianMixture, default_arguments
from mixtura.estimators.gaussian_mixture_search import GaussianMixtureSearch
from mixtura.estimators.saving import described, saved_arguments
from mixtura.fitting.model_file import SavedModel
from mixtura.fitting.request import seeds_of
from mixtura.fitting.small_fits import SmallFit, SmallFits
from mixtura.inputs.row_errors import ErrorsGiven
from mixtura.inputs.scales import DOUBLE
from mixtura.inputs.tables import Tables
from mixtura.support.arrays import Array
from mixtura.support.cached import cached
from mixtura.support.names import listed
from mixtura.support.threads import n_threads

#: callback(n_done, n_tables) for each fit; what is true ends the call: the tables left over are failures.
Callback = Callable[[int, int], Any]

# Of one fit: a file that it writes and goes on from, lines that it prints, a fit that it goes on from.
_OF_ONE_FIT = ("checkpoint", "resume", "verbose", "warm_start")

# Seconds: after which it is known how long fits take; of work that is worth the start of other processes,
# which takes some; and of work that one of them is handed at a time.
_LOOKED_AT = 0.5
_WORTHWHILE = 10.0
_AT_A_TIME = 0.2

# Its rows, their weights, labels and errors, its seed.
_Table = tuple[Any, Any, Any, ErrorsGiven, int]

_STOPPED = "not begun: stopped by the callback"


def fit_many(
    X: Any,
    n_components: int | Iterable[int] = 1,
    *,
    by: str | None = None,
    sample_weight: Any = None,
    labels: Any = None,
    error_covariances: Any = None,
    error_std: Any = None,
    random_state: Any = None,
    n_jobs: int | None = None,
    callback: Callback | None = None,
    **options: Any,
) -> FittedMixtures:
    """Fit a mixture to each of many tables: a gene, a pixel, a customer, a sensor.

    Every fit is the one that `GaussianMixture` makes of its table by itself, to the last bit. Those of small
    tables, float64 arrays without weights, run side by side in threads. Where others take long, they do in
    processes, which joblib starts (`joblib.parallel_config` chooses others).

    Parameters
    ----------
    X : array-like of shape (n_tables, n_rows, n_features), list of tables, or data frame
        Tables in a list may differ in their numbers of rows; each is an array-like of shape (n_rows,
        n_features) or a data frame. Of one data frame (pandas, polars, Arrow) the column `by` tells the
        tables apart, and the others are features.
    n_components : int or iterable of int, default=1
        Several: each table's number is chosen, as by `GaussianMixtureSearch`.
    by : str, default=None
        The column of a data frame whose values are the tables' keys.
    sample_weight : array-like or list, default=None
        Weights in the form of X: of shape (n_tables, n_rows), a list of arrays, or one a row of a frame.
    labels : array-like or list, default=None
        What is known of which component rows belong to, in the form of X: of each table as `labels` of
        `GaussianMixture.fit`, None for a table in a list of which nothing is known.
    error_covariances, error_std : array-like or list, default=None
        With what errors rows were measured, in the form of X: of each table as `error_covariances` or
        `error_std` of `GaussianMixture.fit`, None for a table in a list that was measured exactly.
    random_state : int, RandomState or None, default=None
        The i-th table is fitted with the seed
        ``numpy.random.SeedSequence(random_state).spawn(n_tables)[i].generate_state(1)[0]``; so its fit
        depends neither on the other tables nor on n_jobs.
    n_jobs : int, default=None
        Threads or processes; None and -1 are as many as there are cores.
    callback : callable, default=None
        Called as callback(n_done, n_tables) for each fit, in the order of the tables. Where it returns
        something true the call ends: the tables after that one have no fit.
    **options
        Further arguments of `GaussianMixture`, or of `GaussianMixtureSearch` where n_components or
        covariance_type are several: the same for all tables. Not those of one fit alone: checkpoint, resume,
        verbose, warm_start.

    Returns
    -------
    FittedMixtures
        Arrays over all tables, and `[i]`, a fitted `GaussianMixture`. A fit that fails is recorded with its
        reason in `failures` and stops nothing.

    Raises
    ------
    TypeError
        If there is no such option, or an option that is of one fit.
    ValueError
        If an option is not possible, X is one table or none, or every fit failed: the first reason.
    KeyboardInterrupt
        After Ctrl-C, at once.

    Warns
    -----
    DataWarning
        If some fits failed: how many, and why the first did. What a single fit warns of is not said for each
        table: `verdicts` and `converged` tell.

    Examples
    --------
    >>> import numpy as np, mixtura
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(50, 200, 2)) + 6 * rng.integers(0, 2, (50, 200, 1))
    >>> many = mixtura.fit_many(X, 2, random_state=0)
    >>> many.means.shape
    (50, 2, 2)
    >>> many[7].predict(X[7]).shape
    (200,)
    """
    several = _are_several(n_components) or _are_several(options.get("covariance_type", "full"))
    kind: Any = GaussianMixtureSearch if several else GaussianMixture
    _check_options(kind, options)
    arguments = {"n_components": n_components, **options}
    tables = Tables.of(X, by, sample_weight, labels, ErrorsGiven(error_covariances, error_std))
    seeds = _seeds(random_state, len(tables))
    parts = (tables.X, tables.weights, tables.labels, tables.errors, seeds)
    given = list(zip(*parts, strict=True))
    found: list[_Kept] = []
    with closing(_results(_Job(kind, arguments), given, n_threads(n_jobs))) as results:
        for kept in chain.from_iterable(results):
            found.append(kept)
            if callback is not None and callback(len(found), len(given)):
                break
    found += [_STOPPED] * (len(given) - len(found))
    models = [None if isinstance(one, str) else one for one in found]
    failures = [one if isinstance(one, str) else "" for one in found]
    if not any(models):
        raise ValueError(f"Every fit failed. Of table {tables.keys[0]!s}: {failures[0]}")
    _warn(tables.keys, failures)
    return FittedMixtures(tables.keys, KeptModels(models), failures, by)


def _are_several(value: Any) -> bool:
    return value == "all" or not isinstance(value, Integral | str)


def _check_options(kind: Any, options: dict[str, Any]) -> None:
    for name in _OF_ONE_FIT:
        if name in options:
            raise TypeError(
                f"{name}= is of one fit, and fit_many makes many: leave it out, or call {kind.__name__} in a "
                "loop."
            )
    known = kind._get_param_names()
    for name in options:
        if name not in known:
            raise TypeError(f"fit_many has no option {name}=: {kind.__name__} has {listed(known)}.")


def _seeds(random_state: Any, n_tables: int) -> list[int]:
    root = np.random.SeedSequence(seeds_of(random_state)[0])
    return [int(child.generate_state(1)[0]) for child in root.spawn(n_tables)]


@dataclass(frozen=True, eq=False)
class _Job:
    """Fits tables: here or in another process."""

    kind: Any
    arguments: dict[str, Any]

    def fit_all(self, tables: Sequence[_Table], n_workers: int = 1) -> list[_Kept]:
        """What is kept of each fit, or why there is none. Those that the core makes go side by side."""
        kept: dict[int, _Kept] = {}
        small = self._small_fits(tables[0])
        if small is not None:
            few = [i for i, table in enumerate(tables) if _is_plain(table) and small.suit(table[0])]
            rows, seeds = [tables[i][0] for i in few], [tables[i][-1] for i in few]
            made = zip(small.fitted(rows, seeds, n_workers), few, rows, seeds, strict=True)
            for native, i, X, seed in made:
                if native is not None:
                    kept[i] = _Made(native, small.structure, len(X), seed, self._parameters)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # verdicts and converged tell
            return [kept[i] if i in kept else self._fit(*tables[i]) for i in range(len(tables))]

    def fit_elsewhere(self, tables: Sequence[_Table]) -> list[SavedModel | str]:
        """The same, as other processes send it."""
        return [one() if isinstance(one, _Made) else one for one in self.fit_all(tables)]

    def _fit(
        self, X: Any, weight: Any, labels: Any, errors: ErrorsGiven, seed: int
    ) -> SavedModel | str:
        model = self._model(seed)
        beside = {"error_covariances": errors.covariances, "error_std": errors.std}
        try:
            model.fit(X, sample_weight=weight, labels=labels, **beside)
        except (ValueError, TypeError, ArithmeticError) as error:
            return str(error)
        saved: SavedModel = getattr(model, "best_estimator_", model)._saved()
        return saved

    def _model(self, seed: int) -> Any:
        return self.kind(**self.arguments, random_state=seed, n_jobs=1)

    def _small_fits(self, table: _Table) -> SmallFits | None:
        """How the core fits tables as this one; None where it does not, or an argument is not possible."""
        if self.kind is not GaussianMixture or not _is_plain(table):
            return None
        model, max_time = self._model(0), self.arguments.get("max_time")
        seconds = np.inf if max_time is None else max_time
        try:
            kind = model._checked_structure()
            return SmallFits.of(model._arguments(), kind, table[0].shape[1], seconds)
        except (ValueError, TypeError):  # which each fit says
            return None

    @cached
    def _parameters(self) -> dict[str, Any]:
        """The constructor's arguments in a file."""
        return saved_arguments(self._model(0)._arguments(), default_arguments())


def _is_plain(table: _Table) -> bool:
    X, weight, labels, errors, _ = table
    is_alone = weight is None and labels is None and not errors.are_there
    return is_alone and type(X) is np.ndarray and X.ndim == 2


@dataclass(frozen=True, eq=False)
class _Made:
    """A fit that the core has made; called, what is kept of it: few are looked at."""

    native: WholeFit
    structure: CovarianceStructure
    n_rows: int
    seed: int
    parameters: dict[str, Any]

    def __call__(self) -> SavedModel:
        parameters = self.parameters | {"random_state": self.seed}
        made = SmallFit.of(self.native, self.structure, self.n_rows, self.seed)
        made = made.ordered(parameters["sort_components"])
        parameters |= described(made.fit.mixture)
        return SavedModel(made.fit.mixture.frozen(), parameters, DOUBLE.name, None, made.facts)


# What is kept of a fit, or why there is none.
_Kept = SavedModel | _Made | str


def _results(
    job: _Job, tables: Sequence[_Table], n_workers: int
) -> Generator[Sequence[_Kept], None, None]:
    """What became of the fits, some at a time and in order.

    They begin in this process, where the core works in threads. Of others half of a small fit is Python: once
    it is known how long those take, other processes help where that is worth their start.
    """
    began, done, size, n_made = perf_counter(), 0, 1, 0
    while done < len(tables):
        kept = job.fit_all(tables[done : done + size], n_workers)
        yield kept
        done, seconds = done + len(kept), perf_counter() - began
        n_made += sum(isinstance(one, _Made) for one in kept)
        size = min(max(1, int(_AT_A_TIME * done / seconds)), 2 * size)
        left = tables[done:]
        needs_help = n_workers > 1 and n_made < done / 2
        if needs_help and seconds > _LOOKED_AT and seconds / done * len(left) > _WORTHWHILE:
            some = [left[first : first + size] for first in range(0, len(left), size)]
            work = (delayed(job.fit_elsewhere)(one) for one in some)
            yield from Parallel(n_workers, return_as="generator")(work)
            return


def _warn(keys: Array, failures: list[str]) -> None:
    failed = [i for i, why in enumerate(failures) if why]
    if failed:
        first = failed[0]
        warnings.warn(
            f"{len(failed)} of {len(failures)} fits failed; the first, of table {keys[first]!s}: "
            f"{failures[first]} The attribute failures has all reasons.",
            DataWarning,
            stacklevel=3,
        )
