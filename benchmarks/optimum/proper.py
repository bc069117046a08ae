"""Whether a mixture is a proper optimum of the likelihood: the judges of the second suite (real.py).

Written for the benchmark in NumPy, and independent of what the library thinks of its fits. `improper` is the
judge; `below_rounding` is a lax one, for which the raw likelihood counts as long as no component is thinner
than the data were written down. (judge.py, which the first suite keeps, is the third.) Both return the
reason, or ''.

A component is improper where

- it is *thinner than the recording*: the values of a column that lie on a grid b + hZ (`grid_step`) have a
  variance of h²/12 from rounding alone, and the component's is far below that in a direction made of such
  columns, and far below that of all rows there;
- it is a *point mass*: most of its rows share one value of a column, and its variance there is negligible
  beside the column's; or they share a linear relation that other rows do not have;
- it stands on *fewer distinct rows than its covariance needs*, or on so few (less than twice n_features + 1
  where it has a shape of its own, else than 4) that it is far thinner somewhere than components are on
  average: the spikes of few rows that any sample has (McLachlan & Peel 2000, section 3.10);
- it is *the same as another*.

Where volume and shape are shared (E, EII, EEI, EEE, EEV), a component on one row cannot make the likelihood
diverge, and the shared covariance is judged in its stead: on all rows, or (EEV) on components that have the
rows to show an orientation. EVI, EVE and EVV share the volume alone: a component of rank-deficient scatter
has no maximising shape there, so that they are judged as those that share nothing. A direction in which all
rows have no variance belongs to the data and is judged nowhere. Convergence is not judged here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mixtura import Mixture


@dataclass(frozen=True)
class Thresholds:
    """The numbers that the judge rests on; what others would change: real_reference.py --sensitivity."""

    far_below: float = 1e-2  # variance beside that of the rounding
    most: float = 0.8  # share of a component's rows that makes a point mass
    negligible: float = 1e-4  # variance beside the column's, its outermost rows drawn in
    singular: float = 1e-6  # variance beside that of all rows in a direction across columns
    thin: float = 1e-3  # variance beside the components' average, for components of few rows
    same: float = 1e-4  # 1 - Bhattacharyya coefficient of two components


DEFAULT = Thresholds()

# Share of the rows on b + hZ that makes a column one that was recorded in steps of h.
ON_GRID = 0.95

# Variance that is none, beside the largest in units of each column's spread.
NO_VARIANCE = 1e-12

# Distance from a linear relation, in standard deviations of all rows, that the rounding of floats explains.
EXACT = 1e-7

LETTERS = {"full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII", "E": "EII", "V": "VII"}
SPHERICAL = {"EII", "VII"}
ALONG_COLUMNS = {"EEI", "VEI", "EVI", "VVI", *SPHERICAL}
ONE_COVARIANCE = {"EII", "EEI", "EEE"}
OWN_SHAPE_AND_ORIENTATION = {"VVV", "EVV"}


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows, and what the judges have to know of them; made once for many mixtures."""

    X: np.ndarray

    @cached_property
    def distinct(self) -> np.ndarray:
        """One row's number for each distinct row."""
        return np.unique(self.X, axis=0, return_index=True)[1]

    @cached_property
    def values(self) -> list[np.ndarray]:
        """Each column as numbers of its distinct values."""
        return [np.unique(column, return_inverse=True)[1] for column in self.X.T]

    @cached_property
    def steps(self) -> np.ndarray:
        return np.array([grid_step(column) for column in self.X.T])

    @cached_property
    def variances(self) -> np.ndarray:
        return self.X.var(axis=0)

    @cached_property
    def inner_variances(self) -> np.ndarray:
        """Of each column with its outermost rows drawn in: one sentinel is not all there is."""
        low, high = np.quantile(self.X, [0.025, 0.975], axis=0)
        inner = np.clip(self.X, low, high).var(axis=0)
        return np.where(inner > 0, inner, self.variances)

    @cached_property
    def covariance(self) -> np.ndarray:
        return np.cov(self.X.T, bias=True).reshape(2 * self.X.shape[1:])

    @cached_property
    def whitening(self) -> np.ndarray:
        """Directions in which all rows have variance 1; those without variance are left out."""
        return whitening(self.covariance)


@dataclass(frozen=True, eq=False)
class Part:
    """What is judged: a covariance, and the rows that it was estimated from."""

    name: str
    kind: str
    covariance: np.ndarray
    shares: np.ndarray  # (rows, components): of each row in the components with this covariance
    residuals: np.ndarray  # rows less the mean of their component

    @property
    def row_shares(self) -> np.ndarray:
        return self.shares.sum(axis=1)


def improper(mixture: Mixture, rows: Rows, thresholds: Thresholds = DEFAULT) -> str:
    shares = mixture.responsibilities(rows.X, n_jobs=1)
    for part in parts(mixture, rows, shares):
        why = thinner_than_recording(part, rows, thresholds)
        why = why or point_mass(part, rows, thresholds) or linear_relation(part, rows, thresholds)
        if why:
            return why
    return few_rows(mixture, rows, shares, thresholds) or coincident(mixture, rows, thresholds)


