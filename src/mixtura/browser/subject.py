"""What a report is of: values, so that it needs no estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mixtura.display.page import Page
from mixtura.fitting.diagnosis import Diagnosis
from mixtura.fitting.given_rows import GivenRows
from mixtura.fitting.summary import ComponentSummary
from mixtura.mixture import Mixture
from mixtura.support.arrays import Array

if TYPE_CHECKING:  # a sweep, which a fit does without
    from mixtura.drawing.criteria import Models


class FitSummary(Protocol):
    """What `summary()` of an estimator returns."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features."""

    @property
    def components(self) -> tuple[ComponentSummary, ...]:
        """Each with its parameters."""

    def _page(self) -> Page:
        """What a person reads."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """The models of a search.

    Attributes
    ----------
    models : Models
        Those that have a point.
    criterion : str
        By which they are compared.
    table : Page
        The best of them.
    n_without : int
        Those that failed, are degenerate or were not finished.
    """

    models: Models
    criterion: str
    table: Page
    n_without: int


@dataclass(frozen=True, eq=False)
class Subject:
    """A fit, and rows that it is looked at with.

    Attributes
    ----------
    title : str or None
        None: what the summary calls it.
    summary : FitSummary
    density : Mixture
        That rows are evaluated by: with noise, with a posterior.
    drawn : ndarray of int
        Components that hold rows.
    diagnosis : Diagnosis
    certainty : float or None
        Geometric mean of the largest responsibility of the rows that were fitted; None: there were none.
    warnings : tuple of str
        What the fit warned of.
    model : bytes
        The model's file.
    rows : GivenRows or None
        None: the components alone are drawn.
    row_names : sequence of str or None
        None: rows are called by their numbers.
    first_row : int
        The number of the first row.
    features : int, str, sequence of them or None
        Those to draw; None: where components overlap least.
    n_threads : int
    comparison : Comparison or None
        Of a search.
    """

    title: str | None
    summary: FitSummary
    density: Mixture
    drawn: Array
    diagnosis: Diagnosis
    certainty: float | None
    warnings: tuple[str, ...]
    model: bytes
    rows: GivenRows | None = None
    row_names: Sequence[str] | None = None
    first_row: int = 0
    features: Any = None
    n_threads: int = 1
    comparison: Comparison | None = None

    @property
    def mixture(self) -> Mixture:
        """The components as they are drawn."""
        return self.density.without_posterior()
