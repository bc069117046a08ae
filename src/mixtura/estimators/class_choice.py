"""Which number of components and which structure tells classes best: by cross-validation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import check_random_state

from mixtura.estimators.class_rows import RowsInMemory
from mixtura.estimators.classifier_summary import Sums
from mixtura.estimators.using import quietly
from mixtura.support.arrays import Array
from mixtura.sweep import grid

_FOLDS = 5


def lowest_brier_score(
    classifier: Any, classes: Array, rows: RowsInMemory, numbers: list[list[int]]
) -> tuple[Any, str]:
    """n_components and the structure of lowest Brier score; rows without a class help every fold.

    numbers: of components, to be tried for each class.

    Raises
    ------
    ValueError
        If a class has too few rows, numbers differ between classes, or nothing could be fitted.
    """
    labelled = np.flatnonzero(rows.codes >= 0)
    least = int(np.argmin(rows.counts))
    if rows.counts[least] < 2:
        raise ValueError(
            f"Class {classes.tolist()[least]!r} has too few rows for cross-validation, 1."
        )
    seed = check_random_state(classifier.random_state).randint(2**31 - 1)
    n_folds = min(_FOLDS, int(rows.counts[least]))
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    parts = list(folds.split(labelled, rows.codes[labelled]))
    scored = []
    for k in _choices(classifier.n_components, numbers):
        for name in grid.structures_of(classifier.covariance_type, rows.X.shape[1]):
            trial = clone(classifier).set_params(
                n_components=k,
                covariance_type=name,
                criterion="bic",
                class_weight=None,  # the weights have it
                random_state=seed,
            )
            tested = [labelled[held_out] for _, held_out in parts]
            scored.append((_brier_score(trial, classes, rows, tested), k, name))
    best = min(scored, key=lambda one: one[0])
    if not np.isfinite(best[0]):
        raise ValueError("No structure could be fitted to every fold of the rows.")
    return best[1:]


def _choices(n_components: Any, numbers: list[list[int]]) -> list[Any]:
    """Arguments n_components to be tried."""
    if not isinstance(n_components, Mapping):
        return [n_components] if numbers[0] == [n_components] else [[k] for k in numbers[0]]
    if any(len(own) > 1 for own in numbers):
        raise ValueError(
            "criterion='cv' chooses one number for all classes: give a dict one number a class, or "
            "take criterion='bic'."
        )
    return [n_components]


def _brier_score(trial: Any, classes: Array, rows: RowsInMemory, tested: list[Array]) -> float:
    total = weight = 0.0
    for held_out in tested:
        test, fold = rows[held_out], rows[np.delete(np.arange(len(rows.codes)), held_out)]
        y = fold.y(classes, trial.unlabeled)
        try:
            model, _ = quietly(partial(trial.fit, fold.X, y, fold.weight))
        except ValueError:
            return np.inf
        sums = Sums.of(model.predict_proba(test.X), test)
        total, weight = total + sums.brier, weight + sums.weight
    return total / weight


__all__ = ["lowest_brier_score"]
