"""A fit on one page: what was fitted, how well, and one line a component."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mixtura._core import Structure
from mixtura.display.component_table import (
    component_columns,
    component_table,
    mean_and_spread,
    note_on_cells,
    rows_in_words,
)
from mixtura.display.page import Page, Shown, Table, number_of
from mixtura.fitting.facts import Criteria, FitFacts
from mixtura.mixture import Mixture, covariance_of
from mixtura.support.arrays import FloatArray
from mixtura.support.interruptible import log_determinants
from mixtura.support.language import marked
from mixtura.support.language import translated as _

# Features that the line of a single component names.
_MOST_FEATURES = 6

# Covariances whose names are words; others are letters, the same in all languages.
_WORDS = (marked("full"), marked("tied"), marked("diag"), marked("spherical"))

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
        table, note = component_table(*self._by_component()), note_on_cells(has_tails=has_tails)
        return Page(self.model, tuple(_facts(self)), table, note)

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
    return Summary(
        model=model_in_words(
            mixture, _("Gaussian mixture") if mixture.df is None else _("t mixture")
        ),
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


def model_in_words(mixture: Mixture, kind: str) -> str:
    """What is fitted, its number of components and their structure."""
    components = number_of(mixture.n_components, "component")
    covariances = _("{covariance_type} covariances")
    covariances = covariances.format(covariance_type=_(mixture.covariance_type))
    return f"{kind}, {components}, {covariances}"


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
    features = number_of(summary.n_features, "feature")
    n_parameters = (_("free parameters"), f"{summary.n_parameters:,}")
    if summary.n_rows is None:
        yield _("rows"), _("none: parameters of {features}, set by hand").format(features=features)
        yield n_parameters
        return
    yield _("rows"), rows_and_weight(summary.n_rows, features, summary.weight)
    if summary.missing is not None:
        yield from _missing_in_words(summary.missing)
    a_row = _("{value} a row").format(value=f"{summary.mean_log_likelihood:.6g}")
    yield _("log-likelihood"), f"{summary.log_likelihood:,.3f} ({a_row})"
    yield n_parameters
    criteria = ", ".join(f"{value:,.2f}" for value in (summary.bic, summary.aic, summary.icl))
    yield "BIC, AIC, ICL", _("{criteria} (lower is better)").format(criteria=criteria)
    if summary.noise_weight is not None:
        yield _("noise"), noise_in_words(summary.noise_weight, summary.weight or 0)
    yield "EM", _iterations_in_words(summary)
    if (
        summary.bic_of_one is not None
        and summary.bic is not None
        and summary.bic_of_one < summary.bic
    ):
        none = _("none seen: one component alone has a lower BIC, {bic}")
        yield _("groups"), none.format(bic=f"{summary.bic_of_one:,.2f}")


def noise_in_words(share: float, weight: float) -> str:
    """Share of the rows that are noise, and how many these are."""
    return f"{share:.4f}, " + _("{n_rows} rows").format(n_rows=rows_in_words(share * weight))


def rows_and_weight(n_rows: int, features: str, weight: float | None) -> str:
    """How many rows of how many features, and what they weigh where that is not their number."""
    rows = f"{n_rows:,} x {features}"
    if weight == n_rows:
        return rows
    return _("{rows}, total weight {weight}").format(rows=rows, weight=f"{weight:,.6g}")


def _missing_in_words(missing: MissingSummary) -> Iterator[tuple[str, str]]:
    without = _("{n_rows} without {features}")
    shown = [
        without.format(n_rows=f"{n_rows:,}", features=_(" and ").join(_some(features)))
        for features, n_rows in missing.patterns[:_MOST_PATTERNS]
    ]
    if missing.n_patterns > len(shown):
        hidden = f"{missing.n_patterns - len(shown):,}"
        shown.append(_("{number} patterns more").format(number=hidden))
    if missing.n_empty:
        shown.append(_("{n_rows} without any value").format(n_rows=f"{missing.n_empty:,}"))
    of_cells = _("{share} of the cells; rows: {patterns}")
    yield _("missing"), of_cells.format(share=f"{missing.share:.1%}", patterns=", ".join(shown))
    lost = ", ".join(f"{share:.1%}" for share in missing.lost[:_MOST_FEATURES])
    if len(missing.lost) > _MOST_FEATURES:
        lost += _(" and {number} more").format(number=len(missing.lost) - _MOST_FEATURES)
    yield _("information lost"), _("{shares} (of each component's mean)").format(shares=lost)
    unevenly = _(
        "{feature} in {own} of component {component} and {of_all} of all rows: see that it does not depend "
        "on the value itself"
    )
    for k, name, own, of_all in missing.differing[:_MOST_PATTERNS]:
        yield (
            _("missing unevenly"),
            unevenly.format(feature=name, own=f"{own:.0%}", component=k, of_all=f"{of_all:.0%}"),
        )


def _some(features: tuple[str, ...]) -> list[str]:
    if len(features) <= _MOST_FEATURES:
        return list(features)
    more = _("{number} more").format(number=len(features) - _MOST_FEATURES + 1)
    return [*features[: _MOST_FEATURES - 1], more]


def _iterations_in_words(summary: Summary) -> str:
    """What the iterations were of: EM over all rows from one start, or batches of a stream."""
    n_iter = (summary.n_iter or 0) - summary.n_batches
    iterations = number_of(n_iter, "iteration")
    if summary.n_batches:
        batches = number_of(summary.n_batches, "batch")
        if n_iter > 0:
            text = _("{iterations} of a fit, then {batches} learned by partial_fit")
        else:
            text = _("{batches} learned by partial_fit")
        return text.format(iterations=iterations, batches=batches)
    ended = ended_after(iterations, converged=bool(summary.converged))
    if summary.n_starts is None:
        return ended
    if summary.n_starts == 1:
        return _("{ended}, from one start").format(ended=ended)
    best = _("{ended}, from the best of {number} starts")
    return best.format(ended=ended, number=f"{summary.n_starts:,}")


def ended_after(iterations: str, *, converged: bool) -> str:
    """Whether EM converged, and after how many iterations."""
    text = _("converged after {iterations}") if converged else _("not converged after {iterations}")
    return text.format(iterations=iterations)
