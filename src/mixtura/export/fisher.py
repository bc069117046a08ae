"""Fisher vectors of images, of any mixture whose features are independent within a component."""

from __future__ import annotations

from typing import Any

from mixtura.export.carried import carried
from mixtura.mixture import Mixture
from mixtura.support.arrays import FloatArray


def fisher_vector(
    descriptors: Any, model: Any, *, improved: bool = False, alpha: float = 0.5
) -> FloatArray:
    """Fisher vector of the local descriptors of an image, as scikit-image has it.

    `skimage.feature.fisher_vector` takes scikit-learn's class alone; this takes mixtures of this library, and
    returns the same.

    Parameters
    ----------
    descriptors : array-like of shape (n_descriptors, n_features)
        Of one image.
    model : Mixture, or fitted GaussianMixture, BayesianGaussianMixture or GaussianMixtureSearch
        The vocabulary, fitted to descriptors of many images, with covariances 'diag' or 'spherical', or EII
        to VVI. scikit-learn's GaussianMixture of 'diag' covariances does as well.
    improved : bool, default=False
        Whether to take powers of the sizes, and to scale to length 1.
    alpha : float, default=0.5
        That power.

    Returns
    -------
    ndarray of shape (n_components * (1 + 2 * n_features),)
        As of `Mixture.fisher_vector`.

    Raises
    ------
    TypeError, ValueError
        As `Mixture.fisher_vector`, or if the model is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> from mixtura import GaussianMixture
    >>> from mixtura.export import fisher_vector
    >>> descriptors = np.random.default_rng(0).normal(size=(300, 8))
    >>> vocabulary = GaussianMixture(4, covariance_type="diag", random_state=0).fit(descriptors)
    >>> fisher_vector(descriptors[:50], vocabulary, improved=True).shape
    (68,)
    """
    return _mixture_of(model).fisher_vector(descriptors, improved=improved, alpha=alpha)


def _mixture_of(model: Any) -> Mixture:
    if type(model).__module__.startswith("sklearn.mixture."):
        parameters = model.weights_, model.means_, model.covariances_
        return Mixture.from_parameters(*parameters, covariance_type=model.covariance_type)
    found = carried(model)
    if found.use != "mixture":
        raise TypeError(
            f"fisher_vector takes a mixture, and this is a {found.use}: give its mixture_."
        )
    return found.mixture.without_noise().without_posterior()


__all__ = ["fisher_vector"]
