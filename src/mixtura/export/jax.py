"""Mixtures as pure functions of a tree of arrays, for JAX."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mixtura.export.carried import needs, precision
from mixtura.export.densities import Library, log_joint
from mixtura.export.parameters import TRAINED, in_precision, mixture_of, parameters_of
from mixtura.export.torch import densities_of
from mixtura.mixture import IndependentT, Mixture


class JaxMixture(NamedTuple):
    """A mixture in two parts: `parameters`, a dict of arrays, and functions of these and of rows.

    The functions are pure: `jit`, `grad` and `vmap` take them as they are. Rows are (..., n_features).

    Attributes
    ----------
    parameters : dict of jax.Array
        logits, shifts, log_diagonal, upper and log_df, which any numbers may be, and centres and noise, of
        which the gradient is zero: as the attributes of the module of `to_torch`. Of a Bayesian mixture also
        `predictive`, those of the density of a further row.
    log_density : callable
        f(parameters, X): (...,).
    log_joint, responsibilities : callable
        f(parameters, X): (..., n_components), noise last.
    labels : callable
        f(parameters, X): the likeliest component; -1: noise.
    """

    parameters: dict[str, Any]
    log_density: Callable[[Any, Any], Any]
    log_joint: Callable[[Any, Any], Any]
    responsibilities: Callable[[Any, Any], Any]
    labels: Callable[[Any, Any], Any]

    def mixture(self, parameters: Any = None) -> Mixture:
        """The components of such parameters, or of its own, as a Mixture; noise apart.

        Raises
        ------
        ValueError
            If training left a parameter that is no finite number.
        """
        values = self.parameters if parameters is None else parameters
        own = {name: one for name, one in values.items() if name != "predictive"}
        return mixture_of(in_precision(own, np.float64))


def to_jax(model: Any, *, dtype: Any = None, missing: str | None = None) -> JaxMixture:
    """A mixture as pure functions and their parameters, for JAX.

    Parameters
    ----------
    model : Mixture, or fitted GaussianMixture, BayesianGaussianMixture, GaussianMixtureSearch or \
GaussianMixtureOutlierDetector
        As for `to_torch`, which says what training keeps.
    dtype : {'float64', 'float32'} or None, default=None
        Of the parameters; None: float64 where JAX has it (`jax_enable_x64`), else float32.
    missing : {'error'} or None, default=None
        'error' says of a model that was fitted with missing='mar' that rows are complete.

    Returns
    -------
    JaxMixture
        `parameters`, and `log_density`, `log_joint`, `responsibilities` and `labels`, functions of parameters
        and rows.

    Raises
    ------
    ImportError
        If jax is not installed.
    TypeError
        If the model is none of these.
    ValueError
        If the model takes missing values, or float64 is asked of a JAX without it.

    Examples
    --------
    >>> import jax  # doctest: +SKIP
    >>> from mixtura import GaussianMixture
    >>> from mixtura.export import to_jax
    >>> gm = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [[[1.0]], [[1.0]]])
    >>> mixture = to_jax(gm)  # doctest: +SKIP
    >>> jax.jit(mixture.labels)(mixture.parameters, [[1.0], [8.0]])  # doctest: +SKIP
    Array([0, 1], dtype=int32)
    """
    needs("jax", "jax")
    joint, predictive = densities_of(model, missing, "to_jax")
    import jax.numpy as jnp

    kind = _precision(dtype)
    parameters: dict[str, Any] = {
        name: jnp.asarray(values)
        for name, values in in_precision(parameters_of(joint), kind).items()
    }
    if predictive is joint:
        return _functions(parameters, log_joint)
    own = in_precision(parameters_of(predictive), kind)
    parameters["predictive"] = {name: jnp.asarray(values) for name, values in own.items()}
    by_feature = isinstance(predictive, IndependentT)
    return _functions(parameters, partial(log_joint, by_feature=by_feature))


def _precision(dtype: Any) -> np.dtype[Any]:
    import jax

    has_double = bool(jax.config.jax_enable_x64)
    if dtype is None:
        return np.dtype(np.float64 if has_double else np.float32)
    found = precision(dtype)
    if found == np.float64 and not has_double:
        raise ValueError(
            "dtype='float64' needs a JAX that has it: call jax.config.update('jax_enable_x64', True) first, "
            "or take float32."
        )
    return found


def _functions(parameters: dict[str, Any], log_joint_of_density: Callable[..., Any]) -> JaxMixture:
    import jax
    import jax.numpy as jnp

    of = _jax()

    def fixed(values: Any) -> Any:
        return {
            name: one if name in TRAINED else jax.lax.stop_gradient(one)
            for name, one in values.items()
        }

    def own_joint(values: Any, X: Any) -> Any:
        return log_joint(of, fixed(values), jnp.asarray(X))

    def density(values: Any, X: Any) -> Any:
        values = values.get("predictive", values)
        joint = log_joint_of_density(of, fixed(values), jnp.asarray(X))
        return of.logsumexp(joint, -1)

    def responsibilities(values: Any, X: Any) -> Any:
        return jax.nn.softmax(own_joint(values, X), -1)

    def labels(values: Any, X: Any) -> Any:
        found = own_joint(values, X).argmax(-1)
        return jnp.where(found == len(values["centres"]), -1, found)

    return JaxMixture(parameters, density, own_joint, responsibilities, labels)


def _jax() -> Library:
    import jax
    import jax.numpy as jnp

    return Library(
        exp=jnp.exp,
        log=jnp.log,
        log1p=jnp.log1p,
        triu=jnp.triu,
        zeros_like=jnp.zeros_like,
        einsum=jnp.einsum,
        logsumexp=jax.scipy.special.logsumexp,
        log_softmax=jax.nn.log_softmax,
        join=jnp.concatenate,
        cast=lambda values, like: values.astype(like.dtype),
    )


__all__ = ["JaxMixture", "to_jax"]
