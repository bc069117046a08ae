"""What an estimator says of rows, and draws, by its fitted distribution alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice, repeat
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator, RandomState
from sklearn.base import DensityMixin, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in

from mixtura import mixture as evaluate
from mixtura.display.component_table import numbered
from mixtura.estimators.resampling import bootstrapped
from mixtura.estimators.rows import allows_missing, feature_names, rows_to_evaluate, rows_to_impute
from mixtura.fitting.facts import Criteria
from mixtura.fitting.given_rows import (
    Evaluate,
    LabelsGiven,
    check_keep,
    rows_elsewhere,
)
from mixtura.inputs.row_errors import NO_ERRORS, ErrorsGiven
from mixtura.mixture import Mixture, Predictive, random_generator
from mixtura.support.arrays import Array, result_dtype
from mixtura.support.threads import n_threads


class Predicting(TransformerMixin, DensityMixin):  # type: ignore[misc]
    """For an estimator that has a `mixture_` once it is fitted: labels, densities, criteria, draws.

    Before a fit `mixture_` raises NotFittedError. Beside it there may be `n_jobs`, `random_state`, and
    `n_features_in_` and `feature_names_in_`, which rows are then compared with.
    """

    if TYPE_CHECKING:

        @property
        def mixture_(self) -> Mixture:
            """The fitted distribution."""

    @property
    def _density(self) -> Mixture:
        """The distribution that rows are evaluated by: with noise, where there is any."""
        return self.mixture_

    @property
    def _predictive(self) -> Predictive:
        """The distribution of a further row."""
        return self._density

    n_jobs: int | None = None

    #: Of the draws that follow each other; None: `random_state` begins each call.
    _sampler_seed: int | None = None

    #: Those draws, made at the first one.
    _sampler: RandomState | None = None

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "mixture_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = allows_missing(self)
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def predict(self, X: Any, *, error_covariances: Any = None, error_std: Any = None) -> Any:
        """Label each row with its likeliest component: the argmax of `predict_proba`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        error_covariances, error_std : array-like, default=None
            With what errors X was measured, as for `fit`.

        Returns
        -------
        ndarray of shape (n_samples,), int64
            Of a source an iterator over such arrays, part by part; of a Dask collection a lazy one.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, NaN or infinity.
        """
        return self._evaluated(evaluate.labels, X, ErrorsGiven(error_covariances, error_std))

    def predict_proba(self, X: Any, *, error_covariances: Any = None, error_std: Any = None) -> Any:
        """Responsibilities: the probability of each component given each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        error_covariances, error_std : array-like, default=None
            With what errors X was measured, as for `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Rows sum to 1.
            Of a source an iterator over such arrays, part by part; of a Dask collection a lazy one.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, NaN or infinity.
        """
        return self._evaluated(
            evaluate.responsibilities, X, ErrorsGiven(error_covariances, error_std)
        )

    def transform(self, X: Any) -> Any:
        """Responsibilities, as features for what follows in a pipeline: the same as `predict_proba`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            With noise one column more, the last. `set_output` makes it a data frame.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, NaN or infinity.
        """
        return self.predict_proba(X)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Names of the columns that `transform` returns: 'component0', 'component1', ..., and 'noise'.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Ignored, but for being those of the fit.

        Returns
        -------
        ndarray of str

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If input_features are not those of the fit.
        """
        mixture = self._density
        _check_feature_names_in(self, input_features, generate_names=False)
        names = [f"component{k}" for k in range(mixture.n_components)]
        return np.array([*names, "noise"] if mixture.noise is not None else names, dtype=object)

    def log_joint(self, X: Any, *, error_covariances: Any = None, error_std: Any = None) -> Any:
        """Log of each component's weight times its density at each row: log w_k N(x; mu_k, Sigma_k).

        Its log-sum-exp over the components is `score_samples`; minus that it is the log of
        `predict_proba`, also where probabilities are too small for a number.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        error_covariances, error_std : array-like, default=None
            With what errors X was measured, as for `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            -inf for a component of weight 0.
            Of a source an iterator over such arrays, part by part; of a Dask collection a lazy one.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, NaN or infinity.

        Examples
        --------
        >>> from mixtura import GaussianMixture
        >>> gm = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [[[1.0]], [[1.0]]])
        >>> gm.log_joint([[0.0]]).round(2)
        array([[ -1.61, -42.11]])
        """
        return self._evaluated(evaluate.log_joint, X, ErrorsGiven(error_covariances, error_std))

    def score_samples(self, X: Any, *, error_covariances: Any = None, error_std: Any = None) -> Any:
        """Log-density of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        error_covariances, error_std : array-like, default=None
            With what errors X was measured, as for `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Of a source an iterator over such arrays, part by part; of a Dask collection a lazy one.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, NaN or infinity.
        """
        errors = ErrorsGiven(error_covariances, error_std)
        rows = rows_to_evaluate(self, self._density.n_features, X, errors=errors)
        return rows.evaluated(evaluate.log_predictive, self._predictive, n_threads(self.n_jobs))

    def impute(
        self,
        X: Any,
        *,
        return_std: bool = False,
        n_draws: int | None = None,
        parameters: str = "fitted",
        sample_weight: Any = None,
        error_covariances: Any = None,
        error_std: Any = None,
        random_state: int | RandomState | Generator | None = None,
    ) -> Any:
        """Fill in what is missing (NaN), given what was observed of the row; the rest stays as it is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        return_std : bool, default=False
            Whether to return standard deviations too.
        n_draws : int or None, default=None
            None: conditional means, which vary less than the data do. A number: so many tables, in each of
            which every missing value is drawn from its conditional distribution, those of a row together.
        parameters : {'fitted', 'bootstrap'}, default='fitted'
            Of the draws. 'fitted': those of the fit, as if they were certain, enough for predictions;
            pooled by Rubin's rules such tables give intervals that are too short. 'bootstrap': for each table
            those of a fit to a bootstrap sample of X, begun at this fit, so that the tables vary as the
            parameters are uncertain ("proper", which Rubin's rules ask for). X must be the rows that were
            fitted.
        sample_weight : array-like of shape (n_samples,), default=None
            With which X was fitted; with parameters='bootstrap' only.
        error_covariances, error_std : array-like, default=None
            With what errors X was measured, as for `fit`: what is filled in is what is true there, given the
            measurements, which stay as they are. A value with an infinite error is missing, too.
        random_state : int, RandomState, Generator or None, default=None
            Of the draws. None: each call goes on from the last one.

        Returns
        -------
        ndarray of shape (n_samples, n_features), or (n_draws, n_samples, n_features), in the dtype of X
            Observed values bit for bit. Noise has no part in it.
        std : ndarray of shape (n_samples, n_features)
            Only with return_std: conditional standard deviations, 0 where observed; infinite where a t
            component has none.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, or infinity; if n_draws is below 1, or beside return_std;
            with parameters='bootstrap' if X are not the rows that were fitted, a sample of them cannot be, or
            there are errors; if errors are not possible, or components are t.

        References
        ----------
        Rubin 1987, Multiple imputation for nonresponse in surveys, chapter 4 (proper imputation).
        Little & Rubin 2002, Statistical analysis with missing data, section 10.2 (by the bootstrap).
        Ghahramani & Jordan 1994, Supervised learning from incomplete data via an EM approach.

        Examples
        --------
        >>> import numpy as np
        >>> from mixtura import GaussianMixture
        >>> gm = GaussianMixture.from_parameters([1.0], [[0.0, 0.0]], [[[1.0, 0.8], [0.8, 1.0]]])
        >>> gm.impute([[1.0, np.nan]])
        array([[1. , 0.8]])
        """
        mixture = self._density
        rows = rows_to_impute(self, mixture.n_features, X)
        threads = n_threads(self.n_jobs)
        errors = ErrorsGiven(error_covariances, error_std).checked(*rows.shape)
        evaluate.check_no_tails(mixture, errors)
        _check_parameters(parameters, n_draws, sample_weight, errors)
        if n_draws is None:
            if errors is None:
                completed, std = evaluate.expected(mixture, rows, threads, with_std=return_std)
            else:
                of_measured = evaluate.expected_of_measured
                completed, std = of_measured(mixture, rows, errors, threads, with_std=return_std)
            return (completed, std) if return_std else completed
        if return_std:
            raise ValueError(
                "Give n_draws or return_std: the spread of draws is that of the draws."
            )
        if not isinstance(n_draws, Integral) or n_draws < 1:
            raise ValueError(f"n_draws must be a whole number of at least 1, got {n_draws!r}.")
        rng = random_generator(self._draws() if random_state is None else random_state)
        if errors is not None:
            tables: Any = (
                evaluate.drawn_of_measured(mixture, rows, errors, rng, threads)
                for _ in range(n_draws)
            )
            return np.array(list(tables), dtype=result_dtype(rows))
        mixtures: Iterator[Mixture] = repeat(mixture)
        if parameters == "bootstrap":
            fitted = getattr(self, "best_estimator_", self)
            mixtures = bootstrapped(fitted, rows, sample_weight, rng)
        draws = [evaluate.drawn(one, rows, rng, threads) for one in islice(mixtures, int(n_draws))]
        return np.array(draws, dtype=result_dtype(rows))

    def denoise(
        self,
        X: Any,
        *,
        error_covariances: Any = None,
        error_std: Any = None,
        return_covariances: bool = False,
    ) -> Any:
        """What is true, given what was measured with errors: posterior means, and covariances.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        error_covariances, error_std : array-like, default=None
            With what errors X was measured, as for `fit`; one is needed.
        return_covariances : bool, default=False
            Whether to return posterior covariances too.

        Returns
        -------
        ndarray of shape (n_samples, n_features), in the dtype of X
            Each row drawn towards the components, the more the larger its error. Noise has no part in it.
        covariances : ndarray of shape (n_samples, n_features, n_features)
            Only with return_covariances.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, or X or its errors are not possible.

        References
        ----------
        Bovy, Hogg & Roweis 2011, Extreme deconvolution, equation 9.

        Examples
        --------
        >>> from mixtura import GaussianMixture
        >>> gm = GaussianMixture.from_parameters([1.0], [[0.0]], [[[4.0]]])
        >>> gm.denoise([[5.0]], error_std=[1.0])
        array([[4.]])
        """
        errors = ErrorsGiven(error_covariances, error_std)
        if not errors.are_there:
            raise ValueError("denoise needs the errors of X: give error_covariances or error_std.")
        if rows_elsewhere(X) is not None:
            raise ValueError(
                "denoise takes an array or a data frame: of a source or a Dask collection give it piece by "
                "piece."
            )
        mixture, threads = self._density, n_threads(self.n_jobs)
        rows = rows_to_evaluate(self, mixture.n_features, X, errors=errors)
        denoise: Any = partial(evaluate.denoised, with_covariances=return_covariances)
        means, covariances = rows.evaluated(denoise, mixture, threads)
        return (means, covariances) if return_covariances else means

    def predict_to(
        self,
        path: str | os.PathLike[str],
        X: Any,
        what: str | Sequence[str] = "label",
        *,
        keep: Sequence[str] = (),
        error_covariances: Any = None,
        error_std: Any = None,
    ) -> None:
        """Write what the fit says of each row to a Parquet file, without holding it in memory.

        Parameters
        ----------
        path : str or path
            The file. Written beside and renamed when it is whole: an earlier one survives any failure.
        X : array-like of shape (n_samples, n_features), or a source
            What `mixtura.scan` and `mixtura.from_batches` return is read once.
        what : {'label', 'certainty', 'log_density', 'responsibilities'} or several, default='label'
            Columns, in this order: 'label' as `predict`; 'certainty', the probability of that component;
            'log_density' as `score_samples`; 'responsibilities' as `predict_proba`, one column a component:
            'responsibility_0', 'responsibility_1', ... The certainty and these are float32.
        keep : sequence of str, default=()
            Columns of the files that `scan` reads to be copied before these, as an identifier; of any type.
        error_covariances, error_std : array-like, default=None
            With what errors X was measured, as for `fit`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, or an argument is not possible; if X holds what is no
            finite number (of a source, SourceError).
        OSError
            If the file cannot be written.
        ImportError
            Without pyarrow: pip install 'mixtura[files]'.

        Examples
        --------
        >>> import numpy as np, pyarrow.parquet, tempfile
        >>> from mixtura import GaussianMixture
        >>> X = np.random.default_rng(0).normal(size=(100, 2))
        >>> gm = GaussianMixture(2, random_state=0).fit(X)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     gm.predict_to(folder + "/labels.parquet", X, ["label", "log_density"])
        ...     table = pyarrow.parquet.read_table(folder + "/labels.parquet")
        >>> table.column_names, table.num_rows
        (['label', 'log_density'], 100)
        """
        try:
            from mixtura.files.predictions import check_outputs, predictions, write_parquet
        except ImportError as error:
            raise ImportError(
                "predict_to needs pyarrow; install it with: pip install 'mixtura[files]'"
            ) from error
        asked, threads = check_outputs(what), n_threads(self.n_jobs)
        mixture, predictive = self._density, self._predictive
        keep = check_keep(keep, asked)
        errors = ErrorsGiven(error_covariances, error_std)
        rows_given = rows_to_evaluate(self, mixture.n_features, X, errors=errors)
        write_parquet(
            path,
            (
                kept
                | predictions(
                    mixture,
                    rows.X,
                    asked,
                    threads,
                    predictive,
                    single=True,
                    missing=rows.missing,
                    errors=rows.error,
                )
                for rows, kept in rows_given.tables(keep)
            ),
        )

    def _evaluated(self, function: Evaluate, X: Any, errors: ErrorsGiven) -> Any:
        """What a function gives for all rows; of a source part by part, of a Dask collection a lazy one."""
        mixture = self._density
        rows = rows_to_evaluate(self, mixture.n_features, X, errors=errors)
        return rows.evaluated(function, mixture, n_threads(self.n_jobs))

    def score(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        labels: Any = None,
        error_covariances: Any = None,
        error_std: Any = None,
    ) -> float:
        """Mean log-density of the rows, in nats; the weighted mean where weights are given.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
        labels : array-like, default=None
            What is known of which component rows belong to, as for `fit`.
        error_covariances, error_std : array-like, default=None
            With what errors X was measured, as for `fit`.

        Returns
        -------
        float

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X or a weight is not possible.
        """
        criteria = self._score(X, sample_weight, labels, ErrorsGiven(error_covariances, error_std))
        return criteria.log_likelihood / criteria.weight

    def bic(
        self,
        X: Any,
        sample_weight: Any = None,
        *,
        labels: Any = None,
        error_covariances: Any = None,
        error_std: Any = None,
    ) -> float:
        """Bayesian information criterion; lower is better. Its n is the sum of the weights.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        sample_weight : array-like of shape (n_samples,), default=None
        labels : array-like, default=None
            What is known of which component rows belong to, as for `fit`.
        error_covariances, error_std : array-like, default=None
            With what errors X was measured, as for `fit`.

        Returns
        -------
        float
            -2 log-likelihood + free parameters * log n (Schwarz 1978).
        """
        return self._score(X, sample_weight, labels, ErrorsGiven(error_covariances, error_std)).bic

    def aic(
        self,
        X: Any,
        sample_weight: Any = None,
        *,
        labels: Any = None,
        error_covariances: Any = None,
        error_std: Any = None,
    ) -> float:
        """Akaike information criterion; lower is better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        sample_weight : array-like of shape (n_samples,), default=None
        labels : array-like, default=None
            What is known of which component rows belong to, as for `fit`.
        error_covariances, error_std : array-like, default=None
            With what errors X was measured, as for `fit`.

        Returns
        -------
        float
            -2 log-likelihood + 2 free parameters (Akaike 1974).
        """
        return self._score(X, sample_weight, labels, ErrorsGiven(error_covariances, error_std)).aic

    def icl(
        self,
        X: Any,
        sample_weight: Any = None,
        *,
        labels: Any = None,
        error_covariances: Any = None,
        error_std: Any = None,
    ) -> float:
        """Integrated completed likelihood; lower is better.

        BIC plus twice the entropy of the hard assignment, so it prefers components that are
        clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        sample_weight : array-like of shape (n_samples,), default=None
        labels : array-like, default=None
            What is known of which component rows belong to, as for `fit`.
        error_covariances, error_std : array-like, default=None
            With what errors X was measured, as for `fit`.

        Returns
        -------
        float
            BIC - 2 sum_i w_i log max_k r_ik (Biernacki, Celeux & Govaert 2000).
        """
        return self._score(X, sample_weight, labels, ErrorsGiven(error_covariances, error_std)).icl

    def _score(
        self, X: Any, sample_weight: Any, labels: Any, errors: ErrorsGiven = NO_ERRORS
    ) -> Criteria:
        mixture = self._density
        known = labels_given(labels, mixture)
        rows = rows_to_evaluate(self, mixture.n_features, X, sample_weight, known, errors)
        sums = rows.score(mixture, n_threads(self.n_jobs))
        return Criteria.of(sums, self._n_parameters())

    def sample(
        self,
        n_samples: int = 1,
        random_state: int | RandomState | Generator | None = None,
        *,
        noise: bool = False,
        error_covariances: Any = None,
        error_std: Any = None,
    ) -> tuple[Array, Array]:
        """Draw rows from the fitted mixture, in random order of their components.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState, Generator or None, default=None
            None: each call goes on from the last one; the estimator's `random_state` sets the
            sequence.
        noise : bool, default=False
            Whether rows of noise are among them, as many as its weight says: label -1, uniform in the box
            `noise_box_`. False: rows of the components alone.
        error_covariances, error_std : array-like, default=None
            Errors to be added, of each of the `n_samples` rows or of all, as for `fit`: rows as they would
            be measured. Where a variance is infinite the value is NaN.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), in the dtype of the fitted rows
        y : ndarray of shape (n_samples,)
            The component of each row; -1 of noise.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If n_samples is no whole number, or below 1; with noise=True if there is none, or nobody knows
            where it lies, since only its volume was given.
        """
        if random_state is None:
            random_state = self._draws()
        errors = ErrorsGiven(error_covariances, error_std)
        rng = random_generator(random_state)
        if noise:
            X, y = evaluate.sample_with_noise(self._predictive, n_samples, rng)
        else:
            X, y = self._drawn(n_samples, rng)
        X = evaluate.measured(X, errors.checked(*X.shape), rng)
        return X.astype(self._dtype_of_rows(), copy=False), y

    def _drawn(
        self, n_samples: int, random_state: int | RandomState | Generator | None
    ) -> tuple[Array, Array]:
        return self.mixture_.sample(n_samples, random_state)

    def _draws(self) -> int | RandomState | None:
        """Where a call without `random_state` draws from."""
        if self._sampler_seed is None:  # the parameters were set by hand
            return getattr(self, "random_state", None)
        if self._sampler is None:
            sequence = np.random.SeedSequence((self._sampler_seed, 1))
            self._sampler = np.random.RandomState(sequence.generate_state(4))
        return self._sampler

    def _dtype_of_rows(self) -> np.dtype[Any]:
        """Of the rows that were fitted, as that of the means tells; whole numbers set by hand are float64."""
        means = np.asarray(getattr(self, "means_", 0.0))
        return np.dtype(np.float32 if means.dtype == np.float32 else np.float64)

    def _n_parameters(self) -> int:
        return self._density.n_parameters

    def _names_of_features(self) -> tuple[str, ...]:
        """Their numbers where they have no names."""
        names = feature_names(self)
        return numbered(self.mixture_.n_features) if names is None else tuple(map(str, names))


def labels_given(labels: Any, mixture: Mixture) -> LabelsGiven:
    """What is known of rows that such a mixture is to evaluate."""
    return LabelsGiven(labels, mixture.n_components, mixture.noise is not None)


def _check_parameters(
    parameters: str, n_draws: int | None, sample_weight: Any, errors: Any
) -> None:
    """Raise where `impute` is asked for what does not go together."""
    if parameters not in ("fitted", "bootstrap"):
        raise ValueError(f"parameters must be 'fitted' or 'bootstrap', got {parameters!r}.")
    if parameters == "bootstrap" and n_draws is None:
        raise ValueError("parameters='bootstrap' is of draws: give n_draws, how many tables.")
    if parameters == "bootstrap" and errors is not None:
        raise ValueError(
            "parameters='bootstrap' fits rows anew as if they were exact: with errors take "
            "parameters='fitted'."
        )
    if parameters == "fitted" and sample_weight is not None:
        raise ValueError(
            "sample_weight is of parameters='bootstrap', which fits anew: leave it out."
        )
