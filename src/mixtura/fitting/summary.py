"""A fit on one page: what was fitted, how well, and one line a component."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mixtura._core import Structure
from mixtura.display.component_table import (
    NOTE,
    NOTE_OF_TAILS,
    component_columns,
    component_table,
    mean_and_spread,
    rows_in_words,
)
from mixtura.display.page import Page, Shown, Table, plural
from mixtura.fitting.facts import Criteria, FitFacts
from mixtura.mixture import Mixture, covariance_of
from mixtura.support.arrays import FloatArray
from mixtura.support.interruptible import log_determinants

# Features that the line of a single component names.
_MOST_FEATURES = 6

# Patterns of missing features that are shown, and notes on them.
_MOST_PATTERNS = 3


@dataclass(frozen=True, repr=False)
class ComponentSummary(Shown):
    """One component: weight, expected rows, mean and standard deviation of each feature."""

    weight: float
    expected_rows: float | None
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    #: Degrees of freedom of a t component, whose `spread` is of its scale matrix; None: Gaussian.
    df: float | None = None

    def __repr__(self) -> str:
        places = [*map(mean_and_spread, self.mean, self.spread)]
        shown = places[:_MOST_FEATURES]
        hidden = len(places) - len(shown)
        more = f", and {hidden} more features" if hidden else ""
        rows = "" if self.expected_rows is None else f", {rows_in_words(self.expected_rows)} rows"
        return f"ComponentSummary(weight {self.weight:.4f}{rows}: {', '.join(shown)}{more})"

    def _page(self) -> Page:
        facts = (("weight", f"{self.weight:.4f}"), ("rows", rows_in_words(self.expected_rows)))
        places = map(mean_and_spread, self.mean, self.spread)
        lines = ((str(j), place) for j, place in enumerate(places))
        header = ("feature", "mean ± standard deviation")
        table = Table((header, *lines), "feature", len(self.mean))
        return Page("Component of a Gaussian mixture", facts, table)

    def _columns(self) -> Mapping[str, Any]:
        return {"feature": range(len(self.mean)), "mean": self.mean, "std": self.spread}


@dataclass(frozen=True)
class MissingSummary:
    """What was missing in the rows of a fit.

    Attributes
    ----------
    share : float
        Of the cells, in rows that have a value.
    n_empty : int
        Rows without any value.
    n_patterns : int
        Different sets of features that rows lack.
    patterns : tuple of (tuple of str, int)
        The features of the most frequent ones, and how many rows lack just them.
    lost : tuple of float
        Of each component, the share of the Fisher information on its mean that the gaps take, averaged over
        directions: the share of the cells that its rows lack.
    differing : tuple of (int, str, float, float)
        A component, a feature that is missing there far more or less often than in all rows, and both shares.
        What is missing then may depend on more than on what was observed, which a fit takes for granted.
    """

    share: float
    n_empty: int
    n_patterns: int
    patterns: tuple[tuple[tuple[str, ...], int], ...]
    lost: tuple[float, ...]
    differing: tuple[tuple[int, str, float, float], ...]


def _missing(facts: FitFacts | None, names: tuple[str, ...]) -> MissingSummary | None:
    gaps = None if facts is None else facts.gaps
    if facts is None or gaps is None:
        return None
    patterns = ((tuple(names[j] for j in one.features), one.n_rows) for one in gaps.patterns)
    differing = (
        (k, names[j], float(gaps.shares[k, j]), float(gaps.overall[j]))
        for k, j in gaps.differing(facts.effective_rows)
    )
    return MissingSummary(
        float(gaps.overall.mean()),
        gaps.n_empty,
        gaps.n_patterns,
        tuple(patterns),
        tuple(gaps.lost.tolist()),
        tuple(differing),
    )


@dataclass(frozen=True, repr=False)
class Summary(Shown):
    """What `GaussianMixture.summary()` returns; print it, or take `to_dict()` or `to_frame()`.

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
    n_parameters : int
        Free parameters: of weights, means and covariances.
    bic, aic, icl : float or None
        Lower is better.
    bic_of_one : float or None
        BIC of one component alone, beside a fit of several. Lower than `bic`, it says that the rows show no
        groups. Known where EM has converged, since the mixture then has the rows' mean and covariance, and of
        structures that share all or nothing (full, tied, diag, spherical, EEE, VVV, EEI, VVI, EII, VII).
    converged : bool or None
    n_iter : int or None
        EM iterations over all rows, of the start that was kept; batches that `partial_fit` learned count on.
    n_starts : int or None
        Starts that began, those within the search of the default start; None where that is not known, as of a
        model of a search.
    n_batches : int
        Batches that `partial_fit` has learned since the fit.
    feature_names : tuple of str
    components : tuple of ComponentSummary
    noise_weight : float or None
        Share of the rows that are noise; None: there is none.
    missing : MissingSummary or None
        Where features were missing; None: nowhere.
    """

    model: str
    n_rows: int | None
    weight: float | None
    n_features: int
    covariance_type: str
    log_likelihood: float | None
    mean_log_likelihood: float | None
    n_parameters: int
    bic: float | None
    aic: float | None
    icl: float | None
    bic_of_one: float | None
    converged: bool | None
    n_iter: int | None
    n_starts: int | None
    n_batches: int
    feature_names: tuple[str, ...]
    components: tuple[ComponentSummary, ...]
    noise_weight: float | None = None
    missing: MissingSummary | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as numbers, strings, lists and dicts, ready for JSON."""
        return asdict(self)

    def _page(self) -> Page:
        has_tails = self.components[0].df is not None
        table = component_table(*self._by_component())
        return Page(self.model, tuple(_facts(self)), table, NOTE_OF_TAILS if has_tails else NOTE)

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
            [component.df for component in each] if each[0].df is not None else None,
        )


