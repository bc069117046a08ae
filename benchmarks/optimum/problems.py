"""The suite: rows, and how many components of which covariance to fit to them.

Each family takes a seed, so that a method can also be tried on problems that nobody tuned it to
(`score.py --shift 1000`). The drawn ones bring the mixture that they were drawn from, for one of the
starts of the search for the best optimum (reference.py); no method under test sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.decomposition import PCA

from mixtura import Mixture
from mixtura.datasets import load_faithful

DATA = Path(__file__).parents[2] / "tests" / "data"


@dataclass(frozen=True, eq=False)
class Problem:
    name: str
    X: np.ndarray
    n_components: int
    covariance_type: str = "full"
    truth: Mixture | None = None

    @property
    def family(self) -> str:
        return self.name.partition("-")[0]


def drawn(name: str, n_rows: int, means, covariances, weights=None, kind="full", seed=0) -> Problem:
    means = np.asarray(means, dtype=float)
    n_components = len(means)
    if weights is None:
        weights = np.full(n_components, 1.0 / n_components)
    truth = Mixture.from_parameters(weights, means, covariances, covariance_type="full")
    X, _ = truth.sample(n_rows, np.random.default_rng(seed))
    return Problem(name, X, n_components, kind, truth)


def random_covariances(rng, n_components: int, n_features: int, spread: float) -> np.ndarray:
    """Random orientations; standard deviations from 1 / spread to spread."""
    covariances = []
    for _ in range(n_components):
        rotation, _ = np.linalg.qr(rng.standard_normal((n_features, n_features)))
        scales = np.exp(rng.uniform(-np.log(spread), np.log(spread), n_features))
        covariances.append((rotation * scales**2) @ rotation.T)
    return np.array(covariances)


def cigars(name: str, n_rows: int, d: int, k: int, length: float, gap: float, seed: int) -> Problem:
    """Parallel clusters far longer than the distance between them, in a random direction."""
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.standard_normal((d, d)))
    scales = np.ones(d)
    scales[0] = length
    covariance = (rotation * scales**2) @ rotation.T
    means = np.outer(np.arange(k) * gap, rotation[:, 1])
    return drawn(name, n_rows, means, [covariance] * k, seed=seed)


def units(name: str, n_rows: int, d: int, k: int, kind: str, seed: int) -> Problem:
    """Groups that show in every feature, in units from 1e-3 to 1e3."""
    rng = np.random.default_rng(seed)
    scale = 10.0 ** np.linspace(-3, 3, d)[rng.permutation(d)]
    means = 3.5 * rng.standard_normal((k, d)) * scale
    covariances = random_covariances(rng, k, d, 1.5) * np.outer(scale, scale)
    return drawn(name, n_rows, means, covariances, kind=kind, seed=seed)


def rare(name: str, n_rows: int, d: int, k: int, distance: float, seed: int) -> Problem:
    """One component of weight 0.01 beside common ones."""
    rng = np.random.default_rng(seed)
    means = 4.0 * rng.standard_normal((k, d))
    direction = rng.standard_normal(d)
    means[0] = means[1] + distance * direction / np.linalg.norm(direction)
    covariances = random_covariances(rng, k, d, 1.4)
    covariances[0] *= 0.25
    weights = np.full(k, 0.99 / (k - 1))
    weights[0] = 0.01
    return drawn(name, n_rows, means, covariances, weights, seed=seed)


def many(name: str, n_rows: int, d: int, k: int, width: float, kind: str, seed: int) -> Problem:
    """Many components, scattered at random; neighbours overlap here and there."""
    rng = np.random.default_rng(seed)
    means = rng.uniform(-width, width, (k, d))
    covariances = random_covariances(rng, k, d, 1.5)
    weights = rng.dirichlet(np.full(k, 8.0))
    if kind == "spherical":
        covariances = rng.uniform(0.5, 1.5, k)[:, None, None] * np.eye(d)
    return drawn(name, n_rows, means, covariances, weights, kind, seed)


def grid(name: str, n_rows: int, side: int, gap: float, seed: int) -> Problem:
    """side x side round components on a square grid."""
    places = gap * np.arange(side)
    means = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
    return drawn(name, n_rows, means, [np.eye(2)] * side**2, seed=seed)


def overlapping(
    name: str, n_rows: int, d: int, k: int, distance: float, kind, seed: int
) -> Problem:
    """Neighbours `distance` standard deviations apart, of different shapes."""
    rng = np.random.default_rng(seed)
    means = rng.standard_normal((k, d))
    means *= distance / np.sqrt(2 * d)
    means *= np.sqrt(d)
    covariances = random_covariances(rng, k, d, 2.5)
    return drawn(name, n_rows, means, covariances, kind=kind, seed=seed)


def concentric(name: str, n_rows: int, d: int, ratios: tuple, kind: str, seed: int) -> Problem:
    """One centre, different sizes."""
    covariances = [ratio**2 * np.eye(d) for ratio in ratios]
    return drawn(name, n_rows, np.zeros((len(ratios), d)), covariances, kind=kind, seed=seed)


def cross(name: str, n_rows: int, d: int, length: float, seed: int) -> Problem:
    """Long clusters that cross at one centre."""
    scales = np.where(np.eye(d, dtype=bool), length, 1.0)
    covariances = [np.diag(scale**2) for scale in scales]
    return drawn(name, n_rows, np.zeros((d, d)), covariances, seed=seed)


def high(name: str, n_rows: int, d: int, k: int, distance: float, kind: str, seed: int) -> Problem:
    """Few rows for the number of features."""
    rng = np.random.default_rng(seed)
    means = rng.standard_normal((k, d))
    means *= distance / np.sqrt(2 * d)
    covariances = random_covariances(rng, k if kind == "full" else 1, d, 1.5)
    if kind == "diag":
        covariances = [np.diag(np.exp(rng.uniform(-1, 1, d))) for _ in range(k)]
    return drawn(name, n_rows, means, np.broadcast_to(covariances, (k, d, d)), kind=kind, seed=seed)


def sizes(name: str, n_rows: int, d: int, seed: int) -> Problem:
    """A wide cloud, two tight ones inside it, one beside it."""
    rng = np.random.default_rng(seed)
    means = np.zeros((4, d))
    means[1, 0], means[2, 1], means[3, 0] = 3.0, -3.0, 18.0
    covariances = random_covariances(rng, 4, d, 1.3)
    covariances *= np.array([36.0, 0.1, 0.1, 1.0])[:, None, None]
    return drawn(name, n_rows, means, covariances, [0.5, 0.2, 0.2, 0.1], seed=seed)


def real() -> Iterator[Problem]:
    iris = datasets.load_iris().data
    for k in (2, 3, 4):
        yield Problem(f"iris-full-{k}", iris, k)
    yield Problem("iris-tied-4", iris, 4, "tied")
    faithful = load_faithful().data
    for k in (2, 3):
        yield Problem(f"faithful-full-{k}", faithful, k)
    yield Problem("faithful-tied-3", faithful, 3, "tied")
    wine = datasets.load_wine().data
    yield Problem("wine-full-3", wine, 3)
    yield Problem("wine-tied-3", wine, 3, "tied")
    yield Problem("wine-diag-3", wine, 3, "diag")
    cancer = datasets.load_breast_cancer().data
    yield Problem("cancer-full-2", cancer, 2)
    yield Problem("cancer-diag-4", cancer, 4, "diag")
    diabetes = np.loadtxt(DATA / "diabetes.csv", delimiter=",", skiprows=1)
    yield Problem("diabetes-full-3", diabetes, 3)
    yield Problem("diabetes-diag-3", diabetes, 3, "diag")
    digits = PCA(16, svd_solver="full").fit_transform(datasets.load_digits().data)
    yield Problem("digits-full-10", digits, 10)
    yield Problem("digits-tied-10", digits, 10, "tied")


Maker = Callable[[int], Problem]

DRAWN: dict[str, Maker] = {}


def _add(maker: Callable[..., Problem], name: str, *arguments) -> None:
    DRAWN[name] = partial(_make, maker, name, arguments)


def _make(maker, name, arguments, seed) -> Problem:
    return maker(name, *arguments, seed=seed)


_add(cigars, "cigars-2d-2", 1_000, 2, 2, 20.0, 5.0)
_add(cigars, "cigars-2d-4", 2_000, 2, 4, 30.0, 5.0)
_add(cigars, "cigars-3d-3", 1_500, 3, 3, 15.0, 5.0)
_add(cigars, "cigars-5d-3", 3_000, 5, 3, 20.0, 5.0)
_add(cigars, "cigars-10d-4", 6_000, 10, 4, 25.0, 6.0)
_add(cigars, "cigars-20d-2", 4_000, 20, 2, 20.0, 6.0)
_add(units, "units-3d-4", 1_200, 3, 4, "full")
_add(units, "units-6d-5", 3_000, 6, 5, "full")
_add(units, "units-8d-6-diag", 4_000, 8, 6, "diag")
_add(units, "units-5d-4-tied", 2_000, 5, 4, "tied")
_add(rare, "rare-2d-3", 5_000, 2, 3, 6.0)
_add(rare, "rare-4d-5", 10_000, 4, 5, 7.0)
_add(rare, "rare-8d-6", 20_000, 8, 6, 8.0)
_add(many, "many-2d-25", 10_000, 2, 25, 18.0, "full")
_add(many, "many-3d-30", 15_000, 3, 30, 10.0, "full")
_add(many, "many-8d-50", 50_000, 8, 50, 6.0, "full")
_add(many, "many-4d-40-spherical", 20_000, 4, 40, 8.0, "spherical")
_add(grid, "grid-25", 5_000, 5, 5.0)
_add(grid, "grid-49", 15_000, 7, 6.0)
_add(overlapping, "overlap-2d-3", 2_000, 2, 3, 3.0, "full")
_add(overlapping, "overlap-4d-4", 4_000, 4, 4, 3.0, "full")
_add(overlapping, "overlap-6d-8", 10_000, 6, 8, 3.5, "full")
_add(overlapping, "overlap-5d-5-diag", 5_000, 5, 5, 3.0, "diag")
_add(concentric, "concentric-2d-2", 2_000, 2, (1.0, 6.0), "full")
_add(concentric, "concentric-2d-3", 5_000, 2, (0.3, 2.0, 12.0), "full")
_add(concentric, "concentric-5d-3", 4_000, 5, (0.5, 2.0, 8.0), "spherical")
_add(cross, "cross-2d", 1_500, 2, 12.0)
_add(cross, "cross-3d", 3_000, 3, 12.0)
_add(high, "high-20d-2", 240, 20, 2, 8.0, "full")
_add(high, "high-50d-3-tied", 400, 50, 3, 9.0, "tied")
_add(high, "high-100d-4-diag", 300, 100, 4, 9.0, "diag")
_add(high, "high-30d-4", 1_500, 30, 4, 8.0, "full")
_add(sizes, "sizes-2d", 3_000, 2)
_add(sizes, "sizes-6d", 6_000, 6)


def drawn_problems(shift: int = 0) -> Iterator[Problem]:
    """The drawn problems; another `shift`, other problems of the same families."""
    for index, maker in enumerate(DRAWN.values()):
        yield maker(seed=shift + index)


def problems(shift: int = 0) -> Iterator[Problem]:
    yield from drawn_problems(shift)
    if shift == 0:
        yield from real()
