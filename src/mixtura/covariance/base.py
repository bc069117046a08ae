"""What every covariance structure answers. One small class each; nothing else asks for its name.

The 14 structures are those of Celeux & Govaert 1995: Sigma_k = lambda_k D_k A_k D_k^T with the volume
lambda_k = |Sigma_k|^(1/d), the shape A_k (diagonal, determinant 1) and the orientation D_k (orthogonal).
Three letters say in this order what the components have Equal, what Varies, and what is the Identity.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from mixtura import _core
from mixtura.covariance.decomposition import differing, differing_variances
from mixtura.errors import SingularCovarianceError
from mixtura.support.arrays import FloatArray
from mixtura.support.interruptible import gram, interruptible

_ILL_DEFINED = (
    "Fitting the mixture model failed because some components have ill-defined empirical "
    "covariance (for instance caused by singleton or collapsed samples). Try to decrease the "
    "number of components, increase reg_covar, or scale the input data."
)

# Relative: parameters may come from a float32 array or a printed page.
_SYMMETRIC = 1e-5
_WHITE = 1e-6

# The c of a bound on rounding errors, d eps apart: at most 1 was seen on degenerate fits of all structures.
_ROUNDINGS = 4.0
_DOUBLE_EPS = float(np.finfo(np.float64).eps)

Parameters = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


class CovarianceStructure(ABC):
    """A family of covariance matrices: its shape, its M-step, its free parameters.

    `covariances`, `precisions` and `precisions_cholesky` of one structure all have the shape
    `shape(n_components, n_features)`, scikit-learn's for that type. A factor P is the upper
    triangular matrix with P P^T = inv(covariance), or 1 / sqrt(variance).

    Parameters
    ----------
    name : str, optional
        What users call it; the three letters unless given.
    """

    #: Which of the 14: the M-step.
    model: ClassVar[_core.Model]
    #: Shape of the factors and of the second moments: the E-step.
    kernel: ClassVar[_core.Structure]
    #: Name of the structure that marginals and conditionals have; None: the same.
    of_parts: ClassVar[str | None] = None
    #: Whether one covariance serves all components, so that the data's total scatter suffices.
    shared: ClassVar[bool] = False
    #: Whether covariances end in (n_features, n_features).
    has_matrices: ClassVar[bool] = False

    def __init__(self, name: str | None = None) -> None:
        self.name = name or self.letters

    def __repr__(self) -> str:
        return f"structure({self.name!r})"

    def __eq__(self, other: object) -> bool:
        # Also after a journey to another process.
        return type(self) is type(other) and self.name == getattr(other, "name", None)

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def letters(self) -> str:
        """Volume, shape, orientation: each E(qual), V(ariable) or I(dentity)."""
        return self.model.name

    @abstractmethod
    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        """Shape of the covariances, of their factors and of the second moments."""

    def n_parameters(self, n_components: int, n_features: int) -> int:
        """Count the free parameters of a mixture: weights, means and covariances."""
        of_covariances = self.n_covariance_parameters(n_components, n_features)
        return n_components - 1 + n_components * n_features + of_covariances

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        """Count the free parameters of the covariances."""
        times = {"I": 0, "E": 1, "V": n_components}
        volume, shape, orientation = (times[letter] for letter in self.letters)
        planes = n_features * (n_features - 1) // 2
        return volume + shape * (n_features - 1) + orientation * planes

    @abstractmethod
    def matrices(self, covariances: FloatArray, n_components: int, n_features: int) -> FloatArray:
        """Every component's covariance as a full matrix: (n_components, n_features, n_features)."""

    @abstractmethod
    def diagonals(self, matrices: FloatArray, n_components: int, n_features: int) -> FloatArray:
        """Diagonals of covariances or precisions: (n_components, n_features), without the matrices."""

    @abstractmethod
    def precisions(self, precisions_cholesky: FloatArray) -> FloatArray:
        """Precisions P P^T, in the structure's shape."""

    @abstractmethod
    def check_precisions(self, precisions: FloatArray) -> None:
        """Raise ValueError unless every precision is symmetric and positive definite."""

    @abstractmethod
    def factor_precisions(self, precisions: FloatArray) -> FloatArray:
        """Factors P of precisions that a user gives."""

    def upper_factors(self, factors: FloatArray) -> FloatArray:
        """Upper triangular factors, diagonals above zero, of the same precisions F F^T.

        `np.linalg.cholesky(np.linalg.inv(covariance))` is such an F, and lower triangular.

        Raises
        ------
        LinAlgError
            If a precision is singular.
        """
        if not self.has_matrices:
            return np.abs(factors)
        diagonals = np.diagonal(factors, axis1=-2, axis2=-1)
        if np.array_equal(factors, np.triu(factors)) and (diagonals > 0).all():
            return factors
        return self.factor_precisions(self.precisions(factors))

    @abstractmethod
    def invert_precisions(self, precisions: FloatArray) -> FloatArray:
        """Covariances of precisions that a user gives."""

    @abstractmethod
    def marginal(self, covariances: FloatArray, features: list[int]) -> FloatArray:
        """Covariances of some features alone; `of_parts` is their structure."""

    @abstractmethod
    def condition(
        self, covariances: FloatArray, given: list[int], rest: list[int]
    ) -> tuple[FloatArray, FloatArray]:
        """Regression of the features `rest` on `given` within each component.

        Returns the gain S_rg inv(S_gg) (1 or n_components, len(rest), len(given)) and the covariances
        S_rr - S_rg inv(S_gg) S_gr that remain; `of_parts` is their structure.
        """

    @abstractmethod
    def moments(self, covariances: FloatArray, counts: FloatArray, n_features: int) -> FloatArray:
        """Second moments about the means of components that hold `counts` rows: the inverse of the M-step."""

    def scatters(self, scatter: FloatArray, n_components: int) -> FloatArray:
        """Second moments in the structure's shape if each component holds `scatter` / n_components.

        Parameters
        ----------
        scatter : ndarray of shape (n_features, n_features)
        """
        return np.tile(scatter / n_components, (n_components, 1, 1))

    def factor_covariances(
        self, covariances: FloatArray, n_components: int, n_features: int
    ) -> FloatArray:
        """Factors P of covariances.

        Raises
        ------
        SingularCovarianceError
            If a covariance is not positive definite.
        """
        found: Any = _core.factorise(self.kernel, covariances, n_components, n_features, 1)
        if isinstance(found, int):
            which = (
                "The shared covariance" if self.shared else f"The covariance of component {found}"
            )
            raise SingularCovarianceError(f"{which} is not positive definite.")
        factors: FloatArray = found
        return factors

    def check_symmetric(self, covariances: FloatArray) -> None:
        """Raise ValueError where matrices are not symmetric: to five digits of the spreads, in any units."""
        if not self.has_matrices:
            return
        if not all(map(_is_symmetric, each_matrix(covariances))):
            raise ValueError(f"'{self.name}' covariances must be symmetric matrices.")

    def check_family(
        self, values: FloatArray, n_components: int, what: str = "covariances"
    ) -> None:
        """Raise ValueError where covariances or precisions differ in what the structure has equal.

        To five digits. The inverses of a family's covariances are a family with the same letters.
        """
        if self.shared or "E" not in self.letters:
            return
        if self.has_matrices:
            found = differing(values, *self.letters)
        else:
            found = differing_variances(values.reshape(n_components, -1), *self.letters[:2])
        if found:
            raise ValueError(f"'{self.name}' {what} must have {found}, but these have not.")

    def check_factors(self, factors: FloatArray, covariances: FloatArray) -> None:
        """Raise ValueError unless these are factors P, and those of these covariances."""
        variances, scales = factors, covariances
        if self.has_matrices:
            if any(np.tril(factor, -1).any() for factor in each_matrix(factors)):
                raise ValueError("its precision factors are not upper triangular")
            scales = np.diagonal(factors, axis1=-2, axis2=-1)
            variances = np.diagonal(covariances, axis1=-2, axis2=-1)
        if not (np.all(scales > 0) and np.all(variances > 0)):
            raise ValueError("its variances and precisions must be above zero")
        if not self.whitens(factors, covariances):
            raise ValueError("its precision factors do not belong to its covariances")

    def whitens(
        self, factors: FloatArray, covariances: FloatArray, eps: float = _DOUBLE_EPS
    ) -> bool:
        """Whether P^T Sigma P = I, to six digits or to rounding: P belongs to Sigma, in any units.

        The Cholesky factor of Sigma is that of Sigma + E, |E| <= c d eps |L| |L|^T (Higham 2002, theorem
        10.3), and its inverse by substitution is as good (theorem 8.10). The entries of |L| |L|^T are at
        most s s^T, with s the standard deviations, so that rounding leaves |P^T Sigma P - I| <= c d eps g g^T
        with g = |P|^T s. The largest g^2 is about the condition number of the correlations. eps: of the
        format that the numbers have passed through.
        """
        if factors.shape != covariances.shape:
            return False
        if not self.has_matrices:
            return bool(
                np.allclose(factors**2 * covariances, 1.0, rtol=0, atol=_WHITE + _ROUNDINGS * eps)
            )
        pairs = zip(each_matrix(factors), each_matrix(covariances), strict=True)
        return all(_whitens(*pair, eps) for pair in pairs)

    def singular(self, component: int, count: float) -> SingularCovarianceError:
        """Return what an M-step raises whose first singular covariance is that component's."""
        if self.shared:
            return SingularCovarianceError(f"{_ILL_DEFINED} The shared covariance is singular.")
        return SingularCovarianceError(
            f"{_ILL_DEFINED} Component {component}, which holds {count:.6g} of the rows, is the "
            "first whose covariance is singular."
        )


