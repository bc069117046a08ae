"""A fit by variational Bayes on one page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mixtura.display.component_table import NOTE, component_columns, component_table
from mixtura.display.page import Page, Shown, plural
from mixtura.fitting.facts import FitFacts
from mixtura.fitting.summary import ComponentSummary, components_of
from mixtura.mixture import Mixture


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

    def to_dict(self) -> dict[str, Any]:
        """Return everything as numbers, strings, lists and dicts, ready for JSON."""
        return asdict(self)

    def _page(self) -> Page:
        return Page(self.model, tuple(self._facts()), component_table(*self._by_component()), NOTE)

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
        rows = f"{self.n_rows:,} x {plural(self.n_features, 'feature')}"
        if self.weight != self.n_rows:
            rows += f", total weight {self.weight:,.6g}"
        yield "rows", rows
        yield "prior of weights", self.prior
        yield "components with rows", f"{self.n_components_with_rows} of {len(self.components)}"
        yield "log evidence", f"{self.log_evidence:,.3f} or more (higher is better)"
        yield "bound", f"{self.lower_bound:.6g} a row"
        ended = "converged" if self.converged else "not converged"
        yield "EM", f"{ended} after {plural(self.n_iter, 'iteration')}"


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
    kind = "Dirichlet process" if prior.sticks else "Dirichlet distribution"
    return PosteriorSummary(
        model=f"Bayesian Gaussian mixture, {plural(mixture.n_components, 'component')}, "
        f"{mixture.covariance_type} covariances",
        n_rows=facts.n_rows,
        weight=facts.weight,
        n_features=mixture.n_features,
        covariance_type=mixture.covariance_type,
        prior=f"{kind} of concentration {prior.concentration:.4g}",
        n_components_with_rows=n_components_with_rows,
        lower_bound=facts.lower_bound,
        log_evidence=log_evidence,
        converged=facts.converged,
        n_iter=facts.n_iter,
        feature_names=feature_names,
        components=tuple(components_of(mixture, mixture.posterior.counts)),
    )


__all__ = ["PosteriorSummary", "summarise_posterior"]
