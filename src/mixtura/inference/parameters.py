"""The free parameters of a mixture about where it stands, for all structures.

In coordinates in which each component's covariance is I: with Sigma_k = F_k F_k^T a step is

    w_k ~ w_k exp(omega_k),   mu_k + F_k m_k,   F_k exp(T_k) F_k^T

with omega of the last category 0 and T_k symmetric. A structure says which T_k there are:
T_k = l_k I + diag(a_k) + off-diagonals, with a volume l_k, a shape a_k of sum 0, and an orientation, each one
for all components, one for each, or none, as the structure's three letters tell (Celeux & Govaert 1995).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import expm, helmert

from mixtura.covariance.decomposition import eigen
from mixtura.mixture import Mixture
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.cached import cached


@dataclass(frozen=True, eq=False)
class FreeParameters:
    """Those of a mixture, as numbers that are 0 where it stands: omega, all m_k, the covariances', df's.

    Attributes
    ----------
    mixture : Mixture
    df_of : tuple of int, default=()
        Of t components: which of the free degrees of freedom, df ~ df exp(s), each one has; -1 where its own
        are known. Empty: all are.
    """

    mixture: Mixture
    df_of: tuple[int, ...] = ()

    @cached
    def shares(self) -> FloatArray:
        """Weights of the components, and of noise where there is any: they sum to 1."""
        noise = self.mixture.noise
        return (
            self.mixture.weights if noise is None else np.append(self.mixture.weights, noise.weight)
        )

    @property
    def n_shares(self) -> int:
        """Free weights."""
        return len(self.shares) - 1

    @property
    def n(self) -> int:
        """How many free parameters there are."""
        return self.n_shares + self.mixture.means.size + self.n_of_covariances + self.n_df

    @property
    def n_df(self) -> int:
        """Free degrees of freedom."""
        return 1 + max(self.df_of, default=-1)

    def df(self, k: int) -> slice:
        """Where those of a component stand; empty where they are known."""
        begin = self.n - self.n_df + (self.df_of[k] if self.n_df else 0)
        return slice(begin, begin + bool(self.n_df and self.df_of[k] >= 0))

    @property
    def n_of_covariances(self) -> int:
        """Those of the covariances."""
        return self.mixture.structure.n_covariance_parameters(*self.mixture.means.shape)

    def means(self, k: int) -> slice:
        """Where those of a component's mean stand."""
        begin = self.n_shares + k * self.mixture.n_features
        return slice(begin, begin + self.mixture.n_features)

    @property
    def _letters(self) -> tuple[str, str, str]:
        """Of the volume, the shape and the orientation: E(qual), V(ariable) or I(dentity)."""
        letters = self.mixture.structure.letters
        return letters[0], letters[1], letters[2]

    @cached
    def pairs(self) -> tuple[Array, Array]:
        """Rows and columns of the entries of T_k: the diagonal, then what is above it, where there is any."""
        d = self.mixture.n_features
        diagonal = np.arange(d)
        if not self.mixture.structure.has_matrices:
            return diagonal, diagonal
        above = np.triu_indices(d, 1)
        return np.concatenate([diagonal, above[0]]), np.concatenate([diagonal, above[1]])

    @cached
    def columns(self) -> Array:
        """Where the local parameters of each component stand: (K, volume, shape and orientation)."""
        K, d = self.mixture.means.shape
        volume, shape, orientation = self._letters
        found, begin = [], self.n_shares + K * d
        for letter, size in ((volume, 1), (shape, d - 1), (orientation, d * (d - 1) // 2)):
            if letter != "I" and size:
                own = begin + np.arange(size)
                each = (
                    np.arange(K)[:, np.newaxis] * size if letter == "V" else np.zeros((K, 1), int)
                )
                found.append(own + each)
                begin += size * (K if letter == "V" else 1)
        return np.concatenate(found, axis=1)

    @property
    def _rotates(self) -> bool:
        """Whether shape and orientation are not free together, so that an orientation is a rotation."""
        _, shape, orientation = self._letters
        return orientation != "I" and shape != orientation

    @cached
    def _axes(self) -> tuple[FloatArray, FloatArray]:
        """Eigenvalues and, as rows, eigenvectors of each covariance, in one order where axes are common."""
        matrices = self.mixture.covariance_matrices()
        if self._letters[2] == "V":
            found = [eigen(matrix) for matrix in matrices]
            return np.stack([values for values, _ in found]), np.stack([axes for _, axes in found])
        # In uneven proportions: equal eigenvalues of an even mixture would hide the common axes.
        proportions = 1.0 + np.modf(0.6180339887498949 * np.arange(len(matrices)))[0]
        traces = np.trace(matrices, axis1=1, axis2=2)
        _, axes = eigen(np.einsum("k,kij->ij", proportions / traces, matrices))
        values = np.einsum("ai,kij,aj->ka", axes, matrices, axes)
        return values, np.broadcast_to(axes, matrices.shape)

    @cached
    def frames(self) -> FloatArray:
        """F_k with F_k F_k^T the covariance: (K, d, d), or (K, d) of a diagonal one."""
        if not self.mixture.structure.has_matrices:
            return self.mixture.spreads
        if self._rotates:
            values, axes = self._axes
            return np.swapaxes(axes, 1, 2) * np.sqrt(values)[:, np.newaxis]
        return np.asarray(np.linalg.cholesky(self.mixture.covariance_matrices()), np.float64)

    @cached
    def to_entries(self) -> FloatArray:
        """From each component's local parameters to the entries of T_k at `pairs`, at first order.

        A rotation by s in the plane of two axes with the variances a and b changes the entry there by
        s (b - a) / sqrt(a b).
        """
        (K, d), (rows, columns) = self.mixture.means.shape, self.pairs
        _, shape, orientation = self._letters
        found = np.zeros((K, len(rows), self.columns.shape[1]))
        found[:, :d, 0] = 1.0
        if shape != "I" and d > 1:
            found[:, :d, 1:d] = helmert(d).T
        above = np.arange(d, len(rows))
        if orientation != "I" and len(above):
            found[:, above, d + np.arange(len(above))] = 1.0
        if self._rotates:
            a, b = (self._axes[0][:, one[above]] for one in (rows, columns))
            found[:, above, d + np.arange(len(above))] = (b - a) / np.sqrt(a * b)
        return found

    def bend(self, k: int, gradient: FloatArray) -> FloatArray:
        """What T_k adds to second derivatives, as its entries are no linear function of rotations.

        Parameters
        ----------
        k : int
        gradient : ndarray
            Of what is derived, in the entries of T_k at `pairs`.

        Returns
        -------
        ndarray
            Of the component's local parameters: sum over the entries of gradient times second derivative.
        """
        n = self.columns.shape[1]
        if not self._rotates:
            return np.zeros((n, n))
        # T = log(A^-1/2 e^S A e^Y e^-S A^-1/2), Y = l I + diag(a), S the rotation: to second order
        # X + A^-1/2 (A Y^2 / 2 + [S, A Y] + [S, [S, A]] / 2) A^-1/2 - X^2 / 2, with X of first order.
        A, (Y, S) = self._axes[0][k], self._directions
        X = self._symmetric(self.to_entries[k].T)
        G = self._symmetric(gradient) / 2
        np.einsum("ii->i", G)[:] *= 2
        B = G / np.sqrt(A[:, np.newaxis] * A)

        def bracket(N: FloatArray) -> FloatArray:
            """tr(B [S_i, N_j])."""
            return np.asarray(np.einsum("iab,jba->ij", S, N @ B - B @ N))

        turned = S * A - A[:, np.newaxis] * S  # [S, A]
        crossed, twice = bracket(Y[:, :, np.newaxis] * np.diag(A)), bracket(turned)
        scaled = np.einsum("a,ia,ja->ij", np.diag(B) * A, Y, Y)
        squares = np.einsum("ab,ibc,jca->ij", G, X, X, optimize=True)
        return np.asarray(scaled + crossed + crossed.T + (twice + twice.T) / 2 - squares)

    @cached
    def _directions(self) -> tuple[FloatArray, FloatArray]:
        """What each local parameter changes: the diagonal Y (n, d), and the rotation S (n, d, d)."""
        d, (rows, columns) = self.mixture.n_features, self.pairs
        n = self.columns.shape[1]
        Y, S = np.zeros((n, d)), np.zeros((n, d, d))
        Y[0] = 1.0
        Y[1:d] = helmert(d)
        plane = np.arange(d, n)
        S[plane, rows[d:], columns[d:]], S[plane, columns[d:], rows[d:]] = 1.0, -1.0
        return Y, S

    def _symmetric(self, entries: FloatArray) -> FloatArray:
        """Symmetric matrices of their entries at `pairs`."""
        d, (rows, columns) = self.mixture.n_features, self.pairs
        found = np.zeros((*entries.shape[:-1], d, d))
        found[..., rows, columns] = entries
        found[..., columns, rows] = entries
        return found

    def at(self, step: FloatArray) -> Mixture:
        """The mixture at a step from where it stands, of the same structure."""
        K, d = self.mixture.means.shape
        moved = self.shares * np.exp(np.append(step[: self.n_shares], 0.0))
        shares = moved / moved.sum()
        means = np.stack(
            [
                mean + self._in_frame(k, step[self.means(k)])
                for k, mean in enumerate(self.mixture.means)
            ]
        )
        matrices = np.stack([self._covariance(k, step[self.columns[k]]) for k in range(K)])
        covariances = _in_shape(self.mixture, matrices)
        noise, df = self.mixture.noise, self.mixture.df
        if df is not None:
            df = df * np.exp([step[self.df(k)].sum() for k in range(K)])
        return replace(
            self.mixture,
            df=df,
            weights=shares[:K],
            means=means,
            covariances=covariances,
            precisions_cholesky=self.mixture.structure.factor_covariances(covariances, K, d),
            noise=None if noise is None else noise._replace(weight=float(shares[-1])),
        )

    def _in_frame(self, k: int, step: FloatArray) -> FloatArray:
        frame = self.frames[k]
        return np.asarray(frame * step if frame.ndim == 1 else frame @ step)

    def _covariance(self, k: int, step: FloatArray) -> FloatArray:
        frame = self.frames[k]
        if frame.ndim == 1:
            return np.diag(frame**2 * np.exp(self.to_entries[k] @ step))
        if not self._rotates:
            return np.asarray(frame @ expm(self._symmetric(self.to_entries[k] @ step)) @ frame.T)
        Y, S = self._directions
        values, axes = (one[k] for one in self._axes)
        turned = axes.T @ expm(np.einsum("i,iab->ab", step, S))
        return np.asarray(turned * (values * np.exp(step @ Y)) @ turned.T)


def _in_shape(mixture: Mixture, matrices: FloatArray) -> FloatArray:
    """Covariances as their structure keeps them."""
    shape = mixture.covariances.shape
    if mixture.structure.has_matrices:
        symmetric = (matrices + np.swapaxes(matrices, 1, 2)) / 2
        return np.ascontiguousarray(symmetric[0] if mixture.structure.shared else symmetric)
    variances = np.einsum("kii->ki", matrices)
    return np.ascontiguousarray(variances if len(shape) == 2 else variances[:, 0])


__all__ = ["FreeParameters"]
