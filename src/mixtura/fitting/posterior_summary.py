"""A fit by variational Bayes on one page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mixtura.display.component_table import component_columns, component_table, note_on_cells
from mixtura.display.page import Page, Shown, number_of
from mixtura.fitting.facts import FitFacts
from mixtura.fitting.summary import (
    ComponentSummary,
    components_of,
    ended_after,
    model_in_words,
    noise_in_words,
    rows_and_weight,
)
from mixtura.mixture import Mixture
from mixtura.support.language import translated as _


@dataclass(frozen=True)
class PosteriorSummary(Shown):
    """What `BayesianGaussianMixture.summary` returns: print it, or read its fields.

    Attributes
    ----------
    model : str
        The model in words.
    n_rows : int
    weight : float
        Total weight of the rows.
    n_features : int
    covariance_type : str
    prior : str
        Of the weights, in words.
    n_components_with_rows : int
        Components that hold one effective row or more.
    lower_bound : float
        The variational bound, in nats a row.
    log_evidence : float
        The bound in total, over all labellings; higher is better.
    converged : bool
    n_iter : int
    feature_names : tuple of str
    components : tuple of ComponentSummary
        With the expectations of their parameters.
    noise_weight : float or None
        Expected share of the rows that are noise; None: there is none.
    """

    model: str
    n_rows: int
    weight: float
    n_features: int
    covariance_type: str
    prior: str
    n_components_with_rows: int
    lower_bound: float
    log_evidence: float
    converged: bool
    n_iter: int
    feature_names: tuple[str, ...]
    components: tuple[ComponentSummary, ...]
    noise_weight: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as numbers, strings, lists and dicts, ready for JSON."""
        return asdict(self)

    def _page(self) -> Page:
        table, note = component_table(*self._by_component()), note_on_cells(has_tails=False)
        return Page(self.model, tuple(self._facts()), table, note)

    def _columns(self) -> Mapping[str, Any]:
        return component_columns(*self._by_component())

    def _by_component(self) -> tuple[Any, ...]:
        each = self.components
        return (
            [component.weight for component in each],
            [component.expected_rows for component in each],
            [component.mean for component in each],
            [component.spread for component in each],
            self.feature_names,
            None,
        )

    def _facts(self) -> Iterator[tuple[str, str]]:
        features = number_of(self.n_features, "feature")
        yield _("rows"), rows_and_weight(self.n_rows, features, self.weight)
        yield _("prior of weights"), self.prior
        with_rows, of_all = self.n_components_with_rows, len(self.components)
        yield _("components with rows"), _("{part} of {all}").format(part=with_rows, all=of_all)
        if self.noise_weight is not None:
            yield _("noise"), noise_in_words(self.noise_weight, self.weight)
        evidence = _("{value} or more (higher is better)")
        yield _("log evidence"), evidence.format(value=f"{self.log_evidence:,.3f}")
        yield _("bound"), _("{value} a row").format(value=f"{self.lower_bound:.6g}")
        iterations = number_of(self.n_iter, "iteration")
        yield "EM", ended_after(iterations, converged=self.converged)


def summarise_posterior(
    mixture: Mixture,
    feature_names: tuple[str, ...],
    facts: FitFacts,
    log_evidence: float,
    n_components_with_rows: int,
) -> PosteriorSummary:
    """Put the numbers of a fit together."""
    prior = facts.conjugate
    assert prior is not None
    assert mixture.posterior is not None
    if prior.is_of_each:
        of_weights = _("of each component its own")
    elif prior.sticks:
        of_weights = _("Dirichlet process of concentration {concentration}")
    else:
        of_weights = _("Dirichlet distribution of concentration {concentration}")
    return PosteriorSummary(
        model=model_in_words(mixture, _("Bayesian Gaussian mixture")),
        n_rows=facts.n_rows,
        weight=facts.weight,
        n_features=mixture.n_features,
        covariance_type=mixture.covariance_type,
        prior=of_weights
        if prior.is_of_each
        else of_weights.format(concentration=f"{prior.concentration:.4g}"),
        n_components_with_rows=n_components_with_rows,
        lower_bound=facts.lower_bound,
        log_evidence=log_evidence,
        converged=facts.converged,
        n_iter=facts.n_iter,
        feature_names=feature_names,
        components=tuple(components_of(mixture, mixture.posterior.counts[: mixture.n_components])),
        noise_weight=None if mixture.noise is None else mixture.noise.weight,
    )


__all__ = ["PosteriorSummary", "summarise_posterior"]
