"""Which components deserve doubt: too few rows, no volume of their own, not apart from another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mixtura import _core
from mixtura.covariance import CovarianceStructure
from mixtura.display.page import Page, Shown, Table, number_of
from mixtura.em import GAUSSIAN, Kind, MaximumLikelihood, MStep, Variational
from mixtura.mixture import (
    Mixture,
    Normals,
    bhattacharyya,
    covariance_of,
    native_mixture,
    responsibilities,
)
from mixtura.rows import ArrayBlocks, Blocks, Rows
from mixtura.support.arrays import FloatArray
from mixtura.support.interruptible import gram, interruptible
from mixtura.support.language import marked
from mixtura.support.language import translated as _

#: Share of reg_covar in a component's smallest variance from which it is held up by it.
HELD_UP: float = _core.HELD_UP

# Effective rows of a component that has none.
_NO_ROWS = 1e-6

# Rows whose values tell how they were recorded.
_RECORDED_ROWS = 10_000


@dataclass(frozen=True)
class Doubt:
    """What is wrong with a component of a mixture.

    Attributes
    ----------
    kind : str
        'few rows', 'held up', 'thinner than recorded', 'point mass', 'spike' or 'coincident'.
    component : int
    label : str
        As `Diagnosis.verdict` has it; 'coincident' for 'same as component k'.
    words : str
        A phrase that names the component.
    """

    kind: str
    component: int
    label: str
    words: str

    @property
    def is_degenerate(self) -> bool:
        """Whether the likelihood is spurious; that of coincident components is one of fewer components."""
        return self.kind != "coincident"


@dataclass(frozen=True, eq=False)
class Grounds:
    """What components are judged by, beside their rows.

    Attributes
    ----------
    reg_covar : ndarray of shape (n_features,)
        What was added to the covariances' diagonals.
    recording : Recording or None, default=None
        How the values of each column were recorded; None: nobody has looked.
    min_rows : float, default=0
        Effective rows of a component that are asked for beyond what its covariance needs.
    names : list of str, default=[]
        Of the columns; empty: they are called by their numbers.
    kind : Kind, default=GAUSSIAN
        What the mixtures have beside Gaussian components.
    """

    reg_covar: FloatArray
    recording: _core.Recording | None = None
    min_rows: float = 0.0
    names: list[str] = field(default_factory=list)
    kind: Kind = GAUSSIAN

    def m_step(self, structure: CovarianceStructure) -> MStep:
        """The M-step of such covariances."""
        if self.kind.conjugate is not None:
            return Variational(structure, self.reg_covar, self.kind)
        return MaximumLikelihood(structure, self.reg_covar, self.kind)

    def n_parameters(self, mixture: Mixture) -> int:
        """Free parameters of a fit that has come to this mixture."""
        kind, (k, d) = mixture.structure, mixture.means.shape
        of_gaussians = kind.n_parameters(k, d)
        has_noise = self.kind.noise_log_density is not None
        known = self.kind.known.n_parameters(kind, k, d, has_noise)
        return of_gaussians + self.kind.n_parameters(mixture.n_components) - known

    def n_held(self, mixture: Mixture) -> int:
        """How many of these a prior holds, however few rows there are."""
        return self.kind.known.n_held(mixture.structure, *mixture.means.shape)

    def log_prior(self, mixture: Mixture) -> float:
        """Log density of its parameters under their prior, but for a constant; 0 without one."""
        if self.kind.known.prior is None and self.kind.conjugate is None:
            return 0.0
        return self.m_step(mixture.structure).native.bound(native_mixture(mixture))

    def m_step_of_any(self, structure: CovarianceStructure) -> MStep:
        """The same where it is not known which component is which."""
        if self.kind.conjugate is not None:
            return self.m_step(structure)
        known = self.kind.known.of_any(structure, len(self.reg_covar))
        return MaximumLikelihood(structure, self.reg_covar, replace(self.kind, known=known))


# Features from which a bound on a distance is quicker than the distance.
_WIDE = 32

# Of a bound on a distance, so that rounding does not take it beyond the distance.
_SLACK = 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(Shown):
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
        Bhattacharyya coefficient with it: 0 apart, 1 the same. Covariances that are singular
        (reg_covar=0, and columns that depend on each other) are taken wider by a rounding error.
    verdict : tuple of str
        'sound', 'no weight', 'few rows', 'held up by reg_covar', 'point mass: column = value', 'thinner
        than recorded', 'spike' or 'same as component k'. Few rows are fewer than n_features + 1 where each
        component has a shape and an orientation of its own (full, VEV, EVV), fewer than 1 where none has a
        volume or a shape of its own (tied, EII, EEI, EEV), else fewer than 2. 'not judged': the parameters
        were set by hand, so that there are no rows (`effective_rows` is NaN) and no `reg_covar` to judge
        them by.

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

    def _page(self) -> Page:
        doubtful = [verdict for verdict in self.verdict if verdict not in ("sound", "not judged")]
        n_components = len(self.verdict)
        found = verdict_in_words(self.verdict[0])
        if doubtful:
            found = _("{number} in doubt").format(number=len(doubtful))
        title = _("Diagnosis of {components}: {found}").format(
            components=number_of(n_components, "component"), found=found
        )
        lines = (tuple(map(_, _HEADER)), *map(self._cells, range(n_components)))
        table = Table(lines, "component", n_components, texts=frozenset({_("verdict")}))
        return Page(title, (), table)

    def _cells(self, k: int) -> tuple[str, ...]:
        n_rows, nearest = self.effective_rows[k], self.nearest[k]
        return (
            str(k),
            "-" if np.isnan(n_rows) else f"{n_rows:,.1f}",
            f"{self.condition_number[k]:.3g}",
            f"{self.floor_share[k]:.2g}",
            "-" if nearest < 0 else str(nearest),
            f"{self.overlap[k]:.3f}",
            verdict_in_words(self.verdict[k]),
        )

    def _columns(self) -> Mapping[str, Any]:
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"component": range(len(self.verdict)), **own}


_HEADER = (
    *(marked("component"), marked("effective rows"), marked("condition number")),
    *(marked("floor share"), marked("nearest"), marked("overlap"), marked("verdict")),
)

# What verdicts are (cpp/optimum/verdict.cpp), beside those that end with a place.
_VERDICTS = (
    *(marked("sound"), marked("not judged"), marked("no weight"), marked("few rows")),
    *(marked("held up by reg_covar"), marked("thinner than recorded"), marked("spike")),
    marked("coincident"),
)
_POINT_MASS, _SAME_AS = "point mass: ", "same as component "


def verdict_in_words(verdict: str) -> str:
    """A verdict in the language in which results are shown."""
    if verdict in _VERDICTS:
        return _(verdict)
    if verdict.startswith(_POINT_MASS):
        return _("point mass: {place}").format(place=verdict.removeprefix(_POINT_MASS))
    if verdict.startswith(_SAME_AS):
        other = verdict.removeprefix(_SAME_AS)
        return _("same as component {number}").format(number=other)
    return verdict


def diagnose(
    mixture: Mixture,
    effective_rows: FloatArray,
    reg_covar: FloatArray,
    verdicts: tuple[str, ...] | None = None,
) -> Diagnosis:
    """Judge every component; verdicts: those of its fit, None: judged by what the mixture alone tells."""
    nearest, overlap = _nearest(mixture)
    if verdicts is None:
        some_rows = np.where(np.isnan(effective_rows), np.inf, effective_rows)
        total = partial(covariance_of, mixture)
        doubts = doubts_about(mixture, some_rows, Grounds(reg_covar), total)
        verdicts = verdicts_of(effective_rows, doubts)
    return Diagnosis(
        effective_rows,
        _conditions(mixture),
        floor_share(mixture, reg_covar),
        nearest,
        overlap,
        tuple(
            f"same as component {other}" if verdict == "coincident" else verdict
            for verdict, other in zip(verdicts, nearest, strict=True)
        ),
    )


def verdicts_of(effective_rows: FloatArray, doubts: tuple[Doubt, ...]) -> tuple[str, ...]:
    """The verdict on every component: 'sound', or the label of its doubt."""
    verdicts = ["not judged" if np.isnan(n_rows) else "sound" for n_rows in effective_rows]
    for doubt in doubts:
        verdicts[doubt.component] = doubt.label
    weighs_nothing = effective_rows <= _NO_ROWS
    return tuple(np.where(weighs_nothing, "no weight", verdicts).tolist())


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


def _nearest(mixture: Mixture) -> tuple[NDArray[np.intp], FloatArray]:
    """The component that overlaps each most, and their Bhattacharyya coefficient.

    Exact distances, which cost a factorisation each, are computed of those alone that may be the nearest.
    """
    if mixture.n_components == 1:
        return np.array([-1]), np.zeros(1)
    normals = Normals.of(mixture)
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


def _axes(normals: Normals) -> FloatArray:
    """The means in a metric in which the average component is round.

    Along the difference of two of them the components lie as far apart as in all dimensions, where
    covariances are equal (Fisher's discriminant).
    """
    centred = (normals.means - normals.means.mean(axis=0)).T
    try:
        axes: FloatArray = interruptible(np.linalg.solve, normals.covariances.mean(axis=0), centred)
    except np.linalg.LinAlgError:
        wider = normals.widened().covariances.mean(axis=0)
        axes = interruptible(np.linalg.solve, wider, centred)
    return axes.T


def _least_distances(normals: Normals) -> FloatArray:
    """Lower bounds of all distances; 0 where a distance is as quick."""
    if normals.means.shape[1] < _WIDE:
        return np.zeros(2 * normals.logs.shape)
    axes = _axes(normals)
    return np.array([_distances_in_projections(normals, axes, i) for i in range(len(axes))])


def _distances_in_projections(normals: Normals, axes: FloatArray, i: int) -> FloatArray:
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


def rows_needed(kind: CovarianceStructure, n_features: int) -> int:
    """Effective rows below which a component's covariance is degenerate."""
    return int(_core.rows_needed(kind.model, n_features))


def floor_share(mixture: Mixture, reg_covar: FloatArray) -> FloatArray:
    """Largest share of reg_covar in the variance of each component in any direction.

    That is the largest eigenvalue of P^T D P with Sigma^-1 = P P^T, D = diag(reg_covar).
    """
    (k, d), factors = mixture.means.shape, mixture.precisions_cholesky
    if not mixture.structure.has_matrices:
        precisions = mixture.structure.diagonals(mixture.structure.precisions(factors), k, d)
        shares: FloatArray = (precisions * reg_covar).max(axis=1)
        return shares
    scaled = np.swapaxes(factors, -1, -2) * np.sqrt(reg_covar)
    largest = interruptible(np.linalg.eigvalsh, interruptible(gram, scaled))[..., -1]
    return np.broadcast_to(largest, k).copy()


def recorded_rows(blocks: Blocks) -> Rows:
    """Rows whose values tell how they were recorded: all of them, or a sample."""
    return blocks.sample(_RECORDED_ROWS, lambda: np.random.RandomState(0))


def recording_of(blocks: Blocks) -> _core.Recording:
    """How the values of each column were recorded: to which step, and which are shared."""
    rows = recorded_rows(blocks)
    if isinstance(blocks, ArrayBlocks) and len(rows) == blocks.shape[0]:
        return blocks.recording
    return rows.recording(blocks.rows_per_weight)


def total_covariance(blocks: Blocks, kind: CovarianceStructure) -> FloatArray:
    """Covariance of all rows; of a structure without matrices its diagonal alone, which costs less."""
    if kind.has_matrices:
        covariance: FloatArray = blocks.total.scatter / blocks.total.weight
        return covariance
    return np.diag(blocks.variances)


def are_held_up(blocks: Blocks, kind: CovarianceStructure, reg_covar: FloatArray) -> bool:
    """Whether all rows together have no variance beside reg_covar in some direction of a structure.

    As where there are fewer rows than features, or columns that depend on each other: the likelihood of every
    mixture of the structure then depends on reg_covar.
    """
    return _core.are_held_up(kind.kernel, total_covariance(blocks, kind), reg_covar)


def as_measured(mixture: Mixture, blocks: Blocks) -> Mixture:
    """The mixture, each component as wide as its rows show it: by the errors of those measured best.

    That a component is narrower than its rows were measured is no fault; that it is narrow where some were
    measured exactly is one. Errors count by harmonic means, weighed by the responsibilities.
    """
    rows = recorded_rows(blocks)
    shares = responsibilities(
        mixture, rows.X, blocks.n_threads, missing=rows.missing, errors=rows.error
    )[:, : mixture.n_components].astype(np.float64)
    if rows.weight is not None:
        shares = shares * rows.weight[:, np.newaxis]
    # Of less than any variance that counts nothing is asked: the mean is 0 then.
    precisions = 1 / np.maximum(rows.error_variances, np.finfo(np.float64).tiny ** 0.5)
    counts = shares.sum(axis=0)[:, np.newaxis]
    added = np.divide(
        counts, shares.T @ precisions, out=np.zeros_like(mixture.means), where=counts > 0
    )
    return _widened(mixture, np.where(np.isfinite(added), added, 0.0))


def _widened(mixture: Mixture, added: FloatArray) -> Mixture:
    """The mixture with variances (n_components, n_features) added."""
    kind = mixture.structure
    if kind.shared:
        covariances = mixture.covariances + np.diag(added.min(axis=0))
    elif kind.has_matrices:
        covariances = mixture.covariances + added[:, :, np.newaxis] * np.eye(added.shape[1])
    else:
        covariances = mixture.covariances + (
            added if mixture.covariances.ndim == 2 else added.mean(axis=1)
        )
    factors = kind.factor_covariances(covariances, *mixture.means.shape)
    return replace(mixture, covariances=covariances, precisions_cholesky=factors)


def doubts_about(
    mixture: Mixture,
    effective_rows: FloatArray,
    grounds: Grounds,
    total: Callable[[], FloatArray],
) -> tuple[Doubt, ...]:
    """What makes the likelihood of a mixture spurious, the gravest first; empty where nothing does.

    Parameters
    ----------
    mixture : Mixture
    effective_rows : ndarray of shape (n_components,)
        Sum of responsibilities of each.
    grounds : Grounds
    total : callable
        The covariance of all rows. In directions in which all of them have no variance of their own, as in
        a constant column, every mixture is degenerate, and no one more than another.
    """
    found = _core.doubts_about(
        grounds.m_step(mixture.structure).native,
        native_mixture(mixture),
        effective_rows,
        grounds.recording,
        grounds.min_rows,
        total,
        grounds.names,
    )
    return tuple(Doubt(*doubt) for doubt in found)
