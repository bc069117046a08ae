"""What a mixture is that stands for a posterior distribution of mixtures."""

from __future__ import annotations

from typing import NamedTuple

from mixtura.support.arrays import Array, FloatArray


class Posterior(NamedTuple):
    """What a variational posterior has beside the expectations of its parameters.

    Attributes
    ----------
    counts : ndarray of shape (n_components,)
        Effective weight of the rows in each component, which its prior's counts are added to.
    log_weights : ndarray of shape (n_components,)
        In place of the logarithms of the weights, so that an E-step gives expected log joint densities
        (cpp/m_step/variational.hpp). Their exponentials do not sum to 1.
    """

    counts: FloatArray
    log_weights: FloatArray

    def permuted(self, order: Array) -> Posterior:
        """Of the components in another order."""
        return Posterior(self.counts[order], self.log_weights[order])


__all__ = ["Posterior"]
