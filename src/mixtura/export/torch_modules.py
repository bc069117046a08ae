"""Modules of PyTorch that are mixtures."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mixtura.export.densities import Library, log_joint
from mixtura.export.parameters import TRAINED, Parameters, mixture_of
from mixtura.mixture import Mixture

_TORCH = Library(
    exp=torch.exp,
    log=torch.log,
    log1p=torch.log1p,
    triu=torch.triu,
    zeros_like=torch.zeros_like,
    einsum=torch.einsum,
    logsumexp=torch.logsumexp,
    log_softmax=torch.log_softmax,
    join=torch.cat,
    cast=lambda values, like: values.to(like.dtype),
)


class _Density(nn.Module):  # type: ignore[misc]
    """Parameters, and log joint densities."""

    def __init__(self, parameters: Parameters, dtype: torch.dtype, by_feature: bool) -> None:
        super().__init__()
        self._by_feature = by_feature
        self._names = tuple(parameters)
        for name, values in parameters.items():
            tensor = torch.tensor(values, dtype=dtype)
            if name in TRAINED:
                self.register_parameter(name, nn.Parameter(tensor))
            else:
                self.register_buffer(name, tensor)

    def log_joint(self, X: Tensor) -> Tensor:
        """Log of each component's weight times its density, noise last: (..., n_components)."""
        values = {name: getattr(self, name) for name in self._names}
        joint: Tensor = log_joint(_TORCH, values, X, by_feature=self._by_feature)
        return joint


class TorchMixture(_Density):
    """A mixture as a module: `forward` is the log density of rows. `mixtura.export.to_torch` makes it.

    Attributes
    ----------
    logits : Parameter of shape (n_components,), or one more of noise
        Weights are their softmax.
    centres, shifts : buffer and Parameter of shape (n_components, n_features)
        Means are their sum.
    log_diagonal : Parameter of shape (n_components or 1, n_features) or (n_components, 1)
        Logarithm of the diagonal of P, with P P^T the inverse of a covariance.
    upper : Parameter of shape (n_components or 1, n_features, n_features)
        Of matrices alone: P above the diagonal.
    log_df : Parameter of shape (n_components,)
        Of t components alone: logarithm of the degrees of freedom.
    predictive : Module or None
        Of a Bayesian mixture, the density of a further row, with parameters of its own.
    """

    predictive: _Density | None

    def __init__(
        self,
        parameters: Parameters,
        dtype: torch.dtype,
        predictive: Parameters | None = None,
        by_feature: bool = False,
    ) -> None:
        super().__init__(parameters, dtype, by_feature=False)
        self.predictive = None if predictive is None else _Density(predictive, dtype, by_feature)

    def forward(self, X: Tensor) -> Tensor:
        """Log density of rows: (...,) of (..., n_features)."""
        density = self if self.predictive is None else self.predictive
        return torch.logsumexp(density.log_joint(X), -1)

    def log_density(self, X: Tensor) -> Tensor:
        """The same as `forward`."""
        density: Tensor = self(X)
        return density

    def responsibilities(self, X: Tensor) -> Tensor:
        """Probability of each component given each row, noise last."""
        return torch.softmax(self.log_joint(X), -1)

    def labels(self, X: Tensor) -> Tensor:
        """The likeliest component of each row; -1: noise."""
        found = self.log_joint(X).argmax(-1)
        return torch.where(found == len(self.centres), -1, found)

    @property
    def weights(self) -> Tensor:
        """Of the components, and of noise."""
        return torch.softmax(self.logits, -1)

    @property
    def means(self) -> Tensor:
        """(n_components, n_features)."""
        means: Tensor = self.centres + self.shifts
        return means

    def mixture(self) -> Mixture:
        """The components as they are now, as a Mixture: 'full', 'tied', 'diag' or 'spherical'; noise apart.

        Raises
        ------
        ValueError
            If training left a parameter that is no finite number.
        """
        return mixture_of(
            {
                name: getattr(self, name).detach().cpu().numpy().astype(np.float64)
                for name in self._names
            }
        )


def as_module(parameters: Any, dtype: Any, predictive: Any, by_feature: bool) -> TorchMixture:
    """In a precision of NumPy's."""
    kind = torch.float32 if dtype == np.float32 else torch.float64
    return TorchMixture(parameters, kind, predictive, by_feature)


__all__ = ["TorchMixture", "as_module"]
