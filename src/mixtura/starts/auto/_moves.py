"""Moves from a mixture to a better one: merge two components and split one, all in one step.

Ueda et al. 2000, SMEM, with other criteria: what a merge costs is bounded from the parameters alone, what a
split gains is the classification likelihood of the best cut through the component's rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixtura import _core
from mixtura._rows import Array, FloatArray
from mixtura.blocks import ArrayBlocks
from mixtura.covariance import CovarianceStructure
from mixtura.em import Monitor, expectation_maximisation
from mixtura.errors import SingularCovarianceError
from mixtura.mixture import Mixture
from mixtura.mixture import responsibilities as evaluate
from mixtura.starts._given import ArrayResponsibilities, mixture_of

# Merges tried with each split, and neighbours whose union is cut anew.
_MERGES = 3

# Loss of a merge, in nats of the two components' own rows, beyond which they do not touch.
_APART = 1.0

# EM within a union only has to tell which split is worth most.
_SPLIT_TOL, _SPLIT_ITER = 1e-4, 20

# Responsibility up to which a row is not a component's when that is cut: others' tails hide what is inside.
_LEAST = 0.5


@dataclass(frozen=True, eq=False)
class Move:
    """Cut the rows of `union`, one component or two that touch, in two; where it is one, merge `merged`."""

    gain: float  # what it promises, in nats a row
    union: tuple[int, ...]
    merged: tuple[int, int]
    share: FloatArray  # of each row, that goes to the second part

    @property
    def touched(self) -> set[int]:
        """The components that are other ones afterwards."""
        return {*self.union, *self.merged}


def moves(
    mixture: Mixture,
    responsibilities: FloatArray,
    X: FloatArray,
    weight: FloatArray | None,
    reg_covar: FloatArray,
    rows_needed: float,
) -> list[Move]:
    """All moves worth looking at, the most promising first."""
    total = float(len(X) if weight is None else weight.sum())
    losses = merge_losses(mixture)
    pairs = _cheapest_pairs(losses)
    found = []
    unions: list[tuple[int, ...]] = [(k,) for k in range(mixture.n_components)]
    touching = [
        pair for pair in pairs[:_MERGES] if losses[pair] < _APART * sum(mixture.weights[[*pair]])
    ]
    unions += touching
    gains, sides = cuts(mixture, responsibilities, unions, X, weight, reg_covar, rows_needed)
    for union, gain, side in zip(unions, gains.tolist(), sides, strict=True):
        if gain == -np.inf:
            continue
        share = np.where(side == 1, 1.0, 0.0)
        partners = [pair for pair in pairs if not {*pair} & {*union}][:_MERGES]
        found += [
            Move(gain / total - losses[merged], union, (merged[0], merged[1]), share)
            for merged in ([union] if len(union) == 2 else partners)
        ]
    return sorted(found, key=lambda move: -move.gain)


def cuts(
    mixture: Mixture,
    responsibilities: FloatArray,
    unions: list[tuple[int, ...]],
    X: FloatArray,
    weight: FloatArray | None,
    reg_covar: FloatArray,
    rows_needed: float,
) -> tuple[FloatArray, Array]:
    """The best cut of the rows of each union: its gain (-inf: none) and each row's side (-1: not in it)."""
    pairs = np.array([(union[0], union[-1]) for union in unions], dtype=np.int64)
    gains, sides = np.empty(len(unions)), np.empty((len(unions), len(X)), dtype=np.int8)
    _core.cuts(
        mixture.structure.kernel,
        X,
        weight,
        responsibilities,
        pairs,
        _LEAST,
        reg_covar,
        float(rows_needed),
        gains,
        sides,
    )
    return gains, sides


def apply(chosen: list[Move], responsibilities: FloatArray) -> FloatArray:
    """Responsibilities after moves that touch no component twice."""
    moved = responsibilities.copy()
    for move in chosen:
        inside = responsibilities[:, list(move.union)].sum(axis=1)
        kept, split = move.merged if len(move.union) == 2 else (move.union[0], move.merged[1])
        if len(move.union) == 1:
            moved[:, move.merged[0]] += responsibilities[:, move.merged[1]]
        moved[:, kept] = inside * (1.0 - move.share)
        moved[:, split] = inside * move.share
    return moved


