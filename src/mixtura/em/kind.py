"""What a mixture has beside Gaussian components, and what is known of its parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixtura.em.conjugate import ConjugatePrior
from mixtura.em.knowledge import NOTHING, Knowledge
from mixtura.support.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Tails:
    """Components of Student's t.

    Attributes
    ----------
    shared : bool
        Whether all have the same degrees of freedom.
    df : ndarray of shape (n_components,) or (1,), or None
        Those that are given, one for all or for each; None: they are estimated.
    """

    shared: bool = False
    df: FloatArray | None = None

    @classmethod
    def of(cls, df: float | str | None) -> Tails:
        """Return those that the argument `df` of an estimator asks for."""
        if df is None or df == "shared":
            return cls(df is not None)
        return cls(df=np.array([float(df)]))

    def n_parameters(self, n_components: int) -> int:
        """Free parameters."""
        if self.df is not None:
            return 0
        return 1 if self.shared else n_components


@dataclass(frozen=True, eq=False)
class Kind:
    """What an M-step makes beside Gaussian components.

    Attributes
    ----------
    tails : Tails or None
        None: the components are Gaussian.
    noise_log_density : float or None
        Of a constant background; None: there is none.
    known : Knowledge
        Of the parameters.
    noise_log_sides : ndarray of shape (n_features,) or None
        Of the box in which the background is uniform, where it is known.
    noise_box : ndarray of shape (2, n_features) or None
        Where that box begins and ends.
    conjugate : ConjugatePrior or None
        Of variational Bayes, instead of the maximum likelihood or a posteriori; components are then Gaussian.
    """

    tails: Tails | None = None
    noise_log_density: float | None = None
    known: Knowledge = NOTHING
    noise_log_sides: FloatArray | None = None
    noise_box: FloatArray | None = None
    conjugate: ConjugatePrior | None = None

    @property
    def is_gaussian(self) -> bool:
        """Whether there is nothing else."""
        return self.tails is None and self.noise_log_density is None

    @property
    def has_pseudo_counts(self) -> bool:
        """Whether it matters how many the rows are: pseudo-counts are weighed against them."""
        return self.conjugate is not None or self.known.prior is not None

    def n_parameters(self, n_components: int) -> int:
        """Free parameters beside those of a Gaussian mixture."""
        of_tails = 0 if self.tails is None else self.tails.n_parameters(n_components)
        return of_tails + (self.noise_log_density is not None)


GAUSSIAN = Kind()

__all__ = ["GAUSSIAN", "Kind", "Tails"]
