"""scikit-learn's GaussianMixture."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import scipy
import sklearn
from sklearn.mixture import GaussianMixture

from _worker import Loaded, Measure, Parameters, by_stamps, require_iterations, serve


class StampedMixture(GaussianMixture):
    """Notes the time at the beginning of each E-step; n iterations make n + 1 of them.

    One interval is an E-step, an M-step and the convergence test: what one more iteration costs.
    """

    def _e_step(self, *args: Any, **kwargs: Any) -> Any:
        self.stamps.append(time.perf_counter())
        return super()._e_step(*args, **kwargs)


def model(loaded: Loaded, n_iter: int) -> StampedMixture:
    mixture = StampedMixture(
        len(loaded.weights),
        covariance_type=loaded.structure,
        tol=0.0,
        reg_covar=loaded.reg_covar,
        max_iter=n_iter,
        weights_init=loaded.weights,
        means_init=loaded.means,
        precisions_init=precisions(loaded),
    )
    mixture.stamps = []
    return mixture


def precisions(loaded: Loaded) -> np.ndarray:
    matrices = loaded.structure in ("full", "tied")
    return np.linalg.inv(loaded.covariances) if matrices else 1 / loaded.covariances


def prepare(loaded: Loaded) -> Measure:
    def fit(n_iter: int, stamps: list[float]) -> Parameters:
        mixture = model(loaded, n_iter).fit(loaded.X)
        require_iterations(mixture.n_iter_, n_iter)
        stamps.extend(mixture.stamps)
        return mixture.weights_, mixture.means_, mixture.covariances_

    return by_stamps(fit)


def fitted(loaded: Loaded) -> StampedMixture:
    return model(loaded, 1).fit(loaded.X)


if __name__ == "__main__":
    serve(
        {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__},
        prepare,
        fitted,
        GaussianMixture,
    )
