"""A classifier's fit on one page, and how well it tells the classes of the rows that were fitted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mixtura.display.page import Page, Shown, Table, number_of
from mixtura.estimators.class_rows import RowsInMemory
from mixtura.mixture import log_sum_exp
from mixtura.support.arrays import Array
from mixtura.support.language import translated as _


@dataclass(frozen=True)
class Sums:
    """Over rows whose class is known."""

    weight: float
    errors: float
    brier: float

    @classmethod
    def of(cls, probabilities: Array, rows: RowsInMemory) -> Sums:
        """Brier's score of a row is half the squares of how far probabilities are from 0 and 1 (mclust's)."""
        has_class = rows.codes >= 0
        codes, r = rows.codes[has_class], probabilities[has_class]
        w = np.ones(len(codes)) if rows.weight is None else rows.weight[has_class]
        truth = codes[:, np.newaxis] == np.arange(r.shape[1])
        return cls(
            float(w.sum()),
            float(w @ (r.argmax(axis=1) != codes)),
            float(w @ ((r - truth) ** 2).sum(axis=1) / 2),
        )


@dataclass(frozen=True)
class TrainingScores:
    """What is known of the rows that were fitted."""

    n_rows: int
    weight: float
    log_likelihood: float
    mixture_log_likelihood: float
    error: float
    brier: float

    @classmethod
    def of(cls, parts: Iterable[tuple[Array, RowsInMemory]]) -> TrainingScores:
        """Of the log joint densities of rows and classes, part by part."""
        each = [_sums_of_part(joint.astype(np.float64), rows) for joint, rows in parts]
        n_rows, weight, own, of_rows, weight_known, errors, brier = map(
            sum, zip(*each, strict=True)
        )
        return cls(n_rows, weight, own, of_rows, errors / weight_known, brier / weight_known)


def _sums_of_part(joint: Array, rows: RowsInMemory) -> tuple[Any, ...]:
    log_densities = log_sum_exp(joint)
    sums = Sums.of(np.exp(joint - log_densities[:, np.newaxis]), rows)
    w = np.ones(len(joint)) if rows.weight is None else rows.weight
    of_class = joint[np.arange(len(joint)), np.maximum(rows.codes, 0)]
    own = np.where(rows.codes < 0, log_densities, of_class)
    likelihoods = float(w @ own), float(w @ log_densities)
    return len(joint), float(w.sum()), *likelihoods, sums.weight, sums.errors, sums.brier


@dataclass(frozen=True, repr=False)
class ClassifierSummary(Shown):
    """What `GaussianMixtureClassifier.summary()` returns.

    Attributes
    ----------
    n_rows, n_features : int
    classes : tuple of str
    priors : tuple of float
    n_components : tuple of int
        Of each class.
    covariance_types : tuple of str
    log_likelihood : float
        Of rows and classes: sum log prior times density of each row's own class, which the fit raises.
    mixture_log_likelihood : float
        Of the rows alone, whatever their class: what mclust reports.
    n_parameters : int
    bic : float
        -2 log_likelihood + n_parameters log n; lower is better.
    error : float
        Share of the fitted rows that are given another class; new rows are met by more.
    brier : float
        Mean over the fitted rows of half the squared distance between probabilities and truth.
    """

    n_rows: int
    n_features: int
    classes: tuple[str, ...]
    priors: tuple[float, ...]
    n_components: tuple[int, ...]
    covariance_types: tuple[str, ...]
    log_likelihood: float
    mixture_log_likelihood: float
    n_parameters: int
    bic: float
    error: float
    brier: float

    def to_dict(self) -> dict[str, Any]:
        """Return everything as numbers, strings, lists and dicts, ready for JSON."""
        return asdict(self)

    def _page(self) -> Page:
        facts = (
            (_("rows"), f"{self.n_rows:,} x {number_of(self.n_features, 'feature')}"),
            (
                _("log-likelihood"),
                _("{value} with the classes").format(value=f"{self.log_likelihood:,.3f}"),
            ),
            (_("of rows alone"), f"{self.mixture_log_likelihood:,.3f}"),
            (_("free parameters"), f"{self.n_parameters:,}"),
            ("BIC", _("{criteria} (lower is better)").format(criteria=f"{self.bic:,.2f}")),
            (
                _("error, Brier"),
                _("{values} on these rows").format(values=f"{self.error:.4f}, {self.brier:.4f}"),
            ),
        )
        header = (_("class"), _("prior"), _("components"), _("covariances"))
        lines = (
            (name, f"{prior:.4f}", f"{k}", kind)
            for name, prior, k, kind in zip(
                self.classes, self.priors, self.n_components, self.covariance_types, strict=True
            )
        )
        texts = frozenset({header[0], header[3]})
        table = Table((header, *lines), "class", len(self.classes), texts)
        title = _("Gaussian mixture classifier, {classes}")
        classes = number_of(len(self.classes), "class")
        return Page(title.format(classes=classes), facts, table)

    def _columns(self) -> dict[str, Any]:
        return {
            "class": self.classes,
            "prior": self.priors,
            "n_components": self.n_components,
            "covariance_type": self.covariance_types,
        }


__all__ = ["ClassifierSummary", "Sums", "TrainingScores"]