def each_matrix(matrices: FloatArray) -> FloatArray:
    """A stack of them, or of the one: worked on one by one, wide ones leave Ctrl-C its moments."""
    return matrices.reshape(-1, *matrices.shape[-2:])


def _is_symmetric(covariance: FloatArray) -> bool:
    spreads = np.sqrt(np.abs(np.diagonal(covariance)))
    most = _SYMMETRIC * spreads[:, np.newaxis] * spreads
    return not np.any(np.abs(covariance - covariance.T) > most)


def _whitens(factor: FloatArray, covariance: FloatArray, eps: float) -> bool:
    spreads = np.sqrt(np.diagonal(covariance))[:, np.newaxis]
    scaled = factor * spreads
    whitened = interruptible(_whitened, scaled, covariance / spreads / spreads.T)
    g = np.abs(scaled).sum(axis=0)
    d = len(factor)
    rounding = _ROUNDINGS * d * eps * g[:, np.newaxis] * g
    is_finite = np.isfinite(rounding).all()
    return bool(is_finite and np.all(np.abs(whitened - np.eye(d)) <= _WHITE + rounding))


def _whitened(factor: FloatArray, covariance: FloatArray) -> FloatArray:
    whitened: FloatArray = factor.T @ covariance @ factor
    return whitened