def below_rounding(mixture: Mixture, rows: Rows, thresholds: Thresholds = DEFAULT) -> str:
    """Why a component is thinner than its rows were written down, in steps or in doubles; or ''."""
    shares = mixture.responsibilities(rows.X, n_jobs=1)
    for part in parts(mixture, rows, shares):
        why = thinner_than_recording(part, rows, thresholds)
        if not why and least_share(part, rows)[0] < NO_VARIANCE:
            why = f"{part.name} has no variance in one direction"
        if why:
            return why
    return ""


def kind_of(mixture: Mixture) -> str:
    """The structure by its three letters."""
    return LETTERS.get(mixture.covariance_type, mixture.covariance_type)


def parts(mixture: Mixture, rows: Rows, shares: np.ndarray) -> Iterator[Part]:
    kind = kind_of(mixture)
    covariances = mixture.covariance_matrices()
    if kind in ONE_COVARIANCE:
        residuals = rows.X - mixture.means[shares.argmax(axis=1)]
        yield Part("the shared covariance", kind, covariances[0], shares, residuals)
        return
    for k in judged_alone(kind, rows, shares):
        residuals = rows.X - mixture.means[k]
        yield Part(f"component {k}", kind, covariances[k], shares[:, [k]], residuals)


def judged_alone(kind: str, rows: Rows, shares: np.ndarray) -> np.ndarray:
    """Components with a covariance of their own. EEV's on few rows have any orientation: not theirs."""
    if kind != "EEV":
        return np.arange(shares.shape[1])
    counts = shares[rows.distinct].sum(axis=0)
    return np.flatnonzero(counts >= min(rows.X.shape[1] + 1, counts.max()))


def few_rows(mixture: Mixture, rows: Rows, shares: np.ndarray, thresholds: Thresholds) -> str:
    kind = kind_of(mixture)
    if kind in ONE_COVARIANCE or kind == "EEV":
        return ""
    needed = mixture.n_features + 1 if kind in OWN_SHAPE_AND_ORIENTATION else 2
    counts = shares[rows.distinct].sum(axis=0)
    if counts.min() < needed - 0.5:  # half a row: responsibilities are seldom whole
        return f"component {counts.argmin()} holds {counts.min():.1f} distinct rows of {needed}"
    covariances = mixture.covariance_matrices()
    average = whitening(np.tensordot(mixture.weights, covariances, axes=1))
    enough = 2 * (mixture.n_features + 1) if kind[1] == "V" else 4
    for k in np.flatnonzero(counts < enough):
        if least_eigenvalue(average.T @ covariances[k] @ average) < thresholds.thin:
            return f"component {k} is a spike of {counts[k]:.1f} distinct rows"
    return ""


def coincident(mixture: Mixture, rows: Rows, thresholds: Thresholds) -> str:
    """Two components that are one; by the Bhattacharyya coefficient."""
    scale = rows.X.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    means = mixture.means / scale
    covariances = mixture.covariance_matrices() / np.outer(scale, scale)
    halves = 0.5 * np.linalg.slogdet(covariances)[1]
    for k in range(len(means)):
        for other in range(k):
            middle = (covariances[k] + covariances[other]) / 2
            apart = means[k] - means[other]
            distance = apart @ np.linalg.solve(middle, apart) / 8
            distance += (np.linalg.slogdet(middle)[1] - halves[k] - halves[other]) / 2
            if -np.expm1(-distance) < thresholds.same:
                return f"component {k} is the same as component {other}"
    return ""


def thinner_than_recording(part: Part, rows: Rows, thresholds: Thresholds) -> str:
    gridded = np.flatnonzero(rows.steps)
    if not len(gridded) or (part.kind in SPHERICAL and len(gridded) < len(rows.steps)):
        return ""  # a spherical component can only collapse in all columns at once
    # In units in which rounding has variance 1 in every column.
    unit = np.outer(rows.steps[gridded], rows.steps[gridded]) / 12
    own = part.covariance[np.ix_(gridded, gridded)] / unit
    total = rows.covariance[np.ix_(gridded, gridded)] / unit
    if part.kind in ALONG_COLUMNS:
        directions = np.eye(len(gridded))
    else:
        basis = varying(total)
        directions = basis @ np.linalg.eigh(basis.T @ own @ basis)[1]
    beside_rounding = np.einsum("ij,ik,kj->j", directions, own, directions)
    beside_rows = beside_rounding / np.einsum("ij,ik,kj->j", directions, total, directions)
    fits_grid = np.maximum(beside_rounding, beside_rows) < thresholds.far_below
    if not (fits_grid.all() if part.kind in SPHERICAL else fits_grid.any()):
        return ""
    column = gridded[np.abs(directions[:, fits_grid.argmax()]).argmax()]
    step = rows.steps[column]
    return f"{part.name} is thinner than the recording of column {column}, in steps of {step:.4g}"


