"""Error, and how honest the intervals are, beside gmr, cgmm, a Gaussian process and linear regression.

    pip install gmr cgmm
    pip install --group suites
    python benchmarks/uses/regression.py

Ten folds, the same for all. RMSE in standard deviations of the target; share of new rows within the interval
that should hold 90 %; its mean width in standard deviations; minus the mean log density of new targets.
Mixtures have the number of components that BIC takes here from one to eight, full covariances.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from mixtura import GaussianMixtureRegressor, GaussianMixtureSearch
from tables import with_target

LEVELS = [0.05, 0.95]


def gaussian(mean, std, y):
    low, high = (mean + std * norm.ppf(level) for level in LEVELS)
    return mean, low, high, norm(mean, std).logpdf(y)


def ours(X, y, at, y_at, n_components):
    regressor = GaussianMixtureRegressor(n_components, random_state=0).fit(X, y)
    low, high = regressor.quantiles(at, LEVELS).T
    return regressor.predict(at), low, high, regressor.predict_density(at, y_at, log=True)


def gmr(X, y, at, y_at, n_components):
    from gmr import GMM

    table = np.column_stack([X, y])
    model = GMM(n_components, random_state=0).from_samples(table)
    given = np.arange(X.shape[1])
    mean = model.predict(given, at)[:, 0]
    low, high, density = (np.empty(len(at)) for _ in range(3))
    for i, row in enumerate(at):
        conditional = model.condition(given, row)
        low[i], high[i] = np.quantile(conditional.sample(1000), LEVELS)
        density[i] = conditional.to_probability_density([[y_at[i]]])[0]
    return mean, low, high, np.log(np.maximum(density, 1e-300))


def cgmm(X, y, at, y_at, n_components):
    from cgmm import ConditionalGMMRegressor

    model = ConditionalGMMRegressor(n_components=n_components, random_state=0).fit(X, y[:, None])
    mean, cov = model.predict(at, return_cov=True)
    return gaussian(np.ravel(mean), np.sqrt(np.ravel(cov)), y_at)


def process(X, y, at, y_at, _):
    kernel = ConstantKernel() * RBF(np.ones(X.shape[1]), (1e-2, 1e3)) + WhiteKernel()
    model = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0).fit(X, y)
    return gaussian(*model.predict(at, return_std=True), y_at)


def linear(X, y, at, y_at, _):
    model = LinearRegression().fit(X, y)
    spread = np.sqrt(((y - model.predict(X)) ** 2).sum() / (len(y) - X.shape[1] - 1))
    return gaussian(model.predict(at), np.full(len(at), spread), y_at)


METHODS = {"mixtura": ours, "gmr": gmr, "cgmm": cgmm, "Gaussian process": process, "linear": linear}


def scores(method, X, y):
    found = []
    for train, test in KFold(10, shuffle=True, random_state=0).split(X):
        scale = StandardScaler().fit(X[train])
        a, b = scale.transform(X[train]), scale.transform(X[test])
        search = GaussianMixtureSearch(range(1, 9), ["VVV"], random_state=0)
        n_components = search.fit(np.column_stack([a, y[train]])).best_params_["n_components"]
        mean, low, high, density = method(a, y[train], b, y[test], n_components)
        inside = (y[test] >= low) & (y[test] <= high)
        found.append(np.column_stack([(mean - y[test]) ** 2, inside, high - low, -density]))
    square, share, width, loss = np.concatenate(found).mean(axis=0)
    return np.sqrt(square) / y.std(), share, width / y.std(), loss


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", help="names of tables")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| table |", *(f"{name} |" for name in METHODS))
    print("|---|", *("---|" for _ in METHODS))
    for name, X, y in with_target():
        if arguments.only and name not in arguments.only:
            continue
        cells = []
        for method in METHODS.values():
            try:
                cells.append("{:.3f}, {:.0%}, {:.2f}, {:.2f}".format(*scores(method, X, y)))
            except Exception as error:  # a peer's, of any kind
                cells.append(f"fails: {type(error).__name__}")
        print(f"| {name} ({len(X)} x {X.shape[1]}) | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