def check_symmetric_positive_definite(matrices: FloatArray, name: str) -> None:
    """Raise ValueError unless a matrix, or each of a stack, is; `name` is the structure's."""
    # scikit-learn's bound for symmetry, numpy.allclose's defaults, in one expression.
    differences = np.abs(matrices - np.swapaxes(matrices, -1, -2))
    symmetric = (differences <= 1e-8 + 1e-5 * np.abs(matrices)).all()
    if not (symmetric and (interruptible(np.linalg.eigvalsh, matrices)[..., 0] > 0.0).all()):
        raise ValueError(f"'{name} precision' should be symmetric, positive-definite")


def check_positive(variances: FloatArray, name: str) -> None:
    """Raise ValueError unless every number is above zero."""
    if np.any(variances <= 0.0):
        raise ValueError(f"'{name} precision' should be positive")


def upper_factor(precisions: FloatArray) -> FloatArray:
    """Upper triangular U with U U^T = precision: the Cholesky factor of the reversed matrix, reversed.

    Of a stack of precisions a stack.
    """
    factors: FloatArray = interruptible(np.linalg.cholesky, precisions[..., ::-1, ::-1])
    return np.ascontiguousarray(factors[..., ::-1, ::-1])


def inverse_of_factored(precisions: FloatArray) -> FloatArray:
    """Inverse of P P^T as P^-T P^-1: symmetric, and that of its factor even where it is all but singular.

    Of a stack of precisions a stack.
    """
    inverses = interruptible(np.linalg.inv, upper_factor(precisions))
    return np.asarray(interruptible(gram, np.swapaxes(inverses, -1, -2)), dtype=np.float64)


def regression(
    matrix: FloatArray, given: list[int], rest: list[int]
) -> tuple[FloatArray, FloatArray]:
    """Gain and remaining covariance of `rest` on `given` (Bishop 2006, eqs. 2.81, 2.82)."""
    cross = matrix[np.ix_(rest, given)]
    solved = interruptible(np.linalg.solve, matrix[np.ix_(given, given)], cross.T)
    gain: FloatArray = solved.T.astype(np.float64)
    return gain, symmetric(matrix[np.ix_(rest, rest)] - gain @ cross.T)


def symmetric(matrices: FloatArray) -> FloatArray:
    """Without the rounding in which what should be symmetric differs from its transpose."""
    return (matrices + np.swapaxes(matrices, -1, -2)) / 2