def summarise(
    mixture: Mixture, feature_names: tuple[str, ...], facts: FitFacts | None = None
) -> Summary:
    """Put a fit's numbers together; `facts` is None where the parameters did not come from one."""
    criteria = None if facts is None else Criteria.of_fit(facts, mixture)
    kind = "Gaussian" if mixture.df is None else "t"
    return Summary(
        model=f"{kind} mixture, {plural(mixture.n_components, 'component')}, "
        f"{mixture.covariance_type} covariances",
        n_rows=None if facts is None else facts.n_rows,
        weight=None if facts is None else facts.weight,
        n_features=mixture.n_features,
        covariance_type=mixture.covariance_type,
        log_likelihood=None if facts is None else facts.log_likelihood,
        mean_log_likelihood=None if facts is None else facts.mean_log_likelihood,
        n_parameters=mixture.n_parameters if facts is None else facts.parameters_of(mixture),
        bic=None if criteria is None else criteria.bic,
        aic=None if criteria is None else criteria.aic,
        icl=None if criteria is None else criteria.icl,
        bic_of_one=None if facts is None else _bic_of_one(mixture, facts),
        converged=None if facts is None else facts.converged,
        n_iter=None if facts is None else facts.n_iter,
        n_starts=None if facts is None else facts.n_starts,
        n_batches=0 if facts is None else facts.n_batches,
        feature_names=feature_names,
        components=tuple(_components(mixture, None if facts is None else facts.weight)),
        noise_weight=None if mixture.noise is None else mixture.noise.weight,
        missing=_missing(facts, feature_names),
    )


def _bic_of_one(mixture: Mixture, facts: FitFacts) -> float | None:
    """From -2 log-likelihood of n rows with covariance S = n (d log 2 pi + log |S| + d)."""
    shares_a_part = len(set(mixture.structure.letters) - {"I"}) > 1
    is_gaussian = mixture.df is None and mixture.noise is None
    if mixture.n_components == 1 or not is_gaussian or shares_a_part or not facts.converged:
        return None
    log_determinant = _log_determinant_of_one(mixture)
    if not np.isfinite(log_determinant):
        return None
    weight, d = facts.weight, mixture.n_features
    log_likelihood = -weight / 2 * (d * np.log(2 * np.pi) + log_determinant + d)
    n_parameters = mixture.structure.n_parameters(1, d)
    return Criteria(weight, float(log_likelihood), 0.0, n_parameters).bic


def _log_determinant_of_one(mixture: Mixture) -> float:
    """Of the covariance that one component of this structure takes from the rows' own."""
    covariance = covariance_of(mixture)
    if mixture.structure.has_matrices:
        return float(log_determinants(covariance))
    variances = np.diag(covariance)
    if mixture.structure.kernel == Structure.spherical:
        variances = np.full_like(variances, variances.mean())
    return float(np.log(variances).sum())


