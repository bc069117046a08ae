"""Mixtures as modules of PyTorch, whose gradients are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mixtura.export.carried import for_complete_rows, needs, precision
from mixtura.export.parameters import Parameters, parameters_of
from mixtura.mixture import IndependentT, Mixture, Predictive

if TYPE_CHECKING:
    from mixtura.export.torch_modules import TorchMixture


def to_torch(model: Any, *, dtype: Any = "float64", missing: str | None = None) -> TorchMixture:
    """A mixture as a module of PyTorch that can be trained.

    Its parameters may be any numbers: logits of the weights, means less numbers near them, and factors of
    the inverse covariances with the logarithm of the diagonal. Training keeps the form of the covariances (a
    matrix each, one matrix, a variance for each feature, one variance), and not what else a structure has
    equal: what began as 'VEI' is 'diag' after a step.

    Parameters
    ----------
    model : Mixture, or fitted GaussianMixture, BayesianGaussianMixture, GaussianMixtureSearch or \
GaussianMixtureOutlierDetector
        With noise and t components, where it has them. Of a Bayesian mixture the log density is that of a
        further row, and responsibilities are the variational ones; `mixture_` is the mixture of the expected
        parameters.
    dtype : {'float64', 'float32'}, default='float64'
        Of the parameters.
    missing : {'error'} or None, default=None
        'error' says of a model that was fitted with missing='mar' that rows are complete.

    Returns
    -------
    TorchMixture
        A `torch.nn.Module`: `module(X)` is the log density of rows of shape (..., n_features); `log_joint`,
        `responsibilities` and `labels` as of a Mixture, `weights`, `means`, and `mixture()`, the way back.

    Raises
    ------
    ImportError
        If torch is not installed.
    TypeError
        If the model is none of these.
    ValueError
        If the model takes missing values, or an argument is not possible.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> from mixtura import GaussianMixture
    >>> from mixtura.export import to_torch
    >>> gm = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [[[1.0]], [[1.0]]])
    >>> to_torch(gm).labels(torch.tensor([[1.0], [8.0]]))  # doctest: +SKIP
    tensor([0, 1])
    """
    needs("torch", "torch")
    joint, predictive = densities_of(model, missing, "to_torch")
    from mixtura.export.torch_modules import as_module

    by_feature = isinstance(predictive, IndependentT)
    other: Parameters | None = None if predictive is joint else parameters_of(predictive)
    return as_module(parameters_of(joint), precision(dtype), other, by_feature)


def densities_of(model: Any, missing: str | None, caller: str) -> tuple[Mixture, Predictive]:
    """The distribution that tells components, and that of a further row: mostly the same.

    Raises
    ------
    TypeError
        If the model is of several distributions, or of conditional ones.
    """
    found = for_complete_rows(model, missing)
    if found.use in ("classifier", "regressor"):
        instead = "each of its mixtures_" if found.use == "classifier" else "its mixture_"
        raise TypeError(
            f"{caller} takes one mixture, and a {found.use} is more than that: give {instead}, or take "
            "to_onnx of the whole."
        )
    return found.mixture, found.predictive


__all__ = ["densities_of", "to_torch"]
