"""When EM stops, and who is told on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from mixtura.mixture import Mixture

# Iterations without a rise after which tol=0 has converged.
_PATIENCE = 10

# Small changes in a row after which accelerated EM has converged.
_ACCELERATED = 3


@dataclass
class Monitor:
    """Hears the mean log-likelihood of every mixture and decides whether EM goes on.

    Convergence is scikit-learn's: the change of the mean log-likelihood from one iteration to the next
    is at most `tol` in size; then the M-step that is already paid for is still made. With tol=0 EM ends when
    the log-likelihood has not risen for ten iterations: near the optimum it is flat to rounding long
    before the parameters, whose error enters it squared, have settled.

    Parameters
    ----------
    tol : float
        In nats a row.
    max_iter : int
        Largest number of M-steps.
    accelerated : bool, default=False
        Whether steps are quasi-Newton steps. The first ones of those are as short as EM's, so that one small
        change says nothing: then three in a row are asked for, and no further step is made.
    """

    tol: float
    max_iter: int
    accelerated: bool = False
    history: list[float] = field(default_factory=list)
    converged: bool = False
    failure: Exception | None = None
    #: E-steps at proposals of the acceleration that were not taken.
    n_refused: int = 0
    #: Who ended the loop from outside, or ''.
    stopped: str = ""

    def goes_on(self, mean_log_likelihood: float, _mixture: Mixture | None = None) -> bool:
        """Record the log-likelihood of the latest mixture; False ends the loop."""
        self.history.append(mean_log_likelihood)
        if self.converged:
            return False
        if self.tol == 0:
            self.converged = self._has_stalled
        elif self.accelerated:
            self.converged = self._changes_are_small
            return not self.converged and self.n_iter < self.max_iter
        else:
            self.converged = self.change <= self.tol
        return self.n_iter < self.max_iter

    def fail(self, error: Exception) -> None:
        """Record why no next mixture could be made."""
        self.failure, self.converged = error, False

    @property
    def n_iter(self) -> int:
        """Number of M-steps made."""
        return len(self.history) - 1

    @property
    def n_passes(self) -> int:
        """Number of E-steps made."""
        return len(self.history) + self.n_refused

    @property
    def change(self) -> float:
        """Size of the last change of the mean log-likelihood; infinite before there is one."""
        if len(self.history) < 2:
            return np.inf
        change = abs(self.history[-1] - self.history[-2])
        return np.inf if np.isnan(change) else change

    @property
    def _changes_are_small(self) -> bool:
        """Whether the last changes, as many as an accelerated loop asks for, are at most `tol` in size."""
        last = self.history[-_ACCELERATED - 1 :]
        enough = len(last) > _ACCELERATED
        return enough and all(abs(b - a) <= self.tol for a, b in pairwise(last))

    @property
    def ended(self) -> str:
        """Why the loop ended, in words."""
        if self.failure is not None:
            return str(self.failure)
        return self.stopped or ("converged" if self.converged else "max_iter reached")

    @property
    def remaining_gain(self) -> float:
        """Mean log-likelihood that EM would still gain: Aitken's estimate from the last two rises.

        With rises that shrink by a constant factor a the rest is rise * a / (1 - a) (McLachlan & Krishnan
        2008, section 4.9). Infinite where rises do not shrink, NaN before there are two.
        """
        if len(self.history) < 3:
            return np.nan
        before, last = np.diff(self.history[-3:])
        if last <= 0:
            return 0.0
        return float(last * last / (before - last)) if before > last else np.inf

    @property
    def _has_stalled(self) -> bool:
        earlier = self.history[:-_PATIENCE]
        return bool(earlier) and max(self.history[-_PATIENCE:]) <= max(earlier)

    @property
    def log_likelihoods(self) -> list[float]:
        """Mean log-likelihood after each M-step."""
        return self.history[1:]
