"""From what a file holds, or a cell of a search, to a fitted model."""

from __future__ import annotations

from mixtura.em import ConjugatePrior, Prior
from mixtura.estimators.bayesian_gaussian_mixture import BayesianGaussianMixture
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.saving import take_saved
from mixtura.estimators.validation import check_parameters
from mixtura.fitting.model_file import SavedModel


def model_of(saved: SavedModel) -> GaussianMixture:
    """The fitted model that a file describes, or a cell of a search.

    Raises
    ------
    TypeError, ValueError
        If its arguments are not possible, or not those of its mixture.
    """
    arguments = dict(saved.parameters)
    prior = arguments.get("prior")
    if isinstance(prior, dict):
        made_of = ConjugatePrior if "sticks" in prior else Prior
        arguments["prior"] = made_of.from_json(prior)
    made = GaussianMixture if saved.mixture.posterior is None else BayesianGaussianMixture
    model = made(**arguments)
    check_parameters(made.__name__, model.get_params(deep=False), made._parameter_constraints)
    take_saved(model, saved)
    return model
