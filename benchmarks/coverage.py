"""How often intervals of 95 % hold the truth: rows are drawn from a mixture, fitted, and asked.

python benchmarks/coverage.py          # 1,000 samples of each case, some minutes
python benchmarks/coverage.py 100      # fewer

Of a share of 95 % in 1,000 samples the standard error is 0.7 %.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from scipy.stats import norm

from mixtura import GaussianMixture, Mixture
from mixtura.inference import Delta, FreeParameters, StandardErrors, information_of
from mixtura.rows import ArrayBlocks, Rows

LAW = Mixture.from_parameters(
    [0.35, 0.65],
    [[2.0, 54.0], [4.3, 80.0]],
    [[[0.07, 0.4], [0.4, 34.0]], [[0.17, 0.9], [0.9, 36.0]]],
)
TAILED = Mixture.from_parameters(*LAW.as_tuple()[:3], df=[6.0, 6.0])

# Gaussian components of what is Gaussian, and of what is not; t components of what is t, by errors that know
# of estimated degrees of freedom, and by those that take them to be known.
GAUSSIAN = {}
T = {"distribution": "t", "tol": 1e-9}
CASES = (
    ("Gaussian", LAW, 272, GAUSSIAN),
    ("Gaussian", LAW, 2000, GAUSSIAN),
    ("t, df 6", TAILED, 2000, GAUSSIAN),
    ("t, df 6, fitted by t", TAILED, 2000, T),
)
KINDS = ("information", "sandwich")
REACH = 1.959964  # standard errors

# The variance of n rows varies by the variance (kurtosis - 1) / n of its square: of Gaussians 3, of t with 6
# degrees of freedom 6.
KURTOSIS = 6.0


def parts_of(values) -> np.ndarray:
    """A weight, means and variances, of a mixture or of standard errors."""
    variances = values.covariances[:, [0, 1], [0, 1]].ravel()
    return np.concatenate([values.weights[:1], values.means.ravel(), variances])


def truth_of(law: Mixture, how: dict) -> np.ndarray:
    """Of the mixture that a fit comes to with ever more rows."""
    if law.df is not None and not how:
        law = fitted(law.sample(2_000_000, random_state=1)[0], how).mixture_
    return parts_of(law)


def fitted(rows: np.ndarray, how: dict) -> GaussianMixture:
    return GaussianMixture(2, sort_components="mean", random_state=0, n_jobs=1, **how).fit(rows)


def errors_of(model: GaussianMixture, rows: np.ndarray) -> list[StandardErrors]:
    """Of each kind; of t components last those that take the degrees of freedom to be known."""
    found = [model.standard_errors(rows, kind=kind) for kind in KINDS]
    if model.distribution == "t":
        parameters = FreeParameters(model.mixture_)
        information = information_of(parameters, ArrayBlocks(Rows(rows)))
        spread = Delta.of(parameters, information, "information")
        found.append(StandardErrors.of("df known", model.mixture_, spread))
    return found


def holds(rows: np.ndarray, truth: np.ndarray, how: dict) -> tuple[list[str], np.ndarray]:
    """Of each kind, which intervals of a fit to these rows hold the truth."""
    model = fitted(rows, how)
    away = np.abs(parts_of(model.mixture_) - truth)
    errors = errors_of(model, rows)
    return [one.kind for one in errors], np.array([away <= REACH * parts_of(one) for one in errors])


def main(n_samples: int) -> None:
    print(
        f"{n_samples:,} samples of each law; shares of intervals of 95 % that hold the truth, in %"
    )
    print("law                   rows  kind         weight  means          variances")
    too_sure = REACH / np.sqrt((KURTOSIS - 1) / 2)
    print(
        f"Gaussian information of the variance of one t, df 6: {100 * (2 * norm.cdf(too_sure) - 1):.1f}"
    )
    for name, law, n_rows, how in CASES:
        began, truth = time.process_time(), truth_of(law, how)
        samples = (law.sample(n_rows, random_state=seed)[0] for seed in range(n_samples))
        found = [holds(rows, truth, how) for rows in samples]
        held = 100 * np.mean([each for _, each in found], axis=0)
        for kind, shares in zip(found[0][0], held, strict=True):
            weight, means, variances = np.split(shares, [1, 5])
            print(
                f"{name:20} {n_rows:5,}  {kind:12} {weight[0]:6.1f}  "
                f"{means.min():.1f} to {means.max():.1f}   "
                f"{variances.min():.1f} to {variances.max():.1f}",
                flush=True,
            )
        print(f"{time.process_time() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
