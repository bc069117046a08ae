"""oneDAL's EM, through daal4py: fused native code; 'full' and 'diag' only."""

from __future__ import annotations

import importlib.metadata

import daal4py
import numpy as np

from _worker import Loaded, Measure, Parameters, by_difference, require_iterations, serve

STORAGE = {"full": "full", "diag": "diagonal"}


def prepare(loaded: Loaded) -> Measure:
    # Its regularisation is another one than scikit-learn's (only where a factorisation fails), so
    # comparable only at reg_covar=0. One fit of n iterations makes n E-steps and n M-steps.
    if loaded.structure not in STORAGE:
        raise NotImplementedError(f"oneDAL has no {loaded.structure!r} covariances")
    if loaded.reg_covar:
        raise NotImplementedError("oneDAL does not add reg_covar to every covariance")
    weights = loaded.weights[None, :]
    covariances = [np.atleast_2d(covariance) for covariance in loaded.covariances]

    def fit(n_iter: int) -> Parameters:
        algorithm = daal4py.em_gmm(
            nComponents=len(loaded.weights),
            fptype="float" if loaded.X.dtype == np.float32 else "double",
            maxIterations=n_iter,
            accuracyThreshold=1e-300,
            regularizationFactor=0.0,
            covarianceStorage=STORAGE[loaded.structure],
        )
        result = algorithm.compute(loaded.X, weights, loaded.means, covariances)
        require_iterations(int(np.asarray(result.nIterations).item()), n_iter)
        fitted = np.array(result.covariances).reshape(loaded.covariances.shape)
        return np.ravel(result.weights), result.means, fitted

    return by_difference(fit)


if __name__ == "__main__":
    serve({"daal4py": importlib.metadata.version("daal4py")}, prepare)
