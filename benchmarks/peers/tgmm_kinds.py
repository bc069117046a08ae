"""What an iteration of tgmm takes with its kinds of components: run by kinds.py, in tgmm's environment.

    python tgmm_kinds.py problem.npz

Prints the CPU seconds of the quickest iteration by kind as JSON. On one thread.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

import numpy as np
import torch
from tgmm import GaussianMixture, StudentTMixture

from tgmm_peer import BATCH_NUMBERS, NAMES

N_ITER = 4


def stamped(kind: type) -> type:
    """Such a mixture, which notes the time at the beginning of each E-step."""

    class Stamped(kind):  # type: ignore[misc]
        def _e_step(self, *args: Any, **kwargs: Any) -> Any:
            self.stamps.append(time.process_time())
            return super()._e_step(*args, **kwargs)

    return Stamped


def seconds(problem: Any, kind: type, labels: Any = None, **own: Any) -> float:
    X = torch.from_numpy(problem["X"])
    k, d = problem["means"].shape
    model = stamped(kind)(
        n_components=k,
        n_features=d,
        covariance_type=NAMES[str(problem["structure"])],
        max_iter=N_ITER,
        tol=1e-300,
        init_weights=torch.from_numpy(problem["weights"]),
        init_means=torch.from_numpy(problem["means"]),
        init_covariances=torch.from_numpy(problem["covariances"]),
        batch_size=max(1, BATCH_NUMBERS // (k * d)),
        device="cpu",
        **own,
    )
    model.stamps = []
    model.fit(X, **({} if labels is None else {"labels": torch.from_numpy(labels)}))
    return float(np.diff(model.stamps).min())


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    problem = np.load(sys.argv[1])
    k, d = problem["means"].shape
    scatter = torch.from_numpy(problem["covariances"])
    prior = {
        "mean_prior": torch.from_numpy(problem["X"].mean(axis=0)),
        "mean_precision_prior": 0.01,
        "covariance_prior": scatter if scatter.shape == (k,) else scatter[0],
        "degrees_of_freedom_prior": float(d + 2),
    }
    kinds: dict[str, dict[str, Any]] = {
        "plain": {"kind": GaussianMixture},
        "noise": {"kind": GaussianMixture, "noise": True},
        "labels": {"kind": GaussianMixture, "labels": problem["labels"]},
        "t": {"kind": StudentTMixture},
        "prior": {"kind": GaussianMixture, **prior},
    }
    found = {}
    for name, own in kinds.items():
        try:
            found[name] = seconds(problem, **own)
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
