"""What users import: the scikit-learn contract."""

from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.gaussian_mixture_search import GaussianMixtureSearch

__all__ = ["GaussianMixture", "GaussianMixtureSearch"]
