"""Posteriors that several tests look at: structures, priors, and rows of Old Faithful."""

from __future__ import annotations

from itertools import product

import numpy as np

from mixtura.datasets import load_faithful

STRUCTURES = ["full", "tied", "diag", "spherical", "EEI", "EII"]
PRIORS = ["dirichlet_distribution", "dirichlet_process"]
CASES = list(product(STRUCTURES, PRIORS))

X = load_faithful().data[::4]
PRIOR = {
    "mean_prior": [3.0, 60.0],
    "mean_precision_prior": 0.3,
    "degrees_of_freedom_prior": 4.5,
    "weight_concentration_prior": 0.7,
}

# Of covariances that are shared, the shape of one.
SHAPE = {"tied": "full", "EEI": "diag", "EII": "spherical"}

_SCATTER = {"full": [[2.0, 5.0], [5.0, 90.0]], "diag": [2.0, 90.0], "spherical": 40.0}


def scatter_of(kind):
    """The prior scatter of such covariances."""
    return np.array(_SCATTER[SHAPE.get(kind, kind)])
