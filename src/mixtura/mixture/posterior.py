"""What a mixture is that stands for a posterior distribution of mixtures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mixtura.support.arrays import Array, FloatArray


class Posterior(NamedTuple):
    """What a variational posterior has beside the expectations of its parameters.

    Attributes
    ----------
    counts : ndarray of shape (n_components,), with noise one more, its own
        Effective weight of the rows in each component, which its prior's counts are added to.
    log_weights : ndarray of the same shape
        In place of the logarithms of the weights, so that an E-step gives expected log joint densities
        (cpp/m_step/variational.hpp). Their exponentials do not sum to 1.
    """

    counts: FloatArray
    log_weights: FloatArray

    def of_components(self, n_components: int) -> Posterior:
        """Without that of the noise, which stands behind them."""
        return Posterior(self.counts[:n_components], self.log_weights[:n_components])

    def permuted(self, order: Array) -> Posterior:
        """Of the components in another order; the noise stays behind them."""
        order = np.concatenate([order, np.arange(len(order), len(self.counts))])
        return Posterior(self.counts[order], self.log_weights[order])


__all__ = ["Posterior"]