def _components(mixture: Mixture, total: float | None) -> Iterator[ComponentSummary]:
    return components_of(mixture, None if total is None else mixture.weights * total)


def components_of(mixture: Mixture, expected_rows: FloatArray | None) -> Iterator[ComponentSummary]:
    """Each component with its expected rows, where those are known."""
    rows = [None] * mixture.n_components if expected_rows is None else expected_rows.tolist()
    df = [None] * mixture.n_components if mixture.df is None else mixture.df.tolist()
    of_each = zip(mixture.weights, rows, mixture.means, mixture.spreads, df, strict=True)
    for weight, n_rows, mean, spread, own_df in of_each:
        yield ComponentSummary(
            float(weight),
            n_rows,
            tuple(float(m) for m in mean),
            tuple(float(s) for s in spread),
            own_df,
        )


def _facts(summary: Summary) -> Iterator[tuple[str, str]]:
    """The figures of all components together, each with its name."""
    features = plural(summary.n_features, "feature")
    n_parameters = ("free parameters", f"{summary.n_parameters:,}")
    if summary.n_rows is None:
        yield "rows", f"none: parameters of {features}, set by hand"
        yield n_parameters
        return
    rows = f"{summary.n_rows:,} x {features}"
    if summary.weight != summary.n_rows:
        rows += f", total weight {summary.weight:,.6g}"
    yield "rows", rows
    a_row = f"{summary.mean_log_likelihood:.6g} a row"
    if summary.missing is not None:
        yield from _missing_in_words(summary.missing)
    yield "log-likelihood", f"{summary.log_likelihood:,.3f} ({a_row})"
    yield n_parameters
    criteria = (f"{value:,.2f}" for value in (summary.bic, summary.aic, summary.icl))
    yield "BIC, AIC, ICL", f"{', '.join(criteria)} (lower is better)"
    if summary.noise_weight is not None:
        noise = summary.noise_weight
        yield "noise", f"{noise:.4f}, {rows_in_words(noise * (summary.weight or 0))} rows"
    yield "EM", _iterations_in_words(summary)
    if (
        summary.bic_of_one is not None
        and summary.bic is not None
        and summary.bic_of_one < summary.bic
    ):
        yield "groups", f"none seen: one component alone has a lower BIC, {summary.bic_of_one:,.2f}"


def _missing_in_words(missing: MissingSummary) -> Iterator[tuple[str, str]]:
    shown = [
        f"{n_rows:,} without {' and '.join(_some(features))}"
        for features, n_rows in missing.patterns[:_MOST_PATTERNS]
    ]
    hidden = missing.n_patterns - len(shown)
    more = [f"{hidden:,} patterns more"] if hidden > 0 else []
    empty = [f"{missing.n_empty:,} without any value"] if missing.n_empty else []
    yield "missing", f"{missing.share:.1%} of the cells; rows: {', '.join([*shown, *more, *empty])}"
    lost = ", ".join(f"{share:.1%}" for share in missing.lost[:_MOST_FEATURES])
    others = len(missing.lost) - _MOST_FEATURES
    of_more = f" and {others} more" if others > 0 else ""
    yield "information lost", f"{lost}{of_more} (of each component's mean)"
    for k, name, own, of_all in missing.differing[:_MOST_PATTERNS]:
        yield (
            "missing unevenly",
            f"{name} in {own:.0%} of component {k} and {of_all:.0%} of all rows: see that it does not depend "
            "on the value itself",
        )


def _some(features: tuple[str, ...]) -> list[str]:
    if len(features) <= _MOST_FEATURES:
        return list(features)
    return [*features[: _MOST_FEATURES - 1], f"{len(features) - _MOST_FEATURES + 1} more"]


def _iterations_in_words(summary: Summary) -> str:
    """What the iterations were of: EM over all rows from one start, or batches of a stream."""
    n_iter = (summary.n_iter or 0) - summary.n_batches
    iterations = plural(n_iter, "iteration")
    if summary.n_batches:
        learned = f"{plural(summary.n_batches, 'batch')} learned by partial_fit"
        return f"{iterations} of a fit, then {learned}" if n_iter > 0 else learned
    ended = "converged" if summary.converged else "not converged"
    came_from = ""
    if summary.n_starts is not None:
        several = f"the best of {summary.n_starts:,} starts"
        came_from = f", from {several if summary.n_starts > 1 else 'one start'}"
    return f"{ended} after {iterations}{came_from}"
