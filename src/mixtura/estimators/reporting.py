"""`report`: a fit as one file for the browser."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixtura.browser.subject import Comparison, Subject
from mixtura.estimators.rows import rows_to_evaluate
from mixtura.estimators.state import facts_of
from mixtura.files.output import check_target
from mixtura.fitting.facts import FitFacts
from mixtura.fitting.model_file import SavedModel, model_file
from mixtura.inputs.frames import row_labels
from mixtura.inputs.row_errors import ErrorsGiven
from mixtura.support.arrays import Array
from mixtura.support.threads import n_threads

if TYPE_CHECKING:
    from mixtura.estimators.gaussian_mixture import GaussianMixture


class Reporting:
    """For an estimator that is a mixture, or has chosen one."""

    if TYPE_CHECKING:

        def _saved(self) -> SavedModel:
            """What is saved of it."""

    def report(
        self,
        path: str | os.PathLike[str],
        X: Any = None,
        *,
        features: int | str | Sequence[int | str] | None = None,
        row_names: Sequence[Any] | None = None,
        title: str | None = None,
        sample_weight: Any = None,
        error_covariances: Any = None,
        error_std: Any = None,
    ) -> None:
        """Write the fit as one HTML file, to be looked at in a browser and handed on.

        In it are the summary, what the fit warned of, a picture of two features at a time in which rows tell
        their responsibilities and components can be chosen, histograms, the diagnosis, of a search its
        criterion, and the model itself. It loads nothing from anywhere, and is below 3 MB.

        Parameters
        ----------
        path : str or path
        X : array-like of shape (n_samples, n_features), source or Dask collection, default=None
            Rows to draw, those of the fit or others: a fit keeps none. Of more than 3,000 a random sample is
            drawn, the same every time, and the page says so. None: the components alone are drawn.
        features : int, str, or sequence of them, default=None
            Those that can be drawn, by number or by name. None: all; of more than eight, those in which
            components overlap least; of more than two also the directions in which components lie farthest
            apart (linear discriminants).
        row_names : sequence of shape (n_samples,), default=None
            What rows are called. None: the index of a pandas frame, else the numbers of the rows, from 0.
        title : str, default=None
            None: the kind of the mixture.
        sample_weight : array-like of shape (n_samples,), default=None
            The weights of the rows, for the histograms. A source has its own.
        error_covariances, error_std : array-like, default=None
            With what errors X was measured, as for `fit`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, NaN or infinity; if `features` names one that does not
            exist; if there is not one name, or weight, a row; if they are given without X.
        OSError
            If the file cannot be written; an older file of that name is then unchanged.

        See Also
        --------
        summary : The figures, as text.
        mixtura.plots.plot_mixture : A picture as matplotlib draws it.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> from mixtura import GaussianMixture
        >>> from mixtura.datasets import load_faithful
        >>> X = load_faithful().data
        >>> gm = GaussianMixture(2, random_state=0).fit(X)
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "fit.html"
        >>> gm.report(path, X, title="Old Faithful")
        >>> "Old Faithful" in path.read_text(encoding="utf-8")
        True
        """
        self._write_report(
            path,
            X,
            features=features,
            row_names=row_names,
            title=title,
            sample_weight=sample_weight,
            error_covariances=error_covariances,
            error_std=error_std,
        )

    def _write_report(
        self,
        path: str | os.PathLike[str],
        X: Any,
        *,
        features: Any = None,
        row_names: Sequence[Any] | None = None,
        title: str | None = None,
        sample_weight: Any = None,
        error_covariances: Any = None,
        error_std: Any = None,
        first_row: int = 0,
    ) -> None:
        """The same, with rows counted from a number."""
        # What makes the page is read here: nobody who imports the package waits for it.
        from mixtura import __version__
        from mixtura.browser.writing import write_report

        check_target(path)
        model, errors = self._reported(), ErrorsGiven(error_covariances, error_std)
        facts, rows = facts_of(model), None
        if X is None:
            _check_nothing_of_rows(row_names, sample_weight, errors)
        else:
            row_names = row_labels(X) if row_names is None else row_names
            n_features = model._density.n_features
            rows = rows_to_evaluate(self, n_features, X, sample_weight, errors=errors)
        subject = Subject(
            title=title,
            summary=model.summary(),
            density=model._density,
            drawn=model._components_with_rows,
            diagnosis=model.diagnosis_,
            certainty=_certainty(facts),
            warnings=self._warnings_of_fit,
            model=model_file(model._saved(), __version__),
            rows=rows,
            row_names=row_names,
            first_row=first_row,
            features=features,
            n_threads=n_threads(model.n_jobs),
            comparison=self._comparison,
        )
        write_report(path, subject, __version__)

    def _reported(self) -> GaussianMixture:
        """The mixture that a report is of."""
        raise NotImplementedError

    @property
    def _components_with_rows(self) -> Array:
        return np.arange(self._reported()._density.n_components)

    @property
    def _warnings_of_fit(self) -> tuple[str, ...]:
        """Sentences."""
        facts = facts_of(self._reported())
        return () if facts is None else tuple(sentence for _, sentence in facts.warnings)

    @property
    def _comparison(self) -> Comparison | None:
        """Of a search."""
        return None


def _certainty(facts: FitFacts | None) -> float | None:
    return None if facts is None else float(np.exp(facts.log_certainty / facts.weight))


def _check_nothing_of_rows(
    row_names: Sequence[Any] | None, sample_weight: Any, errors: ErrorsGiven
) -> None:
    given = {
        "row_names": row_names is not None,
        "sample_weight": sample_weight is not None,
        "error_covariances and error_std": errors.are_there,
    }
    for name, is_given in given.items():
        if is_given:
            raise ValueError(f"{name} belong to rows: give them as X, or leave {name} out.")