def refined(
    candidates: list[Move],
    mixture: Mixture,
    responsibilities: FloatArray,
    X: FloatArray,
    weight: FloatArray | None,
    reg_covar: FloatArray,
) -> list[Move]:
    """The same moves, split by EM of two components on the rows of each union, the most promising first.

    Where the two halves overlap, a cut sees no gain that EM sees.
    """
    total = float(len(X) if weight is None else weight.sum())
    losses = merge_losses(mixture)
    splits: dict[tuple[int, ...], tuple[float, FloatArray] | None] = {}
    found = []
    for move in candidates:
        if move.union not in splits:
            inside = responsibilities[:, list(move.union)].sum(axis=1)
            splits[move.union] = _soft_split(move, inside, mixture.structure, X, weight, reg_covar)
        split = splits[move.union]
        if split is not None:
            gain, share = split
            found.append(Move(gain / total - losses[move.merged], move.union, move.merged, share))
    return sorted(found, key=lambda move: -move.gain)


def _soft_split(
    move: Move,
    inside: FloatArray,
    structure: CovarianceStructure,
    X: FloatArray,
    weight: FloatArray | None,
    reg_covar: FloatArray,
) -> tuple[float, FloatArray] | None:
    """Gain in log-likelihood of two components over one for the rows of a union, and the second's share."""
    rows = inside > _LEAST
    w = inside[rows] if weight is None else inside[rows] * weight[rows]
    inner = X[rows]
    blocks = ArrayBlocks(inner, w)
    halves = ArrayResponsibilities(np.column_stack([1.0 - move.share[rows], move.share[rows]]))
    whole = ArrayResponsibilities(np.ones((len(w), 1)))
    try:
        one = mixture_of(whole, blocks, structure, 1, reg_covar)
        start = mixture_of(halves, blocks, structure, 2, reg_covar)
        two, statistics = expectation_maximisation(
            start, blocks, reg_covar, Monitor(_SPLIT_TOL, _SPLIT_ITER), accelerate=True
        )
    except SingularCovarianceError:
        return None
    share = np.zeros(len(X))
    share[rows] = evaluate(two, inner, 1)[:, 1]
    return statistics.log_likelihood - blocks.score(one).log_likelihood, share


def disjoint(candidates: list[Move]) -> list[Move]:
    """Moves that promise a gain and can be made together."""
    chosen: list[Move] = []
    touched: set[int] = set()
    for move in candidates:
        if move.gain > 0 and not move.touched & touched:
            chosen.append(move)
            touched |= move.touched
    return chosen


def merge_losses(mixture: Mixture) -> FloatArray:
    """Bound on the loss, in nats a row, of replacing two components by one of their joint moments.

    ((w_i + w_j) log|S_ij| - w_i log|S_i| - w_j log|S_j|) / 2 (Runnalls 2007, eq. 21); infinite on
    and below the diagonal.
    """
    k = mixture.n_components
    weights, covariances = mixture.weights, mixture.covariance_matrices()
    logs = _log_determinants(mixture, covariances)
    first, second = np.triu_indices(k, 1)
    joint = weights[first] + weights[second]
    share = weights[first] / np.where(joint > 0, joint, 1.0)
    between = mixture.means[first] - mixture.means[second]
    merged = (
        share[:, np.newaxis, np.newaxis] * covariances[first]
        + (1 - share)[:, np.newaxis, np.newaxis] * covariances[second]
        + (share * (1 - share))[:, np.newaxis, np.newaxis]
        * (between[:, :, np.newaxis] * between[:, np.newaxis])
    )
    losses = np.full((k, k), np.inf)
    losses[first, second] = 0.5 * (
        joint * _log_determinants(mixture, merged)
        - weights[first] * logs[first]
        - weights[second] * logs[second]
    )
    return losses


def _log_determinants(mixture: Mixture, covariances: FloatArray) -> FloatArray:
    """Of the covariances that the mixture's kernel can hold: all, the diagonal or the mean of it."""
    if mixture.structure.has_matrices:
        return np.asarray(np.linalg.slogdet(covariances)[1])
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    if mixture.structure.kernel == _core.Structure.diag:
        return np.asarray(np.log(variances).sum(axis=1))
    return np.asarray(mixture.n_features * np.log(variances.mean(axis=1)))


def _cheapest_pairs(losses: FloatArray) -> list[tuple[int, int]]:
    order = np.argsort(losses, axis=None, kind="stable")[: len(losses) * (len(losses) - 1) // 2]
    return [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, losses.shape), strict=True)]