def point_mass(part: Part, rows: Rows, thresholds: Thresholds) -> str:
    negligible = np.diag(part.covariance) <= thresholds.negligible * rows.inner_variances
    if part.kind in SPHERICAL and not negligible.all():
        return ""
    masses = [
        bool(negligible[j]) and commonest(values, part.shares) >= thresholds.most
        for j, values in enumerate(rows.values)
    ]
    if not (all(masses) if part.kind in SPHERICAL else any(masses)):
        return ""
    column = masses.index(True)
    value = rows.X[np.abs(part.residuals[:, column] / part.row_shares.clip(1e-9)).argmin(), column]
    return f"{part.name} is a point mass in column {column}, near {value:.6g}"


def commonest(values: np.ndarray, shares: np.ndarray) -> float:
    """Share of the components' rows that have the commonest value of their component."""
    most = sum(np.bincount(values, share).max() for share in shares.T)
    return float(most / shares.sum())


def linear_relation(part: Part, rows: Rows, thresholds: Thresholds) -> str:
    """A relation between columns that the rows obey exactly, and others do not."""
    if part.kind in ALONG_COLUMNS:
        return ""
    least, direction = least_share(part, rows)
    if least > thresholds.singular:
        return ""
    exact = np.abs(part.residuals @ direction) < EXACT
    inside = part.row_shares
    outside = 1 - inside
    obeyed = exact @ inside / inside.sum()
    elsewhere = exact @ outside / outside.sum() if outside.sum() > 0.5 else 0.0
    if obeyed < thresholds.most or elsewhere >= thresholds.most:
        return ""
    return f"{part.name} obeys a linear relation that other rows do not"


def least_share(part: Part, rows: Rows) -> tuple[float, np.ndarray]:
    """Least variance beside that of all rows, over the directions that the part can turn to; and where."""
    if part.kind in ALONG_COLUMNS:
        varies = rows.variances > 0
        ratios = np.where(varies, np.diag(part.covariance) / np.where(varies, rows.variances, 1), 1)
        j = int(ratios.argmax() if part.kind in SPHERICAL else ratios.argmin())
        return float(ratios[j]), np.eye(len(ratios))[j]
    values, vectors = np.linalg.eigh(rows.whitening.T @ part.covariance @ rows.whitening)
    return float(values[0]), rows.whitening @ vectors[:, 0]


def varying(covariance: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the directions with variance."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors[:, values > NO_VARIANCE * values[-1]]


def whitening(covariance: np.ndarray) -> np.ndarray:
    """Directions in which the covariance is that of white noise, as columns."""
    scale = np.sqrt(np.diag(covariance))
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    kept = values > NO_VARIANCE * values[-1]
    return vectors[:, kept] / np.sqrt(values[kept]) / scale[:, None]


def least_eigenvalue(matrix: np.ndarray) -> float:
    return float(np.linalg.eigvalsh(matrix)[0])


# How a column was recorded.


def grid_step(column: np.ndarray) -> float:
    """The largest h for which nearly all values that differ from the commonest, b, lie on b + hZ; 0: none.

    Differences of two rows from b have a common divisor that is h or a multiple of it; of many pairs, the
    largest divisor that fits nearly all rows is the step. What is a divisor depends on how exactly the steps
    themselves were written down: to the last bits of a double, or as 0.8333333 for 50/60.
    """
    distinct, counts = np.unique(column, return_counts=True)
    offsets = np.abs(column - distinct[counts.argmax()])
    offsets = offsets[offsets > 0]
    if not len(offsets):
        return 0.0
    scale = np.quantile(np.abs(column), 0.95) + offsets.min()
    # Few values have a coarse divisor by chance.
    exactness = (1e-12, 1e-9, 1e-7, 1e-5) if len(distinct) >= 8 else (1e-12,)
    return max(step_within(offsets, share * scale) for share in exactness)


def step_within(offsets: np.ndarray, tolerance: float) -> float:
    pairs = np.random.default_rng(0).choice(offsets, (2, 100))
    candidates = common_divisors(*pairs, tolerance)
    candidates = np.unique(candidates[candidates > 100 * tolerance])[::-1]
    return next((refined(h, offsets) for h in candidates if fits(h, offsets, tolerance)), 0.0)


def common_divisors(a: np.ndarray, b: np.ndarray, tolerance: float) -> np.ndarray:
    """Of pairs, by Euclid's algorithm with the least absolute remainder."""
    a, b = np.maximum(a, b), np.minimum(a, b)
    while (b > tolerance).any():
        going = b > tolerance
        divisor = np.where(going, b, 1.0)
        remainder = np.abs(a - np.round(a / divisor) * divisor)
        a, b = np.where(going, b, a), np.where(going, remainder, b)
    return a


def fits(h: float, offsets: np.ndarray, tolerance: float) -> bool:
    h = refined(h, offsets)
    away = np.abs(offsets - np.round(offsets / h) * h)
    return bool(np.mean(away <= tolerance * np.maximum(1, offsets / offsets.mean())) >= ON_GRID)


def refined(h: float, offsets: np.ndarray) -> float:
    """The step by many rows: one divisor has the rounding of two of them, multiplied by their quotient."""
    near = offsets[(offsets > 0.5 * h) & (offsets < 1000 * h)]
    return float(np.median(near / np.round(near / h))) if len(near) else h
