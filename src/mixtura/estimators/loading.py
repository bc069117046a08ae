"""From a file to a fitted model."""

from __future__ import annotations

import os

from mixtura.errors import ModelFileError
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.restoring import model_of
from mixtura.files.state_file import brief
from mixtura.fitting.model_file import read_model


def load(path: str | os.PathLike[str]) -> GaussianMixture:
    """Load a model that `GaussianMixture.save` wrote.

    Parameters
    ----------
    path : str or path
        A safetensors file. Reading it runs no code.

    Returns
    -------
    GaussianMixture
        Fitted, with the parameters it was made with.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If the file is truncated, foreign, or written by a newer version of mixtura.

    Examples
    --------
    >>> import numpy as np, tempfile, mixtura
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = folder + "/model.safetensors"
    ...     mixtura.GaussianMixture(2, random_state=0).fit(X).save(path)
    ...     model = mixtura.load(path)
    >>> model.n_components
    2
    """
    saved = read_model(path)
    try:
        return model_of(saved)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"cannot load {path}: its description is damaged ({brief(error)})."
        ) from error
