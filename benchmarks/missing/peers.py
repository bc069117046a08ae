"""One exact EM iteration of each library, from parameters that are given.

Each peer is a function of the rows (and their error covariances) and a start, which prepares
an iteration: that one is timed, and gives its seconds, weights, means and covariances.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mixtura.covariance import structure
from mixtura.em import MaximumLikelihood
from mixtura.mixture import Mixture
from mixtura.rows import ArrayBlocks, Rows


class Parameters(NamedTuple):
    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


#: Seconds of an iteration, and what it ends at.
Iteration = Callable[[], tuple[float, Parameters]]


def timed(step: Callable[[], Parameters]) -> Iteration:
    """In time of the processor, which other programs do not add to: all libraries have one thread."""

    def iteration() -> tuple[float, Parameters]:
        began = time.process_time()
        found = step()
        return time.process_time() - began, found

    return iteration


def mixtura(
    X: np.ndarray, start: Parameters, kind: str = "full", errors: np.ndarray | None = None
) -> Iteration:
    before = Mixture.from_parameters(*start, covariance_type=kind)
    m_step = MaximumLikelihood.plain(structure(kind), X.shape[1])
    rows = Rows(X, error=errors, missing=bool(np.isnan(X).any()))

    def step() -> Parameters:
        after = m_step.maximise(blocks.accumulate(before), before=before)
        return Parameters(after.weights, after.means, after.covariances)

    blocks = ArrayBlocks(rows, 1)
    step()
    return timed(step)


def tgmm(X: np.ndarray, start: Parameters) -> Iteration:
    """What the first of two iterations takes: its E-steps note the time when they begin.

    It refuses rows without any value, which tell nothing: those are left out.
    """
    import torch
    from tgmm import GaussianMixture

    torch.set_num_threads(1)
    rows = torch.from_numpy(X[~np.isnan(X).all(axis=1)])

    class Stamped(GaussianMixture):
        def _e_step(self, *args: Any, **kwargs: Any) -> Any:
            self.stamps.append(time.process_time())
            return super()._e_step(*args, **kwargs)

    def iteration() -> tuple[float, Parameters]:
        model = Stamped(
            n_components=len(start.weights),
            covariance_type="full",
            max_iter=1,
            tol=1e-300,
            reg_covar=0.0,
            init_weights=torch.from_numpy(start.weights),
            init_means=torch.from_numpy(start.means),
            init_covariances=torch.from_numpy(start.covariances),
            missing="em",
            device="cpu",
        )
        model.stamps = []
        model.fit(rows)
        found = (model.weights_, model.means_, model.covariances_)
        return model.stamps[1] - model.stamps[0], Parameters(*(np.asarray(one) for one in found))

    return iteration


def stepmix(X: np.ndarray, start: Parameters) -> Iteration:
    """Diagonal covariances only. Its M-step takes means of observed values, which is no EM for them."""
    from stepmix.stepmix import StepMix

    has_gaps = bool(np.isnan(X).any())
    kind = "gaussian_diag_nan" if has_gaps else "gaussian_diag"
    model = StepMix(
        len(start.weights), measurement=kind, max_iter=1, random_state=0, progress_bar=0
    )
    model.fit(X)

    def step() -> Parameters:
        model.weights_ = start.weights.copy()
        model._mm.set_parameters(
            {"means": start.means.copy(), "covariances": start.covariances.copy()}
        )
        _, log_responsibilities = model._e_step(X)
        model._m_step(X, np.exp(log_responsibilities))
        found = model._mm.get_parameters()
        return Parameters(model.weights_, found["means"], found["covariances"])

    return timed(step)


def astroml(X: np.ndarray, errors: np.ndarray, start: Parameters) -> Iteration:
    from astroML.density_estimation import XDGMM

    model = XDGMM(len(start.weights))

    def step() -> Parameters:
        model.alpha, model.mu, model.V = start
        model._EMstep(X, errors)
        return Parameters(model.alpha, model.mu, model.V)

    return timed(step)


def pygmmis(X: np.ndarray, errors: np.ndarray, start: Parameters) -> Iteration:
    """Half of what three iterations take longer than one: `fit` starts processes, one a core.

    Its covariances are about the means before the step, so that they are not those of EM.
    """
    import pygmmis as library

    def fitted(n_iter: int) -> tuple[float, Parameters]:
        model = library.GMM(K=len(start.weights), D=X.shape[1])
        model.amp[:], model.mean[:], model.covar[:] = start
        began = time.perf_counter()
        library.fit(model, X, covar=errors, init_method="none", tol=0.0, maxiter=n_iter)
        return time.perf_counter() - began, Parameters(model.amp, model.mean, model.covar)

    def iteration() -> tuple[float, Parameters]:
        one, found = fitted(1)
        three, _ = fitted(3)
        return (three - one) / 2, found

    return iteration


def numpy(X: np.ndarray, errors: np.ndarray, start: Parameters) -> Iteration:
    """Bovy, Hogg & Roweis 2011, equations 16 to 18, in arrays of all rows, a component at a time."""

    def step() -> Parameters:
        weights, means, covariances = start
        log_joint, posterior = [], []
        for weight, mean, covariance in zip(weights, means, covariances, strict=True):
            factor = np.linalg.inv(np.linalg.cholesky(covariance + errors))
            away = np.einsum("nij,nj->ni", factor, X - mean)
            gain = factor @ covariance
            log_joint.append(
                np.log(weight)
                + np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
                - 0.5 * ((away**2).sum(axis=1) + X.shape[1] * np.log(2 * np.pi))
            )
            expected = np.einsum("nij,ni->nj", gain, away)  # less the mean
            posterior.append((expected, covariance - gain.swapaxes(1, 2) @ gain))
        joint = np.array(log_joint)
        r = np.exp(joint - np.logaddexp.reduce(joint))
        counts = r.sum(axis=1)
        new_means, new_covariances = [], []
        for own, count, mean, (expected, spread) in zip(r, counts, means, posterior, strict=True):
            moved = own @ expected / count
            new_means.append(mean + moved)
            away = expected - moved
            scatter = (own[:, np.newaxis] * away).T @ away + np.tensordot(own, spread, 1)
            new_covariances.append(scatter / count)
        return Parameters(counts / len(X), np.array(new_means), np.array(new_covariances))

    return timed(step)


def difference(ours: Parameters, theirs: Parameters) -> float:
    """The largest of any parameter, over the largest of its kind."""
    pairs = zip(ours, theirs, strict=True)
    return max(float(np.abs(own - other).max() / np.abs(own).max()) for own, other in pairs)
