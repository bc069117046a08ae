"""Error and Brier score of new rows, on eight public tables.

    pip install --group suites
    python benchmarks/uses/classification.py

Ten stratified folds, the same for all. Brier: half the squared distance between probabilities and truth.
QDA fails where the covariance of a class is singular; regularised it is shrunk (Ledoit & Wolf).
EDDA takes one of the 14 structures by BIC or by cross-validation within the fold; MclustDA one to four
components and one of four structures for each class, by BIC.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

from mixtura import GaussianMixtureClassifier
from tables import classified

METHODS = {
    "LDA": LinearDiscriminantAnalysis(),
    "QDA": QuadraticDiscriminantAnalysis(),
    "QDA, regularised": make_pipeline(
        StandardScaler(), QuadraticDiscriminantAnalysis(solver="eigen", shrinkage="auto")
    ),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)),
    "EDDA, BIC": GaussianMixtureClassifier(covariance_type="all"),
    "EDDA, CV": GaussianMixtureClassifier(covariance_type="all", criterion="cv", random_state=0),
    "MclustDA": GaussianMixtureClassifier(
        range(1, 5), covariance_type=["EEI", "VVI", "EEE", "VVV"], random_state=0
    ),
}


def scores(method, X, y):
    """Error and Brier score, over the rows of all folds."""
    wrong = squares = 0.0
    for train, test in StratifiedKFold(10, shuffle=True, random_state=0).split(X, y):
        r = clone(method).fit(X[train], y[train]).predict_proba(X[test])
        wrong += (r.argmax(axis=1) != y[test]).sum()
        squares += ((r - np.eye(r.shape[1])[y[test]]) ** 2).sum() / 2
    return wrong / len(y), squares / len(y)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", help="names of tables")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| table |", *(f"{name} |" for name in METHODS))
    print("|---|", *("---|" for _ in METHODS))
    for name, X, classes in classified():
        if arguments.only and name not in arguments.only:
            continue
        y = LabelEncoder().fit_transform(classes)
        cells = []
        for method in METHODS.values():
            try:
                cells.append("{:.3f}, {:.3f}".format(*scores(method, X, y)))
            except ValueError as error:
                cells.append(f"fails: {str(error)[:40]}")
        shape = f"{len(X)} x {X.shape[1]}, {y.max() + 1}"
        print(f"| {name} ({shape}) | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
