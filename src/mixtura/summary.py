"""A fit on one page: what was fitted, how well, and one line a component."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mixtura.mixture import Mixture


@dataclass(frozen=True)
class Criteria:
    """What a mixture scores on rows of total weight `weight`: all that the criteria need."""

    weight: float
    log_likelihood: float
    log_certainty: float
    degrees_of_freedom: int

    @property
    def bic(self) -> float:
        """-2 log-likelihood + degrees of freedom * log n (Schwarz 1978); lower is better."""
        return -2 * self.log_likelihood + self.degrees_of_freedom * float(np.log(self.weight))

    @property
    def aic(self) -> float:
        """-2 log-likelihood + 2 degrees of freedom (Akaike 1974); lower is better."""
        return -2 * self.log_likelihood + 2 * self.degrees_of_freedom

    @property
    def icl(self) -> float:
        """BIC - 2 sum_i log max_k r_ik (Biernacki, Celeux & Govaert 2000); lower is better."""
        return self.bic - 2 * self.log_certainty


@dataclass(frozen=True)
class Ended:
    """What is known of a fit beside its mixture."""

    criteria: Criteria
    n_rows: int
    n_iter: int
    converged: bool


@dataclass(frozen=True)
class ComponentSummary:
    """One component: weight, expected rows, mean and standard deviation of each feature."""

    weight: float
    expected_rows: float | None
    mean: tuple[float, ...]
    spread: tuple[float, ...]


@dataclass(frozen=True)
class Summary:
    """What `GaussianMixture.summary()` returns; print it, or take `to_dict()`.

    Attributes
    ----------
    model : str
    n_rows : int or None
        Rows fitted, those of weight 0 included. Like all that follows from rows None where parameters were
        set by hand.
    weight : float or None
        Sum of the sample weights (n_rows without weights): the n of BIC.
    n_features : int
    covariance_type : str
    log_likelihood, mean_log_likelihood : float or None
        Total, and per unit of weight, of the fitted rows.
    degrees_of_freedom : int
    bic, aic, icl : float or None
        Lower is better.
    converged : bool or None
    n_iter : int or None
    feature_names : tuple of str
    components : tuple of ComponentSummary
    """

    model: str
    n_rows: int | None
    weight: float | None
    n_features: int
    covariance_type: str
    log_likelihood: float | None
    mean_log_likelihood: float | None
    degrees_of_freedom: int
    bic: float | None
    aic: float | None
    icl: float | None
    converged: bool | None
    n_iter: int | None
    feature_names: tuple[str, ...]
    components: tuple[ComponentSummary, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as numbers, strings, lists and dicts, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        head = [self.model, ""]
        facts = [f"{name:<20}{value}" for name, value in _facts(self)]
        return "\n".join([*head, *facts, "", *_component_table(self)])


def summarise(
    mixture: Mixture, feature_names: tuple[str, ...], ended: Ended | None = None
) -> Summary:
    """Put a fit's numbers together; `ended` is None where the parameters did not come from one."""
    plural = "" if mixture.n_components == 1 else "s"
    criteria = None if ended is None else ended.criteria
    return Summary(
        model=f"Gaussian mixture, {mixture.n_components} component{plural}, "
        f"{mixture.covariance_type} covariances",
        n_rows=None if ended is None else ended.n_rows,
        weight=None if criteria is None else criteria.weight,
        n_features=mixture.n_features,
        covariance_type=mixture.covariance_type,
        log_likelihood=None if criteria is None else criteria.log_likelihood,
        mean_log_likelihood=None if criteria is None else criteria.log_likelihood / criteria.weight,
        degrees_of_freedom=mixture.n_parameters,
        bic=None if criteria is None else criteria.bic,
        aic=None if criteria is None else criteria.aic,
        icl=None if criteria is None else criteria.icl,
        converged=None if ended is None else ended.converged,
        n_iter=None if ended is None else ended.n_iter,
        feature_names=feature_names,
        components=tuple(_components(mixture, None if criteria is None else criteria.weight)),
    )


def _components(mixture: Mixture, total: float | None) -> Iterator[ComponentSummary]:
    for weight, mean, spread in zip(mixture.weights, mixture.means, mixture.spreads, strict=True):
        yield ComponentSummary(
            float(weight),
            None if total is None else float(weight * total),
            tuple(float(m) for m in mean),
            tuple(float(s) for s in spread),
        )


def _facts(summary: Summary) -> list[tuple[str, str]]:
    """The figures of all components together, each with its name."""
    if summary.n_rows is None or summary.n_iter is None:
        return [
            ("parameters", "set by hand: score(X) and bic(X) tell of rows"),
            ("features", str(summary.n_features)),
            ("degrees of freedom", str(summary.degrees_of_freedom)),
        ]
    rows = f"{summary.n_rows:,} x {summary.n_features}"
    if summary.weight != summary.n_rows:
        rows += f", total weight {summary.weight:,.6g}"
    converged = "yes" if summary.converged else "no"
    iterations = f"{summary.n_iter} iteration" + ("" if summary.n_iter == 1 else "s")
    return [
        ("rows", rows),
        (
            "log-likelihood",
            f"{summary.log_likelihood:,.4f} ({summary.mean_log_likelihood:.4f} a row)",
        ),
        ("degrees of freedom", str(summary.degrees_of_freedom)),
        ("BIC / AIC / ICL", f"{summary.bic:,.2f} / {summary.aic:,.2f} / {summary.icl:,.2f}"),
        ("converged", f"{converged}, {iterations}"),
    ]


# Wider tables are cut: the numbers of 100 features help nobody on a screen.
_MOST_FEATURES = 6


def _component_table(summary: Summary) -> list[str]:
    names = summary.feature_names[:_MOST_FEATURES]
    header = ["", "weight", "rows", *names]
    rows = [header]
    for index, component in enumerate(summary.components):
        pairs = zip(component.mean, component.spread, strict=True)
        cells = [f"{mean:.4g} ± {spread:.3g}" for mean, spread in pairs][:_MOST_FEATURES]
        rows.append([str(index), f"{component.weight:.4f}", _rows_of(component), *cells])
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    hidden = summary.n_features - len(names)
    if hidden > 0:
        lines.append(f"({hidden} more features; mean ± standard deviation)")
    else:
        lines.append("(mean ± standard deviation of each feature)")
    return lines


def _rows_of(component: ComponentSummary) -> str:
    return "-" if component.expected_rows is None else f"{component.expected_rows:,.1f}"
