"""tgmm's GaussianMixture, on the CPU."""

from __future__ import annotations

import importlib.metadata
import time
from typing import Any

import torch
from tgmm import GaussianMixture

from _worker import Loaded, Measure, Parameters, by_stamps, require_iterations, serve

NAMES = {"full": "full", "tied": "tied_full", "diag": "diag", "spherical": "spherical"}

# Numbers in a batch of deviations (rows x components x features). Without batches tgmm needs several arrays
# of that size for all rows, 20 GB on the largest problem; of those tried this size was the fastest.
BATCH_NUMBERS = 1 << 19


class StampedMixture(GaussianMixture):
    """Notes the time at the beginning of each E-step; n iterations make n + 1 of them."""

    def _e_step(self, *args: Any, **kwargs: Any) -> Any:
        self.stamps.append(time.perf_counter())
        return super()._e_step(*args, **kwargs)


def prepare(loaded: Loaded) -> Measure:
    rows = torch.from_numpy(loaded.X)

    def fit(n_iter: int, stamps: list[float]) -> Parameters:
        mixture = model(loaded, n_iter)
        mixture.stamps = []
        mixture.fit(rows)
        require_iterations(len(mixture.stamps) - 1, n_iter)
        stamps.extend(mixture.stamps)
        return mixture.weights_, mixture.means_, mixture.covariances_

    return by_stamps(fit)


def model(loaded: Loaded, n_iter: int) -> StampedMixture:
    n_components, n_features = loaded.means.shape
    return StampedMixture(
        n_components=n_components,
        covariance_type=NAMES[loaded.structure],
        max_iter=n_iter,
        tol=1e-300,
        reg_covar=loaded.reg_covar,
        init_weights=torch.from_numpy(loaded.weights),
        init_means=torch.from_numpy(loaded.means),
        init_covariances=torch.from_numpy(loaded.covariances),
        batch_size=max(1, BATCH_NUMBERS // (n_components * n_features)),
        device="cpu",
    )


if __name__ == "__main__":
    version = importlib.metadata.version("tgmm")
    serve({"tgmm": version, "torch": torch.__version__}, prepare)
