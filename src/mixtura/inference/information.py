"""Scores and information of a mixture's free parameters, summed over rows.

With r the responsibilities, and s_k and h_k the first and second derivatives of log(w_k f_k), a row has the
score s = sum_k r_k s_k and the second derivatives sum_k r_k (h_k + s_k s_k^T) - s s^T (Louis 1982; of
Gaussians Boldea & Magnus 2009). Where features are missing they are those of what was observed; where rows
were measured with errors, of what was measured. What is known of a row's component is in its r.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import polygamma, psi, softmax

from mixtura.inference.parameters import FreeParameters
from mixtura.mixture import Mixture, log_joint, responsibilities
from mixtura.rows import ArrayBlocks, Blocks, Rows
from mixtura.support.arrays import Array, FloatArray, block_slices


@dataclass(frozen=True, eq=False)
class Information:
    """Sums over the rows, each as often as it weighs.

    Attributes
    ----------
    score : ndarray of shape (n,)
        First derivatives of the log-likelihood: 0 at a maximum.
    observed : ndarray of shape (n, n)
        Minus its second derivatives.
    outer : ndarray of shape (n, n)
        The rows' scores times themselves.
    """

    score: FloatArray
    observed: FloatArray
    outer: FloatArray


def information_of(parameters: FreeParameters, blocks: Blocks) -> Information:
    """Of rows wherever they are, read once: beside them it takes n x n numbers."""
    sums = _Sums(parameters)
    for part in blocks.each(_Summed(parameters)):
        sums.add(part)
    return sums.information()


@dataclass(frozen=True, eq=False)
class _Summed:
    """The sums of a part of the rows."""

    parameters: FreeParameters

    def __call__(self, part: ArrayBlocks, threads: int) -> _Sums:
        sums = _Sums(self.parameters)
        for some in block_slices(len(part.rows), self.parameters.n):
            sums.add_rows(part.rows[some], threads)
        return sums


class _Sums:
    def __init__(self, parameters: FreeParameters) -> None:
        self._of, n = parameters, parameters.n
        self._score, self._outer, self._complete = np.zeros(n), np.zeros((n, n)), np.zeros((n, n))
        self._gradients = np.zeros((parameters.mixture.n_components, len(parameters.pairs[0])))

    def add(self, other: _Sums) -> None:
        """Those of other rows."""
        self._score += other._score
        self._outer += other._outer
        self._complete += other._complete
        self._gradients += other._gradients

    def add_rows(self, rows: Rows, threads: int) -> None:
        """Rows whose scores have room in memory; those without any value say nothing."""
        rows = rows.known()
        X = rows.X.astype(np.float64)
        weight = np.ones(len(X)) if rows.weight is None else rows.weight
        shares = _shares(self._of.mixture, rows, X, threads)
        lacking = np.isnan(X)
        alike = lacking if rows.error is None else np.hstack([lacking, _numbers(rows.error)])
        _, first, of_row = np.unique(alike, axis=0, return_index=True, return_inverse=True)
        for i, one in enumerate(first):
            mine = of_row.reshape(-1) == i
            seen = ~lacking[one]
            if seen.any():
                error = None if rows.error is None else _matrix(rows.error[one])
                self._add_alike(X[mine], weight[mine], shares[mine], _Seen(seen, error))

    def _add_alike(
        self, X: FloatArray, weight: FloatArray, shares: FloatArray, seen: _Seen
    ) -> None:
        """Rows of which the same features were seen, with the same errors."""
        of, p = self._of, self._of.shares
        free = slice(0, of.n_shares)
        scores = np.zeros((len(X), of.n))
        self._complete[free, free] -= weight.sum() * (np.diag(p) - np.outer(p, p))[free, free]
        for k in range(len(p)):
            of_shares = np.broadcast_to((np.arange(len(p)) == k) - p, (len(X), len(p)))[:, free]
            if k == of.mixture.n_components:  # noise
                own, places = of_shares, np.arange(of.n_shares)
            else:
                terms = _Terms.of(of, k, X, seen)
                df = np.arange(of.n)[of.df(k)]
                own = np.concatenate(
                    [
                        *(of_shares, terms.u * terms.z, terms.entries @ of.to_entries[k]),
                        *(terms.of_df[:1].T for _ in df),
                    ],
                    axis=1,
                )
                places = np.concatenate(
                    [np.arange(of.n)[free], np.arange(of.n)[of.means(k)], of.columns[k], df]
                )
                self._add_second(k, terms, weight * shares[:, k])
            held = (weight * shares[:, k])[:, np.newaxis]
            scores[:, places] += shares[:, k, np.newaxis] * own
            self._complete[np.ix_(places, places)] += own.T @ (held * own)
        self._score += weight @ scores
        self._outer += scores.T @ (weight[:, np.newaxis] * scores)

    def _add_second(self, k: int, terms: _Terms, held: FloatArray) -> None:
        """The second derivatives of the log density of a component whose rows these are."""
        of, (a, b), W, half = self._of, self._of.pairs, terms.W, terms.half
        to_entries = of.to_entries[k]
        pulled = held[:, np.newaxis] * terms.u * terms.z
        z, zz, count = pulled.sum(axis=0), pulled.T @ terms.z, held.sum()
        means, columns = np.arange(of.n)[of.means(k)], of.columns[k]
        self._complete[np.ix_(means, means)] -= (held @ terms.u[:, 0]) * W
        crossed = -(W[:, a] * z[b] + W[:, b] * z[a]) * half @ to_entries
        self._complete[np.ix_(means, columns)] += crossed
        self._complete[np.ix_(columns, means)] += crossed.T
        eye = np.eye(len(W))
        of_entries = (
            _traces(zz - count * W, eye, a, b) / 2
            - _traces(zz, W, a, b)
            + count * _traces(W, W, a, b) / 2
        )
        of_entries *= half[:, np.newaxis] * half
        self._complete[np.ix_(columns, columns)] += to_entries.T @ of_entries @ to_entries
        self._gradients[k] += held @ terms.entries
        if terms.bend is not None:  # of t: 2 u^2 / (df + d) times the Gaussian's slopes, twice
            both = np.concatenate(
                [terms.z, half * terms.z[:, a] * terms.z[:, b] @ to_entries], axis=1
            )
            places = np.concatenate([means, columns])
            self._complete[np.ix_(places, places)] += both.T @ (
                (held * terms.bend)[:, np.newaxis] * both
            )
            for one in np.arange(of.n)[of.df(k)]:
                _, twice, of_u = terms.of_df
                crossed = (held * of_u) @ both
                self._complete[one, one] += held @ twice
                self._complete[one, places] += crossed
                self._complete[places, one] += crossed

    def information(self) -> Information:
        """Of all rows that were added."""
        complete = self._complete
        for k, gradient in enumerate(self._gradients):
            places = self._of.columns[k]
            complete[np.ix_(places, places)] += self._of.bend(k, gradient)
        return Information(self._score, self._outer - complete, self._outer)


@dataclass(frozen=True, eq=False)
class _Terms:
    """What the derivatives of a component's log density at some rows are made of, in its own coordinates.

    z = F^T S^-1 (x - mu) and W = F^T S^-1 F, with S^-1 the inverse of what was seen of the covariance, that
    of the errors added: where all features were seen without errors, F^-1 (x - mu) and I. entries:
    u z z^T - W at `pairs`, half of it on the diagonal. of_df: of t components the first and second derivative
    in log df, and the first of u.
    """

    z: FloatArray
    W: FloatArray
    u: FloatArray
    entries: FloatArray
    half: FloatArray
    bend: FloatArray | None
    of_df: FloatArray

    @classmethod
    def of(cls, parameters: FreeParameters, k: int, X: FloatArray, given: _Seen) -> _Terms:
        mixture, (a, b), seen = parameters.mixture, parameters.pairs, given.features
        spread, frame = mixture.spreads[k], parameters.frames[k]
        away = ((X - mixture.means[k]) / spread)[:, seen]
        if given.error is not None:
            whole = np.diag(frame) if frame.ndim == 1 else frame
            scaled = (whole / spread[:, np.newaxis])[seen]
            error = (given.error / np.outer(spread, spread))[np.ix_(seen, seen)]
            inverse = np.linalg.solve(scaled @ scaled.T + error, scaled).T
            z, W = away @ inverse.T, inverse @ scaled
        elif frame.ndim == 1:
            z, W = np.zeros_like(X), np.diag(seen.astype(np.float64))
            z[:, seen] = away
        else:
            scaled = (frame / spread[:, np.newaxis])[seen]
            inverse = np.linalg.pinv(scaled)
            z, W = away @ inverse.T, inverse @ scaled
        half = np.where(a == b, 0.5, 1.0)
        u, bend, of_df = np.ones((len(X), 1)), None, np.zeros((3, len(X)))
        if mixture.df is not None:
            df, delta = mixture.df[k], np.einsum("nd,nd->n", z, z)
            u = (df + seen.sum()) / (df + delta[:, np.newaxis])
            bend = 2 * u[:, 0] ** 2 / (df + seen.sum())
            of_df = _of_df(df, seen.sum(), delta)
        entries = half * (u * z[:, a] * z[:, b] - W[a, b])
        return cls(z, W, u, entries, half, bend, of_df)


def _of_df(df: float, p: int, delta: FloatArray) -> FloatArray:
    """Of the log density of t, p features at squared distances delta, in log df: (3, n), see `_Terms`.

    In df itself, with log f = log Gamma((df + p) / 2) - log Gamma(df / 2) - p / 2 log df - (df + p) / 2
    log(1 + delta / df) + ...
    """
    far = delta / (df * (df + delta))
    once = psi((df + p) / 2) - psi(df / 2) - p / df - np.log1p(delta / df) + (df + p) * far
    twice = (polygamma(1, (df + p) / 2) - polygamma(1, df / 2)) / 2 + p / df**2
    twice = twice + 2 * far - (df + p) * far * (2 * df + delta) / (df * (df + delta))
    once, twice = once / 2, twice / 2
    return np.stack([df * once, df**2 * twice + df * once, df * (delta - p) / (df + delta) ** 2])


@dataclass(frozen=True, eq=False)
class _Seen:
    """Which features of some rows were seen, and the covariance of their errors or None: d x d."""

    features: Array
    error: FloatArray | None


def _shares(mixture: Mixture, rows: Rows, X: FloatArray, threads: int) -> FloatArray:
    """Responsibilities, by what rows are known to be."""
    given: dict[str, Any] = {"missing": rows.missing, "errors": rows.error}
    if rows.label is None and rows.log_credible is None:
        return responsibilities(mixture, X, threads, **given)
    joint = log_joint(mixture, X, threads, **given)
    if rows.log_credible is not None:
        joint += rows.log_credible
    if rows.label is not None:
        others = np.arange(joint.shape[1]) != rows.label[:, np.newaxis]
        joint[others & (rows.label >= 0)[:, np.newaxis]] = -np.inf
    return np.asarray(softmax(joint, axis=1))


def _numbers(error: FloatArray) -> FloatArray:
    """Those of each row side by side, none infinite: such a feature is taken to be missing."""
    flat = error.reshape(len(error), -1)
    return np.where(np.isfinite(flat), flat, 0.0)


def _matrix(error: FloatArray) -> FloatArray:
    """The covariance of one row's errors."""
    finite = np.where(np.isfinite(error), error, 0.0)
    return np.diag(finite) if error.ndim == 1 else finite


def _traces(A: FloatArray, C: FloatArray, a: Array, b: Array) -> FloatArray:
    """tr(A T_i C T_j) of symmetric A and C, with T_i = E_ab + E_ba at the i-th pair."""
    return np.asarray(
        A[np.ix_(a, b)] * C[np.ix_(b, a)]
        + A[np.ix_(a, a)] * C[np.ix_(b, b)]
        + A[np.ix_(b, b)] * C[np.ix_(a, a)]
        + A[np.ix_(b, a)] * C[np.ix_(a, b)]
    )


__all__ = ["Information", "information_of"]
