"""Which components deserve doubt: too few rows, no volume of their own, not apart from another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mixtura import _core
from mixtura._interruptible import interruptible, log_determinants
from mixtura._rows import FloatArray
from mixtura.blocks import Blocks
from mixtura.covariance import CovarianceStructure
from mixtura.mixture import Mixture

#: Share of reg_covar in a component's smallest variance from which it is held up by it.
HELD_UP: float = _core.HELD_UP

# Components nearer than this in Bhattacharyya coefficient to 1 are one.
_SAME = 1e-6

# Their means then differ by at most this many standard deviations in every feature: the distance is at least
# an eighth of the square, and the standard deviations are nearly equal.
_NEAR = 1.1 * np.sqrt(8 * _SAME)


# Features from which a bound on a distance is quicker than the distance.
_WIDE = 32

# Of a bound on a distance, so that rounding does not take it beyond the distance.
_SLACK = 1e-6


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """How far each component of a fit can be trusted.

    Attributes
    ----------
    effective_rows : ndarray of shape (n_components,)
        Sum of the responsibilities; with weights, in rows of mean weight (Kish 1965), whole weights as
        repetitions.
    condition_number : ndarray of shape (n_components,)
        Of the correlation matrix of the component: largest over smallest eigenvalue; units do not matter.
    floor_share : ndarray of shape (n_components,)
        Largest share of reg_covar in the component's variance in any direction; 1: there is nothing else.
    nearest : ndarray of shape (n_components,), int
        The component that overlaps it most; -1 where there is no other.
    overlap : ndarray of shape (n_components,)
        Bhattacharyya coefficient with it: 0 apart, 1 the same.
    verdict : tuple of str
        'sound', 'no weight', 'few rows', 'spike', 'held up by reg_covar' or 'same as component k'.
        Few rows are fewer than n_features + 1 where each component has an orientation of its own (full,
        EEV, VEV, EVV), else fewer than 2. 'not judged': the parameters were set by hand, so that there are
        no rows (`effective_rows` is NaN) and no `reg_covar` to judge them by.

    References
    ----------
    Bhattacharyya 1943, On a measure of divergence between two statistical populations.
    """

    effective_rows: FloatArray
    condition_number: FloatArray
    floor_share: FloatArray
    nearest: NDArray[np.intp]
    overlap: FloatArray
    verdict: tuple[str, ...]

    def __str__(self) -> str:
        lines = ["component  rows  condition  floor share  nearest  overlap  verdict"]
        for k, verdict in enumerate(self.verdict):
            lines.append(
                f"{k:9d}  {self.effective_rows[k]:4.4g}  {self.condition_number[k]:9.3g}  "
                f"{self.floor_share[k]:11.2g}  {self.nearest[k]:7d}  {self.overlap[k]:7.3f}  {verdict}"
            )
        return "\n".join(lines)


def diagnose(mixture: Mixture, effective_rows: FloatArray, reg_covar: FloatArray) -> Diagnosis:
    """Judge every component."""
    nearest, overlap = _nearest(mixture)
    share = floor_share(mixture, reg_covar)
    verdict = tuple(
        _verdict(mixture, k, effective_rows, float(share[k]), float(overlap[k]), int(nearest[k]))
        for k in range(mixture.n_components)
    )
    return Diagnosis(effective_rows, _conditions(mixture), share, nearest, overlap, verdict)


def _verdict(
    mixture: Mixture,
    k: int,
    effective_rows: FloatArray,
    share: float,
    overlap: float,
    nearest: int,
) -> str:
    needed = rows_needed(mixture)
    is_same = overlap > 1 - _SAME
    if np.isnan(effective_rows[k]):
        return f"same as component {nearest}" if is_same else "not judged"
    if not effective_rows[k] > 1e-6:
        return "no weight"
    if share > HELD_UP:
        return "held up by reg_covar"
    if effective_rows[k] < needed:
        return "few rows"
    if spike(mixture, effective_rows, k) is not None:
        return "spike"
    if is_same:
        return f"same as component {nearest}"
    return "sound"


def _conditions(mixture: Mixture) -> FloatArray:
    if not mixture.structure.has_matrices:
        return np.ones(mixture.n_components)
    spreads = mixture.spreads
    correlations = (
        mixture.covariance_matrices() / spreads[:, :, np.newaxis] / spreads[:, np.newaxis]
    )
    if mixture.structure.shared:
        correlations = correlations[:1]
    values = interruptible(np.linalg.eigvalsh, correlations)
    conditions = values[:, -1] / np.maximum(values[:, 0], np.finfo(float).tiny)
    return np.broadcast_to(conditions, mixture.n_components).copy()


class _Normals:
    """The components of a mixture, each with the log-determinant of its covariance."""

    def __init__(self, mixture: Mixture) -> None:
        self.means = mixture.means
        self.covariances = mixture.covariance_matrices()
        self.logs = interruptible(log_determinants, self.covariances)

    def distances(self, i: int, others: _Normals, which: slice | NDArray[np.intp]) -> FloatArray:
        """Bhattacharyya distances of component i to some of the others.

        (m_i - m_j)^T inv(S) (m_i - m_j) / 8 + log(|S| / sqrt(|S_i| |S_j|)) / 2 with S = (S_i + S_j) / 2.
        """
        pooled = (self.covariances[i] + others.covariances[which]) / 2
        between = (others.means[which] - self.means[i])[:, :, np.newaxis]
        solved = interruptible(np.linalg.solve, pooled, between)
        squares = np.einsum("kij,kij->k", between, solved)
        spread = interruptible(log_determinants, pooled) - (self.logs[i] + others.logs[which]) / 2
        distances: FloatArray = np.maximum(squares / 8 + spread / 2, 0.0)
        return distances


def bhattacharyya(ours: Mixture, theirs: Mixture) -> FloatArray:
    """Bhattacharyya distance of every component of one mixture to every one of another."""
    first, second = _Normals(ours), _Normals(theirs)
    return np.array([first.distances(i, second, slice(None)) for i in range(ours.n_components)])


def _nearest(mixture: Mixture) -> tuple[NDArray[np.intp], FloatArray]:
    """The component that overlaps each most, and their Bhattacharyya coefficient.

    Exact distances, which cost a factorisation each, are computed of those alone that may be the nearest.
    """
    if mixture.n_components == 1:
        return np.array([-1]), np.zeros(1)
    normals = _Normals(mixture)
    # Of pairs not measured the bound, which is beyond the nearest.
    distances = _least_distances(normals)
    np.fill_diagonal(distances, np.inf)
    measured = np.zeros(distances.shape, dtype=bool)

    def measure(i: int, which: NDArray[np.intp]) -> None:
        which = which[~measured[i, which]]
        distances[i, which] = distances[which, i] = normals.distances(i, normals, which)
        measured[i, which] = measured[which, i] = True

    for i, row in enumerate(distances):
        measure(i, row.argmin(keepdims=True))
        measure(i, np.flatnonzero(row <= row[measured[i]].min()))
    overlaps = np.exp(-distances)
    np.fill_diagonal(overlaps, -1.0)
    nearest = overlaps.argmax(axis=1)
    return nearest, overlaps[np.arange(len(overlaps)), nearest]


def _axes(normals: _Normals) -> FloatArray:
    """The means in a metric in which the average component is round.

    Along the difference of two of them the components lie as far apart as in all dimensions, where
    covariances are equal (Fisher's discriminant).
    """
    centred = normals.means - normals.means.mean(axis=0)
    axes: FloatArray = interruptible(np.linalg.solve, normals.covariances.mean(axis=0), centred.T).T
    return axes


def _least_distances(normals: _Normals) -> FloatArray:
    """Lower bounds of all distances; 0 where a distance is as quick."""
    if normals.means.shape[1] < _WIDE:
        return np.zeros(2 * normals.logs.shape)
    axes = _axes(normals)
    return np.array([_distances_in_projections(normals, axes, i) for i in range(len(axes))])


def _distances_in_projections(normals: _Normals, axes: FloatArray, i: int) -> FloatArray:
    """Bounds for component i: no projection lies farther apart than the whole.

    Of projections on each feature, and on the axis between the two.
    """
    means, covariances = normals.means, normals.covariances
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    gaps = means - means[i]
    on_features = _distances_on_a_line(gaps, variances[i], variances).max(axis=1)
    axis = axes - axes[i]
    ours = np.einsum("kd,kd->k", axis @ covariances[i], axis)
    theirs = np.einsum("kd,kd->k", np.matmul(axis[:, np.newaxis], covariances)[:, 0], axis)
    on_axis = _distances_on_a_line(np.einsum("kd,kd->k", axis, gaps), ours, theirs)
    # Where rounding leaves no number, nothing is known.
    bounds: FloatArray = np.nan_to_num(np.fmax(on_features, on_axis), nan=0.0)
    return bounds * (1 - _SLACK) - _SLACK


def _distances_on_a_line(gaps: FloatArray, ours: FloatArray, theirs: FloatArray) -> FloatArray:
    """Bhattacharyya distances of normals of one dimension, from their means' differences and variances."""
    with np.errstate(all="ignore"):
        pooled = (ours + theirs) / 2
        spread = np.log(pooled) - (np.log(ours) + np.log(theirs)) / 2
        distances: FloatArray = (gaps / np.sqrt(pooled)) ** 2 / 8 + spread / 2
        return distances


def same_components(mixture: Mixture) -> tuple[int, int] | None:
    """Two components that are the same in the verdicts' sense, or None.

    Of components whose means differ no covariance is looked at.
    """
    means, reach = mixture.means, _NEAR * mixture.spreads
    order = np.argsort(means[:, 0])
    left, right = order[:-1], order[1:]
    near = means[right, 0] - means[left, 0] <= np.maximum(reach[left, 0], reach[right, 0])
    candidates = np.union1d(left[near], right[near])
    for place, k in enumerate(candidates):
        others = candidates[place + 1 :]
        apart = np.abs(means[others] - means[k]) > np.maximum(reach[others], reach[k])
        others = others[~apart.any(axis=1)]
        overlaps = np.exp(-bhattacharyya(_some(mixture, [k]), _some(mixture, others)))[0]
        if (overlaps > 1 - _SAME).any():
            return int(k), int(others[overlaps.argmax()])
    return None


def _some(mixture: Mixture, components: NDArray[np.intp] | list[int]) -> Mixture:
    """Some components of a mixture, each with its weight there."""
    shared = mixture.structure.shared
    return Mixture(
        mixture.structure,
        mixture.weights[components],
        mixture.means[components],
        mixture.covariances if shared else mixture.covariances[components],
        mixture.precisions_cholesky if shared else mixture.precisions_cholesky[components],
    )


def matching(ours: Mixture, theirs: Mixture) -> NDArray[np.intp]:
    """Return the order in which our components are most like theirs.

    Raises
    ------
    ValueError
        If the mixtures differ in their number of components or features.
    """
    if ours.means.shape != theirs.means.shape:
        raise ValueError(
            f"align_to needs a mixture of {ours.n_components} components and {ours.n_features} features, "
            f"got {theirs.n_components} and {theirs.n_features}."
        )
    _, order = linear_sum_assignment(bhattacharyya(theirs, ours))
    return np.asarray(order)


def rows_needed(mixture: Mixture) -> int:
    """Effective rows below which a component's covariance is degenerate."""
    return rows_needed_by(mixture.structure, mixture.n_features)


def rows_needed_by(kind: CovarianceStructure, n_features: int) -> int:
    """The same, before there is a mixture."""
    return int(_core.rows_needed(kind.model, n_features))


def spike(mixture: Mixture, effective_rows: FloatArray, only: int = -1) -> int | None:
    """The first component (or `only` that one) of few rows that is far thinner than the others, or None."""
    found = _core.spike(mixture.structure.model, mixture.as_tuple(), effective_rows, only)
    return None if found < 0 else found


def floor_share(mixture: Mixture, reg_covar: FloatArray) -> FloatArray:
    """Largest share of reg_covar in the variance of each component in any direction."""
    return _core.floor_shares(mixture.structure.model, mixture.as_tuple(), reg_covar)


def why_improper(
    mixture: Mixture, effective_rows: FloatArray, reg_covar: FloatArray, blocks: Blocks
) -> str:
    """What makes the likelihood of a mixture spurious, in words; '' where nothing does.

    Parameters
    ----------
    mixture : Mixture
    effective_rows : ndarray of shape (n_components,)
        Sum of responsibilities of each.
    reg_covar : ndarray of shape (n_features,)
        What was added to the covariances' diagonals.
    blocks : Blocks
        The rows. Where all of them together are held up by reg_covar, as by a constant column, every
        mixture is, and no one more than another.
    """

    def total_covariance() -> FloatArray:
        if mixture.structure.has_matrices:
            return blocks.total.scatter / blocks.total.weight
        return np.diag(blocks.variances)

    return _core.why_improper(
        mixture.structure.model, mixture.as_tuple(), effective_rows, reg_covar, total_covariance
    )
