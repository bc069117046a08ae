"""mixtura itself."""

from __future__ import annotations

import numpy as np

import mixtura
from _worker import Loaded, Measure, Parameters, by_difference, require_iterations, serve
from mixtura import GaussianMixture, Mixture, _core
from mixtura.em import MaximumLikelihood, Monitor, expectation_maximisation
from mixtura.rows import ArrayBlocks, Rows
from mixtura.support.threads import n_threads


def model(loaded: Loaded, n_iter: int) -> GaussianMixture:
    return GaussianMixture(
        len(loaded.weights),
        covariance_type=loaded.structure,
        tol=0.0,
        reg_covar=loaded.reg_covar,
        max_iter=n_iter,
        weights_init=loaded.weights,
        means_init=loaded.means,
        precisions_init=precisions(loaded),
        n_jobs=loaded.options.get("n_jobs"),
    )


def precisions(loaded: Loaded) -> np.ndarray:
    matrices = loaded.structure in ("full", "tied")
    return np.linalg.inv(loaded.covariances) if matrices else 1 / loaded.covariances


def prepare(loaded: Loaded) -> Measure:
    return prepare_loop(loaded) if loaded.options.get("loop") else prepare_class(loaded)


def prepare_class(loaded: Loaded) -> Measure:
    # The public class, not the kernels: what a user pays. n iterations make n + 1 E-steps, as scikit-learn's
    # do; the one too many, the tied structure's total scatter and all checks drop out of the difference.
    def fit(n_iter: int) -> Parameters:
        mixture = model(loaded, n_iter).fit(loaded.X)
        require_iterations(mixture.n_iter_, n_iter)
        return mixture.weights_, mixture.means_, mixture.covariances_

    return by_difference(fit)


def prepare_loop(loaded: Loaded) -> Measure:
    """The loop that the class calls, without its checks, which would be most of the time of a few rows."""
    blocks = ArrayBlocks(Rows(loaded.X), n_threads=loaded.options.get("n_jobs") or n_threads(None))
    start = Mixture.from_parameters(
        loaded.weights, loaded.means, loaded.covariances, covariance_type=loaded.structure
    )

    m_step = MaximumLikelihood.plain(start.structure, start.n_features, loaded.reg_covar)

    def iterate(n_iter: int) -> Parameters:
        monitor = Monitor(0.0, n_iter)
        mixture, _ = expectation_maximisation(start, blocks, m_step, monitor)
        require_iterations(monitor.n_iter, n_iter)
        return mixture.weights, mixture.means, mixture.covariances

    return by_difference(iterate, first=0)


def fitted(loaded: Loaded) -> GaussianMixture:
    return model(loaded, 1).fit(loaded.X)


if __name__ == "__main__":
    version = getattr(mixtura, "__version__", "working tree")
    serve({"mixtura": version, "SIMD": _core.simd_level()}, prepare, fitted, GaussianMixture)
