"""What a fit leaves in an estimator: public attributes, and what they and the rows were.

An estimator keeps the latter in `_handed_out` and `_trained`, None before a fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from mixtura.estimators.attributes import OF_KINDS, PARAMETERS, HandedOut, described_mixture
from mixtura.fitting.facts import FitFacts
from mixtura.mixture import Mixture, arithmetic

#: Facts of a fit that are public attributes as well, under these names with an underscore.
PUBLIC_FACTS = ("n_iter", "converged", "remaining_gain")


def hand_out(model: Any, mixture: Mixture, dtype: np.dtype[Any]) -> None:
    """Set the public parameters, for rows of this dtype; nothing is known of the rows then."""
    dtype = arithmetic(mixture, dtype)  # float32 where it holds the inverses too
    model._handed_out, model._trained = HandedOut.of(mixture), None
    for name in OF_KINDS:
        model.__dict__.pop(name, None)
    for name, value in model._handed_out.values().items():
        setattr(model, name, value.astype(dtype) if isinstance(value, np.ndarray) else value)


def handed_in(model: Any) -> Mixture:
    """The mixture that the public parameters describe: the fitted one where none was changed since."""
    names = (*PARAMETERS, *OF_KINDS)
    attributes = {name: getattr(model, name) for name in names if hasattr(model, name)}
    return described_mixture(attributes, model.covariance_type, model._handed_out)


def has_parameters(model: Any) -> bool:
    """Whether any was set, by a fit or by hand."""
    return any(hasattr(model, name) for name in PARAMETERS)


def take_facts(model: Any, facts: FitFacts | None) -> None:
    """Keep what is known of the fit of the parameters that were handed out, and set its attributes."""
    model._trained = facts
    if facts is None:
        return
    model.lower_bound_ = facts.lower_bound
    model.lower_bounds_ = list(facts.lower_bounds)
    for name in PUBLIC_FACTS:
        setattr(model, f"{name}_", getattr(facts, name))


def facts_of(model: Any) -> FitFacts | None:
    """What is known of a fit; None where a parameter was set by hand since."""
    handed_out: HandedOut | None = model._handed_out
    facts: FitFacts | None = model._trained
    if facts is None or handed_out is None or model._density is not handed_out.mixture:
        return None
    public = {name: getattr(model, f"{name}_") for name in PUBLIC_FACTS}
    return replace(facts, lower_bounds=tuple(model.lower_bounds_), **public)


@contextmanager
def unchanged_on_failure(model: Any) -> Iterator[None]:
    """Put every attribute back where what is done within raises."""
    before = dict(model.__dict__)
    try:
        yield
    except BaseException:
        model.__dict__.clear()
        model.__dict__.update(before)
        raise
